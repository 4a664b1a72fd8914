//! Our WebSocket against Python's `websockets`, which nobody here wrote, with a QMux on it (`interop-tests/stranger/ws.py`)
//! that was written from `docs/protocol.md` and the draft alone.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../aioquic/python.rs"]
mod python;
#[path = "../quic_lab/mod.rs"]
mod quic_lab;

use std::process::Stdio;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use ipfi::{CloseCode, CodecId, ConnectionError, Interface, Server, Wire};
use quic_lab::{Seen, within};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_server_is_what_the_specification_says() {
    let interface = quic_lab::interface(&Seen::default());
    let server = Server::new(interface).listen("ws://127.0.0.1:0/ipfi").bind().await.unwrap();
    let url = server.addresses()[0].clone();
    let serving = tokio::spawn(server.run());
    let mut checks = python::script(python::WEBSOCKETS, "ws_client.py").await;
    checks.arg(url);
    let status = within("the checks", checks.status()).await.unwrap();
    assert!(status.success(), "what is printed above as FAILED");
    serving.abort();
}

/// The server in Python, which ends with the value.
struct Stranger {
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
    _process: Child,
}

impl Stranger {
    async fn start() -> Self {
        let mut server = python::script(python::WEBSOCKETS, "ws_server.py").await;
        // Its input ends with this side.
        let mut process = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = within("the stranger's port", lines.next_line()).await.unwrap().expect("it runs");
        Self { lines, url: format!("ws://127.0.0.1:{port}/"), _process: process }
    }

    /// A client of ours, which offers a greeting under 9.
    async fn connect(&self) -> Wire {
        let back =
            Interface::new().procedure(9, |(name,): (String,)| async move { format!("Goodbye, {name}!") });
        within("connecting", ipfi::connect_with(&self.url, back)).await.unwrap()
    }

    /// The next line that it says.
    async fn says(&mut self) -> String {
        within("a line of the stranger", self.lines.next_line()).await.unwrap().expect("it runs")
    }
}

#[tokio::test]
async fn calls_of_every_kind_at_a_server_that_nobody_here_wrote() {
    let stranger = Stranger::start().await;
    let wire = stranger.connect().await;
    for codec in [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json] {
        let greeting: String = within("a call", wire.call(0, ("hé",)).codec(codec)).await.unwrap();
        assert_eq!(greeting, "Hello, hé!", "{codec:?}");
    }
    let numbers = wire.stream::<u64>(1, (3000_u64,)).await.unwrap();
    let numbers: Vec<u64> = within("a sequence", numbers.try_collect()).await.unwrap();
    assert_eq!(numbers, (0..3000).collect::<Vec<_>>());
    let sum = wire.upload::<u64, u64>(2, ()).items(stream::iter(0..1000));
    assert_eq!(within("an upload", sum).await.unwrap(), 499_500);
    let answer: String = within("being called back", wire.call(5, ())).await.unwrap();
    assert_eq!(answer, "Goodbye, stranger!");
}

#[tokio::test]
async fn a_thousand_calls_at_once_and_bulk_each_way() {
    let stranger = Stranger::start().await;
    let wire = stranger.connect().await;
    let calls = (0..1000).map(|n: u64| {
        let call = wire.call::<String>(0, (n.to_string(),));
        async move { assert_eq!(call.await.unwrap(), format!("Hello, {n}!")) }
    });
    within("all calls", futures_util::future::join_all(calls)).await;
    let bulk: Bytes = (0..3 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
    let back: Bytes = within("bulk", wire.call(3, (bulk.clone(),))).await.unwrap();
    assert_eq!(back, bulk);
}

#[tokio::test]
async fn what_either_side_gives_up_or_closes_is_told_to_the_other() {
    let mut stranger = Stranger::start().await;
    let wire = stranger.connect().await;
    let call = wire.call::<()>(4, ()).timeout(std::time::Duration::from_millis(100));
    within("a deadline", call).await.expect_err("nobody answers");
    // CANCELLED, or DEADLINE (clause 8.1).
    let said = stranger.says().await;
    assert!(["stopped 1", "stopped 3"].contains(&&*said), "{said}");
    // It closes as it is asked to.
    within("a call", wire.call::<()>(6, ())).await.expect_err("the connection ends");
    let reason = within("the end", wire.closed()).await;
    assert_eq!(reason, ConnectionError::PeerClosed { code: CloseCode::INTERNAL, reason: "as asked".into() });
    assert_eq!(
        stranger.says().await,
        "closed application 6 as asked".replace("application 6 as asked", "WebSocket 1000")
    );
    let wire = stranger.connect().await;
    wire.close(CloseCode::SHUTDOWN, "enough");
    assert_eq!(stranger.says().await, "closed application 5 enough");
}
