//! Floods and lies: each is cut off or bounded, and told why (RELIABILITY rows A1, A3, A4, A5, A7).

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::varint;
use ipfi_mux::frame::Frame;
use ipfi_mux::stream_id::Dir;

use crate::support::{Hostile, bi, data, generous, last, reset, stop, timeless, uni};

/// What a flood says in each round.
type Script = Box<dyn FnMut(u64) -> Vec<Frame>>;

/// Sends `frames(0)`, `frames(1)`, … until the victim closes; how many rounds that took.
fn flood(peer: &mut Hostile, mut frames: impl FnMut(u64) -> Vec<Frame>) -> u64 {
    (0..100_000)
        .find(|round| {
            peer.send(&frames(*round));
            assert!(peer.victim.memory_used() < 2 << 20, "{} bytes", peer.victim.memory_used());
            peer.victim.close_reason().is_some()
        })
        .expect("the flood is never cut off")
}

#[track_caller]
fn expect_calm(peer: &mut Hostile, what: &str) {
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "abuse_budget = 1000");
    let said = peer.victim.close_reason().map(ToString::to_string).unwrap();
    assert!(said.contains(what), "{said}");
}

#[test]
fn a_flood_of_what_brings_nothing_is_cut_at_the_budget_while_nobody_reads_the_answers() {
    // Clause 13.4.
    let one = |frame: Frame| move |_| vec![frame.clone()];
    let floods: [(&str, Script); 8] = [
        ("a ping", Box::new(|round| vec![Frame::Ping { sequence: round }])),
        ("PADDING", Box::new(one(Frame::Padding { bytes: 3 }))),
        ("MAX_DATA", Box::new(one(Frame::MaxData { max: 1 }))),
        ("MAX_STREAMS", Box::new(one(Frame::MaxStreams { dir: Dir::Uni, max: 1 }))),
        (
            "STREAM_DATA_BLOCKED",
            Box::new(|round| vec![Frame::StreamDataBlocked { id: bi(0), limit: round + 1 }]),
        ),
        ("DATA_BLOCKED", Box::new(one(Frame::DataBlocked { limit: 7 }))),
        ("STREAMS_BLOCKED", Box::new(one(Frame::StreamsBlocked { dir: Dir::Bi, limit: 257 }))),
        ("an empty STREAM", Box::new(one(data(bi(0), 0, b"")))),
    ];
    for (what, frames) in floods {
        let mut peer = Hostile::new(timeless());
        let rounds = flood(&mut peer, frames);
        assert!((990..=1010).contains(&rounds), "{what}: {rounds}");
        expect_calm(&mut peer, what);
    }
}

#[test]
fn rapid_reset_that_nobody_keeps_up_with_is_cut_by_the_places_or_the_budget_whichever_half_it_uses() {
    for frames in [
        (|round| vec![data(bi(round), 0, b"x"), reset(bi(round), 1), stop(bi(round))])
            as fn(u64) -> Vec<Frame>,
        |round| vec![last(bi(round), 0, b"x"), stop(bi(round))],
        |round| vec![last(bi(round), 0, b"x"), stop(bi(round)), stop(bi(round))],
    ] {
        let mut peer = Hostile::new(timeless());
        assert_eq!(flood(&mut peer, frames), 256);
        peer.expect_violation(TransportCode::STREAM_LIMIT_ERROR, "beyond the limit of 256");
    }
    // A stop that is said twice costs its token besides, which no burst of honest ones does.
    let mut limits = timeless();
    (limits.max_inbound_calls, limits.abuse_budget) = (1000, 2129);
    let mut peer = Hostile::new(limits);
    let rounds = flood(&mut peer, |round| vec![last(bi(round), 0, b"x"), stop(bi(round)), stop(bi(round))]);
    assert!((700..=720).contains(&rounds), "{rounds}");
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "abuse_budget = 2129");
}

/// A call of the peer gets its handler, is given up, and the handler is dropped (clause 13.5).
fn cancel_while_it_runs(peer: &mut Hostile, index: u64, frames: &[Frame]) {
    peer.receive();
    peer.send(&[last(bi(index), 0, b"request")]);
    let accepted = peer.victim.poll_accept(Dir::Bi, core::task::Waker::noop());
    let core::task::Poll::Ready(Ok((key, _))) = accepted else { return };
    peer.send(frames);
    peer.victim.drop_send(key);
    peer.victim.drop_recv(key);
}

#[test]
fn rapid_reset_of_calls_that_run_is_cut_at_the_budget_a1() {
    let mut peer = Hostile::new(timeless());
    let cut = (0..100_000).find(|index| {
        cancel_while_it_runs(&mut peer, *index, &[stop(bi(*index))]);
        assert!(peer.victim.memory_used() < 64 << 10, "{} bytes", peer.victim.memory_used());
        peer.victim.close_reason().is_some()
    });
    // Half of what each costs comes back, and a KiB of requests earns one.
    assert!((990..=1010).contains(&cut.expect("the flood is never cut off")), "{cut:?}");
    expect_calm(&mut peer, "a stop of a stream before anything was answered");
}

#[test]
fn rapid_reset_at_full_speed_is_cut_within_a_second_where_there_is_a_clock_a1() {
    let mut peer = Hostile::new(timeless());
    // 50 000 a second, of which one in twenty is let to its end.
    let cut = (0..50_000_u64).find(|index| {
        peer.now = peer.now + core::time::Duration::from_micros(20);
        if index % 20 != 0 {
            cancel_while_it_runs(&mut peer, *index, &[stop(bi(*index))]);
            return peer.victim.close_reason().is_some();
        }
        peer.send(&[last(bi(*index), 0, b"request")]);
        if let core::task::Poll::Ready(Ok((key, _))) =
            peer.victim.poll_accept(Dir::Bi, core::task::Waker::noop())
        {
            let answer = &mut Bytes::from_static(b"answer");
            assert!(peer.victim.poll_write(key, core::task::Waker::noop(), answer, true).is_ready());
            peer.victim.drop_send(key);
            peer.victim.drop_recv(key);
            peer.receive();
        }
        false
    });
    assert!(cut.is_some(), "{} tokens are left after a second", peer.victim.abuse_tokens());
    expect_calm(&mut peer, "before anything was answered");
}

#[test]
fn a_place_is_free_again_only_when_the_handler_has_ended_cve_2023_44487() {
    let mut limits = timeless();
    limits.max_inbound_calls = 4;
    let mut peer = Hostile::new(limits);
    let mut handlers = Vec::new();
    for index in 0..4 {
        peer.send(&[data(bi(index), 0, b"x")]);
        let accepted = peer.victim.poll_accept(Dir::Bi, core::task::Waker::noop());
        let core::task::Poll::Ready(Ok((key, _))) = accepted else { panic!() };
        handlers.push(key);
        peer.send(&[reset(bi(index), 1), stop(bi(index))]);
    }
    let granted = |said: Vec<Frame>| said.iter().any(|frame| matches!(frame, Frame::MaxStreams { .. }));
    assert!(!granted(peer.receive()), "four handlers run");
    let key = handlers.pop().unwrap();
    peer.victim.drop_send(key);
    assert!(!granted(peer.receive()), "half a handler still runs");
    peer.victim.drop_recv(key);
    assert!(granted(peer.receive()));
}

#[test]
fn one_byte_frames_cost_memory_in_proportion_to_the_window_and_no_tokens() {
    let mut peer = Hostile::new(timeless());
    for offset in 0..64 << 10 {
        peer.send(&[data(bi(0), offset, b"x")]);
    }
    peer.expect_alive();
    assert_eq!(peer.victim.abuse_tokens(), 1000);
    let used = peer.victim.memory_used();
    assert!(used < 4 * (64 << 10), "{used}");
    peer.send(&[data(bi(0), 64 << 10, b"x")]);
    peer.expect_violation(TransportCode::FLOW_CONTROL_ERROR, "limit 65536");
}

#[test]
fn small_slices_of_large_reads_do_not_pin_them() {
    let mut peer = Hostile::new(timeless());
    let payload = Bytes::from(vec![1; 100]);
    let mut input = BytesMut::with_capacity(64 << 10);
    for index in 0..256 {
        for step in 0..5_u64 {
            let frame =
                Frame::Stream { id: bi(index), offset: step * 100, payload: payload.clone(), fin: false };
            let mark = ipfi_mux::record::begin_record(&mut input);
            frame.encode(&mut input);
            ipfi_mux::record::end_record(&mut input, mark);
            peer.victim.handle_input(peer.now, &mut input);
            assert!(input.try_reclaim(60 << 10), "a slice keeps the read buffer from being used again");
        }
    }
    assert_eq!(peer.victim.unread_bytes(), 256 * 500);
}

#[test]
fn lies_about_lengths_allocate_nothing_and_end_at_once() {
    for size in [(1 << 16) + 1, 1 << 31, varint::MAX] {
        let mut peer = Hostile::new(timeless());
        let before = peer.victim.memory_used();
        let mut bytes = Vec::new();
        varint::put(&mut bytes, size);
        peer.send_bytes(&bytes);
        peer.expect_violation(TransportCode::FRAME_ENCODING_ERROR, "max_record_size = 65536");
        assert!(peer.victim.memory_used() <= before + 1024);
    }
    // A STREAM frame whose length runs past its record, and one at the end of the offsets.
    let mut peer = Hostile::new(timeless());
    peer.send_bytes(&[4, 0x0a, 0, 0x40, 0xff]);
    peer.expect_violation(TransportCode::FRAME_ENCODING_ERROR, "");
    let mut peer = Hostile::new(timeless());
    peer.send(&[reset(bi(0), varint::MAX)]);
    peer.expect_violation(TransportCode::FLOW_CONTROL_ERROR, "");
}

#[test]
fn credit_that_overflows_or_goes_to_strangers_does_no_harm() {
    let mut peer = Hostile::against_client(timeless());
    peer.send(&[
        Frame::MaxData { max: varint::MAX },
        Frame::MaxStreams { dir: Dir::Bi, max: 1 << 60 },
        Frame::MaxStreams { dir: Dir::Uni, max: 1 << 60 },
    ]);
    peer.expect_alive();
    let core::task::Poll::Ready(Ok((key, id))) =
        peer.victim.poll_open(Dir::Bi, &mut None, core::task::Waker::noop())
    else {
        panic!()
    };
    peer.send(&[Frame::MaxStreamData { id, max: varint::MAX }]).expect_alive();
    let mut bytes = Bytes::from(vec![0; 100_000]);
    assert!(peer.victim.poll_write(key, core::task::Waker::noop(), &mut bytes, true).is_ready());
    let sent: usize = peer
        .receive()
        .iter()
        .map(|frame| match frame {
            Frame::Stream { payload, .. } => payload.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(sent, 100_000);
}

#[test]
fn a_window_that_stays_shut_holds_no_more_than_the_send_buffers() {
    let mut peer = Hostile::against_client(timeless());
    let mut parameters = generous();
    parameters.initial_max_data = 0;
    peer = {
        let mut fresh = Hostile::on(ipfi_core::session::Side::Client, peer.victim.limits().clone());
        fresh.send(&[Frame::TransportParameters(parameters)]);
        fresh.receive();
        fresh
    };
    let mut blocked = 0;
    for _ in 0..1000 {
        let core::task::Poll::Ready(Ok((key, _))) =
            peer.victim.poll_open(Dir::Bi, &mut None, core::task::Waker::noop())
        else {
            panic!()
        };
        let mut bytes = Bytes::from(vec![0; 1 << 20]);
        assert!(peer.victim.poll_write(key, core::task::Waker::noop(), &mut bytes, true).is_pending());
        blocked += usize::from(bytes.len() == 1 << 20);
    }
    assert!(peer.victim.queued_bytes() <= 4 << 20);
    assert!(blocked < 995, "most got a share, the first no more than theirs");
    // (The calls' own windows raise what the peer may send.)
    let mut said = peer.receive();
    said.retain(|frame| !matches!(frame, Frame::MaxData { .. }));
    assert_eq!(said, [Frame::DataBlocked { limit: 0 }], "said once");
    assert_eq!(peer.receive(), []);
}

#[test]
fn resets_and_stops_for_streams_that_are_over_cost_one_token_each() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[last(uni(0), 0, b"x")]);
    let core::task::Poll::Ready(Ok((key, _))) = peer.victim.poll_accept(Dir::Uni, core::task::Waker::noop())
    else {
        panic!()
    };
    peer.victim.drop_recv(key);
    assert_eq!(peer.victim.open_streams(), 0);
    let before = peer.victim.abuse_tokens();
    peer.send(&[reset(uni(0), 1), data(uni(0), 0, b"x"), Frame::StreamDataBlocked { id: uni(0), limit: 1 }]);
    assert_eq!(peer.victim.abuse_tokens(), before - 3);
    peer.expect_alive();
}

#[test]
fn what_still_comes_on_a_stream_that_was_stopped_is_free_and_so_is_the_reset_that_answers() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[data(bi(0), 0, b"x")]);
    let core::task::Poll::Ready(Ok((key, _))) = peer.victim.poll_accept(Dir::Bi, core::task::Waker::noop())
    else {
        panic!()
    };
    peer.victim.drop_recv(key);
    for offset in 1..60_000 {
        peer.send(&[data(bi(0), offset, b"x")]);
    }
    peer.send(&[reset(bi(0), 60_000)]);
    peer.expect_alive();
    assert_eq!(peer.victim.abuse_tokens(), 1000);
    assert_eq!(peer.victim.unread_bytes(), 0);
}

#[test]
fn time_earns_tokens_so_that_a_connection_may_ping_for_ever() {
    let mut peer = Hostile::new(timeless());
    for round in 0..10_000 {
        peer.now = peer.now + core::time::Duration::from_millis(200);
        peer.send(&[Frame::Ping { sequence: round }]);
    }
    peer.expect_alive();
}

#[test]
fn a_violation_is_the_cause_given_to_everybody() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[data(bi(0), 0, b"unread")]);
    let core::task::Poll::Ready(Ok((key, _))) = peer.victim.poll_accept(Dir::Bi, core::task::Waker::noop())
    else {
        panic!()
    };
    peer.send(&[Frame::Pong { sequence: 9 }]);
    let read = peer.victim.poll_read(key, core::task::Waker::noop(), 9);
    let core::task::Poll::Ready(Err(error)) = read else { panic!("{read:?}") };
    assert!(matches!(error, ipfi_core::error::ReadError::Connection(ConnectionError::Violation { .. })));
    assert_eq!((peer.victim.open_streams(), peer.victim.unread_bytes()), (0, 0));
}
