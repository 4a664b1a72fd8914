//! A client of ours and a server of `web-transport-quinn`, which nobody here wrote, and which answers by hand.

use std::time::Duration;

use futures_util::{TryStreamExt as _, stream};
use interop_tests::quic_pair::SERVER;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Code, Interface, Wire};
use ipfi_quic::WebTransportOptions;
use tokio::task::JoinHandle;
use web_transport_proto::ConnectResponse;
use web_transport_quinn::{
    ReadError, ReadToEndError, RecvStream, Request, SendStream, Session, SessionError,
};
use web_transport_quinn::{WebTransportError, WriteError};

use crate::kit::{client, listen};
use crate::quic_lab::within;
use crate::strangers::{CONTROL, HELLO_ADA, HELLO_ANSWER};

/// Our client, and what `peer` makes of its session.
async fn with_peer<T, F>(
    answer: ConnectResponse,
    peer: impl FnOnce(Session) -> F + Send + 'static,
) -> (Result<Wire, ConnectionError>, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (net, endpoint) = listen();
    let serving = tokio::spawn(async move {
        let connection = endpoint.accept().await.unwrap().await.unwrap();
        let request = Request::accept(connection).await.unwrap();
        assert_eq!(request.url.as_str(), "https://localhost/chat?user=Ada");
        assert_eq!(request.protocols, ["ipfi-1"]);
        let session = request.respond(answer).await.unwrap();
        peer(session).await
    });
    let client = client(&net, 2, "h3");
    let (url, web) = ("https://localhost/chat?user=Ada", WebTransportOptions::default());
    let wire = client.connect_webtransport(SERVER.into(), "localhost", url, &web, Interface::new());
    (within("the handshake", wire).await, serving)
}

fn ours() -> ConnectResponse {
    ConnectResponse::OK.with_protocol("ipfi-1")
}

/// The control streams of both sides.
async fn hello(session: &Session) -> (SendStream, RecvStream) {
    let mut control = session.open_uni().await.unwrap();
    control.write_all(CONTROL).await.unwrap();
    let mut heard = within("our control stream", session.accept_uni()).await.unwrap();
    let mut seen = [0; 7];
    heard.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"\x00ipfi\x01\x00");
    (control, heard)
}

/// The code and the reason of our close.
async fn close_of(session: &Session) -> (u32, String) {
    match within("a close of ours", session.closed()).await {
        SessionError::WebTransportError(WebTransportError::Closed(code, reason)) => (code, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn unary_streams_and_a_status() {
    let answers: [&[u8]; 4] =
        [HELLO_ANSWER, b"\x04\x00\x04\x01\x04\x02", b"\x04\x12", b"\x2e\x05\x00\x08not here"];
    let (wire, peer) = with_peer(ours(), move |session| async move {
        let _control = hello(&session).await;
        let mut requests = Vec::new();
        for answer in answers {
            let (mut send, mut recv) = within("a call", session.accept_bi()).await.unwrap();
            requests.push(recv.read_to_end(1000).await.unwrap());
            send.write_all(answer).await.unwrap();
            send.finish().unwrap();
        }
        (requests, close_of(&session).await)
    })
    .await;
    let wire = wire.unwrap();
    let greeting: String = wire.call(0, ("Ada",)).without_timeout().await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
    let numbers = wire.stream::<u64>(1, (3_u64,)).await.unwrap();
    assert_eq!(numbers.try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
    let sum = wire.upload::<u64, u64>(2, ()).without_timeout().items(stream::iter([5, 6, 7]));
    assert_eq!(sum.await.unwrap(), 18);
    let error = wire.call::<String>(7, ()).without_timeout().await.expect_err("a status");
    assert_eq!((error.code(), error.status().message()), (Code::NotFound, "not here"));
    wire.close(CloseCode(77), "enough");
    let (requests, close) = within("the peer", peer).await.unwrap();
    assert_eq!(requests[0], HELLO_ADA);
    assert_eq!(requests[1], b"\x01\x01\x04\x03");
    assert_eq!(requests[2], b"\x02\x01\x00\x04\x05\x04\x06\x04\x07");
    assert_eq!(requests[3], b"\x07\x01\x00");
    assert_eq!(close, (77, "enough".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn resets_and_stops_of_theirs_have_their_meaning() {
    // Clauses 5.8 and 6.6.
    let codes =
        [(1, Code::Cancelled), (2, Code::Unavailable), (3, Code::DeadlineExceeded), (6, Code::Internal)];
    let (wire, peer) = with_peer(ours(), move |session| async move {
        let _control = hello(&session).await;
        for (code, _) in codes {
            let (mut send, mut recv) = within("a call", session.accept_bi()).await.unwrap();
            send.reset(code).unwrap();
            recv.stop(code).unwrap();
        }
        close_of(&session).await
    })
    .await;
    let wire = wire.unwrap();
    for (code, status) in codes {
        let error = wire.call::<()>(0, ("Ada",)).await.expect_err("a reset");
        assert_eq!((error.code(), error.never_started()), (status, code == 2), "{code}");
    }
    drop(wire);
    assert_eq!(within("the peer", peer).await.unwrap().0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_and_an_upload_are_cancelled_with_their_codes() {
    let (wire, peer) = with_peer(ours(), |session| async move {
        let _control = hello(&session).await;
        // A call that is late: all of its request has come, and the answer is not wanted (clause 5.4).
        let (send, mut recv) = within("a call", session.accept_bi()).await.unwrap();
        recv.read_to_end(1000).await.unwrap();
        let late = within("a stop", send.stopped()).await.unwrap();
        // An upload that is dropped.
        let (mut send, mut recv) = within("a call", session.accept_bi()).await.unwrap();
        let error = within("a reset", recv.read_to_end(1000)).await.unwrap_err();
        let ReadToEndError::ReadError(ReadError::Reset(reset)) = error else { panic!("{error}") };
        let stopped = within("a stop", send.stopped()).await.unwrap();
        assert!(matches!(send.write_all(b"\x04").await, Err(WriteError::Stopped(1))));
        close_of(&session).await;
        (late, reset, stopped)
    })
    .await;
    let wire = wire.unwrap();
    let late = wire.call::<()>(1, ()).timeout(Duration::from_millis(200)).await.expect_err("late");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    let mut upload = wire.upload::<u64, u64>(2, ()).await.unwrap();
    upload.send(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(upload);
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(wire);
    assert_eq!(within("the peer", peer).await.unwrap(), (Some(3), 1, Some(1)), "DEADLINE, CANCELLED twice");
}

#[tokio::test(start_paused = true)]
async fn a_close_of_theirs_has_its_code_and_reason() {
    let (wire, peer) = with_peer(ours(), |session| async move {
        let _control = hello(&session).await;
        let _call = within("a call", session.accept_bi()).await.unwrap();
        session.close(5, b"so long");
        session.closed().await;
    })
    .await;
    let wire = wire.unwrap();
    let error = wire.call::<()>(0, ()).without_timeout().await.expect_err("closed");
    let closed = within("the end", wire.closed()).await;
    assert_eq!(closed, ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "so long".into() });
    assert_eq!(error.connection_error(), Some(&closed));
    within("the peer", peer).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_no_protocol_is_not_talked_to() {
    // Clause 12.6: this client has offered one.
    let (wire, _peer) = with_peer(ConnectResponse::OK, |session| async move { session.closed().await }).await;
    let error = wire.expect_err("refused").to_string();
    assert!(error.contains("names the protocol none, and ipfi-1 is needed"), "{error}");
}
