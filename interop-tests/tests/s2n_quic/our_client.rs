//! A client of ours and a server of s2n-quic, which answers by hand.

use std::future::{Future, IntoFuture as _};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Code, Wire};
use s2n_quic::connection::Connection;
use s2n_quic::stream::{ReceiveStream, SendStream};
use tokio::task::JoinHandle;

use crate::quic_lab::{self, Certificate, Seen, within};
use crate::support::*;

/// Our client, and what `peer` makes of the connection of a server of s2n-quic.
async fn with_peer<T, F>(peer: impl FnOnce(Connection) -> F) -> (Wire, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let certificate = Certificate::new();
    let (mut server, address) = listen(&certificate);
    let accepting = tokio::spawn(async move {
        let connection = server.accept().await.expect("a connection");
        (server, connection)
    });
    let wire = quic_lab::connect(&certificate, address, &Seen::default()).await;
    let (server, connection) = within("the connection", accepting).await.unwrap();
    let serving = peer(connection);
    let serving = tokio::spawn(async move {
        // Its connections end with the server.
        let _server = server;
        serving.await
    });
    (wire, serving)
}

async fn accept(connection: &mut Connection) -> (ReceiveStream, SendStream) {
    let stream = within("a call of ours", connection.accept_bidirectional_stream()).await;
    stream.unwrap().expect("the connection lives").split()
}

/// Answers as many calls as `answers` has, each with its bytes, and gives the requests.
async fn answer_by_hand(mut connection: Connection, answers: Vec<&'static [u8]>) -> Vec<Bytes> {
    let _control = say_hello(&mut connection).await;
    let _theirs = hear_hello(&mut connection).await;
    let mut requests = Vec::new();
    for answer in answers {
        let (mut recv, mut send) = accept(&mut connection).await;
        requests.push(read_all(&mut recv).await.unwrap());
        send.send(Bytes::from_static(answer)).await.unwrap();
        send.finish().unwrap();
    }
    assert_eq!(close_code(&mut connection).await, 0, "the wire is dropped");
    requests
}

#[tokio::test]
async fn unary_streams_and_a_status() {
    let not_found = b"\x2e\x05\x00\x08not here";
    let answers: Vec<&[u8]> = vec![HELLO_ANSWER, b"\x04\x00\x04\x01\x04\x02", b"\x04\x12", not_found];
    let (wire, peer) = with_peer(|connection| answer_by_hand(connection, answers)).await;
    let greeting: String = within("a call", wire.call(0, ("Ada",))).await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
    let numbers = wire.stream::<u64>(1, (3_u64,)).await.unwrap();
    assert_eq!(within("a sequence", numbers.try_collect::<Vec<_>>()).await.unwrap(), [0, 1, 2]);
    let sum = wire.upload::<u64, u64>(2, ()).items(stream::iter([5, 6, 7]));
    assert_eq!(within("an upload", sum).await.unwrap(), 18);
    let error = within("a call", wire.call::<String>(7, ())).await.expect_err("a status");
    assert_eq!((error.code(), error.status().message()), (Code::NotFound, "not here"));
    drop(wire);
    let requests = within("the peer", peer).await.unwrap();
    assert_eq!(requests[0], HELLO_ADA);
    assert_eq!(requests[1], b"\x01\x01\x04\x03".as_slice());
    assert_eq!(requests[2], b"\x02\x01\x00\x04\x05\x04\x06\x04\x07".as_slice());
    assert_eq!(requests[3], b"\x07\x01\x00".as_slice());
}

#[tokio::test]
async fn a_thousand_calls_at_once() {
    let (wire, peer) = with_peer(|mut connection| async move {
        let _control = say_hello(&mut connection).await;
        for _ in 0..1000 {
            let (mut recv, mut send) = accept(&mut connection).await;
            tokio::spawn(async move {
                // Procedure 3 and two bytes: the same two bytes.
                let request = read_all(&mut recv).await.unwrap();
                send.send(request.slice(2..)).await.unwrap();
                send.finish().unwrap();
            });
        }
        close_code(&mut connection).await
    })
    .await;
    let calls = (0..1000_u64).map(|number| {
        let call = wire.call::<u64>(3, (number,));
        async move { assert_eq!(call.await.unwrap(), number) }
    });
    within("all calls", futures_util::future::join_all(calls)).await;
    wire.close(CloseCode(77), "enough");
    assert_eq!(within("the peer", peer).await.unwrap(), 77);
}

#[tokio::test]
async fn resets_and_stops_of_theirs() {
    // Clauses 5.8 and 6.6.
    let codes =
        [(1, Code::Cancelled), (2, Code::Unavailable), (3, Code::DeadlineExceeded), (6, Code::Internal)];
    let (wire, peer) = with_peer(move |mut connection| async move {
        let _control = say_hello(&mut connection).await;
        for (reset, _) in codes {
            let (mut recv, mut send) = accept(&mut connection).await;
            send.reset(code(reset)).unwrap();
            recv.stop_sending(code(reset)).unwrap();
        }
        close_code(&mut connection).await
    })
    .await;
    for (reset, status) in codes {
        let error = within("a call", wire.call::<()>(0, ("Ada",))).await.expect_err("a reset");
        assert_eq!((error.code(), error.never_started()), (status, reset == 2), "{reset}");
    }
    drop(wire);
    assert_eq!(within("the peer", peer).await.unwrap(), 0);
}

#[tokio::test]
async fn resets_and_stops_of_ours() {
    // Clause 5.4: a call that is dropped, one that is late, and an upload that is dropped.
    let (wire, peer) = with_peer(|mut connection| async move {
        let _control = say_hello(&mut connection).await;
        let mut codes = Vec::new();
        for _ in 0..2 {
            let (mut recv, mut send) = accept(&mut connection).await;
            read_all(&mut recv).await.unwrap();
            codes.push(stopped(&mut send, b"\x05x").await);
        }
        let (mut recv, mut send) = accept(&mut connection).await;
        codes.push(read_all(&mut recv).await.expect_err("a reset"));
        codes.push(stopped(&mut send, b"\x05x").await);
        // And one that is answered before its request has ended (5.3).
        let (mut recv, mut send) = accept(&mut connection).await;
        read(&mut recv, 3).await;
        send.send(Bytes::from_static(b"\x04\x07")).await.unwrap();
        send.finish().unwrap();
        recv.stop_sending(code(0)).unwrap();
        assert_eq!(close_code(&mut connection).await, 0);
        codes
    })
    .await;
    let dropped = tokio::time::timeout(Duration::from_millis(200), wire.stream::<u64>(0, ()).into_future());
    drop(dropped.await);
    let late = wire.call::<()>(1, ()).timeout(Duration::from_millis(200));
    assert_eq!(within("a deadline", late).await.expect_err("late").code(), Code::DeadlineExceeded);
    let upload = wire.upload::<u64, u64>(2, ()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(upload);
    let endless = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((1_u64, ()))
    });
    assert_eq!(within("an upload", wire.upload::<u64, u64>(3, ()).items(endless)).await.unwrap(), 7);
    drop(wire);
    assert_eq!(within("the peer", peer).await.unwrap(), [1, 3, 1, 1], "CANCELLED, DEADLINE, CANCELLED twice");
}

#[tokio::test]
async fn a_close_of_theirs_carries_its_code() {
    let (wire, peer) = with_peer(|mut connection| async move {
        let _control = say_hello(&mut connection).await;
        let _call = accept(&mut connection).await;
        connection.close(code(5));
        // It has left when it is known here.
        drop(connection.accept().await);
    })
    .await;
    let error = within("a call", wire.call::<()>(0, ())).await.expect_err("closed");
    let closed = within("the end", wire.closed()).await;
    assert!(matches!(&closed, ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, .. }), "{closed:?}");
    assert_eq!(error.connection_error(), Some(&closed));
    within("the peer", peer).await.unwrap();
}
