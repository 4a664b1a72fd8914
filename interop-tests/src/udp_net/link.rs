//! One direction as a machine: a datagram and the time in; its copies and when they arrive out.
//!
//! The simulated net and the relay between real sockets both ask this one, so that a fault means the same in
//! both. It has no clock: time is what passed since whoever asks began.

use std::time::Duration;

use bytes::Bytes;

use super::counters::{Counters, Loss};
use super::dice::Dice;
use super::path::Path;

/// One direction.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: Path,
    pub(super) counters: Counters,
    dice: Dice,
    /// When the bottleneck has let through everything it took.
    busy_until: Duration,
    /// When the last datagram arrives of those that keep the order.
    last_arrival: Duration,
    /// How many more datagrams the present burst takes.
    burst_left: u32,
}

/// What arrives of a datagram: itself, and perhaps a second time.
pub(super) type Copies = [Option<Arrival>; 2];

/// When, and what.
#[derive(Debug, PartialEq)]
pub(super) struct Arrival {
    pub(super) at: Duration,
    pub(super) bytes: Bytes,
}

impl Link {
    pub(super) fn new(path: Path, dice: Dice) -> Self {
        Self {
            path,
            counters: Counters::default(),
            dice,
            busy_until: Duration::ZERO,
            last_arrival: Duration::ZERO,
            burst_left: 0,
        }
    }

    /// A datagram is sent. Counts it, and what is lost of it here; what arrives, the caller counts.
    pub(super) fn carry(&mut self, now: Duration, bytes: Bytes) -> Result<Copies, Loss> {
        self.counters.sent.count(bytes.len());
        let copies = self.decide(now, &bytes);
        if let Err(cause) = copies {
            self.counters.lose(cause, bytes.len());
        }
        copies
    }

    fn decide(&mut self, now: Duration, bytes: &Bytes) -> Result<Copies, Loss> {
        // Dice of its own for each datagram: what one meets moves nothing for those after it, so that two
        // runs with one parameter changed stay comparable.
        let mut dice = self.dice.split();
        if self.path.blackhole {
            return Err(Loss::Blackhole);
        }
        if bytes.len() > self.path.mtu_bytes {
            return Err(Loss::Mtu);
        }
        // What is lost later has used bandwidth all the same.
        let departed = self.depart(now, bytes.len()).ok_or(Loss::Queue)?;
        if dice.chance(self.path.burst.start) && self.burst_left == 0 {
            self.burst_left = self.path.burst.datagrams;
        }
        if let Some(left) = self.burst_left.checked_sub(1) {
            self.burst_left = left;
            return Err(Loss::Burst);
        }
        if dice.chance(self.path.loss) {
            return Err(Loss::Random);
        }
        let twice = dice.chance(self.path.duplicate);
        let first = self.arrive(departed, bytes, &mut dice);
        let second = twice.then(|| {
            self.counters.duplicated.count(bytes.len());
            self.arrive(departed, bytes, &mut dice)
        });
        Ok([Some(first), second])
    }

    /// When a datagram is through the bottleneck, if that takes it.
    fn depart(&mut self, now: Duration, len: usize) -> Option<Duration> {
        let Some(rate) = self.path.bytes_per_second else {
            return Some(now);
        };
        let (len, rate) = (len as u128, u128::from(rate.max(1)));
        let waiting = self.busy_until.saturating_sub(now).as_nanos() * rate / NANOS;
        if self.busy_until > now && waiting + len > u128::from(self.path.queue_bytes) {
            return None;
        }
        let passing = u64::try_from(len * NANOS / rate).unwrap_or(u64::MAX);
        self.busy_until = self.busy_until.max(now) + Duration::from_nanos(passing);
        Some(self.busy_until)
    }

    /// One copy, from the bottleneck to the other end.
    fn arrive(&mut self, departed: Duration, bytes: &Bytes, dice: &mut Dice) -> Arrival {
        let jitter = u64::try_from(self.path.jitter.as_nanos()).unwrap_or(u64::MAX / 2);
        let later = Duration::from_nanos(dice.up_to(jitter.saturating_mul(2)));
        let in_order = (departed + self.path.delay + later).saturating_sub(self.path.jitter).max(departed);
        let in_order = in_order.max(self.last_arrival);
        let at = if dice.chance(self.path.reorder) {
            self.counters.held_back.count(bytes.len());
            in_order + self.path.reorder_by
        } else {
            self.last_arrival = in_order;
            in_order
        };
        let mut bytes = bytes.clone();
        if dice.chance(self.path.corrupt) && !bytes.is_empty() {
            self.counters.corrupted.count(bytes.len());
            bytes = flipped(&bytes, dice);
        }
        Arrival { at, bytes }
    }
}

const NANOS: u128 = 1_000_000_000;

/// `bytes`, which are not empty, with one bit flipped.
fn flipped(bytes: &[u8], dice: &mut Dice) -> Bytes {
    let mut bytes = bytes.to_vec();
    let place = usize::try_from(dice.up_to(bytes.len() as u64 - 1)).unwrap_or(0);
    bytes[place] ^= 1 << dice.up_to(7);
    bytes.into()
}
