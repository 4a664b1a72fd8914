//! Two connections and two applications that do what the bytes say.

use core::task::{Poll, Waker};
use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::session::Side;
use ipfi_core::time::Time;

use super::{MOST_BYTES, Script, limits};
use crate::StreamKey;
use crate::config::Config;
use crate::connection::{Connection, OpenTicket, Transmit};
use crate::stream_id::{Dir, StreamId};

/// The byte that belongs at `offset` of what one side sends on `id`.
fn byte(id: StreamId, side: Side, offset: u64) -> u8 {
    let mixed = (id.get() << 1 | u64::from(side == Side::Client)).wrapping_mul(0x9e37_79b9);
    let mixed = mixed.wrapping_add(offset.wrapping_mul(31));
    (mixed ^ (mixed >> 8)).to_le_bytes()[0]
}

#[derive(Debug)]
struct Half {
    key: StreamKey,
    id: StreamId,
    /// Bytes written, or read.
    at: u64,
    over: bool,
}

/// What an application holds of one connection.
#[derive(Debug, Default)]
pub(super) struct Handles {
    sending: Vec<Half>,
    receiving: Vec<Half>,
    tickets: [Option<OpenTicket>; 2],
    /// Whether the peer's bytes are ours to check.
    honest: bool,
    /// How long each half was that this application finished.
    finished: HashMap<StreamId, u64>,
    /// How long each half was of which it read the end.
    ended: HashMap<StreamId, u64>,
    /// Bytes it has read.
    read: u64,
}

impl Handles {
    fn honest() -> Self {
        Self { honest: true, ..Self::default() }
    }

    fn add(&mut self, key: StreamKey, id: StreamId, sends: bool, receives: bool) {
        if sends {
            self.sending.push(Half { key, id, at: 0, over: false });
        }
        if receives {
            self.receiving.push(Half { key, id, at: 0, over: false });
        }
    }

    /// Does one thing of those an application may do.
    pub(super) fn act(&mut self, connection: &mut Connection, script: &mut Script<'_>) {
        let what = script.byte();
        let dir = if what & 0x80 == 0 { Dir::Bi } else { Dir::Uni };
        match what % 12 {
            0 | 1 => self.open(connection, dir),
            2 | 3 => {
                while let Poll::Ready(Ok((key, id))) = connection.poll_accept(dir, Waker::noop()) {
                    self.add(key, id, dir == Dir::Bi, true);
                }
            }
            4 | 5 => self.write(connection, script),
            6 | 7 => self.read(connection, script),
            8 => self.give_up(connection, script),
            9 => {
                let payload = Bytes::from(vec![0; usize::from(script.byte())]);
                let _ = connection.send_datagram(payload);
                let _ = connection.poll_recv_datagram(Waker::noop());
            }
            10 => {
                let priority = i8::from_le_bytes([script.byte()]);
                if let Some(half) = pick(&mut self.sending, script) {
                    connection.set_priority(half.key, priority);
                    let _ = connection.poll_stopped(half.key, Waker::noop());
                }
            }
            _ => {
                let place = usize::from(dir == Dir::Uni);
                if let Some(ticket) = self.tickets[place].take() {
                    connection.cancel_open(dir, ticket);
                }
            }
        }
    }

    fn open(&mut self, connection: &mut Connection, dir: Dir) {
        let ticket = &mut self.tickets[usize::from(dir == Dir::Uni)];
        if let Poll::Ready(Ok((key, id))) = connection.poll_open(dir, ticket, Waker::noop()) {
            self.add(key, id, true, dir == Dir::Bi);
        }
    }

    fn write(&mut self, connection: &mut Connection, script: &mut Script<'_>) {
        let (count, fin) = (u64::from(script.number() % 700), script.byte() & 7 == 0);
        let Some(half) = pick(&mut self.sending, script) else { return };
        let (id, side) = (half.id, connection.side());
        let mut data: Bytes = (half.at..half.at + count).map(|at| byte(id, side, at)).collect();
        let written = connection.poll_write(half.key, Waker::noop(), &mut data, fin);
        half.at += count - data.len() as u64;
        match written {
            Poll::Ready(Ok(())) => {
                assert!(data.is_empty(), "bytes were left of a whole write");
                if fin && !core::mem::replace(&mut half.over, true) {
                    self.finished.insert(id, half.at);
                }
            }
            Poll::Ready(Err(WriteError::Finished)) => {
                assert!(half.over, "a stream that was not finished says it was");
            }
            Poll::Ready(Err(_)) => half.over = true,
            Poll::Pending => assert!(!data.is_empty(), "a write waits with nothing left"),
        }
    }

    fn read(&mut self, connection: &mut Connection, script: &mut Script<'_>) {
        let max = usize::from(script.number());
        let (honest, peer) = (self.honest, connection.side().peer());
        let Some(half) = pick(&mut self.receiving, script) else { return };
        match connection.poll_read(half.key, Waker::noop(), max) {
            Poll::Ready(Ok(chunk)) => {
                assert!(chunk.bytes.len() <= max.max(1), "more than was asked for");
                assert!(chunk.fin || !chunk.bytes.is_empty(), "nothing was read");
                for (at, seen) in (half.at..).zip(chunk.bytes.iter()) {
                    assert!(!honest || byte(half.id, peer, at) == *seen, "{} at {at}", half.id);
                }
                half.at += chunk.bytes.len() as u64;
                self.read += chunk.bytes.len() as u64;
                if chunk.fin {
                    half.over = true;
                    self.ended.insert(half.id, half.at);
                }
            }
            Poll::Ready(Err(ReadError::Stopped)) => assert!(half.over, "a stream that was not stopped"),
            Poll::Ready(Err(_)) => half.over = true,
            Poll::Pending => {}
        }
    }

    fn give_up(&mut self, connection: &mut Connection, script: &mut Script<'_>) {
        let code = StreamCode(u64::from(script.byte() >> 4));
        match script.byte() % 4 {
            0 => {
                if let Some(half) = pick(&mut self.sending, script) {
                    connection.reset(half.key, code);
                    half.over = true;
                }
            }
            1 => {
                if let Some(half) = pick(&mut self.receiving, script) {
                    connection.stop(half.key, code);
                    half.over = true;
                }
            }
            2 => {
                if let Some(at) = position(&self.sending, script) {
                    connection.drop_send(self.sending.swap_remove(at).key);
                }
            }
            _ => {
                if let Some(at) = position(&self.receiving, script) {
                    connection.drop_recv(self.receiving.swap_remove(at).key);
                }
            }
        }
    }

    /// Lets go of everything.
    pub(super) fn close(&mut self, connection: &mut Connection) {
        for (ticket, dir) in self.tickets.iter_mut().zip([Dir::Bi, Dir::Uni]) {
            if let Some(ticket) = ticket.take() {
                connection.cancel_open(dir, ticket);
            }
        }
        for dir in [Dir::Bi, Dir::Uni] {
            while let Poll::Ready(Ok((key, _))) = connection.poll_accept(dir, Waker::noop()) {
                connection.drop_recv(key);
                if dir == Dir::Bi {
                    connection.drop_send(key);
                }
            }
        }
        self.sending.drain(..).for_each(|half| connection.drop_send(half.key));
        self.receiving.drain(..).for_each(|half| connection.drop_recv(half.key));
    }
}

fn position(halves: &[Half], script: &mut Script<'_>) -> Option<usize> {
    let which = usize::from(script.byte());
    (!halves.is_empty()).then(|| which % halves.len())
}

fn pick<'a>(halves: &'a mut [Half], script: &mut Script<'_>) -> Option<&'a mut Half> {
    position(halves, script).map(|at| &mut halves[at])
}

/// One end: the connection, its application, and the pipe towards it.
struct End {
    connection: Connection,
    handles: Handles,
    pipe: BytesMut,
    input: BytesMut,
}

impl End {
    fn new(side: Side) -> Self {
        // Cancelling at will is what the budget is there to stop.
        let mut limits = limits();
        limits.abuse_budget = u32::MAX;
        let config = Config { limits, ..Config::new(side) };
        let connection = Connection::new(config, Time::ZERO).expect("the limits are consistent");
        Self { connection, handles: Handles::honest(), pipe: BytesMut::new(), input: BytesMut::new() }
    }
}

/// Moves output to the other end's pipe and at most `cut` bytes of the own pipe in. Whether anything moved.
fn step(end: &mut End, other: &mut BytesMut, cut: usize) -> bool {
    let mut moved = false;
    if other.len() < 2000 {
        moved |= end.connection.poll_transmit(Time::ZERO, other, 500) != Transmit::Idle;
        end.connection.handle_transmitted(Time::ZERO);
    }
    let count = end.pipe.len().min(cut);
    if count > 0 {
        end.input.extend_from_slice(&end.pipe.split_to(count));
        if !end.pipe.is_empty() {
            end.connection.expect_more();
        }
        end.connection.handle_input(Time::ZERO, &mut end.input);
        moved = true;
    }
    end.connection.take_wakes().fire();
    moved
}

/// Two peers that do anything at any time: every byte read is the one that was written there; nobody
/// breaks a rule of the other's; memory stays within the limits; they come to rest; and when all handles
/// are gone, every stream and every credit is back (MUX section 7, test 7). Gives how many bytes were read,
/// so that a test can see that scripts do something.
pub fn operations(bytes: &[u8]) -> u64 {
    let mut script = Script(bytes);
    let mut ends = [End::new(Side::Client), End::new(Side::Server)];
    while !script.is_over() {
        let what = script.byte();
        let [first, second] = &mut ends;
        let (end, other) = if what & 1 == 0 { (first, second) } else { (second, first) };
        if what & 0x30 == 0 {
            let cut = usize::from(script.byte()) + 1;
            for _ in 0..=what >> 6 {
                step(end, &mut other.pipe, cut);
                step(other, &mut end.pipe, cut);
            }
        } else {
            end.handles.act(&mut end.connection, &mut script);
        }
        for end in &ends {
            assert_eq!(end.connection.close_reason(), None, "an honest peer broke a rule");
            let used = end.connection.memory_used();
            assert!(used <= MOST_BYTES, "{used} bytes");
        }
    }
    let [client, server] = &mut ends;
    for _ in 0..2 {
        rest(client, server);
        client.handles.close(&mut client.connection);
        server.handles.close(&mut server.connection);
    }
    rest(client, server);
    for (reader, writer) in [(&*client, &*server), (&*server, &*client)] {
        for (id, len) in &reader.handles.ended {
            let finished = writer.handles.finished.get(id);
            assert_eq!(finished, Some(len), "{id} ended where it was not finished");
        }
    }
    for end in [&*client, &*server] {
        assert_eq!(end.connection.close_reason(), None, "an honest peer broke a rule");
        assert_eq!(end.connection.open_streams(), 0, "a stream is left: {:?}", end.connection);
        assert_eq!(end.connection.credit_out(), [0; 4], "credit is left: {:?}", end.connection);
        assert_eq!(end.connection.queued_bytes(), 0, "bytes are left");
    }
    client.connection.close(CloseCode::NO_ERROR, "");
    rest(client, server);
    assert!(server.connection.close_reason().is_some_and(ConnectionError::is_orderly));
    client.handles.read + server.handles.read
}

/// Until nothing moves.
fn rest(client: &mut End, server: &mut End) {
    for _ in 0..100_000 {
        let moved = step(client, &mut server.pipe, 4096);
        if !step(server, &mut client.pipe, 4096) && !moved {
            return;
        }
    }
    panic!("livelock: the peers do not come to rest");
}
