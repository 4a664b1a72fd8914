//! The stream table: slots in a slab, found by id, and the list of those that owe control frames.
//!
//! The table is bounded by the limits on streams in both directions; it never grows by anything that a
//! peer announces beyond them.

use slab::Slab;

use super::by_id::ById;
use super::list::{List, Thread};
use super::{Owed, Stream, StreamKey};
use crate::schedule::Schedule;
use crate::stream_id::{Dir, StreamId};

/// All streams of a connection that are not over.
#[derive(Debug)]
pub(crate) struct StreamTable {
    slots: Slab<Stream>,
    by_id: ById,
    /// Streams that owe control frames, in the order in which they came to.
    control: List,
    /// Streams that have bytes and credit.
    pub(crate) schedule: Schedule,
    /// Live bidirectional streams: the calls in flight.
    calls: usize,
    /// Live streams in slots from [`LOW_SLOTS`] on.
    high: usize,
}

/// The slots that the table begins with, and grows by at least.
const FIRST_SLOTS: usize = 4;

/// The slots that are kept for the rest of the connection's life once a burst has made more.
const LOW_SLOTS: usize = 256;

/// With at most so many slots none are given back: more calls must come and go than giving back costs.
const KEEP_SLOTS: usize = 4 * LOW_SLOTS;

impl Default for StreamTable {
    fn default() -> Self {
        Self {
            slots: Slab::new(),
            by_id: ById::default(),
            control: List::new(Thread::Control),
            schedule: Schedule::default(),
            calls: 0,
            high: 0,
        }
    }
}

impl StreamTable {
    /// Streams held.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bidirectional streams held.
    #[inline]
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Adds a stream whose id is new.
    pub(crate) fn insert(&mut self, stream: Stream) -> StreamKey {
        let id = stream.id;
        self.calls += usize::from(id.dir() == Dir::Bi);
        if self.slots.len() == self.slots.capacity() {
            // By an eighth: a slot is large, and doubling would leave up to half of them empty.
            self.slots.reserve_exact((self.slots.len() / 8).max(FIRST_SLOTS));
        }
        let key = StreamKey::new(self.slots.insert(stream));
        self.by_id.insert(id, key);
        self.high += usize::from(key.index() >= LOW_SLOTS);
        key
    }

    /// The stream with this id, unless it is over or was never opened.
    #[inline]
    pub(crate) fn find(&self, id: StreamId) -> Option<StreamKey> {
        self.by_id.get(id)
    }

    /// The stream at `key`; none once the connection has ended.
    #[inline]
    pub(crate) fn get(&self, key: StreamKey) -> Option<&Stream> {
        self.slots.get(key.index())
    }

    /// The stream at `key`; none once the connection has ended.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: StreamKey) -> Option<&mut Stream> {
        self.slots.get_mut(key.index())
    }

    /// Takes the stream out of the table and of every list, and ends it where it lies: a stream is large
    /// enough that handing it to the caller would cost more than the rest. Gives its id, and the
    /// tokens of the abuse budget that its end earns.
    pub(crate) fn remove(&mut self, key: StreamKey) -> (StreamId, u8) {
        let &Stream { id, earns, in_control, turn, .. } = &self.slots[key.index()];
        if turn.is_scheduled() {
            self.schedule.remove(&mut self.slots, key);
        }
        if in_control {
            self.control.remove(&mut self.slots, key);
        }
        self.slots.remove(key.index());
        self.by_id.remove(id);
        self.calls -= usize::from(id.dir() == Dir::Bi);
        // A burst's worth of slots is not kept for the rest of the connection's life. The control streams
        // live as long as it does, in low slots, so waiting for an empty table would be waiting for ever.
        self.high -= usize::from(key.index() >= LOW_SLOTS);
        if self.high == 0 && self.slots.capacity() > KEEP_SLOTS {
            self.slots.shrink_to_fit();
            self.by_id.shrink_to_fit();
        }
        (id, earns)
    }

    /// Marks `bits` as owed by `key`.
    #[inline]
    pub(crate) fn owe(&mut self, key: StreamKey, bits: Owed) {
        let stream = &mut self.slots[key.index()];
        stream.owed.add(bits);
        if !stream.in_control {
            stream.in_control = true;
            self.control.push_back(&mut self.slots, key);
        }
    }

    /// `bits` are no longer owed by `key`.
    #[inline]
    pub(crate) fn settle(&mut self, key: StreamKey, bits: Owed) {
        let stream = &mut self.slots[key.index()];
        stream.owed.clear(bits);
        if stream.owed.is_empty() && stream.in_control {
            stream.in_control = false;
            self.control.remove(&mut self.slots, key);
        }
    }

    /// The next stream that owes control frames.
    #[inline]
    pub(crate) fn next_control(&self) -> Option<StreamKey> {
        self.control.first()
    }

    /// Puts `key` into the schedule or takes it out, by whether it has bytes and credit. Bytes without
    /// credit are reported (RFC 9000 section 4.1): a peer that gives none at first hears of the stream only
    /// by that, and one that has read everything widens the window for it.
    #[inline]
    pub(crate) fn reschedule(&mut self, key: StreamKey) {
        let Some(half) = &self.slots[key.index()].send else { return };
        if half.can_send() {
            self.schedule.push(&mut self.slots, key);
            return;
        }
        let blocked = !half.queue.is_empty() && half.credit.blocked().is_some();
        self.schedule.remove(&mut self.slots, key);
        if blocked {
            self.owe(key, Owed::BLOCKED);
        }
    }

    /// `key`, which is not in the schedule, sends `bytes` at once, if they are within its first quantum.
    #[inline]
    pub(crate) fn take_turn(&mut self, key: StreamKey, bytes: u32) -> bool {
        self.schedule.take_turn(&mut self.slots[key.index()].turn, bytes)
    }

    /// `key`, whose turn it was, has sent `bytes`; `more` says whether it has more to send and credit for it.
    #[inline]
    pub(crate) fn served(&mut self, key: StreamKey, bytes: u32, more: bool) {
        self.schedule.served(&mut self.slots, key, bytes, more);
    }

    /// Gives `key` another priority.
    pub(crate) fn set_priority(&mut self, key: StreamKey, priority: i8) {
        self.schedule.set_priority(&mut self.slots, key, priority);
    }

    /// All streams.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (StreamKey, &Stream)> {
        self.slots.iter().map(|(index, stream)| (StreamKey::new(index), stream))
    }

    /// The keys of all streams, for changes while walking (only at the connection's end).
    pub(crate) fn keys(&self) -> Vec<StreamKey> {
        self.slots.iter().map(|(index, _)| StreamKey::new(index)).collect()
    }

    /// Heap in bytes, the streams' buffers apart.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Stream>() + self.by_id.memory() + self.schedule.memory()
    }
}
