//! Doubly linked lists threaded through the stream table: joining, leaving and taking the first are
//! constant time, and a list costs nothing per stream beyond two links.

use slab::Slab;

use super::{Stream, StreamKey};

/// Which of its two pairs of links a list uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    /// Streams with control frames to send.
    Control,
    /// Streams with bytes to send.
    Data,
}

/// A stream's neighbours in one list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    previous: Option<StreamKey>,
    next: Option<StreamKey>,
}

/// One list. Whether a stream is in it is the caller's to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    thread: Thread,
    first: Option<StreamKey>,
    last: Option<StreamKey>,
}

impl List {
    /// An empty list.
    pub(crate) fn new(thread: Thread) -> Self {
        Self { thread, first: None, last: None }
    }

    /// The first stream.
    #[inline]
    pub(crate) fn first(&self) -> Option<StreamKey> {
        self.first
    }

    /// Appends `key`, which must be in no list of this thread.
    #[inline]
    pub(crate) fn push_back(&mut self, slots: &mut Slab<Stream>, key: StreamKey) {
        *link(slots, key, self.thread) = Link { previous: self.last, next: None };
        match self.last.replace(key) {
            Some(last) => link(slots, last, self.thread).next = Some(key),
            None => self.first = Some(key),
        }
    }

    /// Takes `key`, which must be in this list, out of it.
    #[inline]
    pub(crate) fn remove(&mut self, slots: &mut Slab<Stream>, key: StreamKey) {
        let Link { previous, next } = core::mem::take(link(slots, key, self.thread));
        match previous {
            Some(previous) => link(slots, previous, self.thread).next = next,
            None => self.first = next,
        }
        match next {
            Some(next) => link(slots, next, self.thread).previous = previous,
            None => self.last = previous,
        }
    }
}

#[inline]
fn link(slots: &mut Slab<Stream>, key: StreamKey, thread: Thread) -> &mut Link {
    let stream = &mut slots[key.index()];
    match thread {
        Thread::Control => &mut stream.control_link,
        Thread::Data => &mut stream.data_link,
    }
}
