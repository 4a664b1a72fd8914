//! Windows that grow without a clock, on simulated links (MUX section 2, and section 7 test 10).
//!
//! The figures are computed, not measured: the link delivers what it delivers.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_mux::connection::{OpenTicket, Transmit};
use ipfi_mux::stream_id::Dir;
use ipfi_mux::{Config, Connection, StreamKey};

use crate::support::timeless;

/// One direction of a link: so many bytes a millisecond, so late.
struct Link {
    per_tick: usize,
    delay: u64,
    waiting: BytesMut,
    under_way: VecDeque<(u64, BytesMut)>,
}

impl Link {
    fn new(megabits: usize, delay: Duration) -> Self {
        let delay = u64::try_from(delay.as_millis()).unwrap();
        Self { per_tick: megabits * 125, delay, waiting: BytesMut::new(), under_way: VecDeque::new() }
    }

    fn tick(&mut self, now: u64, from: &mut Connection, to: &mut Connection, input: &mut BytesMut) {
        if self.carry(now, from, input) {
            to.handle_input(Time::from_micros(now * 1000), input);
        }
    }

    /// One millisecond of the link: whether anything has arrived, which is then at the end of `arrived`.
    fn carry(&mut self, now: u64, from: &mut Connection, arrived: &mut BytesMut) -> bool {
        let time = Time::from_micros(now * 1000);
        // The pipe's buffer is shallow: a batch is pulled when the last is gone.
        while self.waiting.len() < self.per_tick {
            if from.poll_transmit(time, &mut self.waiting, self.per_tick) == Transmit::Idle {
                break;
            }
            from.handle_transmitted(time);
        }
        let sent = self.waiting.split_to(self.per_tick.min(self.waiting.len()));
        self.under_way.push_back((now + self.delay, sent));
        let mut any = false;
        while self.under_way.front().is_some_and(|(at, _)| *at <= now) {
            let (_, bytes) = self.under_way.pop_front().unwrap();
            arrived.extend_from_slice(&bytes);
            any = true;
        }
        any
    }
}

struct Outcome {
    /// Megabits a second in the second half.
    megabits: u64,
    /// Most bytes unread at once.
    unread: u64,
}

/// Two peers, one of which sends on one stream as much as it is let.
struct Bulk {
    client: Connection,
    server: Connection,
    ticket: Option<OpenTicket>,
    sender: Option<StreamKey>,
    receiver: Option<StreamKey>,
    data: Bytes,
    rest: Bytes,
}

impl Bulk {
    fn new(limits: &Limits) -> Self {
        let [client, server] = [Side::Client, Side::Server].map(|side| {
            Connection::new(Config { limits: limits.clone(), ..Config::new(side) }, Time::ZERO).unwrap()
        });
        let data = Bytes::from(vec![0; 1 << 20]);
        Self { client, server, ticket: None, sender: None, receiver: None, rest: data.clone(), data }
    }

    /// Opens the stream when it may, and writes what is taken.
    fn send(&mut self) {
        if self.sender.is_none()
            && let Poll::Ready(Ok((key, _))) = self.client.poll_open(Dir::Bi, &mut self.ticket, Waker::noop())
        {
            self.sender = Some(key);
        }
        while let Some(key) = self.sender
            && self.client.poll_write(key, Waker::noop(), &mut self.rest, false).is_ready()
        {
            self.rest = self.data.clone();
        }
    }

    /// Reads at most `budget` bytes: how many.
    fn read(&mut self, budget: usize) -> usize {
        if self.receiver.is_none()
            && let Poll::Ready(Ok((key, _))) = self.server.poll_accept(Dir::Bi, Waker::noop())
        {
            self.receiver = Some(key);
        }
        let mut count = 0;
        while let Some(key) = self.receiver.filter(|_| count < budget)
            && let Poll::Ready(chunk) = self.server.poll_read(key, Waker::noop(), budget - count)
        {
            count += chunk.unwrap().bytes.len();
        }
        count
    }

    fn assert_alive(&self) {
        assert_eq!((self.client.close_reason(), self.server.close_reason()), (None, None));
    }
}

/// Sends on one stream for `ticks` milliseconds to a reader that takes `read` bytes in each.
fn transfer(limits: &Limits, megabits: usize, round_trip: Duration, ticks: u64, read: usize) -> Outcome {
    let mut bulk = Bulk::new(limits);
    let mut up = Link::new(megabits, round_trip / 2);
    let mut down = Link::new(megabits, round_trip / 2);
    let [mut up_input, mut down_input] = [BytesMut::new(), BytesMut::new()];
    let (mut counted, mut unread) = (0, 0);
    for now in 0..ticks {
        bulk.send();
        up.tick(now, &mut bulk.client, &mut bulk.server, &mut up_input);
        let count = bulk.read(read);
        if now >= ticks / 2 {
            counted += count as u64;
        }
        unread = unread.max(bulk.server.unread_bytes());
        down.tick(now, &mut bulk.server, &mut bulk.client, &mut down_input);
    }
    bulk.assert_alive();
    Outcome { megabits: counted * 8 / (ticks - ticks / 2) / 1000, unread }
}

const ALL: usize = usize::MAX;

fn fixed() -> Limits {
    let mut limits = timeless();
    limits.window_pool_bytes = 0;
    limits
}

#[test]
fn on_100_mbit_at_200_ms_a_growing_window_fills_the_link_and_a_fixed_one_a_fortieth() {
    let round_trip = Duration::from_millis(200);
    let (grown, fixed) =
        (transfer(&timeless(), 100, round_trip, 6000, ALL), transfer(&fixed(), 100, round_trip, 6000, ALL));
    assert!(grown.megabits >= 90, "{} Mbit/s", grown.megabits);
    assert!(fixed.megabits <= 4, "{} Mbit/s", fixed.megabits);
}

#[test]
fn on_1_gbit_at_40_ms_the_window_grows_to_its_cap() {
    let round_trip = Duration::from_millis(40);
    let (grown, fixed) =
        (transfer(&timeless(), 1000, round_trip, 1500, ALL), transfer(&fixed(), 1000, round_trip, 1500, ALL));
    // 4 MiB every 40 ms are 839 Mbit/s.
    assert!(grown.megabits >= 600, "{} Mbit/s", grown.megabits);
    assert!(fixed.megabits <= 15, "{} Mbit/s", fixed.megabits);
}

#[test]
fn a_slow_readers_window_does_not_grow() {
    let slow = transfer(&timeless(), 100, Duration::from_millis(20), 4000, 100);
    assert!(slow.unread <= 128 << 10, "{} bytes unread", slow.unread);
}

/// Bytes that stand before a reader, most at once, and those that it read in the last quarter of the time: first it
/// reads what comes, then `block` bytes a millisecond. What stands is counted when it has just slowed down, and
/// once that has settled.
fn standing_before_a_reader_that_slows_down(block: usize) -> ([usize; 2], usize) {
    const PHASE: u64 = 2000;
    let mut bulk = Bulk::new(&timeless());
    let (mut up, mut down) =
        (Link::new(4000, Duration::from_millis(1)), Link::new(4000, Duration::from_millis(1)));
    // What the system holds for the reader, and what the driver has read.
    let [mut pipe, mut input, mut down_input] = [BytesMut::new(), BytesMut::new(), BytesMut::new()];
    let (mut standing, mut read) = ([0; 2], 0);
    for now in 0..2 * PHASE {
        bulk.send();
        up.carry(now, &mut bulk.client, &mut pipe);
        if now >= PHASE {
            let most = &mut standing[usize::from(now >= PHASE + PHASE / 2)];
            *most = pipe.len().max(*most);
        }
        let take = if now < PHASE { pipe.len() } else { pipe.len().min(block) };
        input.extend_from_slice(&pipe.split_to(take));
        if !pipe.is_empty() {
            bulk.server.expect_more();
        }
        bulk.server.handle_input(Time::from_micros(now * 1000), &mut input);
        let count = bulk.read(ALL);
        read += if now >= PHASE + PHASE / 2 { count } else { 0 };
        down.tick(now, &mut bulk.server, &mut bulk.client, &mut down_input);
    }
    bulk.assert_alive();
    (standing, read)
}

#[test]
fn what_stands_before_a_reader_that_cannot_keep_up_is_sent_less_ahead_and_the_reader_loses_nothing() {
    let block = 64 << 10;
    let ([at_first, settled], read) = standing_before_a_reader_that_slows_down(block);
    assert!(at_first >= 1 << 20, "{at_first} bytes of a window that the fast reader needed");
    assert!(
        (block..=at_first / 2).contains(&settled),
        "{settled} of {at_first} bytes stand before the reader"
    );
    // Every block was full but for headers.
    assert!(read >= 1000 * block * 99 / 100, "{read} bytes read");
}
