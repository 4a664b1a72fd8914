//! Whether a larger window would help, or only stand in a queue.
//!
//! A sender that is blocked by its window asks for a larger one, and one that has more data than the path
//! carries is always blocked: on a fast path with a slow end it would be granted one doubling after the other,
//! and all of it would stand in the buffers between the two, where every small call waits behind it. So it
//! is measured how long credit takes to be used: from the grant that a blocked stream waited for until the
//! first byte that it permits. That is a round trip and what stands in queues. While it is not much more than
//! a round trip, the path is not full and a larger window fills it; once it is twice as much, the path carries
//! no more.
//!
//! The round trip itself is measured where there are no queues: at the beginning, from our transport parameters
//! to the peer's first stream, which it cannot open without them; by the pings of a connection that is idle,
//! should the path become another; and it is never more than what any credit took. It needs no frames of its
//! own and no timer. Where nobody tells the time, all of these are 0 and growth is bounded by its caps alone.

use core::time::Duration;

use ipfi_core::time::Time;

use crate::stream_id::StreamId;

/// A queue so short disturbs nobody, whatever the round trip is.
const HARMLESS: Duration = Duration::from_micros(250);

/// What is known of the queues on the path.
#[derive(Debug, Default)]
pub(super) struct Queueing {
    /// The grant whose use is awaited: one at a time.
    probe: Option<Probe>,
    /// The time that the last one took.
    last: Duration,
    /// The round trip.
    least: Option<Duration>,
    /// When that was sent which the peer answers at once.
    asked: Option<Time>,
}

#[derive(Debug)]
struct Probe {
    id: StreamId,
    /// Bytes beyond this offset were permitted by the grant.
    limit: u64,
    at: Time,
    /// The sender has said that it waits there: otherwise the grant came in time, and tells nothing.
    awaited: bool,
}

impl Queueing {
    /// Something was sent that the peer answers at once, on a path without queues.
    pub(super) fn asked(&mut self, now: Time) {
        self.asked = Some(now);
    }

    /// The answer came, or what can only be sent after it.
    #[inline]
    pub(super) fn answered(&mut self, now: Time) {
        if let Some(asked) = self.asked.take() {
            self.least = Some(now.saturating_since(asked));
        }
    }

    /// The sender of `id` is being granted more than `limit`, where it is known to be blocked or not.
    pub(super) fn granted(&mut self, id: StreamId, limit: u64, blocked: bool, now: Time) {
        // A stream that was given more in time may be silent for long: it makes way for one that waits.
        if self.probe.as_ref().is_none_or(|probe| blocked && !probe.awaited) {
            self.probe = Some(Probe { id, limit, at: now, awaited: blocked });
        }
    }

    /// The sender of `id` was blocked at `limit` when it had not yet heard of more.
    pub(super) fn blocked(&mut self, id: StreamId, limit: u64) {
        if let Some(probe) = &mut self.probe {
            probe.awaited |= probe.id == id && probe.limit == limit;
        }
    }

    /// Bytes of `id` up to offset `end` came.
    #[inline]
    pub(super) fn arrived(&mut self, id: StreamId, end: u64, now: Time) {
        if let Some(probe) = &self.probe
            && probe.id == id
            && end > probe.limit
        {
            let (took, awaited) = (now.saturating_since(probe.at), probe.awaited);
            self.probe = None;
            if !awaited {
                return;
            }
            self.last = took;
            self.least = Some(self.least.map_or(took, |least| least.min(took)));
        }
    }

    /// Nothing more comes on `id`.
    pub(super) fn ended(&mut self, id: StreamId) {
        if self.probe.as_ref().is_some_and(|probe| probe.id == id) {
            self.probe = None;
        }
    }

    /// The round trip, as it is known.
    #[cfg(test)]
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.least
    }

    /// Whether a larger window can be of use.
    pub(super) fn permits_growth(&self) -> bool {
        self.least.is_none_or(|least| self.last <= 2 * least + HARMLESS)
    }
}

#[cfg(test)]
mod tests;
