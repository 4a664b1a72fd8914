//! Who may open how many streams, who waits to, and what waits to be accepted (RFC 9000 section 4.6).

use core::task::Waker;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Wakes;
use crate::stream_id::{Dir, StreamId};
use crate::streams::StreamKey;

/// One value for each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerDir<T> {
    /// Bidirectional streams.
    pub(crate) bi: T,
    /// Unidirectional streams.
    pub(crate) uni: T,
}

impl<T> PerDir<T> {
    /// The value for `dir`.
    #[inline]
    pub(crate) fn get(&self, dir: Dir) -> &T {
        match dir {
            Dir::Bi => &self.bi,
            Dir::Uni => &self.uni,
        }
    }

    /// The value for `dir`.
    #[inline]
    pub(crate) fn get_mut(&mut self, dir: Dir) -> &mut T {
        match dir {
            Dir::Bi => &mut self.bi,
            Dir::Uni => &mut self.uni,
        }
    }
}

/// A place in the queue of those who wait to open a stream. Given back with
/// [`cancel_open`](super::Connection::cancel_open) when it is not waited for any more.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub struct OpenTicket(u64);

/// Streams that this side opens.
#[derive(Debug, Default)]
pub(crate) struct LocalStreams {
    /// The index of the next stream.
    pub(crate) next: u64,
    /// The peer's MAX_STREAMS; 0 before its transport parameters came.
    max: u64,
    /// Our own cap on live streams, whatever the peer permits.
    cap: u64,
    /// Streams that are not over.
    live: u64,
    /// Those who wait, first come first served.
    waiting: BTreeMap<OpenTicket, Waker>,
    /// Those whose turn has come and who have not polled since: their places are taken.
    granted: BTreeSet<OpenTicket>,
    tickets: u64,
    told_blocked: Option<u64>,
}

impl LocalStreams {
    /// At most `cap` live streams.
    pub(crate) fn new(cap: u32) -> Self {
        Self { cap: u64::from(cap), ..Self::default() }
    }

    /// Places that are neither used nor promised.
    #[inline]
    fn free(&self) -> u64 {
        let by_peer = self.max.saturating_sub(self.next);
        by_peer.min(self.cap - self.live).saturating_sub(self.granted.len() as u64)
    }

    /// Whether someone with this ticket (or none yet) may open now; takes the ticket if so. Nobody
    /// overtakes those who wait.
    #[inline]
    pub(crate) fn may_open(&mut self, ticket: &mut Option<OpenTicket>) -> bool {
        match ticket {
            Some(held) => {
                let granted = self.granted.remove(held);
                if granted {
                    *ticket = None;
                }
                granted
            }
            None => self.waiting.is_empty() && self.free() > 0,
        }
    }

    /// Waits in the queue.
    pub(crate) fn wait(&mut self, ticket: &mut Option<OpenTicket>, waker: &Waker) {
        let held = *ticket.get_or_insert_with(|| {
            self.tickets += 1;
            OpenTicket(self.tickets)
        });
        match self.waiting.entry(held) {
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().clone_from(waker),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(waker.clone());
            }
        }
    }

    /// Gives a place in the queue, or a place that was promised, back.
    pub(crate) fn cancel(&mut self, ticket: OpenTicket) {
        self.waiting.remove(&ticket);
        self.granted.remove(&ticket);
    }

    /// Promises free places to those who wait, and collects their wakers.
    #[inline]
    pub(crate) fn grant(&mut self, wakes: &mut Wakes) {
        // Asked at the end of every stream, and nearly always nobody waits.
        if !self.waiting.is_empty() {
            self.grant_waiting(wakes);
        }
    }

    fn grant_waiting(&mut self, wakes: &mut Wakes) {
        for _ in 0..self.free().min(self.waiting.len() as u64) {
            if let Some((ticket, waker)) = self.waiting.pop_first() {
                self.granted.insert(ticket);
                wakes.push(waker);
            }
        }
    }

    /// A stream was opened; gives its index.
    #[inline]
    pub(crate) fn open(&mut self) -> u64 {
        let index = self.next;
        self.next += 1;
        self.live += 1;
        index
    }

    /// No id is left (RFC 9000 section 2.1: an id is never used twice).
    pub(crate) fn is_exhausted(&self) -> bool {
        self.next > StreamId::MAX_INDEX
    }

    /// A stream is over.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.live -= 1;
    }

    /// The peer permits `max` streams in all: false when that is no news (RFC 9000 section 4.6).
    pub(crate) fn raise(&mut self, max: u64) -> bool {
        let news = max > self.max;
        self.max = self.max.max(max);
        news
    }

    /// The limit to report in STREAMS_BLOCKED: when someone waits because of it, once for each limit.
    #[inline]
    pub(crate) fn blocked(&self) -> Option<u64> {
        let waits = !self.waiting.is_empty() && self.next >= self.max;
        (waits && self.told_blocked != Some(self.max)).then_some(self.max)
    }

    /// The peer was told that the limit blocks us.
    pub(crate) fn told_blocked(&mut self) {
        self.told_blocked = Some(self.max);
    }

    /// Ends all waiting.
    pub(crate) fn end(&mut self, wakes: &mut Wakes) {
        for waker in core::mem::take(&mut self.waiting).into_values() {
            wakes.push(waker);
        }
        self.granted.clear();
    }

    /// Heap in bytes, roughly: tree nodes are at least half full.
    pub(crate) fn memory(&self) -> usize {
        2 * (self.waiting.len() * size_of::<(OpenTicket, Waker)>()
            + self.granted.len() * size_of::<OpenTicket>())
    }
}

/// Streams that the peer opens.
#[derive(Debug, Default)]
pub(crate) struct RemoteStreams {
    /// Streams opened, explicitly or by opening a higher one (RFC 9000 section 2.1).
    pub(crate) opened: u64,
    /// The limit the peer was told.
    granted: u64,
    /// Streams that are over, with their handles.
    closed: u64,
    /// How many may be open at once.
    limit: u64,
    /// The largest limit at which the peer said to be blocked.
    blocked_at: Option<u64>,
    /// Streams that wait to be accepted, in order of index. Bounded by `limit`.
    pub(crate) accept: VecDeque<StreamKey>,
    /// Woken when there is one.
    pub(crate) acceptor: Option<Waker>,
}

impl RemoteStreams {
    /// At most `limit` at once.
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit: u64::from(limit), granted: u64::from(limit), ..Self::default() }
    }

    /// The limit the peer was told.
    #[inline]
    pub(crate) fn granted(&self) -> u64 {
        self.granted
    }

    /// A stream is over and its handles are gone: only now its place is free.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.closed += 1;
    }

    /// Whether MAX_STREAMS is due: a quarter of the places is newly free, or the peer is about to run
    /// out.
    #[inline]
    pub(crate) fn wants_update(&self) -> bool {
        let fresh = self.offer() - self.granted;
        fresh > 0 && (fresh >= self.limit / 4 || self.granted - self.opened <= self.limit / 4)
    }

    /// Grants what is free: the new limit, and by how much it rose.
    pub(crate) fn grant(&mut self) -> (u64, u64) {
        let rise = self.offer() - self.granted;
        self.granted += rise;
        (self.granted, rise)
    }

    /// The peer says it is blocked at `limit`: whether that can be, and is new.
    pub(crate) fn is_honestly_blocked(&mut self, limit: u64) -> bool {
        let honest = limit <= self.granted && self.blocked_at.is_none_or(|at| limit > at);
        if honest {
            self.blocked_at = Some(limit);
        }
        honest
    }

    /// Streams open now.
    pub(crate) fn live(&self) -> u64 {
        self.opened - self.closed
    }

    #[inline]
    fn offer(&self) -> u64 {
        // Indices end at 2^60 (RFC 9000 section 4.6); nobody gets there, and nobody is granted more.
        (self.closed + self.limit).min(StreamId::MAX_INDEX + 1)
    }

    /// For tests of indices beyond 2^30 and 2^32: as if `index` streams had been opened and closed.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, index: u64) {
        self.opened = index;
        self.closed = index;
        self.granted = self.offer();
    }
}
