//! What only the inside can test.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use core::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_core::session::{Chunk, Side};
use ipfi_core::time::Time;

use super::{Connection, Transmit};
use crate::config::Config;
use crate::stream_id::Dir;

fn exchange(from: &mut Connection, to: &mut Connection) {
    let mut bytes = BytesMut::new();
    while from.poll_transmit(Time::ZERO, &mut bytes, 1 << 16) != Transmit::Idle {
        from.handle_transmitted(Time::ZERO);
    }
    to.handle_input(Time::ZERO, &mut bytes);
    assert!(bytes.is_empty());
}

#[test]
fn stream_ids_beyond_2_to_the_30_and_the_32_and_up_to_the_last_work() {
    for index in [(1 << 28) - 2, (1 << 30) - 2, (1 << 32) - 2, (1 << 60) - 200] {
        let [mut client, mut server] =
            [Side::Client, Side::Server].map(|side| Connection::new(Config::new(side), Time::ZERO).unwrap());
        exchange(&mut client, &mut server);
        exchange(&mut server, &mut client);
        for end in [&mut client, &mut server] {
            end.skip_to_index(Dir::Bi, index);
        }
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
