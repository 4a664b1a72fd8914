//! Programs beyond cargo that the steps use, installed where that is possible.

use crate::run::Cmd;

/// A cargo subcommand, installed by cargo when missing. Pinned to one minor version, because a lint
/// that appears overnight must not fail an unchanged tree.
pub(crate) struct Tool {
    /// The crate, and the program of that name.
    pub(crate) name: &'static str,
    /// What `--version` must contain.
    pub(crate) version: &'static str,
}

pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20" };
pub(crate) const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13" };

impl Tool {
    /// Installs the tool unless the right version is there.
    pub(crate) fn ensure(&self) -> Result<(), String> {
        let Self { name, version } = self;
        let installed = Cmd::new(name, "--version").output().unwrap_or_default();
        if has_version(&installed, version) {
            return Ok(());
        }
        println!(
            "{name} {version}.x is not installed; it is built once (cargo-deny: four minutes on two cores)"
        );
        Cmd::cargo(&format!("install --locked {name} --version ~{version}")).run()
    }
}

/// Whether `printed`, of the form `name 1.2.3`, is a release of the minor version `wanted`.
fn has_version(printed: &str, wanted: &str) -> bool {
    printed.split_whitespace().nth(1).is_some_and(|version| {
        version.strip_prefix(wanted).is_some_and(|patch| patch.is_empty() || patch.starts_with('.'))
    })
}

/// What to do where rustup cannot add a target, printed with the failure and in CONTRIBUTING.md.
const WASM_FALLBACK: &str = "\
the standard library for wasm32-unknown-unknown is missing and rustup could not add it.
Debian has a compiler that can build it (packages rustc-web cargo-web rust-web-src lld):

    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld \\
    /usr/bin/cargo build -Z build-std=std,panic_abort --target wasm32-unknown-unknown -p ipfi-core -p ipfi-mux --no-default-features
";

/// Makes the wasm target available.
pub(crate) fn ensure_wasm() -> Result<(), String> {
    ensure_target("wasm32-unknown-unknown").map_err(|why| format!("{WASM_FALLBACK}\n({why})"))
}

/// Makes a target's standard library available, or says why it is not.
pub(crate) fn ensure_target(target: &str) -> Result<(), String> {
    if has_target(target) {
        return Ok(());
    }
    // Its failure is told by the second look.
    let added = Cmd::new("rustup", &format!("target add {target}")).run();
    if has_target(target) {
        return Ok(());
    }
    Err(added.err().unwrap_or_else(|| "rustup said it succeeded".to_owned()))
}

/// Asked of rustc and not of rustup, which not every machine has.
fn has_target(target: &str) -> bool {
    let folder = Cmd::new("rustc", &format!("--print target-libdir --target {target}")).output();
    folder.is_some_and(|folder| {
        std::fs::read_dir(folder.trim()).is_ok_and(|mut files| {
            files.any(|file| file.is_ok_and(|f| f.file_name().to_string_lossy().starts_with("libstd-")))
        })
    })
}

/// Makes valgrind available, which counts instructions: Debian's package where that can be installed.
pub(crate) fn ensure_valgrind() -> Result<(), String> {
    ensure_package("valgrind", "--version", "valgrind").map_err(|why| format!("{VALGRIND_MISSING}{why}"))
}

/// Makes Node and npm available; the package has the Node that its tests run on for itself.
pub(crate) fn ensure_node() -> Result<(), String> {
    ensure_package("node", "--version", "nodejs")?;
    ensure_package("npm", "--version", "npm")
}

/// Makes a Chromium available, of whatever name the tests look for.
pub(crate) fn ensure_chromium() -> Result<(), String> {
    let other = ["chromium-browser", "google-chrome"];
    if other.iter().any(|name| Cmd::new(name, "--version").succeeds()) {
        return Ok(());
    }
    ensure_package("chromium", "--version", "chromium")
}

/// Makes available what network namespaces, and the losses in them, are made with.
pub(crate) fn ensure_namespaces() -> Result<(), String> {
    ensure_package("ip", "-V", "iproute2")?;
    ensure_package("nft", "--version", "nftables")
}

/// Installs Debian's `package` where it can, unless `program` runs with `args`.
fn ensure_package(program: &str, args: &str, package: &str) -> Result<(), String> {
    let installed = || Cmd::new(program, args).succeeds();
    if installed() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!("{program} is not installed"));
    }
    let apt_get = |args: &str| Cmd::new("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive").run();
    let install = || apt_get(&format!("install --yes --no-install-recommends {package}"));
    // A machine that was just set up has no list of packages yet.
    let done = install().or_else(|_| apt_get("update").and_then(|()| install()));
    match (installed(), done) {
        (true, _) => Ok(()),
        (false, done) => Err(format!(
            "{program} is not installed, of Debian's {package} ({})",
            done.err().unwrap_or_default()
        )),
    }
}

const VALGRIND_MISSING: &str = "\
valgrind, which counts instructions, is not installed. Debian has it in the package of that name
(`apt-get install valgrind`, which this command does by itself where it runs as root)
";

pub(crate) fn is_root() -> bool {
    Cmd::new("id", "-u").output().is_some_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests;
