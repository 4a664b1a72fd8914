//! Two peers that do anything at any time, cancellation included, against what must always hold
//! (MUX section 7, test 7; RELIABILITY rows S1 and S3).
//!
//! Each script is a seed: limits, pipe and operations come from it. `IPFI_SCRIPTS` says how many run,
//! `IPFI_SEED` where they begin. The oracles: every byte read is the one that was written there; an end
//! comes exactly where it was said; only errors that the script caused; the pair comes to rest in a
//! bounded number of steps; memory stays within the sum of the limits; when all handles are gone, every
//! stream and every credit is back; and the same seed gives the same bytes.

use core::hash::{Hash, Hasher};
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::HashMap;
use std::hash::DefaultHasher;

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ReadError, WriteError};
use ipfi_core::limits::Limits;
use ipfi_mux::StreamKey;
use ipfi_mux::connection::OpenTicket;
use ipfi_mux::stream_id::{Dir, StreamId};

use crate::support::Pair;

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A size: mostly small, sometimes large.
    fn size(&mut self) -> usize {
        let bits = self.below(17);
        usize::try_from(self.below(1 << bits)).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a mut [T]) -> Option<&'a mut T> {
        self.place(of).map(|at| &mut of[at])
    }

    /// The place of one of them.
    fn place<T>(&mut self, of: &[T]) -> Option<usize> {
        (!of.is_empty()).then(|| usize::try_from(self.next() % of.len() as u64).unwrap())
    }
}

/// The byte that belongs at `offset` of what `client` sends on `id`.
fn byte(id: StreamId, client: bool, offset: u64) -> u8 {
    let mixed = (id.get() << 1 | u64::from(client)).wrapping_mul(0x9e37_79b9).wrapping_add(offset * 31);
    (mixed ^ (mixed >> 8)).to_le_bytes()[0]
}

/// The first `count` of them from `offset` on.
fn bytes_of(id: StreamId, client: bool, offset: u64, count: u64) -> Bytes {
    (offset..offset + count).map(|at| byte(id, client, at)).collect::<Vec<u8>>().into()
}

struct Sending {
    key: StreamKey,
    id: StreamId,
    written: u64,
    finished: bool,
}

struct Receiving {
    key: StreamKey,
    id: StreamId,
    read: u64,
}

#[derive(Default)]
struct Side {
    /// Bidirectional streams opened.
    opened: u64,
    sending: Vec<Sending>,
    receiving: Vec<Receiving>,
    tickets: Vec<(Dir, Option<OpenTicket>)>,
}

struct Script {
    random: Random,
    pair: Pair,
    sides: [Side; 2],
    /// How long each half was that was finished: by id and whether the client sent it.
    totals: HashMap<(StreamId, bool), u64>,
    trace: DefaultHasher,
    bound: [usize; 2],
}

fn limits(random: &mut Random) -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = u32::try_from(1 + random.below(8)).unwrap();
    limits.max_outbound_calls = u32::try_from(1 + random.below(8)).unwrap();
    limits.max_inbound_notifications = u32::try_from(random.below(4)).unwrap();
    limits.stream_window_bytes = u32::try_from(1 + random.size()).unwrap();
    limits.notification_window_bytes = u32::try_from(1 + random.size()).unwrap();
    limits.max_stream_window_bytes = limits.stream_window_bytes * 4;
    let least = limits.max_inbound_notifications * limits.notification_window_bytes;
    limits.window_pool_bytes =
        if random.chance(20) { 0 } else { least + u32::try_from(random.size()).unwrap() };
    limits.stream_send_buffer_bytes = u32::try_from(1 + random.size()).unwrap();
    limits.send_buffer_bytes = u32::try_from(1 + random.size()).unwrap();
    limits.max_queued_datagrams = u32::try_from(random.below(4)).unwrap();
    // The abuse budget is the default one: whatever honest peers do, it must not end their connection.
    limits
}

/// What one end may hold: four bytes for each of its windows, its send buffer, twice over for copies, its
/// slots, its datagrams.
fn bound(limits: &Limits, peer: &Limits) -> usize {
    let ours = limits.max_outbound_calls.min(peer.max_inbound_calls) as usize;
    let window = limits.stream_window_bytes as usize;
    let windows = (limits.max_inbound_calls as usize + ours) * window
        + limits.max_inbound_notifications as usize * limits.notification_window_bytes as usize
        + limits.window_pool_bytes as usize;
    let slots = 2 * (limits.max_inbound_calls + limits.max_inbound_notifications) as usize + 2 * (ours + 8);
    4 * windows + 2 * limits.send_buffer_bytes as usize + 8 * 16_384 * 4 + slots * 2048 + 32_768
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (client, server) = (limits(&mut random), limits(&mut random));
        let bound = [bound(&client, &server), bound(&server, &client)];
        let mut pair = Pair::with(client, server);
        pair.pipe_bytes = 1 + random.size();
        pair.cut = 1 + random.size();
        pair.batch = 1 + random.size();
        let sides = Default::default();
        Self { random, pair, sides, totals: HashMap::new(), trace: DefaultHasher::new(), bound }
    }

    fn run(mut self) -> u64 {
        for _ in 0..self.random.below(150) {
            let client = self.random.chance(50);
            self.operation(client);
            self.check();
        }
        self.settle();
        self.trace.finish()
    }

    fn operation(&mut self, client: bool) {
        match self.random.below(100) {
            0..12 => self.open(client),
            12..16 => {
                let tickets = &mut self.sides[usize::from(client)].tickets;
                if let Some((dir, Some(ticket))) = tickets.pop() {
                    self.pair.end(client).connection.cancel_open(dir, ticket);
                }
            }
            16..26 => self.accept(client),
            26..50 => self.write(client),
            50..72 => self.read(client),
            72..76 => self.give_up(client),
            76..78 => {
                let priority = i8::from_le_bytes([self.random.next().to_le_bytes()[0]]);
                if let Some(half) = self.random.pick(&mut self.sides[usize::from(client)].sending) {
                    self.pair.end(client).connection.set_priority(half.key, priority);
                }
            }
            78..80 => {
                let payload = Bytes::from(vec![7; self.random.size().min(16_000)]);
                let connection = &mut self.pair.end(client).connection;
                let _ = connection.send_datagram(payload);
                let _ = connection.poll_recv_datagram(Waker::noop());
            }
            80..82 => {
                let now = self.pair.now + Duration::from_millis(self.random.below(3000));
                self.pair.now = now;
                for client in [true, false] {
                    self.pair.end(client).connection.handle_timeout(now);
                }
                // The other side answers before it counts as silent.
                assert!(self.pair.drive_bounded(400_000), "livelock");
            }
            _ => {
                for _ in 0..self.random.below(20) {
                    self.pair.step();
                }
            }
        }
    }

    fn open(&mut self, client: bool) {
        let dir = if self.random.chance(70) { Dir::Bi } else { Dir::Uni };
        if dir == Dir::Bi && self.random.chance(30) {
            return self.open_whole(client);
        }
        let side = &mut self.sides[usize::from(client)];
        let waits = side.tickets.iter().position(|(waiting, _)| *waiting == dir);
        let mut ticket = waits.and_then(|at| side.tickets.swap_remove(at).1);
        match self.pair.end(client).connection.poll_open(dir, &mut ticket, Waker::noop()) {
            Poll::Ready(opened) => {
                let (key, id) = opened.unwrap();
                side.sending.push(Sending { key, id, written: 0, finished: false });
                if dir == Dir::Bi {
                    side.opened += 1;
                    side.receiving.push(Receiving { key, id, read: 0 });
                }
            }
            Poll::Pending => side.tickets.push((dir, ticket)),
        }
    }

    /// Opens, writes all there is, and lets go of the sending half, in one step.
    fn open_whole(&mut self, client: bool) {
        let count = self.random.size() as u64;
        let side = &mut self.sides[usize::from(client)];
        let initiator =
            if client { ipfi_core::session::Side::Client } else { ipfi_core::session::Side::Server };
        let expected = StreamId::new(initiator, Dir::Bi, side.opened);
        let data = bytes_of(expected, client, 0, count);
        let opened = self.pair.end(client).connection.try_open_whole(Waker::noop(), &data);
        let Some(opened) = opened else { return };
        let (key, id, taken) = opened.unwrap();
        assert_eq!(id, expected);
        side.opened += 1;
        side.receiving.push(Receiving { key, id, read: 0 });
        if taken {
            self.totals.insert((id, client), count);
        } else {
            side.sending.push(Sending { key, id, written: 0, finished: false });
        }
    }

    fn accept(&mut self, client: bool) {
        let dir = if self.random.chance(70) { Dir::Bi } else { Dir::Uni };
        let most = if self.random.chance(50) { self.random.size() } else { 0 };
        let end = &mut self.pair.end(client).connection;
        let accepted = match dir {
            Dir::Bi => end.poll_accept_bi(Waker::noop(), most),
            Dir::Uni => end.poll_accept(dir, Waker::noop()).map_ok(|(key, id)| (key, id, None)),
        };
        let Poll::Ready(accepted) = accepted else { return };
        let (key, id, whole) = accepted.unwrap();
        let side = &mut self.sides[usize::from(client)];
        match whole {
            // Read and let go of already.
            Some(whole) => {
                assert_eq!(self.totals.get(&(id, !client)), Some(&(whole.len() as u64)), "stream {id}");
                assert_eq!(whole, bytes_of(id, !client, 0, whole.len() as u64), "stream {id}");
            }
            None => side.receiving.push(Receiving { key, id, read: 0 }),
        }
        if dir == Dir::Bi {
            side.sending.push(Sending { key, id, written: 0, finished: false });
        }
    }

    /// Writes and forgets what was not taken, as a dropped future does; of what is finished lets go at once,
    /// or later.
    fn write(&mut self, client: bool) {
        let (count, fin) = (self.random.size() as u64, self.random.chance(25));
        let (copied, released) = (self.random.chance(50), self.random.chance(50));
        let sending = &mut self.sides[usize::from(client)].sending;
        let Some(at) = self.random.place(sending) else { return };
        let half = &mut sending[at];
        let mut data = bytes_of(half.id, client, half.written, count);
        let end = self.pair.end(client);
        let written = if copied {
            let written = end.connection.try_write(half.key, &data, fin);
            if let Some(Ok(())) = written {
                data.clear();
            }
            written.map_or(Ok(false), |written| written.map(|()| true))
        } else {
            end.write(half.key, &mut data, fin)
        };
        match written {
            Ok(done) => {
                half.written += count - data.len() as u64;
                if done && fin && !half.finished {
                    half.finished = true;
                    self.totals.insert((half.id, client), half.written);
                }
            }
            Err(WriteError::Stopped(_) | WriteError::Finished) => assert_eq!(data.len() as u64, count),
            Err(WriteError::Connection(error)) => panic!("{error}"),
        }
        (client, half.id.get(), half.written).hash(&mut self.trace);
        if half.finished && released {
            end.connection.release_send(sending.swap_remove(at).key);
        }
    }

    /// Reads; where the end of a bidirectional stream is read through, the half has been let go of.
    fn read(&mut self, client: bool) {
        let (max, through) = (self.random.size(), self.random.chance(50));
        let receiving = &mut self.sides[usize::from(client)].receiving;
        let Some(at) = self.random.place(receiving) else { return };
        let half = &mut receiving[at];
        let through = through && half.id.dir() == Dir::Bi;
        let end = &mut self.pair.end(client).connection;
        let read = match through {
            true => end.poll_read_through(half.key, Waker::noop(), max),
            false => end.poll_read(half.key, Waker::noop(), max),
        };
        let mut over = false;
        match read {
            Poll::Ready(Ok(chunk)) => {
                assert!(chunk.fin || !chunk.bytes.is_empty());
                let count = chunk.bytes.len() as u64;
                assert_eq!(chunk.bytes, bytes_of(half.id, !client, half.read, count), "stream {}", half.id);
                half.read += count;
                if chunk.fin {
                    assert_eq!(self.totals.get(&(half.id, !client)), Some(&half.read), "stream {}", half.id);
                    over = through;
                }
            }
            Poll::Pending | Poll::Ready(Err(ReadError::Reset(_) | ReadError::Stopped)) => {}
            Poll::Ready(Err(error @ (ReadError::Connection(_) | ReadError::Limit(_)))) => panic!("{error}"),
        }
        (client, half.id.get(), half.read).hash(&mut self.trace);
        if over {
            receiving.swap_remove(at);
        }
    }

    fn give_up(&mut self, client: bool) {
        let what = self.random.below(4);
        let code = StreamCode(self.random.below(8));
        let side = &mut self.sides[usize::from(client)];
        let at = |random: &mut Random, len: usize| usize::try_from(random.below(len as u64)).unwrap();
        let end = &mut self.pair.end(client).connection;
        if what < 2 && !side.sending.is_empty() {
            let at = at(&mut self.random, side.sending.len());
            if what == 0 {
                end.reset(side.sending[at].key, code);
            } else {
                end.drop_send(side.sending.swap_remove(at).key);
            }
        } else if what >= 2 && !side.receiving.is_empty() {
            let at = at(&mut self.random, side.receiving.len());
            if what == 2 {
                end.stop(side.receiving[at].key, code);
            } else {
                end.drop_recv(side.receiving.swap_remove(at).key);
            }
        }
    }

    fn check(&mut self) {
        for client in [true, false] {
            let bound = self.bound[usize::from(!client)];
            let end = self.pair.end(client);
            assert_eq!(end.connection.close_reason(), None);
            let used = end.connection.memory_used();
            assert!(used <= bound, "{used} bytes held, {bound} allowed");
            (used, end.connection.queued_bytes(), end.pipe.len()).hash(&mut self.trace);
            end.pipe.hash(&mut self.trace);
        }
    }

    /// Lets go of everything: all credit must come back.
    fn settle(&mut self) {
        for client in [true, false] {
            let Side { sending, receiving, tickets, .. } =
                core::mem::take(&mut self.sides[usize::from(client)]);
            let end = &mut self.pair.end(client).connection;
            sending.iter().for_each(|half| end.drop_send(half.key));
            receiving.iter().for_each(|half| end.drop_recv(half.key));
            for (dir, ticket) in tickets {
                ticket.into_iter().for_each(|ticket| end.cancel_open(dir, ticket));
            }
        }
        loop {
            assert!(self.pair.drive_bounded(400_000), "livelock");
            let mut accepted = false;
            for client in [true, false] {
                for dir in [Dir::Bi, Dir::Uni] {
                    while let Some(key) = self.pair.end(client).accept(dir) {
                        accepted = true;
                        self.pair.end(client).drop_both_of(key, dir);
                    }
                }
            }
            if !accepted {
                break;
            }
        }
        self.check();
        for client in [true, false] {
            let end = &self.pair.end(client).connection;
            assert_eq!(end.open_streams(), 0);
            assert_eq!((end.credit_out(), end.queued_bytes()), ([0; 4], 0));
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_two_peers_do_bytes_are_exact_and_all_credit_comes_back() {
    let first = number("IPFI_SEED", 0);
    for seed in first..first + number("IPFI_SCRIPTS", 10_000) {
        let outcome = std::panic::catch_unwind(|| Script::new(seed).run());
        assert!(outcome.is_ok(), "IPFI_SEED={seed} IPFI_SCRIPTS=1 reproduces this");
        // S3: the same seed is the same trace.
        assert_eq!(outcome.ok(), Some(Script::new(seed).run()), "seed {seed} is not the same twice");
    }
}
