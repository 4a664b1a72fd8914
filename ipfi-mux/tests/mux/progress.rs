//! Forward progress: nothing that stands still holds anything else up (MUX section 7, tests 1 to 6).

use core::time::Duration;

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::limits::Limits;
use ipfi_mux::record::RecordFraming;
use ipfi_mux::stream_id::Dir;

use crate::support::{Pair, timeless};

/// Writes what fits and reads what is there, on every stream of both ends, until all is across.
fn flood(pair: &mut Pair, streams: usize, bytes: usize, mut between: impl FnMut(&mut Pair)) {
    let mut sending: Vec<(bool, ipfi_mux::StreamKey, Bytes)> = Vec::new();
    for client in [true, false] {
        for _ in 0..streams {
            let key = pair.end(client).open(Dir::Uni);
            sending.push((client, key, Bytes::from(vec![client.into(); bytes])));
        }
    }
    let mut receiving: Vec<(bool, ipfi_mux::StreamKey, usize)> = Vec::new();
    let mut ended = 0;
    for round in 0.. {
        assert!(round < 1_000_000, "the flood stands still");
        for (client, key, rest) in &mut sending {
            if !rest.is_empty() {
                pair.end(*client).write(*key, rest, true).unwrap();
            }
        }
        pair.step();
        between(pair);
        for client in [true, false] {
            while let Some(key) = pair.end(client).accept(Dir::Uni) {
                receiving.push((client, key, 0));
            }
        }
        for (client, key, count) in &mut receiving {
            while let Some(chunk) = pair.end(*client).read(*key, 4096) {
                let chunk = chunk.unwrap();
                *count += chunk.bytes.len();
                assert!(chunk.bytes.iter().all(|byte| *byte == u8::from(!*client)));
                if chunk.fin {
                    assert_eq!(*count, bytes);
                    ended += 1;
                    break;
                }
            }
        }
        receiving.retain(|(_, _, count)| *count < bytes);
        if ended == 2 * streams {
            return;
        }
    }
}

#[test]
fn a_flood_both_ways_through_4_kib_pipes_with_pings_progresses() {
    let mut limits = Limits::default();
    limits.ping_interval = Some(Duration::from_millis(1));
    let mut pair = Pair::connected(limits);
    pair.pipe_bytes = 4096;
    pair.cut = 1000;
    let mut pings = 0;
    flood(&mut pair, 4, 300_000, |pair| {
        pair.now = pair.now + Duration::from_micros(300);
        for client in [true, false] {
            let now = pair.now;
            pair.end(client).connection.handle_timeout(now);
            pings += 1;
        }
    });
    assert!(pings > 500);
    assert_eq!(pair.client.connection.close_reason(), None);
}

#[test]
fn streams_that_nobody_accepts_are_bounded_and_control_frames_still_work() {
    let mut pair = Pair::connected(timeless());
    let mut opened = Vec::new();
    for _ in 0..1000 {
        let mut ticket = None;
        match pair.client.connection.poll_open(Dir::Bi, &mut ticket, core::task::Waker::noop()) {
            core::task::Poll::Ready(Ok((key, _))) => {
                pair.client.send(key, b"x", false);
                opened.push(key);
            }
            _ => {
                pair.client.connection.cancel_open(Dir::Bi, ticket.take().unwrap());
            }
        }
    }
    pair.drive();
    assert_eq!(opened.len(), 256);
    assert_eq!(pair.server.connection.peer_streams(Dir::Bi), 256);
    pair.client.connection.send_datagram(Bytes::from_static(b"hello")).unwrap();
    pair.client.connection.reset(opened[200], StreamCode::CANCELLED);
    let back = pair.server.open(Dir::Bi);
    pair.server.send(back, b"other way", true);
    pair.drive();
    assert!(pair.server.connection.poll_recv_datagram(core::task::Waker::noop()).is_ready());
    let heard = pair.client.accept(Dir::Bi).unwrap();
    assert_eq!(pair.client.drain(heard), (b"other way".to_vec(), true));
}

#[test]
fn with_255_streams_full_and_unread_the_256th_flows() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..255 {
        let key = pair.client.open(Dir::Bi);
        let mut bytes = Bytes::from(vec![1; 64 << 10]);
        while !pair.client.write(key, &mut bytes, false).unwrap() {
            pair.drive();
        }
    }
    for _ in 0..64 {
        let key = pair.client.open(Dir::Uni);
        assert_eq!(pair.client.write(key, &mut Bytes::from(vec![1; 16 << 10]), false), Ok(true));
        pair.drive();
    }
    pair.drive();
    assert_eq!(pair.server.connection.unread_bytes(), (255 << 16) + (1 << 20));
    let flowing = pair.client.open(Dir::Bi);
    let mut rest = Bytes::from(vec![2; 3 << 20]);
    let served = loop {
        pair.client.write(flowing, &mut rest, true).unwrap();
        pair.drive();
        if let Some(key) = pair.server.accept(Dir::Bi)
            && pair.server.connection.peer_streams(Dir::Bi) == 256
            && matches!(pair.server.read(key, 1), Some(Ok(chunk)) if chunk.bytes[0] == 2)
        {
            break key;
        }
    };
    let mut got = 1;
    while got < 3 << 20 {
        pair.client.write(flowing, &mut rest, true).unwrap();
        pair.drive();
        let (bytes, _) = pair.server.drain(served);
        assert!(!bytes.is_empty(), "the 256th stream stands still at {got}");
        got += bytes.len();
    }
}

#[test]
fn unread_answers_of_a_thousand_calls_of_ours_do_not_freeze_the_wire() {
    let mut server = timeless();
    (server.max_inbound_calls, server.abuse_budget) = (2000, 5000);
    let mut pair = Pair::with(timeless(), server);
    pair.drive();
    for _ in 0..1000 {
        let key = pair.client.open(Dir::Bi);
        pair.client.send(key, b"x", true);
        pair.drive();
        let served = pair.server.accept(Dir::Bi).unwrap();
        let mut bytes = Bytes::from(vec![1; 64 << 10]);
        assert_eq!(pair.server.write(served, &mut bytes, false), Ok(true));
        pair.drive();
    }
    assert_eq!(pair.client.connection.unread_bytes(), 1000 << 16);
    let note = pair.server.open(Dir::Uni);
    pair.server.send(note, b"still flows", true);
    pair.drive();
    let heard = pair.client.accept(Dir::Uni).unwrap();
    assert_eq!(pair.client.drain(heard), (b"still flows".to_vec(), true));
}

#[test]
fn stalled_streams_leave_room_in_the_send_buffer_for_others() {
    let mut limits = timeless();
    (limits.max_inbound_calls, limits.abuse_budget) = (1000, 3000);
    let mut pair = Pair::connected(limits);
    let mut stalled = Vec::new();
    for _ in 0..100 {
        let key = pair.client.open(Dir::Bi);
        let mut rest = Bytes::from(vec![1; 1 << 20]);
        for _ in 0..20 {
            pair.client.write(key, &mut rest, false).unwrap();
            pair.drive();
        }
        stalled.push((key, rest));
    }
    let before = pair.client.connection.queued_bytes();
    assert!(before > 3 << 20, "{before}");
    let call = pair.client.open(Dir::Bi);
    assert_eq!(pair.client.write(call, &mut Bytes::from(vec![2; 4_000]), true), Ok(true));
}

#[test]
fn a_writer_that_waits_for_room_is_woken_when_another_stream_is_given_up() {
    let mut limits = timeless();
    limits.send_buffer_bytes = 64 << 10;
    let mut pair = Pair::with(limits, timeless());
    pair.drive();
    let mut hogs = Vec::new();
    for _ in 0..12 {
        let key = pair.client.open(Dir::Bi);
        let mut rest = Bytes::from(vec![1; 1 << 20]);
        for _ in 0..30 {
            pair.client.write(key, &mut rest, false).unwrap();
            pair.drive();
        }
        hogs.push(key);
    }
    let call = pair.client.open(Dir::Bi);
    let (counter, waker) = crate::support::Counter::new();
    let mut rest = Bytes::from(vec![2; 20_000]);
    assert!(pair.client.connection.poll_write(call, &waker, &mut rest, true).is_pending());
    for key in hogs {
        pair.client.connection.reset(key, StreamCode::CANCELLED);
    }
    pair.client.fire();
    assert!(counter.count() > 0);
    assert!(pair.client.connection.poll_write(call, &waker, &mut rest, true).is_ready());
}

#[test]
fn opens_and_resets_without_end_against_a_peer_that_does_not_read_hold_flat_memory() {
    let rounds: u64 =
        std::env::var("IPFI_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1_000_000);
    let mut pair = Pair::connected(timeless());
    pair.pipe_bytes = 0;
    let mut peak = 0;
    for round in 0..rounds {
        let mut ticket = None;
        let polled = pair.client.connection.poll_open(Dir::Bi, &mut ticket, core::task::Waker::noop());
        if let core::task::Poll::Ready(Ok((key, _))) = polled {
            pair.client.send(key, b"request", false);
            pair.client.drop_both(key);
        }
        if let Some(ticket) = ticket {
            pair.client.connection.cancel_open(Dir::Bi, ticket);
        }
        pair.step();
        // Looked at from time to time: it walks all streams, and what leaks is still there later.
        if round % 1000 == 999 {
            let used = pair.client.connection.memory_used();
            assert!(peak == 0 || used <= peak, "{used} bytes after {round} rounds, {peak} after 1000");
            peak = used;
        }
    }
    assert!((1..1 << 20).contains(&peak), "{peak}");
}

#[test]
fn a_peer_that_resets_what_it_opens_costs_flat_memory_when_each_is_handled() {
    let mut limits = Limits::default();
    limits.idle_timeout = None;
    // It is what the budget is there to end.
    limits.abuse_budget = u32::MAX;
    let mut pair = Pair::connected(limits);
    let mut peak = 0;
    for round in 0..20_000 {
        let key = pair.client.open(Dir::Bi);
        pair.client.send(key, b"request", false);
        pair.drive();
        let served = pair.server.accept(Dir::Bi).unwrap();
        pair.client.drop_both(key);
        pair.drive();
        pair.server.drop_both(served);
        pair.drive();
        let used = pair.server.connection.memory_used() + pair.client.connection.memory_used();
        if round == 100 {
            peak = used;
        }
        assert!(round < 100 || used <= peak, "{used} bytes after {round} rounds, {peak} after 100");
    }
}

#[test]
fn small_answers_without_end_hold_up_neither_bulk_nor_control_however_small_the_batches() {
    use ipfi_mux::frame::Frame;

    use crate::support::{Hostile, bi, data, last};
    let accept = |peer: &mut Hostile| {
        let accepted = peer.victim.poll_accept_bi(core::task::Waker::noop(), 4096);
        let core::task::Poll::Ready(Ok((key, ..))) = accepted else { panic!("nothing to accept") };
        key
    };
    let mut peer = Hostile::new(timeless());
    peer.send(&[data(bi(0), 0, b"bulk")]);
    let bulk = accept(&mut peer);
    let much = &mut Bytes::from(vec![1; 256 << 10]);
    assert!(peer.victim.poll_write(bulk, core::task::Waker::noop(), much, false).is_ready());
    peer.victim.stop(bulk, StreamCode::CANCELLED);

    let (mut granted, mut next) = (256, 1);
    let (mut of_bulk, mut of_answers, mut stopped) = (0, 0, false);
    for round in 0..20 {
        // As many as leave with a batch of one record, and at first twice as many.
        for _ in 0..if round == 0 { 32 } else { 16 } {
            assert!(next < granted, "places come back");
            peer.send(&[last(bi(next), 0, b"small")]);
            let key = accept(&mut peer);
            assert_eq!(peer.victim.try_write(key, &[2; 1000], true), Some(Ok(())));
            peer.victim.release_send(key);
            next += 1;
        }
        for frame in peer.receive_batch(1) {
            match frame {
                Frame::Stream { id, payload, .. } if id == bi(0) => of_bulk += payload.len(),
                Frame::Stream { payload, .. } => of_answers += payload.len(),
                Frame::MaxStreams { dir: Dir::Bi, max } => granted = max,
                Frame::StopSending { .. } => stopped = true,
                _ => {}
            }
        }
    }
    assert!(stopped, "the stop still waits");
    assert!(of_bulk * 4 > of_answers, "{of_bulk} bytes of bulk beside {of_answers} of answers");
}

/// A session with everything in it, as bytes from client to server, and what the server made of it.
fn replay(recorded: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut peer = crate::support::Hostile::unshaken(timeless());
    let mut events = Vec::new();
    let mut input = bytes::BytesMut::new();
    let mut at = 0;
    let mut keys = Vec::new();
    for cut in cuts.iter().copied().chain([recorded.len()]) {
        input.extend_from_slice(&recorded[at..cut]);
        at = cut;
        peer.victim.handle_input(peer.now, &mut input);
    }
    for dir in [Dir::Bi, Dir::Uni] {
        while let core::task::Poll::Ready(Ok((key, id))) =
            peer.victim.poll_accept(dir, core::task::Waker::noop())
        {
            events.push(format!("accept {id}"));
            keys.push((key, id));
        }
    }
    for (key, id) in keys {
        let mut all = Vec::new();
        let end = loop {
            match peer.victim.poll_read(key, core::task::Waker::noop(), usize::MAX) {
                core::task::Poll::Ready(Ok(chunk)) => {
                    all.extend_from_slice(&chunk.bytes);
                    if chunk.fin {
                        break "fin".to_owned();
                    }
                }
                other => break format!("{other:?}"),
            }
        };
        let stopped = peer.victim.poll_stopped(key, core::task::Waker::noop());
        events.push(format!("{id}: {all:?} {end} {stopped:?}"));
    }
    while let core::task::Poll::Ready(Ok(payload)) = peer.victim.poll_recv_datagram(core::task::Waker::noop())
    {
        events.push(format!("datagram {payload:?}"));
    }
    events.extend(peer.receive().iter().map(|frame| format!("{frame:?}")));
    events
}

#[test]
fn every_split_point_of_a_session_and_byte_by_byte_gives_the_same_events() {
    use ipfi_mux::frame::Frame;

    use crate::support::{bi, data, generous, last, reset, stop, uni};
    let mut recorded = bytes::BytesMut::new();
    let payload = Bytes::from(vec![9; 300]);
    for record in [
        vec![Frame::TransportParameters(generous())],
        vec![data(bi(0), 0, b"hello"), last(uni(1), 0, b"note"), Frame::Ping { sequence: 3 }],
        vec![Frame::Stream { id: bi(2), offset: 0, payload, fin: true }, stop(bi(2))],
        vec![data(bi(0), 5, b" again"), Frame::Datagram { payload: Bytes::from_static(b"gram") }],
        vec![reset(bi(1), 7), Frame::MaxData { max: 1 << 31 }, Frame::Padding { bytes: 2 }],
        vec![last(bi(0), 11, b""), Frame::MaxStreams { dir: Dir::Bi, max: 1 << 21 }],
    ] {
        let mark = ipfi_mux::record::begin_record(&mut recorded);
        for frame in record {
            frame.encode(&mut recorded);
        }
        ipfi_mux::record::end_record(&mut recorded, mark);
    }
    let whole = replay(&recorded, &[]);
    assert!(whole.len() > 8, "{whole:#?}");
    for cut in 0..=recorded.len() {
        assert_eq!(replay(&recorded, &[cut]), whole, "cut at {cut}");
    }
    let all: Vec<usize> = (0..recorded.len()).collect();
    assert_eq!(replay(&recorded, &all), whole, "byte by byte");
}

#[test]
fn over_messages_every_message_is_one_record() {
    let mut pair = Pair::framed(timeless(), timeless(), RecordFraming::Message);
    pair.drive();
    // The pair hands over whole messages only when one batch is one message.
    for round in 0..10 {
        let key = pair.client.open(Dir::Bi);
        let mut rest = Bytes::from(vec![round; 200_000]);
        let mut got = 0;
        let mut served = None;
        while got < 200_000 {
            pair.client.write(key, &mut rest, true).unwrap();
            pair.step();
            served = served.or_else(|| pair.server.accept(Dir::Bi));
            if let Some(served) = served {
                got += pair.server.drain(served).0.len();
            }
        }
        pair.client.drop_both(key);
        pair.server.drop_both(served.unwrap());
        pair.drive();
    }
    assert_eq!(pair.server.connection.close_reason(), None);
}
