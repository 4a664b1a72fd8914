//! `cargo xtask test`: everything, cheapest first, so that a slip is told in seconds.

use crate::run::{Cmd, Outcome, Steps};
use crate::{features, instructions, sources, tools};

/// Random scripts per property test with `--net`: what a release needs rather than what a change does.
const NET_SCRIPTS: &str = "1000000";

/// Random thread schedules per test with `--net`.
const NET_SCHEDULES: &str = "50000";

/// Packages with a workspace of their own, so that nobody who uses ipfi builds them.
const SEPARATE: [&str; 3] = ["benches", "fuzz", "interop-tests/instructions"];

/// The Rust end of the JavaScript client's tests, likewise.
const JS_PEER: &str = "ipfi-ws/js/test/rust-peer";

/// Systems that are supported and that no test runs on: what is written for them must at least compile. One
/// target each, because no code of ours asks for more than the system.
const OTHER_SYSTEMS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// What of `ipfi` is on by default, and all of it, without QUIC and TLS: their cryptography is C and assembler, which
/// takes a compiler for that system.
const USUAL_WITHOUT_C: &str = "bincode,messagepack,json,tcp,ws,unix,stdio,macros";
const ALL_WITHOUT_C: &str =
    "bincode,postcard,messagepack,json,tcp,ws,hyper,unix,stdio,blocking,macros,chrono,jiff,url,uuid";

pub(crate) fn run(net: bool) -> Result<(), String> {
    if net {
        needs_root()?;
    }
    let mut steps = Steps::default();

    let separate_fmt = SEPARATE
        .iter()
        .chain([&JS_PEER])
        .map(|folder| Cmd::cargo(&format!("fmt --check --manifest-path {folder}/Cargo.toml")));
    steps.commands("format", [Cmd::cargo("fmt --all --check")].into_iter().chain(separate_fmt))?;
    steps.step("source rules", || sources::report().map(|()| Outcome::Passed))?;
    // Without writing bytecode beside the sources.
    steps.commands(
        "the specification, read by a stranger",
        [Cmd::new("python3", "-B interop-tests/stranger/check.py")],
    )?;
    steps
        .commands("lints", [Cmd::cargo("clippy --workspace --all-targets --all-features -- -D warnings")])?;
    // An example builds a guest for it.
    steps.step("tools", || {
        tools::ensure_wasm()?;
        if net {
            tools::ensure_namespaces()?;
        }
        Ok(Outcome::Passed)
    })?;
    steps.commands("tests", [tests(net)])?;
    steps.commands("tests under random thread schedules", [schedules(net)])?;
    steps.step("JavaScript", javascript)?;
    steps.step("what operations cost, in instructions", instructions::check)?;
    // nextest does not run these.
    steps.commands("documentation tests", [Cmd::cargo("test --doc --workspace --all-features")])?;
    steps.commands("each feature alone, and none", features::matrix()?)?;
    steps.step("wasm32-unknown-unknown", || {
        let build = "build --target wasm32-unknown-unknown -p ipfi-core -p ipfi-mux --no-default-features";
        Cmd::cargo(build).run().map(|()| Outcome::Passed)
    })?;
    steps.step("Windows and macOS", other_systems)?;
    let doc = Cmd::cargo("doc --no-deps --workspace --all-features").env("RUSTDOCFLAGS", "-D warnings");
    steps.commands("documentation", [doc])?;
    steps.step("dependencies: bans, licences, sources", || {
        tools::DENY.ensure()?;
        Cmd::cargo("deny --all-features check bans licenses sources").run().map(|()| Outcome::Passed)
    })?;
    steps.step("dependencies: advisories", advisories)?;
    if net {
        steps.step("a hundred thousand values between Rust and JavaScript", || {
            let tests = "test/typed_random.test.js test/differential.test.js";
            let npm = Cmd::new("npm", &format!("--prefix ipfi-ws/js test -- {tests}"));
            npm.env("FUZZ_ROUNDS", "2000").run().map(|()| Outcome::Passed)
        })?;
        // Only compiled: a target that no longer builds would be noticed at the next fault otherwise.
        steps.commands(
            "fuzz targets and benchmarks build",
            SEPARATE.map(|folder| Cmd::cargo(&format!("check --manifest-path {folder}/Cargo.toml"))),
        )?;
    }
    steps.finish();
    Ok(())
}

/// All tests by nextest where it is, else by cargo's own runner.
fn tests(net: bool) -> Cmd {
    let nextest = Cmd::cargo("nextest --version").succeeds();
    let all = "--workspace --all-features";
    let cmd = match (nextest, net) {
        (true, false) => Cmd::cargo(&format!("nextest run {all}")),
        (true, true) => Cmd::cargo(&format!("nextest run {all} --run-ignored all")),
        // Documentation tests have a step of their own.
        (false, false) => Cmd::cargo(&format!("test {all} --all-targets")),
        (false, true) => Cmd::cargo(&format!("test {all} --all-targets -- --include-ignored")),
    };
    if !net {
        return cmd;
    }
    // Shown in the line to repeat, so it is set even when the caller has set it.
    cmd.env("IPFI_SCRIPTS", std::env::var("IPFI_SCRIPTS").unwrap_or_else(|_| NET_SCRIPTS.to_owned()))
}

/// Lints and not only a check, as for the features: neither needs a linker of that system.
fn other_systems() -> Result<Outcome, String> {
    let mut outcome = Outcome::Passed;
    for target in OTHER_SYSTEMS {
        if let Err(why) = tools::ensure_target(target) {
            println!("{why}\nthe standard library for {target} is missing: it was NOT checked");
            outcome =
                Outcome::Skipped("rustup cannot add the target of one of them, or both, on this machine");
            continue;
        }
        let lints = format!("clippy --quiet --target {target} -p ipfi -p ipfi-core -p ipfi-mux");
        let lints = format!("{lints} --no-default-features");
        Cmd::cargo(&format!("{lints} --features {USUAL_WITHOUT_C} -- -D warnings")).run()?;
        // A command without the carriers that have certificates; its own features choose all the others.
        let command = format!("clippy --quiet --target {target} -p ipfi-cli --no-default-features");
        Cmd::cargo(&format!("{command} -- -D warnings")).run()?;
        Cmd::cargo(&format!("{lints} --examples --features {ALL_WITHOUT_C} -- -D warnings")).run()?;
    }
    Ok(outcome)
}

/// The client in `ipfi-ws/js`: its types, and its tests in Node and in Chromium, against itself and against Rust.
pub(crate) fn javascript() -> Result<Outcome, String> {
    tools::ensure_node()?;
    tools::ensure_chromium()?;
    let npm = |args: &str| Cmd::new("npm", &format!("--prefix ipfi-ws/js {args}")).run();
    npm("ci --no-audit --no-fund --prefer-offline")?;
    npm("run check")?;
    // The tests build it by themselves; that this fails is told apart here, and counts for no test's time.
    let peer = format!("build --release --locked --manifest-path {JS_PEER}/Cargo.toml");
    Cmd::cargo(&format!("{peer} --target-dir target/js-test-peer")).run()?;
    // The pages that the tests look at are those of the examples, as whoever follows the README has them, and typed clients are
    // written by the command; together, as the tests build them again (`test/generator.js`).
    let examples = "--example playground --example chat --example job";
    Cmd::cargo(&format!("build --locked -p ipfi -p ipfi-cli -p greeter --bins {examples}")).run()?;
    npm("test").map(|()| Outcome::Passed)
}

/// Calls on threads whose schedule the test chooses (`ipfi-mux/tests/schedules/main.rs`): another build of
/// everything, hence in a folder of its own, and optimised a little, since it runs each call thousands of times.
fn schedules(net: bool) -> Cmd {
    let test = "test --target-dir target/shuttle -p ipfi-mux --features shuttle --test schedules";
    let cmd = Cmd::cargo(test).env("RUSTFLAGS", "--cfg shuttle").env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    if net { cmd.env("IPFI_SCHEDULES", NET_SCHEDULES) } else { cmd }
}

/// Said before the half hour, not after it.
fn needs_root() -> Result<(), String> {
    match tools::is_root() {
        true => Ok(()),
        false => {
            Err("`--net` makes network namespaces and needs root; everything else is `cargo xtask test`"
                .to_owned())
        }
    }
}

/// The advisory database is fetched by git from where the advisories are published, which not every
/// machine reaches. Fetching and checking are two commands, so that a machine without the database
/// is told apart from a finding; `IPFI_ADVISORIES=require` makes the former fail too.
fn advisories() -> Result<Outcome, String> {
    tools::DENY.ensure()?;
    let fetch = Cmd::cargo("deny fetch db");
    if let Err(why) = fetch.run() {
        if std::env::var("IPFI_ADVISORIES").is_ok_and(|v| v == "require") {
            return Err(why);
        }
        println!("the advisory database is not reachable from here: advisories were NOT checked");
        return Ok(Outcome::Skipped("the advisory database is not reachable from this machine"));
    }
    Cmd::cargo("deny --all-features check --disable-fetch advisories").run().map(|()| Outcome::Passed)
}
