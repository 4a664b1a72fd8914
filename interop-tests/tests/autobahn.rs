//! The frames of RFC 6455 against the fuzzing client of Autobahn, which nobody here wrote: cases 1 to 7 and 10. A server that
//! echoes through the same code as a wire's messages go through.
//!
//! It needs Python 2.7, for which it was written and last released; the rest is installed once.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ipfi_core::limits::Limits;
use ipfi_ws::WsOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The release that works; its index has one later that cannot be installed.
const SUITE: &str = "autobahntestsuite==0.8.2";

/// All cases of these sections.
const CASES: usize = 247;

/// What a case may be found to be. Non-strict: an invalid text is refused when it has come whole, and not at its first wrong
/// byte; ours are binary.
const PASSES: [&str; 3] = ["OK", "INFORMATIONAL", "NON-STRICT"];

/// The cases that are NON-STRICT.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

#[ignore = "needs Python 2.7, and installs the Autobahn test suite: `cargo xtask test --net` runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_passes_against_our_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(echo(stream));
        }
    });
    let results = tokio::task::spawn_blocking(move || fuzz(port)).await.unwrap();
    serving.abort();
    let cases = results["ipfi"].as_object().expect("the report has our agent");
    assert_eq!(cases.len(), CASES);
    for (case, result) in cases {
        for behaviour in ["behavior", "behaviorClose"] {
            let found = result[behaviour].as_str().unwrap_or_default();
            assert!(PASSES.contains(&found), "case {case}: {behaviour} {found}: {result}");
            let non_strict = NON_STRICT.contains(&case.as_str());
            assert!(found != "NON-STRICT" || non_strict, "case {case}: {behaviour} {found}");
        }
    }
}

/// Upgrades without a subprotocol, which the fuzzing client does not offer, and echoes.
async fn echo(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    // Some cases send 256 KiB.
    let mut limits = Limits::default();
    limits.max_record_bytes = 1 << 20;
    // A case may break the connection.
    let _ = ipfi_ws::echo::echo(stream, &limits, &WsOptions::default()).await;
}

/// Runs all cases, and gives the index of the report.
fn fuzz(port: u16) -> Value {
    let (python, suite) = suite();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("autobahn-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let specification = json!({
        "outdir": folder,
        "servers": [{ "agent": "ipfi", "url": format!("ws://127.0.0.1:{port}") }],
        "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let file = folder.join("specification.json");
    std::fs::write(&file, specification.to_string()).unwrap();
    let mut wstest = python.command();
    wstest.arg(suite.join("bin/wstest")).args(["-m", "fuzzingclient", "-s"]).arg(&file);
    let output = wstest.env("PYTHONPATH", &suite).stdin(Stdio::null()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let index = std::fs::read(folder.join("index.json"));
    std::fs::remove_dir_all(&folder).unwrap();
    let index = index.unwrap_or_else(|error| panic!("no report, {error}: {said}"));
    serde_json::from_slice(&index).unwrap()
}

/// How Python 2.7 is started: directly, or through pyenv, which has several.
#[derive(Clone, Copy)]
enum Python {
    Direct,
    Pyenv,
}

impl Python {
    fn command(self) -> Command {
        let mut command = Command::new("python2.7");
        if let Self::Pyenv = self {
            command.env("PYENV_VERSION", "2.7.18");
        }
        command
    }

    fn find() -> Self {
        let works = |python: &Self| {
            let version =
                python.command().arg("--version").stderr(Stdio::null()).stdout(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        let found = [Self::Direct, Self::Pyenv].into_iter().find(works);
        found.expect(
            "python2.7 must be there, by itself or in pyenv: the Autobahn test suite is written in it",
        )
    }
}

/// The suite, which is installed if it is not there.
fn suite() -> (Python, PathBuf) {
    let python = Python::find();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SUITE);
    let ready = folder.join("ready");
    if !ready.exists() {
        let mut pip = python.command();
        pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"]).arg(&folder).arg(SUITE);
        assert!(pip.status().unwrap().success(), "pip could not install {SUITE}");
        // A package of theirs without the file that makes it one.
        std::fs::write(folder.join("zope/__init__.py"), "").unwrap();
        std::fs::write(ready, "").unwrap();
    }
    (python, folder)
}
