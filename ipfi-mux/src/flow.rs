//! Credit: how many bytes may be sent, on a stream and on the connection (RFC 9000 section 4).
//!
//! Limits are absolute offsets, as QUIC has them, so that they can be merged and repeated safely. All
//! arithmetic is checked or proven by a test that precedes it; nothing changes before the test passed.
//!
//! **The connection window covers every stream window.** A peer may fill each stream that it can use up
//! to that stream's limit, and if those bytes together could exhaust the connection's credit, streams
//! that nobody reads would freeze the ones that are read (hyper#2899). So [`ConnectionCredit`] keeps,
//! beside its own limit, what it has *committed*: the bytes that streams were granted and have not
//! received, and the first windows of streams that the peer may still open. The invariant, checked on
//! entry and exit of each mutation in debug builds:
//!
//! ```text
//! max(granted, released + window) - received  >=  committed
//! ```
//!
//! that is, sending MAX_DATA, which goes out before any stream's frame, always suffices.
//!
//! Credit is returned when the application reads (or when bytes are thrown away), early, when a quarter
//! of the window is newly free, and on a stream never after its final size is known.

use ipfi_core::close_code::TransportCode;
use ipfi_core::varint;

use crate::violation::Violation;

/// The share of a window that must be newly free before the peer is told: a quarter.
const RETURN_SHARE: u64 = 4;

/// Credit that the peer granted us, on a stream or on the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendCredit {
    /// The peer's limit.
    max: u64,
    /// Bytes that have left. Charged only here, when they leave (h2#863).
    sent: u64,
    /// One more than the limit that the peer was last told to be blocking us; 0 before. Limits are at most
    /// 2^62 - 1, and an optional one would take 16 bytes of every stream.
    told_blocked: u64,
}

impl SendCredit {
    /// Credit up to `max`.
    #[inline]
    pub(crate) fn new(max: u64) -> Self {
        Self { max, sent: 0, told_blocked: 0 }
    }

    /// Bytes that may leave now.
    #[inline]
    pub(crate) fn available(&self) -> u64 {
        self.max - self.sent
    }

    /// Bytes that have left: on a stream, the offset of the next.
    #[inline]
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Charges `count` bytes, at most [`available`](Self::available).
    #[inline]
    pub(crate) fn charge(&mut self, count: u64) {
        debug_assert!(count <= self.available(), "bytes left without credit");
        self.sent = (self.sent + count).min(self.max);
    }

    /// The peer's limit is now `max`: false when it is no news. A limit that does not increase is
    /// ignored (RFC 9000 section 4.1).
    #[inline]
    pub(crate) fn raise(&mut self, max: u64) -> bool {
        let news = max > self.max;
        self.max = self.max.max(max);
        news
    }

    /// The limit to report as blocking, once for each limit, if nothing may leave.
    #[inline]
    pub(crate) fn blocked(&self) -> Option<u64> {
        (self.available() == 0 && self.told_blocked != self.max + 1).then_some(self.max)
    }

    /// The peer was told that the limit blocks us.
    #[inline]
    pub(crate) fn told_blocked(&mut self) {
        self.told_blocked = self.max + 1;
    }
}

/// Credit that we grant the peer on one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamCredit {
    received: u64,
    granted: u64,
    window: u64,
    initial: u64,
    /// One more than the largest limit at which the peer said to be blocked, 0 before: one doubling for each.
    blocked_at: u64,
    /// That limit still blocks it, and the window has not grown for it.
    wants_growth: bool,
}

impl StreamCredit {
    /// A stream whose window is `initial` bytes.
    #[inline]
    pub(crate) fn new(initial: u64) -> Self {
        Self { received: 0, granted: initial, window: initial, initial, blocked_at: 0, wants_growth: false }
    }

    /// Bytes that came, read or not: the offset of the next, and in the end the final size.
    #[inline]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that may still come.
    #[inline]
    pub(crate) fn outstanding(&self) -> u64 {
        self.granted - self.received
    }

    /// The window, in bytes.
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// Whether bytes up to offset `end` are within the credit (RFC 9000 section 4.1).
    #[inline]
    pub(crate) fn check(&self, end: u64) -> Result<(), Violation> {
        if end > self.granted { Err(self.exceeded(end)) } else { Ok(()) }
    }

    #[cold]
    fn exceeded(&self, end: u64) -> Violation {
        Violation::new(
            TransportCode::FLOW_CONTROL_ERROR,
            format!("stream bytes up to offset {end}, limit {}", self.granted),
        )
    }

    /// Takes note of bytes up to offset `end`, which [`check`](Self::check) let pass.
    #[inline]
    pub(crate) fn receive(&mut self, end: u64) {
        debug_assert!(self.received <= end && end <= self.granted, "credit was not tested first");
        self.wants_growth &= end == self.received;
        self.received = end;
    }

    /// What of the window is used, if none is beyond `ceiling` bytes.
    #[inline]
    fn used(&self, ceiling: u64) -> u64 {
        self.window.min(ceiling)
    }

    /// The limit that would be told now, with `unread` bytes in the buffer.
    #[inline]
    fn offer(&self, unread: u64, ceiling: u64) -> u64 {
        (self.received - unread).saturating_add(self.used(ceiling)).min(varint::MAX)
    }

    /// Whether enough is newly free to tell the peer.
    #[inline]
    pub(crate) fn wants_update(&self, unread: u64, ceiling: u64) -> bool {
        let fresh = self.offer(unread, ceiling).saturating_sub(self.granted);
        fresh > 0 && fresh >= self.used(ceiling) / RETURN_SHARE
    }

    /// Grants what is free: the new limit, and by how much it rose.
    #[inline]
    pub(crate) fn grant(&mut self, unread: u64, ceiling: u64) -> (u64, u64) {
        let offer = self.offer(unread, ceiling).max(self.granted);
        let rise = offer - self.granted;
        self.granted = offer;
        (offer, rise)
    }

    /// The peer says it is blocked at `limit`: whether that is true and new. On an ordered pipe
    /// everything it sent before has arrived, so it is true exactly when all bytes up to the limit are
    /// here; a lie would have to be paid for in bytes.
    #[inline]
    pub(crate) fn is_honestly_blocked(&mut self, limit: u64) -> bool {
        let honest = limit == self.received && limit >= self.blocked_at;
        if honest {
            self.blocked_at = limit + 1;
            self.wants_growth = true;
        }
        honest
    }

    /// The limit that the peer knows, or will.
    pub(crate) fn limit(&self) -> u64 {
        self.granted
    }

    /// Whether the peer has said, truly, that it has more to send than it may, and has sent nothing since.
    pub(crate) fn is_blocked(&self) -> bool {
        self.received + 1 == self.blocked_at && self.received == self.granted
    }

    /// Gives back what the window has grown by.
    #[inline]
    pub(crate) fn shrink(&mut self) -> u64 {
        let grown = self.window - self.initial;
        self.window = self.initial;
        grown
    }

    /// Whether the peer is blocked by the window and the application keeps up: a larger one would be used.
    ///
    /// To keep up is to have at most a quarter unread before the peer's next bytes come. The signal often
    /// comes in one read with the bytes before it, so this is asked again after each read of the
    /// application; a slow reader has returned credit and been sent more by the time it gets there.
    #[inline]
    pub(crate) fn may_grow(&self, unread: u64, ceiling: u64) -> bool {
        self.wants_growth && unread <= self.used(ceiling) / RETURN_SHARE
    }

    /// Makes use of `room` bytes where a ceiling of `ceiling` bytes was used before, if that is more: once for
    /// each limit that blocks the peer. Where the window is smaller than that, it doubles, within what `pool` has
    /// left.
    pub(crate) fn grow(&mut self, ceiling: u64, room: u64, pool: &mut u64) {
        if room <= self.used(ceiling) {
            return;
        }
        self.wants_growth = false;
        let more = self.window.min(room.saturating_sub(self.window)).min(*pool);
        *pool -= more;
        self.window += more;
    }
}

/// Credit that we grant the peer on the whole connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionCredit {
    received: u64,
    released: u64,
    granted: u64,
    window: u64,
    committed: u64,
    /// Bytes that stream windows may still grow by.
    pub(crate) pool: u64,
}

impl ConnectionCredit {
    /// A window of `window` bytes, of which `committed` belong to streams the peer may open, with
    /// `pool` bytes for growth.
    #[inline]
    pub(crate) fn new(window: u64, committed: u64, pool: u64) -> Self {
        let this = Self { received: 0, released: 0, granted: window, window, committed, pool };
        this.assert_invariants();
        this
    }

    /// What must always hold; see the top of this file.
    fn assert_invariants(&self) {
        debug_assert!(self.released <= self.received, "more was released than came: {self:?}");
        debug_assert!(self.received <= self.granted, "more came than was granted: {self:?}");
        debug_assert!(
            self.granted.max(self.offer()) - self.received >= self.committed,
            "stream windows are not covered by the connection's: {self:?}"
        );
    }

    /// Runs one mutation between two checks of the invariants.
    #[inline]
    fn mutate<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        self.assert_invariants();
        let result = change(self);
        self.assert_invariants();
        result
    }

    #[inline]
    fn offer(&self) -> u64 {
        self.released.saturating_add(self.window).min(varint::MAX)
    }

    /// Bytes received and not yet read or thrown away, all streams together.
    #[inline]
    pub(crate) fn unread(&self) -> u64 {
        self.received - self.released
    }

    /// Bytes received.
    #[inline]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes committed to streams.
    #[inline]
    pub(crate) fn committed(&self) -> u64 {
        self.committed
    }

    /// The window now.
    #[inline]
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// Whether `count` more bytes are within the credit (RFC 9000 section 4.1).
    #[inline]
    pub(crate) fn check(&self, count: u64) -> Result<(), Violation> {
        if count > self.granted - self.received { Err(self.exceeded(count)) } else { Ok(()) }
    }

    #[cold]
    fn exceeded(&self, count: u64) -> Violation {
        Violation::new(
            TransportCode::FLOW_CONTROL_ERROR,
            format!(
                "{} bytes on the connection, limit {}",
                self.received.saturating_add(count),
                self.granted
            ),
        )
    }

    /// Takes note of `count` bytes, which [`check`](Self::check) let pass. They were committed.
    #[inline]
    pub(crate) fn receive(&mut self, count: u64) {
        self.mutate(|this| {
            this.received += count;
            this.committed -= count;
        });
    }

    /// `count` bytes were read or thrown away.
    #[inline]
    pub(crate) fn release(&mut self, count: u64) {
        self.mutate(|this| this.released += count);
    }

    /// A stream was granted `count` bytes more, out of its window.
    #[inline]
    pub(crate) fn commit(&mut self, count: u64) {
        self.mutate(|this| this.committed += count);
    }

    /// A stream that was granted `count` bytes more will not use them: its final size is known.
    #[inline]
    pub(crate) fn uncommit(&mut self, count: u64) {
        self.mutate(|this| this.committed -= count);
    }

    /// A stream of ours was opened: its window adds to the connection's while it lives.
    #[inline]
    pub(crate) fn open_local(&mut self, window: u64) {
        self.mutate(|this| {
            this.window += window;
            this.committed += window;
        });
    }

    /// The receiving half of a stream of ours holds nothing any more. What the peer was told cannot
    /// be taken back; it is simply not granted anew.
    #[inline]
    pub(crate) fn close_local(&mut self, window: u64) {
        self.mutate(|this| this.window -= window);
    }

    /// Whether MAX_DATA is due: a quarter of the window is newly free, or what streams may use is not
    /// covered without it.
    #[inline]
    pub(crate) fn wants_update(&self) -> bool {
        let fresh = self.offer().saturating_sub(self.granted);
        fresh > 0 && (fresh >= self.window / RETURN_SHARE || self.granted - self.received < self.committed)
    }

    /// Grants what is free and gives the new limit.
    #[inline]
    pub(crate) fn grant(&mut self) -> u64 {
        self.mutate(|this| this.granted = this.granted.max(this.offer()));
        self.granted
    }
}

#[cfg(test)]
mod tests;
