//! Handshakes that do not end, or not well, at endpoints: bounded in time, and told to both sides.

use std::time::Duration;

use ipfi::{ConnectionError, Wire, WsOptions};
use ipfi_ws::endpoint::{accept, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::kit::interface;

/// The limit `handshake_timeout`.
const AFTER: Duration = Duration::from_secs(10);

/// Our server, and the stream to it.
fn server() -> (JoinHandle<Result<Wire, ConnectionError>>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let ours =
        tokio::spawn(async move { accept(ours, Some("/ipfi"), &WsOptions::default(), interface()).await });
    (ours, theirs)
}

/// Our client, and the stream to it.
fn client() -> (JoinHandle<Result<Wire, ConnectionError>>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let ours =
        tokio::spawn(async move { connect(ours, "h", "/ipfi", &WsOptions::default(), interface()).await });
    (ours, theirs)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_let_go() {
    let (ours, _theirs) = server();
    assert_eq!(ours.await.unwrap().unwrap_err(), ConnectionError::HandshakeTimeout { after: AFTER });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let (ours, _theirs) = client();
    assert_eq!(ours.await.unwrap().unwrap_err(), ConnectionError::HandshakeTimeout { after: AFTER });
}

/// Slow loris: a byte a second, each in time.
#[tokio::test(start_paused = true)]
async fn a_handshake_of_a_byte_a_second_is_bounded_as_a_whole() {
    for (ours, mut theirs) in [server(), client()] {
        let began = Instant::now();
        let dripping = tokio::spawn(async move {
            for byte in b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n".iter().cycle() {
                if theirs.write_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(ours.await.unwrap().unwrap_err(), ConnectionError::HandshakeTimeout { after: AFTER });
        assert!(began.elapsed() <= AFTER + Duration::from_millis(1));
        dripping.await.unwrap();
    }
}

/// Upgraded, and then no record.
#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_record_is_let_go() {
    let (ours, mut theirs) = server();
    theirs
        .write_all(
            b"GET /ipfi HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n",
        )
        .await
        .unwrap();
    assert_eq!(ours.await.unwrap().unwrap_err(), ConnectionError::HandshakeTimeout { after: AFTER });
}

/// Both ends are ours, and do not agree.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_one_sentence_at_both_ends() {
    for (path, origin, sentence) in [
        ("/other", None, "404 Not Found{}: nothing is served at /other"),
        (
            "/ipfi",
            Some("https://evil.example"),
            "403 Forbidden{}: origin https://evil.example not allowed (allowed: same origin)",
        ),
    ] {
        let (ours, theirs) = server();
        let mut ws = WsOptions::default();
        ws.headers.extend(origin.map(|origin| ("Origin".to_owned(), origin.to_owned())));
        let error = connect(theirs, "h", path, &ws, interface()).await.unwrap_err().to_string();
        let there = sentence.replace("{}", " in place of 101 Switching Protocols");
        assert_eq!(error, format!("connection lost: WebSocket: the server answered {there}"));
        let error = ours.await.unwrap().unwrap_err().to_string();
        let here = sentence.replace("{}", "");
        assert_eq!(error, format!("connection lost: WebSocket: the client was refused with {here}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_in_the_handshake_is_named() {
    let (ours, mut theirs) = client();
    let mut request = vec![0; 1024];
    assert_ne!(theirs.read(&mut request).await.unwrap(), 0);
    theirs.write_all(b"HTTP/1.1 101 Switching").await.unwrap();
    drop(theirs);
    let error = ours.await.unwrap().unwrap_err().to_string();
    assert_eq!(
        error,
        "connection lost: WebSocket: the peer closed the connection during the WebSocket handshake"
    );
}
