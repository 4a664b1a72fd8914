//! Control streams and unidirectional streams that break the rules: what closes the connection, with
//! which code, and what must not. [P8]

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use interop_tests::conformance::kit::{limited, settle, standard};
use interop_tests::hostile_peer::HostilePeer;
use interop_tests::session_suite::ops::{read, stopped};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Session;
use ipfi_core::{Code, Role, WireOptions};
use support::refused;
use tokio::time::Instant;

fn close_code(name: &str) -> CloseCode {
    [CloseCode::VERSION, CloseCode::PROTOCOL].into_iter().find(|code| code.name() == Some(name)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_refused_control_stream_closes_the_connection_with_its_code() {
    // Clauses 2.2 to 2.7, 13.2.
    for reads in [usize::MAX, 1] {
        for vector in refused("control.json") {
            let (peer, wire) = HostilePeer::reading(standard(), reads);
            let waiting = tokio::spawn(wire.call::<()>(0, ("x",)).into_future());
            let _control = peer.uni(&vector.hex, vector.fin()).await;
            let (code, reason) = peer.closed().await;
            assert_eq!(code, close_code(vector.close()), "{}: {reason}", vector.name);
            assert!(!reason.is_empty(), "{}: the error's text is the reason", vector.name);
            let error = waiting.await.unwrap().unwrap_err();
            let cause = wire.closed().await;
            assert_eq!(error.connection_error(), Some(&cause), "{}: one cause for all", vector.name);
            match cause {
                ConnectionError::Version { ours: 1, theirs } => {
                    assert_eq!(vector.error, "control-version");
                    assert_eq!(
                        reason,
                        format!("version mismatch: this side speaks ipfi-1, the peer ipfi-{theirs}")
                    );
                    assert_eq!(error.code(), Code::FailedPrecondition);
                }
                ConnectionError::Violation { what, .. } => assert_eq!(*what, reason),
                other => panic!("{}: {other:?}", vector.name),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_control_stream_closes_the_connection() {
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    peer.hello().await;
    let (code, reason) = peer.closed().await;
    assert_eq!((code, &*reason), (CloseCode::PROTOCOL, "a second control stream"));
    assert!(!wire.closed().await.is_orderly());
}

#[tokio::test(start_paused = true)]
async fn a_control_stream_that_is_reset_or_dropped_closes_the_connection() {
    for reset in [true, false] {
        let (peer, _wire) = HostilePeer::against(standard());
        let mut control = peer.uni(b"\x00ipfi\x01\x00\x00", false).await;
        if reset {
            ipfi_core::session::SendStream::reset(&mut control, StreamCode::NO_ERROR);
        }
        drop(control);
        assert_eq!(peer.closed().await.0, CloseCode::PROTOCOL);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_closed_after_the_handshake_time() {
    // Clause 2.9.
    let (peer, wire) = HostilePeer::against(standard());
    let begin = Instant::now();
    // Calls may come before SETTINGS, and are served (2.9).
    peer.still_served().await;
    let (code, reason) = peer.closed().await;
    assert_eq!(code, CloseCode::PROTOCOL);
    assert!(reason.contains("handshake_timeout"), "{reason}");
    let after = Duration::from_secs(10);
    assert_eq!(wire.closed().await, ConnectionError::HandshakeTimeout { after });
    assert!((10_000..10_100).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn settings_in_time_end_the_handshake_for_good() {
    let (mut peer, wire) = HostilePeer::against(standard());
    tokio::time::sleep(Duration::from_secs(9)).await;
    peer.hello().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(wire.close_reason(), None);
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_wire_opens_its_control_stream_first_even_when_it_is_called_before_it_is_driven() {
    // Clause 2.2.
    let (peer, wire) = HostilePeer::against(standard());
    let call = tokio::spawn(wire.call::<()>(0, ("x",)).into_future());
    let notification = tokio::spawn(wire.notify(0, ()).into_future());
    settle().await;
    let mut control = peer.accept_uni().await;
    let chunk = read(&mut control, 100).await.unwrap();
    assert_eq!(chunk.bytes, &b"\x00ipfi\x01\x00\x00"[..], "defaults are not sent");
    assert_eq!(ipfi_core::session::RecvStream::id(&control) >> 2, 0, "the first of its kind");
    drop((call, notification));
}

#[tokio::test(start_paused = true)]
async fn what_a_wire_says_of_itself_is_what_it_was_made_with() {
    let options = limited(standard(), |limits| {
        limits.max_message_bytes = 1 << 20;
        limits.max_metadata_bytes = 4096;
    });
    let (peer, _wire) = HostilePeer::against(options.role(Role::CallerOnly));
    let mut control = peer.accept_uni().await;
    let chunk = read(&mut control, 100).await.unwrap();
    assert_eq!(chunk.bytes, &b"\x00ipfi\x01\x00\x0a\x01\x80\x10\x00\x00\x02\x50\x00\x03\x00"[..]);
}

#[tokio::test(start_paused = true)]
async fn unknown_unidirectional_types_are_stopped_and_are_no_error() {
    // Clause 2.8.
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    for kind in [&[0x02][..], &[0x3f], &[0x40, 0x02, 0xff], &[0xff; 8]] {
        let mut send = peer.uni(kind, false).await;
        assert_eq!(stopped(&mut send).await, Ok(StreamCode::REFUSED), "{kind:?} (2.8)");
    }
    // One that ends inside its type, or without any, is ignored.
    peer.uni(&[0x80, 0x00], true).await;
    peer.uni(&[], true).await;
    peer.still_served().await;
    assert_eq!(wire.close_reason(), None);
    // A longer encoding of type 0 is type 0.
    peer.uni(&[0x40, 0x00], false).await;
    assert_eq!(peer.closed().await, (CloseCode::PROTOCOL, "a second control stream".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn unknown_control_messages_and_settings_are_skipped_until_they_are_a_flood() {
    // Clauses 1.5, 2.7.
    let (peer, wire) = HostilePeer::against(standard());
    // SETTINGS with an unknown key, then unknown messages with and without payloads.
    let _control = peer.uni(b"\x00ipfi\x01\x00\x02\x3f\x07\x09\x00\x0a\x03abc", false).await;
    peer.still_served().await;
    assert_eq!(wire.close_reason(), None);
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    peer.control(&[0x09, 0x00].repeat(1000)).await;
    peer.still_served().await;
    peer.control(&[0x09, 0x00]).await;
    // Clause 13.4: a limit of the layer above the carrier.
    let (code, reason) = peer.closed().await;
    assert_eq!(code, CloseCode::RESOURCE_EXHAUSTED);
    assert!(reason.contains("1001 seen, limit 1000"), "{reason}");
    assert!(!wire.closed().await.is_orderly());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_our_control_stream_is_served_all_the_same() {
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    let mut control = peer.accept_uni().await;
    ipfi_core::session::RecvStream::stop(&mut control, StreamCode::CANCELLED);
    peer.still_served().await;
    let report = wire.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.cut, 0);
}

#[tokio::test(start_paused = true)]
async fn calls_after_our_goaway_are_refused_and_never_started() {
    // Clauses 2.6, 5.8.
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    let mut running = peer.call(b"\x06\x01\x00", true).await;
    let mut half = peer.call(b"\x00", false).await;
    let draining = tokio::spawn(async move { wire.shutdown(Duration::from_secs(5)).await });
    settle().await;
    let mut control = peer.accept_uni().await;
    assert_eq!(read(&mut control, 100).await.unwrap().bytes, &b"\x00ipfi\x01\x00\x00"[..]);
    assert_eq!(read(&mut control, 100).await.unwrap().bytes, &b"\x01\x00"[..], "GOAWAY");
    // A whole call, and the rest of a header that had begun before.
    let mut late = peer.call(b"\x00\x01\x10\x03Ada", true).await;
    let _ = half.write(b"\x01\x10\x03Ada", true).await;
    for call in [&mut late, &mut half] {
        let answer = call.answer().await;
        assert!(
            matches!(answer, interop_tests::hostile_peer::Answer::Reset(StreamCode::REFUSED)),
            "{answer:?}"
        );
    }
    // A notification and a datagram are dropped.
    peer.uni(b"\x01\x0a\x01\x00", true).await;
    let _ = peer.session.send_datagram(Bytes::from_static(b"\x0a\x01"));
    let answer = running.answer().await;
    assert!(matches!(answer, interop_tests::hostile_peer::Answer::Reset(StreamCode::SHUTDOWN)), "{answer:?}");
    let report = draining.await.unwrap();
    assert_eq!((report.finished, report.cut, report.never_started), (0, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_cannot_be_read_are_counted_and_dropped() {
    // Clause 11.2.
    let (mut peer, wire) = HostilePeer::against(standard().by_datagram(10));
    peer.hello().await;
    let before = wire.stats().notifications_in_dropped;
    let broken = refused("header.json");
    for vector in &broken {
        peer.session.send_datagram(vector.hex.clone().into()).unwrap();
        settle().await;
    }
    // Unknown, no notification, arguments that are none, an unknown codec.
    for datagram in [&b"\x40\x63\x01"[..], b"\x00\x01\x03Ada", b"\x0a\x01x", b"\x0a\x0f"] {
        peer.session.send_datagram(Bytes::from_static(datagram)).unwrap();
        settle().await;
    }
    assert_eq!(wire.stats().notifications_in_dropped - before, broken.len() as u64 + 4);
    // And one that can: 11.1, without an item's first integer.
    peer.session.send_datagram(Bytes::from_static(b"\x0a\x01")).unwrap();
    settle().await;
    assert_eq!(wire.stats().notifications_in, 1);
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_peer_is_served_nothing_that_it_had_sent() {
    let options = WireOptions::from(standard()).authenticate(|_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err(ipfi_core::Status::unauthenticated("no"))
    });
    let (mut peer, wire) = HostilePeer::against(options);
    peer.hello().await;
    let _call = peer.call(b"\x00\x01\x10\x03Ada", true).await;
    peer.uni(b"\x01\x0a\x01\x00", true).await;
    assert_eq!(peer.closed().await, (CloseCode::UNAUTHENTICATED, "no".to_owned()));
    settle().await;
    let stats = wire.stats();
    assert_eq!((stats.calls_in, stats.notifications_in, stats.notifications_in_dropped), (0, 0, 0));
}
