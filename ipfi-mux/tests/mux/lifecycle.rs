//! Streams from their opening to their end, and the connection's.

use core::task::{Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::limits::Limits;
use ipfi_mux::record::RecordFraming;
use ipfi_mux::stream_id::Dir;

use crate::support::{Counter, Pair, timeless};

#[test]
fn a_request_and_its_answer_cross_and_leave_nothing_behind() {
    for framing in [RecordFraming::Sized, RecordFraming::Message] {
        let mut pair = Pair::framed(Limits::default(), Limits::default(), framing);
        pair.drive();
        let call = pair.client.open(Dir::Bi);
        pair.client.send(call, b"question", true);
        pair.drive();
        let served = pair.server.accept(Dir::Bi).unwrap();
        assert_eq!(pair.server.drain(served), (b"question".to_vec(), true));
        pair.server.send(served, b"answer", true);
        pair.drive();
        assert_eq!(pair.client.drain(call), (b"answer".to_vec(), true));
        pair.client.drop_both(call);
        pair.server.drop_both(served);
        pair.drive();
        for end in [&pair.client, &pair.server] {
            assert_eq!(end.connection.open_streams(), 0);
            assert_eq!(end.connection.credit_out(), [0; 4]);
            assert_eq!(end.connection.queued_bytes(), 0);
        }
    }
}

#[test]
fn data_and_fin_written_together_leave_in_one_frame() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"x", true);
    let mut out = bytes::BytesMut::new();
    let _ = pair.client.connection.poll_transmit(pair.now, &mut out, 1000);
    // Size in two bytes; STREAM with LEN and FIN; stream 0; length 1.
    assert_eq!(&out[..], [0x40, 4, 0x0b, 0, 1, b'x']);
}

#[test]
fn opening_waits_for_the_peers_parameters_and_then_wakes() {
    let mut pair = Pair::new(timeless());
    let (counter, waker) = Counter::new();
    let mut ticket = None;
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut ticket, &waker).is_pending());
    pair.drive();
    assert_eq!(counter.count(), 1);
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut ticket, &waker).is_ready());
    assert_eq!(ticket, None);
}

#[test]
fn those_who_wait_to_open_are_served_in_order_and_a_dropped_one_gives_its_place_up() {
    let mut limits = timeless();
    limits.max_inbound_calls = 1;
    let mut pair = Pair::connected(limits);
    let first = pair.client.open(Dir::Bi);
    let wakers: Vec<_> = (0..3).map(|_| Counter::new()).collect();
    let mut tickets = [None; 3];
    for (ticket, (_, waker)) in tickets.iter_mut().zip(&wakers) {
        assert!(pair.client.connection.poll_open(Dir::Bi, ticket, waker).is_pending());
    }
    pair.client.drop_both(first);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    pair.server.drop_both(served);
    pair.drive();
    let counts = |wakers: &Vec<(std::sync::Arc<Counter>, Waker)>| {
        wakers.iter().map(|w| w.0.count()).collect::<Vec<_>>()
    };
    assert_eq!(counts(&wakers), [1, 0, 0]);
    // Nobody overtakes: neither a newcomer nor the one behind.
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut tickets[1], &wakers[1].1).is_pending());
    let mut late = None;
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut late, Waker::noop()).is_pending());
    // The first loses interest after it was woken: its place goes to the second.
    pair.client.connection.cancel_open(Dir::Bi, tickets[0].take().unwrap());
    pair.client.fire();
    assert_eq!(counts(&wakers), [1, 1, 0]);
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut tickets[1], &wakers[1].1).is_ready());
}

#[test]
fn our_own_cap_on_calls_holds_whatever_the_peer_permits() {
    let mut ours = timeless();
    ours.max_outbound_calls = 2;
    let mut pair = Pair::with(ours, timeless());
    pair.drive();
    let first = pair.client.open(Dir::Bi);
    let _second = pair.client.open(Dir::Bi);
    let (counter, waker) = Counter::new();
    let mut ticket = None;
    assert!(pair.client.connection.poll_open(Dir::Bi, &mut ticket, &waker).is_pending());
    pair.client.drop_both(first);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    pair.server.drop_both(served);
    pair.drive();
    assert_eq!(counter.count(), 1);
}

#[test]
fn stop_sending_is_answered_with_a_reset_of_the_same_code_rfc_9000_section_3_5() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"some", false);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    let (counter, waker) = Counter::new();
    assert!(pair.client.connection.poll_stopped(call, &waker).is_pending());
    pair.server.connection.stop(served, StreamCode::DEADLINE);
    pair.drive();
    assert_eq!(counter.count(), 1);
    assert_eq!(pair.client.connection.poll_stopped(call, &waker), Poll::Ready(Ok(StreamCode::DEADLINE)));
    let write = pair.client.write(call, &mut Bytes::from_static(b"more"), false);
    assert_eq!(write, Err(WriteError::Stopped(StreamCode::DEADLINE)));
    assert_eq!(pair.server.read(served, 1), Some(Err(ReadError::Stopped)));
    // The reset has reached the server: both halves there can end.
    pair.server.drop_both(served);
    pair.client.drop_both(call);
    pair.drive();
    assert_eq!(pair.server.connection.open_streams() + pair.client.connection.open_streams(), 0);
}

#[test]
fn a_reset_discards_what_is_unread_and_ends_the_peers_reads_with_the_code() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"some", false);
    pair.drive();
    pair.client.connection.reset(call, StreamCode::DEADLINE);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    for _ in 0..2 {
        assert_eq!(pair.server.read(served, 9), Some(Err(ReadError::Reset(StreamCode::DEADLINE))));
    }
    assert_eq!(pair.server.connection.unread_bytes(), 0);
    assert_eq!(pair.client.write(call, &mut Bytes::from_static(b"x"), false), Err(WriteError::Finished));
}

#[test]
fn finishing_twice_is_fine_and_writing_after_the_end_is_not() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"all", true);
    assert_eq!(pair.client.write(call, &mut Bytes::new(), true), Ok(true));
    assert_eq!(pair.client.write(call, &mut Bytes::from_static(b"x"), false), Err(WriteError::Finished));
    pair.drive();
    assert_eq!(pair.client.write(call, &mut Bytes::new(), true), Ok(true));
}

#[test]
fn a_dropped_sender_resets_and_a_dropped_receiver_stops_both_as_cancelled() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"half of it", false);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    pair.client.drop_both(call);
    pair.drive();
    let stopped = pair.server.connection.poll_stopped(served, Waker::noop());
    assert_eq!(stopped, Poll::Ready(Ok(StreamCode::CANCELLED)));
    assert_eq!(pair.server.read(served, 9), Some(Err(ReadError::Reset(StreamCode::CANCELLED))));
}

#[test]
fn the_peers_close_ends_every_handle_with_its_code_and_reason() {
    let mut pair = Pair::connected(timeless());
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"x", false);
    pair.drive();
    let (counter, waker) = Counter::new();
    let end = &mut pair.client.connection;
    assert!(end.poll_read(call, &waker, 1).is_pending());
    assert!(end.poll_stopped(call, &waker).is_pending());
    assert!(end.poll_accept(Dir::Bi, &waker).is_pending());
    assert!(end.poll_accept(Dir::Uni, &waker).is_pending());
    assert!(end.poll_recv_datagram(&waker).is_pending());
    pair.server.connection.close(CloseCode::SHUTDOWN, "going home");
    pair.drive();
    assert_eq!(counter.count(), 5);
    let cause = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "going home".into() };
    assert_eq!(pair.client.read(call, 1), Some(Err(cause.clone().into())));
    assert_eq!(pair.client.write(call, &mut Bytes::from_static(b"x"), true), Err(cause.clone().into()));
    let end = &mut pair.client.connection;
    assert_eq!(end.poll_stopped(call, &waker), Poll::Ready(Err(cause.clone())));
    assert!(matches!(end.poll_open(Dir::Bi, &mut None, &waker), Poll::Ready(Err(error)) if error == cause));
    assert!(pair.client.connection.is_finished() && pair.server.connection.is_finished());
    let mine = ConnectionError::LocallyClosed { code: CloseCode::SHUTDOWN, reason: "going home".into() };
    assert_eq!(pair.server.connection.close_reason(), Some(&mine));
}

#[test]
fn closing_after_a_flush_loses_nothing_that_was_finished() {
    let mut pair = Pair::connected(timeless());
    pair.pipe_bytes = 100;
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"x", true);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    let mut answer = Bytes::from(vec![7; 50_000]);
    assert_eq!(pair.server.write(served, &mut answer, true), Ok(true));
    let (counter, waker) = Counter::new();
    assert!(pair.server.connection.poll_flushed(&waker).is_pending());
    let mut steps = 0;
    while counter.count() == 0 {
        assert!(pair.step());
        steps += 1;
    }
    assert!(steps > 400, "the pipe was filled many times");
    assert!(pair.server.connection.poll_flushed(&waker).is_ready());
    pair.server.connection.close(CloseCode::NO_ERROR, "");
    pair.drive();
    assert!(matches!(pair.client.connection.close_reason(), Some(ConnectionError::PeerClosed { .. })));
    let (bytes, end) = pair.client.drain(call);
    assert_eq!((bytes.len(), end), (50_000, true));
    let after = pair.client.read(call, 1).unwrap();
    assert!(matches!(after, Err(ReadError::Connection(_))), "the machine itself forgets a stream once read");
}

#[test]
fn an_abandoned_connection_says_what_was_finished_and_then_goodbye() {
    let mut pair = Pair::connected(timeless());
    let note = pair.client.open(Dir::Uni);
    pair.client.send(note, b"last words", true);
    pair.client.connection.drop_send(note);
    pair.client.connection.abandon();
    assert_eq!(pair.client.connection.close_reason(), None);
    let (counter, waker) = Counter::new();
    assert!(pair.server.connection.poll_accept(Dir::Uni, &waker).is_pending());
    while counter.count() == 0 {
        pair.step();
    }
    let heard = pair.server.accept(Dir::Uni).unwrap();
    pair.drive();
    assert!(pair.server.connection.close_reason().is_some_and(ConnectionError::is_orderly));
    assert_eq!(pair.server.drain(heard), (b"last words".to_vec(), true));
}

#[test]
fn datagrams_arrive_in_order_and_too_large_ones_are_refused_by_number() {
    use ipfi_core::error::DatagramError;
    let mut pair = Pair::new(timeless());
    assert_eq!(pair.client.connection.send_datagram(Bytes::new()), Err(DatagramError::Unsupported));
    pair.drive();
    let limit = pair.client.connection.max_datagram_bytes().unwrap();
    let mut large = Bytes::from(vec![1; limit]);
    pair.client.connection.send_datagram(large.clone()).unwrap();
    pair.client.connection.send_datagram(Bytes::from_static(b"two")).unwrap();
    large = Bytes::from(vec![1; limit + 1]);
    let refused = pair.client.connection.send_datagram(large);
    assert_eq!(refused, Err(DatagramError::TooLarge { seen: limit + 1, limit }));
    pair.drive();
    let mut received = || pair.server.connection.poll_recv_datagram(Waker::noop());
    assert!(matches!(received(), Poll::Ready(Ok(first)) if first.len() == limit));
    assert_eq!(received(), Poll::Ready(Ok(Bytes::from_static(b"two"))));
    assert!(received().is_pending());
    for _ in 0..64 {
        pair.client.connection.send_datagram(Bytes::new()).unwrap();
    }
    assert_eq!(pair.client.connection.send_datagram(Bytes::new()), Err(DatagramError::QueueFull));
}

#[test]
fn a_flush_that_waits_for_a_stream_that_is_then_given_up_ends() {
    let mut server = timeless();
    server.stream_window_bytes = 10;
    let mut pair = Pair::with(timeless(), server);
    pair.drive();
    let mut give_up: Vec<fn(&mut Pair, ipfi_mux::StreamKey)> = Vec::new();
    give_up.push(|pair, call| pair.client.connection.reset(call, StreamCode::CANCELLED));
    give_up.push(|pair, _| {
        let served = pair.server.accept(Dir::Bi).unwrap();
        pair.server.drop_both(served);
        pair.drive();
    });
    for give_up in give_up {
        let call = pair.client.open(Dir::Bi);
        pair.client.send(call, b"more than ten bytes", true);
        pair.drive();
        let (counter, waker) = Counter::new();
        assert!(pair.client.connection.poll_flushed(&waker).is_pending());
        give_up(&mut pair, call);
        pair.client.fire();
        assert_eq!(counter.count(), 1);
        assert!(pair.client.connection.poll_flushed(&waker).is_ready());
        pair.drive();
        while let Some(served) = pair.server.accept(Dir::Bi) {
            pair.server.drop_both(served);
        }
        pair.client.drop_both(call);
        pair.drive();
    }
}

#[test]
fn a_higher_priority_overtakes_what_was_written_before_it() {
    let mut pair = Pair::connected(timeless());
    let (bulk, urgent) = (pair.client.open(Dir::Bi), pair.client.open(Dir::Bi));
    pair.client.write(bulk, &mut Bytes::from(vec![1; 60_000]), true).unwrap();
    pair.client.send(urgent, b"now", true);
    pair.client.connection.set_priority(urgent, 1);
    let mut out = bytes::BytesMut::new();
    let _ = pair.client.connection.poll_transmit(pair.now, &mut out, 1);
    let size = usize::from(u16::from_be_bytes([out[0], out[1]]) & 0x3fff);
    assert_eq!(size + 2, out.len(), "one record");
    assert_eq!(out[2..9], [0x0b, 4, 3, b'n', b'o', b'w', 0x0a], "STREAM 4 first, then the bulk");
}

#[test]
fn a_whole_notification_can_be_accepted_after_the_peers_close_even_if_calls_were_asked_for_first() {
    let mut pair = Pair::connected(timeless());
    for words in [&b"first"[..], b"second"] {
        let note = pair.client.open(Dir::Uni);
        pair.client.send(note, words, true);
    }
    while !pair.client.connection.poll_flushed(Waker::noop()).is_ready() {
        pair.step();
    }
    pair.client.connection.close(CloseCode::NO_ERROR, "");
    pair.drive();
    let server = &mut pair.server.connection;
    assert!(server.close_reason().is_some());
    for words in [&b"first"[..], b"second"] {
        assert!(matches!(server.poll_accept(Dir::Bi, Waker::noop()), Poll::Ready(Err(_))));
        let Poll::Ready(Ok((key, _))) = server.poll_accept(Dir::Uni, Waker::noop()) else {
            panic!("a notification is lost")
        };
        let read = server.poll_read(key, Waker::noop(), 99);
        assert!(matches!(read, Poll::Ready(Ok(chunk)) if chunk.bytes == words && chunk.fin));
    }
    assert!(matches!(server.poll_accept(Dir::Uni, Waker::noop()), Poll::Ready(Err(_))));
}
