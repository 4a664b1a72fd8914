//! The frames of RFC 6455 against the fuzzing client of Autobahn, which nobody here wrote: cases 1 to 7 and 10. A server that
//! echoes through the same code as a wire's messages go through.
//!
//! It was written in Python 2, which no distribution has any more: `stranger/autobahn_suite.py` runs its cases from Python 3.
//! Its later release, 25.10.1, is the same in Python 2, and cannot even be installed: its list of requirements is missing.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "aioquic/python.rs"]
mod python;

use ipfi_core::limits::Limits;
use ipfi_ws::WsOptions;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// All but loads, whose results are times, and compression, which we do not offer.
const SECTIONS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "10"];

/// All cases of these sections.
const CASES: usize = 247;

/// What a case may be found to be. Non-strict: an invalid text is refused when it has come whole, and not at its first wrong
/// byte; ours are binary.
const PASSES: [&str; 3] = ["OK", "INFORMATIONAL", "NON-STRICT"];

/// The cases that are NON-STRICT.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

#[ignore = "installs the Autobahn test suite: `cargo xtask test --net` runs it"]
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
    let results = fuzz(port).await;
    serving.abort();
    let cases = results.as_object().expect("a result of each case");
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

/// Runs all cases, and gives what they have found.
async fn fuzz(port: u16) -> Value {
    let mut suite = python::script(python::AUTOBAHN, "autobahn_suite.py").await;
    suite.arg(format!("ws://127.0.0.1:{port}")).args(SECTIONS);
    let output = suite.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("no results, {error}: {said}"))
}
