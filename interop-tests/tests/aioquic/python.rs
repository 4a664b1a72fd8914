//! Python with what a stranger needs, in a virtual environment of its own: made once for each list of requirements, from hashes.

// Each test binary has its own environment.
#![allow(dead_code)]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;

const STRANGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stranger");

/// What an environment has.
#[derive(Clone, Copy)]
pub(crate) struct Environment {
    /// The package that it is for.
    name: &'static str,
    /// The file of its requirements, and what that says.
    file: &'static str,
    requirements: &'static str,
}

/// QUIC.
pub(crate) const AIOQUIC: Environment = Environment {
    name: "aioquic",
    file: "requirements.txt",
    requirements: include_str!("../../stranger/requirements.txt"),
};

/// WebSocket.
pub(crate) const WEBSOCKETS: Environment = Environment {
    name: "websockets",
    file: "requirements_ws.txt",
    requirements: include_str!("../../stranger/requirements_ws.txt"),
};

/// The Autobahn test suite.
pub(crate) const AUTOBAHN: Environment = Environment {
    name: "autobahn",
    file: "requirements_autobahn.txt",
    requirements: include_str!("../../stranger/requirements_autobahn.txt"),
};

/// A script of the stranger, run by a Python that has `environment`. What it prints is printed.
pub(crate) async fn script(environment: Environment, name: &str) -> Command {
    let python = tokio::task::spawn_blocking(move || made(environment)).await.unwrap();
    let mut command = Command::new(python);
    // Without writing bytecode beside the sources.
    command.arg("-B").arg(Path::new(STRANGER).join(name)).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// The Python of the environment, which is made if it is not there. Tests of other processes wait for it.
fn made(Environment { name, file, requirements }: Environment) -> PathBuf {
    let mut hash = DefaultHasher::new();
    requirements.hash(&mut hash);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", hash.finish()));
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    std::fs::create_dir_all(&folder).unwrap();
    // Released with the file.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if ready.exists() {
        return python;
    }
    if !venv(&folder) {
        // Debian and its kin have it in a package of its own.
        run(
            Blocking::new("apt-get").args(["install", "--yes", "python3-venv"]),
            "apt-get install python3-venv",
        );
        assert!(venv(&folder), "`python3 -m venv` must work: the stranger needs {name}");
    }
    let mut pip = Blocking::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // The files list what the packages depend on, as far as it is needed.
    pip.args(["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement"]);
    run(pip.arg(Path::new(STRANGER).join(file)), &format!("pip install {name}"));
    std::fs::write(ready, "").unwrap();
    python
}

/// What is left of one that was not finished is no hindrance.
fn venv(folder: &Path) -> bool {
    let made = Blocking::new("python3").args(["-m", "venv"]).arg(folder).status();
    made.expect("python3 must be there").success()
}

fn run(command: &mut Blocking, what: &str) {
    let status = command.status().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(status.success(), "{what} failed, and without it nothing can be shown: {status}");
}

/// A file that goes with the value.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, content: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}.pem", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Gone already, or the folder is.
        let _ = std::fs::remove_file(&self.0);
    }
}
