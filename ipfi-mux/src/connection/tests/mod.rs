//! What only the inside can test.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed unwrap is a failed test

use core::task::{Poll, Waker};
use core::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::{Chunk, Side};
use ipfi_core::time::Time;

use super::{Connection, OpenTicket, Output, Transmit};
use crate::config::Config;
use crate::frame::Frame;
use crate::record::{begin_record, end_record};
use crate::stream_id::{Dir, StreamId};

fn exchange(from: &mut Connection, to: &mut Connection) {
    let mut bytes = BytesMut::new();
    while from.poll_transmit(Time::ZERO, &mut bytes, 1 << 16) != Transmit::Idle {
        from.handle_transmitted(Time::ZERO);
    }
    to.handle_input(Time::ZERO, &mut bytes);
    assert!(bytes.is_empty());
}

/// Both ends, after the handshake, as if `index` streams had come and gone each way.
fn pair_at(index: u64) -> (Connection, Connection) {
    let [mut client, mut server] =
        [Side::Client, Side::Server].map(|side| Connection::new(Config::new(side), Time::ZERO).unwrap());
    exchange(&mut client, &mut server);
    exchange(&mut server, &mut client);
    for end in [&mut client, &mut server] {
        end.skip_to_index(Dir::Bi, index);
    }
    (client, server)
}

#[test]
fn stream_ids_beyond_2_to_the_30_and_the_32_and_up_to_the_last_work() {
    for index in [(1 << 28) - 2, (1 << 30) - 2, (1 << 32) - 2, (1 << 60) - 200] {
        let (mut client, mut server) = pair_at(index);
        for step in 0..20 {
            let Poll::Ready(Ok((key, id))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
                unreachable!("there is credit")
            };
            assert_eq!(id.index(), index + step);
            assert!(client.poll_write(key, Waker::noop(), &mut Bytes::from_static(b"q"), true).is_ready());
            exchange(&mut client, &mut server);
            let Poll::Ready(Ok((served, seen))) = server.poll_accept(Dir::Bi, Waker::noop()) else {
                unreachable!("the stream came")
            };
            assert_eq!(seen, id);
            let end = Chunk { bytes: Bytes::from_static(b"q"), fin: true };
            assert_eq!(server.poll_read(served, Waker::noop(), 9), Poll::Ready(Ok(end)));
            assert!(server.poll_write(served, Waker::noop(), &mut Bytes::new(), true).is_ready());
            server.drop_send(served);
            server.drop_recv(served);
            exchange(&mut server, &mut client);
            let end = Chunk { bytes: Bytes::new(), fin: true };
            assert_eq!(client.poll_read(key, Waker::noop(), 9), Poll::Ready(Ok(end)));
            client.drop_send(key);
            client.drop_recv(key);
        }
        assert_eq!((client.open_streams(), server.open_streams()), (0, 0));
        assert_eq!((client.close_reason(), server.close_reason()), (None, None));
    }
}

/// Opens a stream now, or waits.
fn open(end: &mut Connection, ticket: &mut Option<OpenTicket>) -> Poll<Result<u64, ConnectionError>> {
    end.poll_open(Dir::Bi, ticket, Waker::noop()).map_ok(|(_, id)| id.get())
}

#[test]
fn the_last_stream_id_is_used_once_and_whoever_comes_after_it_is_told_that_there_are_no_more_r3() {
    let (mut client, mut server) = pair_at(StreamId::MAX_INDEX - 1);
    let mut first = None;
    assert_eq!(open(&mut client, &mut first), Poll::Ready(Ok((StreamId::MAX_INDEX - 1) << 2)));
    assert_eq!(open(&mut client, &mut None), Poll::Ready(Ok(StreamId::MAX_INDEX << 2)));
    for _ in 0..2 {
        let Poll::Ready(Err(error)) = open(&mut client, &mut None) else { panic!("an id is used twice") };
        assert_eq!(error, ConnectionError::StreamIdsExhausted);
        assert!(error.to_string().contains("2^60 stream ids"), "{error}");
    }
    // Streams of the other kind, and those that are open, are not concerned.
    assert!(client.poll_open(Dir::Uni, &mut None, Waker::noop()).is_ready());
    exchange(&mut client, &mut server);
    assert_eq!((client.close_reason(), server.close_reason()), (None, None));
}

#[test]
fn who_waits_to_open_a_stream_when_the_last_id_goes_is_woken_and_told_r3() {
    let mut config = Config::new(Side::Client);
    config.limits.max_outbound_calls = 1;
    let mut client = Connection::new(config, Time::ZERO).unwrap();
    let mut server = Connection::new(Config::new(Side::Server), Time::ZERO).unwrap();
    exchange(&mut client, &mut server);
    exchange(&mut server, &mut client);
    for end in [&mut client, &mut server] {
        end.skip_to_index(Dir::Bi, StreamId::MAX_INDEX - 1);
    }
    let Poll::Ready(Ok((held, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
        panic!("there is credit")
    };
    let (mut next, mut last) = (None, None);
    assert!(open(&mut client, &mut next).is_pending());
    assert!(open(&mut client, &mut last).is_pending());
    client.drop_send(held);
    client.drop_recv(held);
    exchange(&mut client, &mut server);
    let Poll::Ready(Ok((served, _))) = server.poll_accept(Dir::Bi, Waker::noop()) else {
        panic!("the stream came")
    };
    server.drop_send(served);
    server.drop_recv(served);
    exchange(&mut server, &mut client);
    assert_eq!(open(&mut client, &mut next), Poll::Ready(Ok(StreamId::MAX_INDEX << 2)));
    assert_eq!(open(&mut client, &mut last), Poll::Ready(Err(ConnectionError::StreamIdsExhausted)));
    assert_eq!(last, None);
}

#[test]
fn a_peer_is_granted_no_stream_beyond_the_last_and_none_twice_r3() {
    let (_, mut server) = pair_at(StreamId::MAX_INDEX - 1);
    let say = |server: &mut Connection, frame: Frame| {
        let mut bytes = BytesMut::new();
        let mark = begin_record(&mut bytes);
        frame.encode(&mut bytes);
        end_record(&mut bytes, mark);
        server.handle_input(Time::ZERO, &mut bytes);
    };
    let last = StreamId::new(Side::Client, Dir::Bi, StreamId::MAX_INDEX);
    let data = |id| Frame::Stream { id, offset: 0, payload: Bytes::from_static(b"q"), fin: true };
    say(&mut server, data(last));
    assert_eq!(server.close_reason(), None);
    // One that has been: a frame without effect, not a new stream.
    let streams = server.open_streams();
    say(&mut server, data(StreamId::new(Side::Client, Dir::Bi, StreamId::MAX_INDEX - 2)));
    assert_eq!((server.close_reason(), server.open_streams()), (None, streams));
    // A claim that more streams may be opened than there are ids.
    let mut bytes = BytesMut::new();
    let mark = begin_record(&mut bytes);
    bytes.extend_from_slice(&[0x12, 0xd0, 0, 0, 0, 0, 0, 0, 1]);
    end_record(&mut bytes, mark);
    server.handle_input(Time::ZERO, &mut bytes);
    let reason = server.close_reason();
    assert!(
        matches!(reason, Some(ConnectionError::Violation { code: TransportCode::FRAME_ENCODING_ERROR, .. })),
        "{reason:?}"
    );
}

/// A client, after the handshake, with much and little to send on two streams.
fn client_with_bulk() -> Connection {
    let (mut client, _) = pair_at(0);
    for size in [40_000, 100] {
        let Poll::Ready(Ok((key, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
            unreachable!("there is credit")
        };
        for mut piece in [Bytes::from_static(b"ab"), vec![7; size].into(), vec![8; 5000].into()] {
            assert!(client.poll_write(key, Waker::noop(), &mut piece, false).is_ready());
        }
    }
    client
}

#[test]
fn a_batch_in_pieces_is_the_same_bytes_with_large_payloads_where_they_were() {
    let (mut copied, mut copying, mut slicing) = (BytesMut::new(), client_with_bulk(), client_with_bulk());
    let mut output = Output::default();
    loop {
        let transmit = copying.poll_transmit(Time::ZERO, &mut copied, 1 << 16);
        assert_eq!(slicing.poll_transmit_pieces(Time::ZERO, &mut output, 1 << 16), transmit);
        if transmit == Transmit::Idle {
            break;
        }
        assert_eq!(transmit, Transmit::Appended(output.remaining()));
        assert_eq!(output.in_one_piece(), None, "all of it was copied");
        let mut pieces = vec![0; output.remaining()];
        output.copy_to_slice(&mut pieces);
        assert_eq!(pieces, copied.split());
        copying.handle_transmitted(Time::ZERO);
        slicing.handle_transmitted(Time::ZERO);
    }
    assert_eq!(slicing.queued_bytes(), 0);
}

#[test]
fn a_small_write_as_large_as_a_record_leaves_and_so_does_what_comes_after_it() {
    for size in 16_340..=16_390 {
        let (mut client, mut server) = pair_at(0);
        let data = vec![7; size];
        for data in [&data[..], b"after it"] {
            let Poll::Ready(Ok((key, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
                unreachable!("there is credit")
            };
            assert_eq!(client.try_write(key, data, true), Some(Ok(())));
        }
        exchange(&mut client, &mut server);
        for data in [&data[..], b"after it"] {
            let Poll::Ready(Ok((key, _))) = server.poll_accept(Dir::Bi, Waker::noop()) else {
                panic!("{size} bytes: the stream does not come")
            };
            let mut seen = Vec::new();
            while let Poll::Ready(Ok(chunk)) = server.poll_read(key, Waker::noop(), 1 << 16) {
                seen.extend_from_slice(&chunk.bytes);
                if chunk.fin {
                    break;
                }
            }
            assert!(seen == data, "{size} bytes: {} came", seen.len());
        }
        assert!(!client.has_pending_output(), "{size}");
    }
}

#[test]
fn a_stream_that_was_under_way_when_a_ping_left_is_not_the_answer_to_it() {
    let millis = |millis| Time::ZERO + Duration::from_millis(millis);
    let (mut client, mut server) = pair_at(0);
    let turn = |from: &mut Connection, to: &mut Connection, at: Time| {
        let mut bytes = BytesMut::new();
        while from.poll_transmit(at, &mut bytes, 1 << 16) != Transmit::Idle {
            from.handle_transmitted(at);
        }
        to.handle_input(at, &mut bytes);
    };
    // The first stream answers the server's parameters.
    let Poll::Ready(Ok((key, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
        unreachable!("there is credit")
    };
    assert_eq!(client.try_write(key, b"q", false), Some(Ok(())));
    turn(&mut client, &mut server, millis(100));
    assert_eq!(server.queueing.round_trip(), Some(Duration::from_millis(100)));
    // The server pings, and a stream that left before comes 1 ms later.
    let ping = server.poll_timeout().expect("a ping is due some time");
    server.handle_timeout(ping);
    let mut bytes = BytesMut::new();
    while server.poll_transmit(ping, &mut bytes, 1 << 16) != Transmit::Idle {
        server.handle_transmitted(ping);
    }
    let after = |millis| ping + Duration::from_millis(millis);
    let Poll::Ready(Ok((key, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else {
        unreachable!("there is credit")
    };
    assert_eq!(client.try_write(key, b"q", false), Some(Ok(())));
    turn(&mut client, &mut server, after(1));
    assert_eq!(server.queueing.round_trip(), Some(Duration::from_millis(100)));
    client.handle_input(after(50), &mut bytes);
    turn(&mut client, &mut server, after(120));
    assert_eq!(server.queueing.round_trip(), Some(Duration::from_millis(120)));
}
