//! What became of the datagrams of one direction.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

/// Datagrams, and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub datagrams: u64,
    /// Their UDP payloads.
    pub bytes: u64,
}

impl Tally {
    pub(super) fn count(&mut self, len: usize) {
        *self += Self { datagrams: 1, bytes: len as u64 };
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
    }
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { datagrams: self.datagrams - other.datagrams, bytes: self.bytes - other.bytes }
    }
}

/// Why a datagram did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// [`Path::blackhole`](super::Path::blackhole).
    Blackhole,
    /// Larger than [`Path::mtu_bytes`](super::Path::mtu_bytes).
    Mtu,
    /// The queue of the bottleneck was full.
    Queue,
    /// Within a [`Burst`](super::Burst).
    Burst,
    /// By [`Path::loss`](super::Path::loss).
    Random,
    /// Nobody receives at that address, or a NAT no longer does.
    Unreachable,
    /// The receiving socket's queue was full.
    Receiver,
}

/// What became of the datagrams of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sent by the socket, each segment by itself.
    pub sent: Tally,
    /// Put in from outside, by [`UdpNet::inject`](super::UdpNet::inject).
    pub injected: Tally,
    /// Made on the way, by [`Path::duplicate`](super::Path::duplicate).
    pub duplicated: Tally,
    /// Held back by [`Path::reorder`](super::Path::reorder), whether or not something did overtake.
    pub held_back: Tally,
    /// Of which a bit was flipped.
    pub corrupted: Tally,
    /// That came to the receiver's queue.
    pub delivered: Tally,
    /// That did not, by cause; no entry where there was none.
    pub lost: BTreeMap<Loss, Tally>,
}

impl Counters {
    /// What was lost for this cause.
    pub fn lost_by(&self, cause: Loss) -> Tally {
        self.lost.get(&cause).copied().unwrap_or_default()
    }

    /// What was lost, for any cause.
    pub fn lost_in_all(&self) -> Tally {
        let mut all = Tally::default();
        self.lost.values().for_each(|tally| all += *tally);
        all
    }

    /// What neither arrived nor was lost so far.
    pub fn under_way(&self) -> Tally {
        let mut came = self.sent;
        came += self.injected;
        came += self.duplicated;
        came - self.delivered - self.lost_in_all()
    }

    pub(super) fn lose(&mut self, cause: Loss, len: usize) {
        self.lost.entry(cause).or_default().count(len);
    }
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        self.sent += other.sent;
        self.injected += other.injected;
        self.duplicated += other.duplicated;
        self.held_back += other.held_back;
        self.corrupted += other.corrupted;
        self.delivered += other.delivered;
        for (cause, tally) in &other.lost {
            *self.lost.entry(*cause).or_default() += *tally;
        }
    }
}
