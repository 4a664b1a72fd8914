//! Which stream's bytes leave next.
//!
//! Priorities are strict bands (higher first). Within a band there is a *fresh* list and a *ring*, after
//! the sparse-flow rule of fq_codel (RFC 8290 section 4.1): a stream's first quantum goes before the
//! ring, so that a small call waits for other small calls and not for bulk; one stream of the ring is
//! served after every 16 fresh ones, so that bulk never starves. The ring is served a quantum at a time.
//!
//! A stream is fresh again once the connection has sent [`REFRESH_BYTES`] since it last had something to
//! send: a stream of occasional small items counts as sparse for ever, one that merely ran out of credit
//! or buffered bytes for a moment does not.
//!
//! Everything is constant time; the lists are threaded through the stream table.

use slab::Slab;

use crate::streams::list::{List, Thread};
use crate::streams::{Stream, StreamKey};

/// Bytes a stream sends in one turn.
pub(crate) const QUANTUM: u32 = 16 << 10;

/// How many fresh streams are served for one of the ring.
const FRESH_PER_RING: u32 = 16;

/// After this many bytes of the connection, a stream that had nothing to send is fresh again.
const REFRESH_BYTES: u64 = 16 * QUANTUM as u64;

/// Where a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In no list: it has nothing to send, or no credit.
    #[default]
    Away,
    /// In the fresh list of its band.
    Fresh,
    /// In the ring of its band.
    Ring,
}

/// What the schedule keeps in each stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    place: Place,
    /// Bytes left of this turn.
    allowance: u32,
    /// Bytes that the connection had sent when this stream was last away.
    away_since: u64,
}

impl Default for Turn {
    fn default() -> Self {
        Self { place: Place::Away, allowance: QUANTUM, away_since: 0 }
    }
}

impl Turn {
    /// Bytes that may leave in this turn.
    #[inline]
    pub(crate) fn allowance(&self) -> u32 {
        self.allowance
    }

    /// Whether the stream is in the schedule.
    #[inline]
    pub(crate) fn is_scheduled(&self) -> bool {
        self.place != Place::Away
    }

    /// A whole quantum again, when enough of others has left since the stream last had something to send;
    /// `sent` is what the connection has sent.
    #[inline]
    fn refresh(&mut self, sent: u64) {
        if sent - self.away_since >= REFRESH_BYTES {
            self.allowance = QUANTUM;
        }
    }
}

#[derive(Debug)]
struct Band {
    priority: i8,
    fresh: List,
    ring: List,
    /// Fresh streams served since one of the ring was.
    fresh_run: u32,
}

/// The order of the streams that have bytes and credit.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// Highest priority first; a band once made is kept (there are at most 256).
    bands: Vec<Band>,
    /// The band that was used last: nearly always the one that is used next, so it is looked at first.
    recent: usize,
    /// Streams in all bands.
    len: usize,
    /// Bytes sent by all streams.
    sent: u64,
}

impl Schedule {
    /// Whether no stream has anything to send.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `key` has bytes and credit. Does nothing when it is there already.
    #[inline]
    pub(crate) fn push(&mut self, slots: &mut Slab<Stream>, key: StreamKey) {
        let stream = &mut slots[key.index()];
        let turn = &mut stream.turn;
        if turn.is_scheduled() {
            return;
        }
        turn.refresh(self.sent);
        turn.place = if turn.allowance > 0 { Place::Fresh } else { Place::Ring };
        self.enter(slots, key);
    }

    /// A stream that is not in the schedule sends `bytes` at once: granted while it is fresh, out of its first
    /// quantum.
    #[inline]
    pub(crate) fn take_turn(&mut self, turn: &mut Turn, bytes: u32) -> bool {
        if turn.is_scheduled() {
            return false;
        }
        turn.refresh(self.sent);
        if turn.allowance <= bytes {
            return false;
        }
        turn.allowance -= bytes;
        self.sent += u64::from(bytes);
        turn.away_since = self.sent;
        true
    }

    /// `key` has nothing more to send, no credit, or is gone. Does nothing when it is not there.
    #[inline]
    pub(crate) fn remove(&mut self, slots: &mut Slab<Stream>, key: StreamKey) {
        let stream = &mut slots[key.index()];
        let place = core::mem::take(&mut stream.turn.place);
        stream.turn.away_since = self.sent;
        if place == Place::Ring {
            // Coming back from a short pause does not make bulk fresh.
            stream.turn.allowance = 0;
        }
        let priority = stream.priority;
        match place {
            Place::Away => return,
            Place::Fresh => self.band(priority).fresh.remove(slots, key),
            Place::Ring => self.band(priority).ring.remove(slots, key),
        }
        self.len -= 1;
    }

    /// The stream whose turn it is.
    #[inline]
    pub(crate) fn next(&self) -> Option<StreamKey> {
        self.bands.iter().find_map(|band| match (band.fresh.first(), band.ring.first()) {
            (Some(fresh), Some(_)) if band.fresh_run < FRESH_PER_RING => Some(fresh),
            (_, Some(ring)) => Some(ring),
            (fresh, None) => fresh,
        })
    }

    /// `key`, whose turn it was, has sent `bytes` (at most its allowance); `more` says whether it has
    /// more to send and credit for it.
    #[inline]
    pub(crate) fn served(&mut self, slots: &mut Slab<Stream>, key: StreamKey, bytes: u32, more: bool) {
        self.sent += u64::from(bytes);
        let sent = self.sent;
        let stream = &mut slots[key.index()];
        let turn = &mut stream.turn;
        turn.allowance = turn.allowance.saturating_sub(bytes);
        let (of_ring, over) = (turn.place == Place::Ring, turn.allowance == 0);
        let leaves = over || !more;
        if leaves {
            // As `remove` and `enter` would, one after the other: this is the step of every frame.
            turn.away_since = sent;
            turn.place = if more { Place::Ring } else { Place::Away };
            if more {
                turn.allowance = QUANTUM;
            } else if of_ring {
                turn.allowance = 0;
            }
        }
        let band = self.band(stream.priority);
        band.fresh_run = if of_ring { 0 } else { band.fresh_run + u32::from(leaves) };
        if leaves {
            if of_ring { &mut band.ring } else { &mut band.fresh }.remove(slots, key);
            if more {
                band.ring.push_back(slots, key);
            } else {
                self.len -= 1;
            }
        }
    }

    /// Gives `key` another priority, keeping its kind of place.
    pub(crate) fn set_priority(&mut self, slots: &mut Slab<Stream>, key: StreamKey, priority: i8) {
        let turn = slots[key.index()].turn;
        if turn.is_scheduled() {
            self.remove(slots, key);
            let stream = &mut slots[key.index()];
            (stream.priority, stream.turn.place) = (priority, turn.place);
            self.enter(slots, key);
        } else {
            slots[key.index()].priority = priority;
        }
    }

    /// Appends `key` to the list that its place names.
    #[inline]
    fn enter(&mut self, slots: &mut Slab<Stream>, key: StreamKey) {
        let stream = &mut slots[key.index()];
        if stream.turn.allowance == 0 {
            stream.turn.allowance = QUANTUM;
        }
        let place = stream.turn.place;
        let band = self.band(stream.priority);
        let list = if place == Place::Fresh { &mut band.fresh } else { &mut band.ring };
        list.push_back(slots, key);
        self.len += 1;
    }

    #[inline]
    fn band(&mut self, priority: i8) -> &mut Band {
        if self.bands.get(self.recent).is_none_or(|band| band.priority != priority) {
            self.recent = self.find_band(priority);
        }
        &mut self.bands[self.recent]
    }

    fn find_band(&mut self, priority: i8) -> usize {
        self.bands.binary_search_by(|band| priority.cmp(&band.priority)).unwrap_or_else(|at| {
            let (fresh, ring) = (List::new(Thread::Data), List::new(Thread::Data));
            self.bands.insert(at, Band { priority, fresh, ring, fresh_run: 0 });
            at
        })
    }

    /// Heap in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.bands.capacity() * size_of::<Band>()
    }
}

#[cfg(test)]
mod tests;
