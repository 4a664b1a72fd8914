//! Bytes in order, held as slices where that is cheap and copied together where slices would pin
//! memory: the buffer of both halves of a stream.
//!
//! A [`Bytes`] slice keeps its whole allocation alive. Many small slices of large read buffers are how
//! one byte on the wire becomes kilobytes of heap (yamux: 42 bytes a byte; another QMux: 16 081,
//! measured), so whoever pushes decides: [`ByteQueue::push`] keeps the slice, [`ByteQueue::push_copy`]
//! appends to blocks of its own. These do not grow once made: a buffer that doubles is half empty on
//! average, and windows are promised to cost what they say.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// A queue of bytes. The first slice is held inline, so that a stream that carries one message
/// allocates no queue; the rest is behind a pointer, because most streams never have one and every stream
/// has two queues, which are moved in and out of the stream table with it.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    /// The first slice, which may be a copy; empty only when nothing follows.
    front: Bytes,
    /// What follows it; none when nothing does.
    rest: Option<Box<Rest>>,
    /// Bytes in all.
    len: usize,
}

/// What follows the first slice of a queue.
#[derive(Debug, Default)]
struct Rest {
    /// Slices.
    slices: VecDeque<Bytes>,
    /// What was copied since the last slice: the end of the queue.
    tail: BytesMut,
}

/// The block that copies are gathered in once there are so many; the first ones are smaller.
const BLOCK_BYTES: usize = 4 << 10;

/// The part of a block that copies must have filled, at least, for it to become a slice: a quarter, the
/// share that is asked of the slices that are pushed.
const MIN_FILL: usize = 4;

impl ByteQueue {
    /// How many bytes wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether none wait.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes the first slice has.
    #[inline]
    pub(crate) fn front_len(&self) -> usize {
        self.front.len()
    }

    /// Whether all of it is one slice, which one [`pop`](Self::pop) takes.
    pub(crate) fn is_one_piece(&self) -> bool {
        self.rest.is_none()
    }

    /// Appends `bytes` without copying them; an empty slice is not kept.
    #[inline]
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.len > 0 {
            self.push_behind(bytes);
        } else if !bytes.is_empty() {
            self.len = bytes.len();
            self.front = bytes;
        }
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if self.len > 0 {
            return self.copy_behind(bytes);
        }
        self.len = bytes.len();
        self.front = Bytes::copy_from_slice(bytes);
    }

    /// Takes at most `max` bytes from the front, as one slice; empty when none wait.
    #[inline]
    pub(crate) fn pop(&mut self, max: usize) -> Bytes {
        let taken = if self.front.len() <= max { self.pop_front() } else { self.front.split_to(max) };
        self.len -= taken.len();
        taken
    }

    /// Moves exactly `count` bytes, which must be there, from the front into `out`.
    #[inline]
    pub(crate) fn move_into(&mut self, out: &mut BytesMut, mut count: usize) {
        debug_assert!(count <= self.len, "more bytes asked for than wait");
        while count > 0 && self.len > 0 {
            // The first slice is copied where it is: cutting a piece off would count it as shared.
            let now = count.min(self.front.len());
            out.extend_from_slice(&self.front[..now]);
            if now == self.front.len() {
                drop(self.pop_front());
            } else {
                self.front.advance(now);
            }
            self.len -= now;
            count -= now;
        }
    }

    /// Throws everything away and says how many bytes that were.
    #[inline]
    pub(crate) fn clear(&mut self) -> usize {
        match self.len {
            0 => 0,
            _ => core::mem::take(self).len,
        }
    }

    /// Heap that this queue may keep alive: copied buffers by their capacity, slices by `per_byte`
    /// times their length (a slice is kept only when it is at least that fraction of its block).
    pub(crate) fn memory(&self, per_byte: usize) -> usize {
        let Some(rest) = &self.rest else { return self.len * per_byte };
        let slices = self.len - rest.tail.len();
        let slots = rest.slices.capacity() * size_of::<Bytes>();
        slices * per_byte + rest.tail.capacity() + slots + size_of::<Rest>()
    }

    /// [`push`](Self::push), where something waits.
    fn push_behind(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        let rest = self.rest.get_or_insert_default();
        rest.seal();
        rest.slices.push_back(bytes);
    }

    /// [`push_copy`](Self::push_copy), where something waits.
    fn copy_behind(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let rest = self.rest.get_or_insert_default();
        let room = rest.tail.capacity() - rest.tail.len();
        let (now, later) = bytes.split_at(bytes.len().min(room));
        rest.tail.extend_from_slice(now);
        self.len += now.len();
        if later.is_empty() {
            return;
        }
        rest.seal();
        // Never more free than is used: a queue of a few bytes stays one.
        rest.tail = BytesMut::with_capacity(later.len().max(self.len.min(BLOCK_BYTES)));
        rest.tail.extend_from_slice(later);
        self.len += later.len();
    }

    /// The first slice, in whose place comes the next.
    #[inline]
    fn pop_front(&mut self) -> Bytes {
        let next = if self.rest.is_some() { self.next_front() } else { Bytes::new() };
        core::mem::replace(&mut self.front, next)
    }

    fn next_front(&mut self) -> Bytes {
        let Some(rest) = &mut self.rest else { return Bytes::new() };
        let next = match rest.slices.pop_front() {
            Some(next) => next,
            // A first slice is not appended to: what a block has free is given back, not kept.
            None if rest.tail.len() * MIN_FILL < rest.tail.capacity() => {
                let copy = Bytes::copy_from_slice(&rest.tail);
                rest.tail = BytesMut::new();
                copy
            }
            None => core::mem::take(&mut rest.tail).freeze(),
        };
        if rest.slices.is_empty() && rest.tail.is_empty() {
            self.rest = None;
        }
        next
    }
}

impl Rest {
    /// Closes the copied buffer, so that a slice can follow it.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.slices.push_back(core::mem::take(&mut self.tail).freeze());
        }
    }
}

#[cfg(test)]
mod tests;
