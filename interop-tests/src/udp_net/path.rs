//! What a path does to datagrams.

use std::time::Duration;

/// What one direction does to datagrams. The default is perfect: at once, whole and in order.
///
/// Sizes are those of UDP payloads; headers are not counted. Probabilities are between 0 and 1, for each
/// datagram by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// How long a datagram is under way, apart from waiting for bandwidth. Default 0.
    pub delay: Duration,
    /// The delay is between `delay - jitter` and `delay + jitter`, evenly, and never below 0. Order is kept:
    /// a datagram that would overtake arrives together with the one before. Default 0.
    pub jitter: Duration,
    /// The probability that a datagram is lost. Default 0.
    pub loss: f64,
    /// Losses that come together. Default none.
    pub burst: Burst,
    /// The probability that a datagram is held back by [`reorder_by`](Self::reorder_by), so that later ones
    /// overtake it. Default 0.
    pub reorder: f64,
    /// How much later a datagram arrives that is held back. Default 10 ms.
    pub reorder_by: Duration,
    /// The probability that a datagram arrives twice. The copy has a jitter, a place in the order and
    /// corruption of its own. Default 0.
    pub duplicate: f64,
    /// The probability that one bit of a datagram arrives flipped. Default 0.
    pub corrupt: f64,
    /// What the bottleneck lets through; `None` for everything at once. Default `None`.
    pub bytes_per_second: Option<u64>,
    /// What may wait at the bottleneck, the datagram that is passing included. One that finds no room is
    /// lost; one that finds the bottleneck idle is always taken. Default 256 KiB.
    pub queue_bytes: u64,
    /// Larger datagrams are lost. Default none is larger.
    pub mtu_bytes: usize,
    /// Everything sent is lost. What is under way still arrives. Default off.
    pub blackhole: bool,
}

/// Losses that come together, as where a radio link fades.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burst {
    /// The probability that a burst begins with a datagram.
    pub start: f64,
    /// How many datagrams it takes.
    pub datagrams: u32,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            burst: Burst::default(),
            reorder: 0.0,
            reorder_by: Duration::from_millis(10),
            duplicate: 0.0,
            corrupt: 0.0,
            bytes_per_second: None,
            queue_bytes: 256 << 10,
            mtu_bytes: usize::MAX,
            blackhole: false,
        }
    }
}

impl Path {
    /// A path that is perfect but for its length.
    pub fn with_delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }
}
