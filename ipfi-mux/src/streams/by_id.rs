//! Finds streams by their ids.
//!
//! Ids of one kind are given in order and most streams are over soon, so that those that are live lie close
//! together, but for a few that stay. So there is no hashing for most: a stream has the place in a small
//! table that its index says, and whoever is found in it is older and moves to a map, once in its life.

use rustc_hash::FxHashMap;

use super::StreamKey;
use crate::stream_id::StreamId;

/// The first size of the table of recent streams.
const MIN_PLACES: usize = 16;

/// The largest: 32 KiB. Twice as many as the default limits let one side open.
const MAX_PLACES: usize = 2048;

/// The keys of live streams by id.
#[derive(Debug, Default)]
pub(crate) struct ById {
    /// The latest stream of each place. Empty, or a power of two long.
    recent: Vec<Place>,
    /// Those that a later one has driven from their places.
    old: FxHashMap<StreamId, StreamKey>,
    /// Streams in both.
    len: usize,
}

/// One place; free when it has no key.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: StreamId,
    key: Option<StreamKey>,
}

const FREE: Place = Place { id: StreamId::FIRST, key: None };

impl ById {
    /// Adds `key`, whose `id` is new.
    #[inline]
    pub(crate) fn insert(&mut self, id: StreamId, key: StreamKey) {
        debug_assert!(self.get(id).is_none(), "a stream id was used twice");
        self.len += 1;
        // At most half full, so that two kinds of streams seldom meet.
        if 2 * self.len > self.recent.len() && self.recent.len() < MAX_PLACES {
            self.grow();
        }
        self.put(Place { id, key: Some(key) });
    }

    /// The key of `id`, if it is here.
    #[inline]
    pub(crate) fn get(&self, id: StreamId) -> Option<StreamKey> {
        match self.recent.get(self.place(id)) {
            Some(place) if place.id == id && place.key.is_some() => place.key,
            _ if self.old.is_empty() => None,
            _ => self.old.get(&id).copied(),
        }
    }

    /// Takes `id` out.
    #[inline]
    pub(crate) fn remove(&mut self, id: StreamId) {
        let at = self.place(id);
        let found = match self.recent.get_mut(at) {
            Some(place) if place.id == id => place.key.take().is_some(),
            _ => false,
        };
        if found || self.old.remove(&id).is_some() {
            self.len -= 1;
        }
    }

    /// Gives back what a burst has made the map grow by.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.old.shrink_to_fit();
    }

    /// Heap in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.recent.capacity() * size_of::<Place>() + self.old.capacity() * size_of::<(StreamId, StreamKey)>()
    }

    /// Where `id` belongs. The kinds, whose indices all begin at 0, begin a quarter of the table apart.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the mask keeps fewer bits than the cast
    fn place(&self, id: StreamId) -> usize {
        let places = self.recent.len();
        let kind = (id.get() & 3) as usize;
        (id.index() as usize).wrapping_add(kind * (places / 4)) & places.wrapping_sub(1)
    }

    #[inline]
    fn put(&mut self, new: Place) {
        let at = self.place(new.id);
        let before = core::mem::replace(&mut self.recent[at], new);
        if let Some(key) = before.key {
            self.old.insert(before.id, key);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let places = (2 * self.recent.len()).max(MIN_PLACES);
        let mut recent = core::mem::replace(&mut self.recent, vec![FREE; places]);
        // Older ones first: they are the ones to be driven out.
        recent.retain(|place| place.key.is_some());
        recent.sort_unstable_by_key(|place| place.id);
        recent.into_iter().for_each(|place| self.put(place));
    }
}

#[cfg(test)]
mod tests;
