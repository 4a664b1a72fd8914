//! Callers that break the rules, against a wire that serves: each fails its own call. [P2, P8, A5, A8]

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use interop_tests::conformance::kit::{
    NEVER, NEVER_READS, NOTE, ONE_THEN_NEVER, Probe, RAW_ECHO, SUM, limited, settle, standard,
};
use interop_tests::hostile_peer::{Answer, HostilePeer};
use ipfi_core::close_code::StreamCode;
use ipfi_core::{CancelCause, Code, Context, WireOptions, spawned};
use support::refused;
use tokio::time::Instant;

/// Whole, and one byte a read.
const READS: [usize; 2] = [usize::MAX, 1];

async fn peer(options: impl Into<WireOptions>, max_read_bytes: usize) -> (HostilePeer, ipfi_core::Wire) {
    let (mut peer, wire) = HostilePeer::reading(options, max_read_bytes);
    peer.hello().await;
    (peer, wire)
}

fn byte(procedure: u64) -> u8 {
    u8::try_from(procedure).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_refused_header_is_answered_with_its_status_and_the_connection_lives() {
    for reads in READS {
        let (peer, wire) = peer(standard(), reads).await;
        for vector in refused("header.json") {
            let mut call = peer.call(&vector.hex, true).await;
            let status = call.answer().await.status();
            assert_eq!(status.code(), vector.status(), "{}", vector.name);
            peer.still_served().await;
        }
        assert_eq!((wire.inbound_calls(), wire.close_reason()), (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_is_refused_as_soon_as_it_is_known_to_be_wrong() {
    let (peer, _wire) = peer(standard(), usize::MAX).await;
    for vector in refused("header.json").iter().filter(|vector| vector.error != "header-ended") {
        let mut call = peer.call(&vector.hex, false).await;
        assert_eq!(call.answer().await.status().code(), vector.status(), "{}", vector.name);
        // Clause 5.3: the response ended before the request had.
        assert_eq!(call.stopped().await, Some(StreamCode::NO_ERROR), "{}", vector.name);
    }
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn every_refused_item_of_a_request_is_answered_with_its_status_and_the_connection_lives() {
    for reads in READS {
        for vector in refused("items.json").iter().filter(|vector| vector.is("direction", "request")) {
            let (peer, wire) = peer(limited(standard(), |limits| *limits = vector.limits()), reads).await;
            // A raw procedure takes whatever comes before the error; the arguments of another must not
            // be judged first.
            for header in [&[byte(RAW_ECHO), 0x00][..], &[0x00, 0x01]] {
                if header[0] == 0 && vector.has_parts() {
                    continue;
                }
                let mut call = peer.call(&[header, &vector.hex].concat(), vector.fin()).await;
                let status = call.answer().await.status();
                assert_eq!(status.code(), vector.status(), "{}: {status}", vector.name);
                if !vector.fin() {
                    assert_eq!(call.stopped().await, Some(StreamCode::NO_ERROR), "{}", vector.name);
                }
            }
            if vector.limits() == ipfi_core::Limits::default() {
                peer.still_served().await;
            }
            settle().await;
            assert_eq!((wire.inbound_calls(), wire.close_reason()), (0, None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_refused_item_of_a_notification_drops_it_and_stops_its_stream() {
    // Clause 13.1.
    for vector in refused("items.json").iter().filter(|vector| vector.is("direction", "request")) {
        if vector.has_parts() {
            continue;
        }
        let (peer, wire) = peer(limited(standard(), |limits| *limits = vector.limits()), usize::MAX).await;
        let mut send = peer.uni(&[&[0x01, 10, 0x01], &vector.hex[..]].concat(), vector.fin()).await;
        assert_eq!(wire.stats().notifications_in_dropped, 1, "{}", vector.name);
        assert_eq!(wire.stats().notifications_in, 0, "{}", vector.name);
        if !vector.fin() {
            let expected = match vector.status() {
                Code::ResourceExhausted => StreamCode::RESOURCE_EXHAUSTED,
                _ => StreamCode::CANCELLED,
            };
            let stopped = interop_tests::session_suite::ops::stopped(&mut send).await;
            assert_eq!(stopped, Ok(expected), "{} (13.1)", vector.name);
        }
    }
    let (peer, wire) = peer(standard(), usize::MAX).await;
    for vector in refused("header.json") {
        peer.uni(&[&[0x01], &vector.hex[..]].concat(), true).await;
    }
    assert_eq!(wire.stats().notifications_in_dropped, refused("header.json").len() as u64);
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_come_is_refused_in_time_and_was_never_started() {
    for started in [&[][..], &[0x00], &[0x00, 0x11]] {
        let (peer, wire) = peer(standard(), usize::MAX).await;
        let begin = Instant::now();
        let mut call = peer.call(started, false).await;
        if started.is_empty() {
            // An unused stream is not there; the smallest use is a byte.
            call.write(&[0x00], false).await.unwrap();
        }
        assert!(matches!(call.answer().await, Answer::Reset(StreamCode::DEADLINE)));
        assert!((10_000..10_300).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
        assert_eq!(call.stopped().await, Some(StreamCode::DEADLINE));
        assert_eq!((wire.stats().calls_in, wire.stats().calls_in_refused), (0, 1));
        peer.still_served().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_and_arguments_that_trickle_share_one_request_timeout() {
    let (peer, wire) = peer(standard(), usize::MAX).await;
    let begin = Instant::now();
    // A byte every 3 s: header 00 01, then an item that is never whole.
    let mut call = peer.call(&[0x00], false).await;
    for byte in [0x01, 0x10, 0x03, b'A'] {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let _ = call.write(&[byte], false).await;
    }
    let status = call.answer().await.status();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("request_timeout"), "{status}");
    assert!(begin.elapsed() < Duration::from_secs(13), "{:?}", begin.elapsed());
    peer.still_served().await;
    assert_eq!(wire.inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn notifications_that_trickle_are_dropped_in_time() {
    // Clauses 2.1, 13.1.
    let (peer, wire) = peer(standard(), usize::MAX).await;
    let mut header = peer.uni(&[0x01, 0x0a], false).await;
    let mut arguments = peer.uni(&[0x01, 0x0a, 0x01], false).await;
    let mut kind = peer.uni(&[0x40], false).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(wire.stats().notifications_in_dropped, 2);
    for send in [&mut header, &mut arguments] {
        let stopped = interop_tests::session_suite::ops::stopped(send).await;
        assert_eq!(stopped, Ok(StreamCode::DEADLINE));
    }
    // A stream without a type hurts nobody, and may still become something.
    interop_tests::session_suite::ops::finish_with(&mut kind, &b"\x01\x0a\x01\x00"[..]).await.unwrap();
    settle().await;
    assert_eq!(wire.stats().notifications_in, 1);
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_arrives_without_time_left_is_not_started() {
    let probe = Probe::default();
    let (raw, late) = (probe.clone(), probe.clone());
    let interface = standard()
        .procedure(100_u64, probe.never())
        .raw(101_u64, move |context: Context, _call| {
            let running = raw.enter(context);
            async move {
                drop(running);
                Ok(())
            }
        })
        .procedure(
            102_u64,
            spawned(move |context: Context, (): ()| {
                let running = late.enter(context);
                async move { drop(running) }
            }),
        );
    let (peer, wire) = peer(interface, usize::MAX).await;
    // Clauses 3.3, 5.7. Flag 0x10, timeout 0, empty arguments; whole, and as the beginning of more.
    for procedure in 100..=102 {
        for fin in [true, false] {
            let mut call = peer.call(&[0x40, procedure, 0x11, 0x00, 0x00], fin).await;
            assert_eq!(call.answer().await.status().code(), Code::DeadlineExceeded, "{procedure}, {fin}");
        }
    }
    assert_eq!(probe.started(), 0);
    // Nor is a notification, and clause 13.1 says how its stream is stopped.
    let mut send = peer.uni(&[0x01, byte(NOTE), 0x11, 0x00, 0x00], false).await;
    assert_eq!(interop_tests::session_suite::ops::stopped(&mut send).await, Ok(StreamCode::DEADLINE));
    assert_eq!((wire.stats().notifications_in, wire.stats().notifications_in_dropped), (0, 1));
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn codecs_and_procedures_that_do_not_exist_are_unimplemented_and_named() {
    // Clauses 3.2, 3.6.
    let (peer, _wire) = peer(standard(), usize::MAX).await;
    for codec in 5..=15 {
        let status = peer.call(&[0x00, codec, 0x00], true).await.answer().await.status();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().contains(&codec.to_string()), "{status}");
    }
    // 2^30, the shared stream of small calls, is not offered; nor is anything above.
    for procedure in [&[0xc0, 0, 0, 0, 0x40, 0, 0, 0][..], &[0xff; 8]] {
        let status = peer.call(&[procedure, &[0x01, 0x00]].concat(), true).await.answer().await.status();
        assert_eq!(status.code(), Code::Unimplemented);
    }
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_priority_is_a_wish_whatever_it_is() {
    let (peer, _wire) = peer(standard(), usize::MAX).await;
    for zigzag in [&[0x00][..], &[0x01], &[0x40, 0xfe], &[0x40, 0xff]] {
        let request = [&[0x00, 0x41][..], zigzag, b"\x10\x03Ada"].concat();
        assert_eq!(peer.call(&request, true).await.answer().await.message(), &b"\x03Ada"[..]);
    }
}

/// gRPC's negative cases, as far as they are about calls: the caller's resets at every stage.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_reset_at_any_point_is_a_cancelled_call() {
    for reads in READS {
        let (peer, wire) = peer(standard(), reads).await;
        // Nothing, a part of the header, the header, inside an item, between items.
        let whole = [byte(SUM), 0x01, 0x00, 0x04, 0x05, 0x0d, 0xfb];
        for len in 0..=whole.len() {
            let mut call = peer.call(&whole[..len], false).await;
            call.reset(StreamCode::CANCELLED).await;
            settle().await;
            assert_eq!(wire.inbound_calls(), 0, "after {len} bytes");
        }
        peer.still_served().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancels_the_handler_for_the_cause_that_its_code_says() {
    for (code, cause) in [
        (StreamCode::CANCELLED, CancelCause::Caller),
        (StreamCode::DEADLINE, CancelCause::Deadline),
        (StreamCode::SHUTDOWN, CancelCause::Shutdown),
        (StreamCode::NO_ERROR, CancelCause::Caller),
        (StreamCode(4_000_000_000), CancelCause::Caller),
    ] {
        let probe = Probe::default();
        let (peer, wire) = peer(standard().procedure(100_u64, probe.never()), usize::MAX).await;
        let mut call = peer.call(&[0x40, 100, 0x01, 0x00], true).await;
        assert_eq!(probe.running(), 1);
        call.stop(code).await;
        assert_eq!(probe.causes(), [Some(cause)], "{code}");
        assert_eq!(wire.inbound_calls(), 0);
        // Clause 5.5: a reset of the request says as much.
        let mut call = peer.call(&[0x40, 100, 0x01, 0x00], false).await;
        assert_eq!(probe.running(), 1);
        call.reset(code).await;
        assert_eq!(probe.causes(), [Some(cause); 2], "{code}");
        peer.still_served().await;
    }
}

#[tokio::test(start_paused = true)]
async fn detached_in_either_direction_lets_the_call_run_on() {
    // Clause 5.6.
    let probe = Probe::default();
    let (peer, wire) = peer(standard().procedure(100_u64, probe.never()), usize::MAX).await;
    let mut call = peer.call(&[0x40, 100, 0x01, 0x00], false).await;
    call.stop(StreamCode::DETACHED).await;
    call.reset(StreamCode::DETACHED).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((probe.running(), wire.inbound_calls()), (1, 1));
    // It does not outlive the connection.
    drop((call, peer));
    settle().await;
    assert_eq!(probe.causes(), [Some(CancelCause::Connection)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_no_credit_cannot_keep_a_handler_or_a_status() {
    // Clauses 5.9, 6.6.
    let (peer, wire) = peer(standard(), usize::MAX).await;
    // A sequence far larger than any window, with a deadline of 1 s; nobody reads.
    let mut call = peer.call(b"\x01\x11\x43\xe8\x14\xfc\xff\xff\xff\x00", true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(wire.inbound_calls(), 1, "it waits to say that it is over");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(wire.inbound_calls(), 0, "and gives up after status_grace");
    let end = call.bytes(usize::MAX).await;
    assert_eq!(end.unwrap_err(), ipfi_core::error::ReadError::Reset(StreamCode::DEADLINE), "5.9, 6.6");
    // Who reads in time gets the status, behind the items.
    let mut call = peer.call(b"\x01\x11\x43\xe8\x14\xfc\xff\xff\xff\x00", true).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(call.answer().await.status().code(), Code::DeadlineExceeded);
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn lengths_that_lie_are_refused_or_wait_and_hold_nothing() {
    // Clause 1.4; how little is held, `hostile_memory.rs` counts.
    let (peer, wire) = peer(standard(), usize::MAX).await;
    // An item of 2^60 - 1 bytes of each kind; a claim just inside the limit is waited for.
    for last in [0xfc, 0xfd, 0xfe, 0xff] {
        let item = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last];
        let mut call = peer.call(&[&[0x00, 0x01], &item[..]].concat(), false).await;
        let code = call.answer().await.status().code();
        let expected = if last == 0xfe { Code::InvalidArgument } else { Code::ResourceExhausted };
        assert_eq!(code, expected, "kind {}", last & 3);
    }
    // A string of 2^40 bytes, a list of 2^60 numbers, inside small messages.
    for (procedure, claim) in [(0x00, &b"\xfd\x00\x00\x00\x00\x00\x01\x00\x00"[..]), (0x08, &[0xff; 9])] {
        let len = u8::try_from(claim.len() << 2).unwrap();
        let mut call = peer.call(&[&[procedure, 0x01, len], claim].concat(), true).await;
        let code = call.answer().await.status().code();
        assert!(matches!(code, Code::InvalidArgument | Code::ResourceExhausted), "{code:?}");
    }
    peer.still_served().await;
    assert_eq!(wire.inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn half_sent_messages_hold_no_more_than_the_limit_and_the_newest_is_refused() {
    let (peer, wire) = peer(standard(), usize::MAX).await;
    // 4 MiB announced, little sent: two have a place under 8 MiB, the third does not.
    let mut calls = Vec::new();
    for n in 0..3 {
        let mut request = vec![0x08, 0x01];
        request.extend_from_slice(&((4_u32 << 20) << 2 | 0x8000_0000).to_be_bytes());
        request.extend_from_slice(&[n; 1000]);
        calls.push(peer.call(&request, false).await);
    }
    let status = calls.pop().unwrap().answer().await.status();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.limit_seen().unwrap().name, "max_reassembly_bytes");
    // The others are given up after the request's time, and then there is room.
    for mut call in calls {
        assert_eq!(call.answer().await.status().code(), Code::DeadlineExceeded);
    }
    peer.still_served().await;
    assert_eq!(wire.inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn items_to_calls_that_take_none_or_never_read_them_harm_nobody() {
    let (peer, wire) = peer(standard(), usize::MAX).await;
    let mut call = peer.call(&[byte(NEVER), 0x01, 0x00], false).await;
    call.write(&[0x04, 0x05], false).await.unwrap();
    let status = call.answer().await.status();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(call.stopped().await, Some(StreamCode::NO_ERROR));
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut call = peer.call(&[byte(NEVER_READS), 0x01, 0x00], false).await;
        let _ = call.write(&[0x00; 100_000], false).await;
        held.push(call);
    }
    peer.still_served().await;
    drop(held);
    settle().await;
    assert_eq!(wire.inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_have_a_place_are_the_carriers_to_hold_back() {
    // max_streams: the wire's carrier gives credit for 3, whatever the peer would like.
    let probe = Probe::default();
    let interface = standard().procedure(100_u64, probe.never());
    let (peer, wire) = peer(limited(interface, |limits| limits.max_inbound_calls = 3), usize::MAX).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(peer.call(&[0x40, 100, 0x01, 0x00], true).await);
    }
    let fourth = ipfi_core::session::Session::open_bi(&peer.session);
    assert!(tokio::time::timeout(Duration::from_secs(60), fourth).await.is_err());
    assert_eq!(wire.inbound_calls(), 3);
    held.pop();
    settle().await;
    peer.still_served().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_broken_calls_of_every_kind_leave_the_connection_as_it_was() {
    // Clause 1.2.
    let (peer, wire) = peer(standard(), usize::MAX).await;
    let mut good = peer.call(&[byte(ONE_THEN_NEVER), 0x01, 0x00], true).await;
    assert_eq!(good.bytes(2).await.unwrap(), &[0x04, 0x00][..]);
    let vectors = refused("header.json").into_iter().chain(refused("items.json")).collect::<Vec<_>>();
    for round in 0..10 {
        for vector in &vectors {
            let bytes = if vector.is("direction", "request") {
                [&[byte(RAW_ECHO), 0x00][..], &vector.hex].concat()
            } else {
                vector.hex.clone()
            };
            let call = peer.call(&bytes, round % 2 == 0).await;
            drop(call);
        }
    }
    peer.still_served().await;
    assert_eq!(wire.inbound_calls(), 1, "the good one");
    good.stop(StreamCode::CANCELLED).await;
    assert_eq!((wire.inbound_calls(), wire.close_reason()), (0, None));
}
