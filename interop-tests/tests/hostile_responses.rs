//! Callees that break the rules, against a wire that calls: each fails its own call, and says why.
//! [P2, A14]

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

mod support;

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use interop_tests::conformance::kit::{limited, settle, standard};
use interop_tests::hostile_peer::{HostilePeer, HostileStream};
use ipfi_core::call::CallError;
use ipfi_core::close_code::StreamCode;
use ipfi_core::status::Origin;
use ipfi_core::{Code, Interface, Raw, Receiver, Wire, WireOptions};
use support::{Refused, refused};
use tokio::task::JoinHandle;

/// Whole, and one byte a read.
const READS: [usize; 2] = [usize::MAX, 1];

async fn peer(options: impl Into<WireOptions>, max_read_bytes: usize) -> (HostilePeer, Wire) {
    let (mut peer, wire) = HostilePeer::reading(options, max_read_bytes);
    peer.hello().await;
    (peer, wire)
}

/// A call of procedure 0, as raw as a sequence can be, read to its end.
fn stream(wire: &Wire) -> JoinHandle<Result<Vec<Raw>, CallError>> {
    let call = wire.stream::<Raw>(0, Raw(Bytes::new())).into_future();
    tokio::spawn(async move {
        let items: Receiver<Raw> = call.await?;
        items.try_collect().await
    })
}

fn unary(wire: &Wire) -> JoinHandle<Result<String, CallError>> {
    tokio::spawn(wire.call::<String>(0, ("x",)).into_future())
}

/// Demands that the wire still calls.
async fn still_calls(peer: &HostilePeer, wire: &Wire) {
    let call = unary(wire);
    let mut stream = peer.accept().await;
    assert_eq!(stream.bytes(5).await.unwrap(), &b"\x00\x11\x80\x00\x75"[..], "the header's beginning");
    stream.write(b"\x10\x03Ada", true).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), "Ada");
}

async fn refuses(peer: &HostilePeer, wire: &Wire, vector: &Refused, hex: &[u8], fin: bool) {
    let call = stream(wire);
    let mut answer = peer.accept().await;
    answer.write(hex, fin).await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    let name = &vector.name;
    if vector.error == "after-status" {
        // The status is the end of the call; what follows is not looked at (4.7).
        assert_eq!(error.code(), Code::NotFound, "{name}");
    } else {
        assert_eq!(error.code(), vector.status(), "{name}: {error}");
        assert_eq!(error.status().origin(), Origin::Caller, "{name}: this side made the status");
    }
    assert!(!error.never_started(), "{name}");
    if !fin {
        let expected = match error.code() {
            Code::ResourceExhausted => StreamCode::RESOURCE_EXHAUSTED,
            _ => StreamCode::CANCELLED,
        };
        assert_eq!(answer.stopped().await, Some(expected), "{name} (13.1)");
    }
    drop(answer);
    still_calls(peer, wire).await;
    assert_eq!(wire.outbound_calls(), 0, "{name}");
}

#[tokio::test(start_paused = true)]
async fn every_refused_item_of_a_response_fails_its_call_alone() {
    for reads in READS {
        for vector in refused("items.json").iter().filter(|vector| vector.is("direction", "response")) {
            let options = limited(Interface::new(), |limits| *limits = vector.limits());
            let (peer, wire) = peer(options, reads).await;
            refuses(&peer, &wire, vector, &vector.hex, vector.fin()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_malformed_status_fails_its_call_alone() {
    for reads in READS {
        let (peer, wire) = peer(Interface::new(), reads).await;
        for vector in refused("status.json") {
            let len = u8::try_from(vector.hex.len() << 2 | 2).unwrap();
            let item = [&[len], &vector.hex[..]].concat();
            refuses(&peer, &wire, &vector, &item, true).await;
            refuses(&peer, &wire, &vector, &item, false).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_answers_to_a_unary_call_and_none_are_refused_naming_both_kinds() {
    // Clauses 4.4, 5.12.
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    for (answer, fin) in [(&b"\x04x\x04y"[..], true), (b"\x04x\x04y", false), (b"", true)] {
        let call = unary(&wire);
        let mut stream = peer.accept().await;
        stream.write(answer, fin).await.unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented);
        assert!(error.status().message().contains("procedure"), "{error}");
        assert!(error.status().message().contains("sequence"), "{error}");
    }
    still_calls(&peer, &wire).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_is_not_an_answer() {
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    let call = unary(&wire);
    let mut stream = peer.accept().await;
    stream.write(b"\x10\x03Ada", false).await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    // Clause 5.4: it says why it gave up.
    assert_eq!(stream.stopped().await, Some(StreamCode::DEADLINE));
    still_calls(&peer, &wire).await;
}

/// gRPC's rst_after_header, rst_during_data and rst_after_data, with every code there is (clause 6.6).
#[tokio::test(start_paused = true)]
async fn a_reset_at_any_point_of_an_answer_is_the_status_that_its_code_stands_for() {
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    for (code, expected) in [
        (StreamCode::NO_ERROR, Code::Unknown),
        (StreamCode::CANCELLED, Code::Cancelled),
        (StreamCode::REFUSED, Code::Unavailable),
        (StreamCode::DEADLINE, Code::DeadlineExceeded),
        (StreamCode::SHUTDOWN, Code::Unavailable),
        (StreamCode::RESOURCE_EXHAUSTED, Code::ResourceExhausted),
        (StreamCode::INTERNAL, Code::Internal),
        (StreamCode::DETACHED, Code::Unknown),
        (StreamCode(4_000_000_000), Code::Unknown),
    ] {
        // Nothing, half an item, a whole answer without its end.
        for sent in [&b""[..], b"\x10\x03A", b"\x10\x03Ada"] {
            let call = unary(&wire);
            let mut stream = peer.accept().await;
            stream.write(sent, false).await.unwrap();
            stream.reset(code).await;
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.code(), expected, "{code} after {} bytes", sent.len());
            assert_eq!(error.status().origin(), Origin::Callee);
            assert_eq!(error.never_started(), code == StreamCode::REFUSED, "{code}");
        }
    }
    // Items before a reset were items.
    let items = wire.stream::<u64>(0, ());
    let mut items = items.await.unwrap();
    let mut stream = peer.accept().await;
    stream.write(&[0x04, 0x07, 0x04, 0x08], false).await.unwrap();
    assert_eq!(items.try_next().await.unwrap(), Some(7));
    assert_eq!(items.try_next().await.unwrap(), Some(8));
    stream.reset(StreamCode::INTERNAL).await;
    assert_eq!(items.try_next().await.unwrap_err().code(), Code::Internal);
    assert!(items.next().await.is_none());
    still_calls(&peer, &wire).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_stopped_waits_for_the_answer_whatever_the_code() {
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    for code in [StreamCode::NO_ERROR, StreamCode::CANCELLED, StreamCode::INTERNAL, StreamCode(77)] {
        let mut uploading = wire.upload::<u64, String>(0, ()).await.unwrap();
        let mut stream = peer.accept().await;
        stream.stop(code).await;
        uploading.send(1).await.unwrap();
        assert!(uploading.is_stopped());
        let answer = tokio::spawn(async move { uploading.finish().await });
        settle().await;
        assert!(!answer.is_finished());
        stream.write(b"\x10\x03Ada", true).await.unwrap();
        assert_eq!(answer.await.unwrap().unwrap(), "Ada");
    }
    still_calls(&peer, &wire).await;
}

#[tokio::test(start_paused = true)]
async fn goaway_fails_new_calls_before_they_leave_and_lets_the_others_run() {
    let (mut peer, wire) = peer(Interface::new(), usize::MAX).await;
    let running = unary(&wire);
    let mut stream = peer.accept().await;
    peer.goaway().await;
    let error = wire.call::<String>(0, ("x",)).await.unwrap_err();
    assert_eq!((error.code(), error.never_started()), (Code::Unavailable, true));
    assert!(wire.notify(0, ()).await.unwrap_err().never_started());
    stream.write(b"\x10\x03Ada", true).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), "Ada");
    // Again changes nothing; nor does GOAWAY with a payload (2.6).
    peer.goaway().await;
    peer.control(&[0x01, 0x02, 0xff, 0xff]).await;
    assert_eq!(wire.close_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn goaway_reaches_calls_that_wait_for_a_place() {
    let (mut peer, wire) =
        peer(limited(Interface::new(), |limits| limits.max_outbound_calls = 1), usize::MAX).await;
    let running = unary(&wire);
    let mut stream = peer.accept().await;
    let waiting = unary(&wire);
    peer.goaway().await;
    stream.write(b"\x10\x03Ada", true).await.unwrap();
    running.await.unwrap().unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.never_started()), (Code::Unavailable, true));
    assert_eq!(wire.outbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_reads_nothing_cannot_hold_a_call_beyond_its_deadline() {
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    let body = Bytes::from(vec![0; 1 << 20]);
    let call = wire.call::<String>(0, (body,)).timeout(Duration::from_secs(2));
    let call = tokio::spawn(call.into_future());
    let mut stream = peer.accept().await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(!error.never_started());
    let end = stream.bytes(usize::MAX).await;
    assert_eq!(end.unwrap_err(), ipfi_core::error::ReadError::Reset(StreamCode::DEADLINE));
    still_calls(&peer, &wire).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_answers_is_held_back_by_the_reader() {
    let (peer, wire) = peer(Interface::new(), usize::MAX).await;
    let items = wire.stream::<Raw>(0, Raw(Bytes::new())).await.unwrap();
    let mut stream = peer.accept().await;
    // 10 000 empty answers in one write, and a window of more.
    stream.write(&vec![0; 10_000], false).await.unwrap();
    let _ = stream.write(&vec![0; 1 << 20], false).await;
    let seen = items.take(10_000).filter(|item| std::future::ready(item.is_ok())).count().await;
    assert_eq!(seen, 10_000);
    // The rest was given up with the stream.
    settle().await;
    assert_eq!(stream.stopped().await, Some(StreamCode::CANCELLED));
    still_calls(&peer, &wire).await;
}

#[tokio::test(start_paused = true)]
async fn settings_of_the_peer_bound_what_is_sent_to_it() {
    let (peer, wire) = HostilePeer::against(standard());
    // max_message_bytes = 100, max_metadata_bytes = 50.
    let _control =
        peer.uni(&[0x00, b'i', b'p', b'f', b'i', 0x01, 0x00, 0x05, 0x01, 0x40, 100, 0x02, 50], false).await;
    let error = wire.call::<String>(0, (vec![0_u8; 100],)).await.unwrap_err();
    assert_eq!((error.code(), error.never_started()), (Code::ResourceExhausted, true));
    assert_eq!(error.status().limit_seen().unwrap().limit, 100);
    let call = wire.call::<String>(0, ("x",)).metadata("k", vec![0_u8; 60]);
    assert_eq!(call.await.unwrap_err().status().limit_seen().unwrap().limit, 50);
    // A status of this side is cut to what the peer takes, details first.
    let mut call: HostileStream = peer.call(&[0x40, 99, 0x01, 0x00], true).await;
    let status = call.answer().await.status();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().len() <= 50);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_believed_and_told_of_failures_all_the_same() {
    let (peer, wire) = HostilePeer::against(standard());
    // Clause 2.5: max_message_bytes = 0, max_metadata_bytes = 0.
    let _control = peer.uni(b"\x00ipfi\x01\x00\x04\x01\x00\x02\x00", false).await;
    let error = wire.call::<String>(0, ("x",)).await.unwrap_err();
    assert_eq!(error.status().limit_seen().unwrap().limit, 0);
    let call = wire.call::<String>(0, ()).metadata("k", vec![0_u8; 1]);
    assert_eq!(call.await.unwrap_err().status().limit_seen().unwrap().limit, 0);
    // Clause 6.4: code, flags and an empty text.
    let mut call = peer.call(&[0x40, 99, 0x01, 0x00], true).await;
    assert_eq!(call.bytes(4).await.unwrap(), &[0x0e, 0x0c, 0x00, 0x00][..]);
}

#[tokio::test(start_paused = true)]
async fn before_its_settings_a_peer_is_not_held_to_a_default() {
    // Clause 2.5: it may take more than 4 MiB, and this side does.
    let (peer, wire) = HostilePeer::against(limited(standard(), |limits| limits.max_message_bytes = 8 << 20));
    let body = Bytes::from(vec![0; 5 << 20]);
    let call = tokio::spawn(wire.call::<String>(0, Raw(body)).into_future());
    let mut stream = peer.accept().await;
    // Raw, with a timeout: it has left.
    assert_eq!(stream.bytes(2).await.unwrap(), &[0x00, 0x10][..]);
    call.abort();
}
