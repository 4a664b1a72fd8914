//! Whether larger windows would help, or only stand in a queue.
//!
//! A sender that is blocked by its window asks for a larger one, and one that has more data than the path
//! carries is always blocked: on a fast path with a slow end it would be granted one doubling after the other,
//! and all of it would stand in the buffers between the two, where every small call waits behind it. So it
//! is measured how long credit takes to be used: from the grant that a blocked stream waited for until the
//! first byte that it permits. That is a round trip and what stands in queues.
//!
//! All streams share the path, so what is learnt holds for all: no window is used beyond one *ceiling*, and
//! each measurement moves it once. (Streams that doubled their windows each for itself would all do so before
//! the first doubling has shown what it did.)
//!
//! * While credit takes little more than a round trip, the path is not full, and a stream that is blocked at
//!   the ceiling doubles it. Once a queue shows, it is raised by a quarter only.
//! * When credit takes twice the round trip, the path is full, and the ceiling stays.
//! * When there was *always more to read* besides, the queue stands before this very end, and the ceiling is
//!   lowered by a quarter: a reader with more to do than it can loses nothing. Without that condition, a queue
//!   that others have made in the network would take the window from us. It may fall below the window that
//!   streams begin with: many of those are a queue too.
//!
//! The round trip itself is measured where there are no queues: at the beginning, from our transport parameters
//! to the peer's first stream, which it cannot open without them; by the pings of a connection that is idle,
//! should the path become another; and it is never more than what any credit took. It needs no frames of its
//! own and no timer. Where nobody tells the time, all of these are 0 and growth is bounded by its caps alone.

use core::time::Duration;

use ipfi_core::time::Time;

use crate::flow::StreamCredit;
use crate::stream_id::StreamId;

/// A queue so short disturbs nobody, whatever the round trip is.
const HARMLESS: Duration = Duration::from_micros(50);

/// A sender that waited for credit uses it at once: this long after, it is not going to.
const PATIENCE: Duration = Duration::from_secs(1);

/// By what share the ceiling is moved where a queue shows.
const STEP_SHARE: u64 = 4;

/// The share of the first window below which the ceiling never falls. With the default of 64 KiB it is a
/// quantum of the schedule: less would make each turn of a stream wait for credit.
const LEAST_SHARE: u64 = 4;

/// What is known of the queues on the path, and what follows for the windows.
#[derive(Debug)]
pub(super) struct Queueing {
    /// The largest window that a stream uses, in bytes: from `floor` to `cap`.
    ceiling: u64,
    /// A share of the largest first window.
    floor: u64,
    /// The limit `max_stream_window_bytes`.
    cap: u64,
    /// Something was measured since the ceiling was changed.
    fresh: bool,
    /// More had come than was taken in last.
    backlog: bool,
    /// More has come than is taken in next.
    expected: bool,
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
    /// Since the grant there was always more to read.
    always_more: bool,
}

impl Queueing {
    /// Windows begin with at most `first` bytes and grow to `cap` at most.
    pub(super) fn new(first: u64, cap: u64) -> Self {
        Self {
            ceiling: first,
            floor: (first / LEAST_SHARE).max(1),
            cap: cap.max(first),
            fresh: true,
            backlog: false,
            expected: false,
            probe: None,
            last: Duration::ZERO,
            least: None,
            asked: None,
        }
    }

    /// The largest window that a stream uses now, in bytes.
    #[inline]
    pub(super) fn ceiling(&self) -> u64 {
        self.ceiling
    }

    /// Lets the window of `credit` grow, of which the reader has left `unread` bytes, if that would be of use.
    pub(super) fn grow(&mut self, credit: &mut StreamCredit, unread: u64, pool: &mut u64) {
        let ceiling = self.ceiling;
        if credit.may_grow(unread, ceiling) {
            let room = self.room_above(credit.window());
            credit.grow(ceiling, room, pool);
        }
    }

    /// How far a stream may grow whose window of `window` bytes is all in use: to the ceiling, which is raised
    /// first if that is where it is, and if the last measurement permits.
    fn room_above(&mut self, window: u64) -> u64 {
        if window >= self.ceiling && self.fresh && !self.is_full() {
            let step = if self.shows_a_queue() { self.ceiling / STEP_SHARE } else { self.ceiling };
            let raised = self.ceiling.saturating_add(step.max(1)).min(self.cap);
            self.fresh = raised == self.ceiling;
            self.ceiling = raised;
        }
        self.ceiling
    }

    /// What is taken in next is not all that has come.
    pub(super) fn expect_more(&mut self) {
        self.expected = true;
    }

    /// Something was taken in.
    #[inline]
    pub(super) fn taken_in(&mut self) {
        self.backlog = core::mem::take(&mut self.expected);
        if let Some(probe) = &mut self.probe {
            probe.always_more &= self.backlog;
        }
    }

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
        // A stream that was given more in time may be silent for long, and one that waited may have changed its
        // mind, or wait behind others at its sender: it makes way for one that waits.
        let late = |probe: &Probe| now.saturating_since(probe.at) > self.patience();
        if self.probe.as_ref().is_none_or(|probe| blocked && (!probe.awaited || late(probe))) {
            self.probe = Some(Probe { id, limit, at: now, awaited: blocked, always_more: self.backlog });
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
            let (took, awaited, always_more) =
                (now.saturating_since(probe.at), probe.awaited, probe.always_more);
            self.probe = None;
            if awaited {
                self.last = took;
                self.least = Some(self.least.map_or(took, |least| least.min(took)));
                self.fresh = true;
                if self.is_full() && always_more {
                    self.ceiling = (self.ceiling - self.ceiling / STEP_SHARE).max(self.floor);
                    self.fresh = false;
                }
            }
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

    /// After this a measurement may be given up for another.
    fn patience(&self) -> Duration {
        self.least.map_or(PATIENCE, |least| PATIENCE.max(8 * least))
    }

    /// Whether credit last took so long that the path carries no more.
    fn is_full(&self) -> bool {
        self.least.is_some_and(|least| self.last > 2 * least + HARMLESS)
    }

    /// Whether credit last took so long that something stood in a queue.
    fn shows_a_queue(&self) -> bool {
        self.least.is_some_and(|least| self.last > least + least / 2)
    }
}

#[cfg(test)]
mod tests;
