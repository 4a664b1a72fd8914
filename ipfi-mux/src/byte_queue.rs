//! Bytes in order, held as slices where that is cheap and copied together where slices would pin
//! memory: the buffer of both halves of a stream.
//!
//! A [`Bytes`] slice keeps its whole allocation alive. Many small slices of large read buffers are how
//! one byte on the wire becomes kilobytes of heap (yamux: 42 bytes a byte; another QMux: 16 081,
//! measured), so whoever pushes decides: [`ByteQueue::push`] keeps the slice, [`ByteQueue::push_copy`]
//! appends to blocks of its own. These do not grow once made: a buffer that doubles is half empty on
//! average, and windows are promised to cost what they say.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// A queue of bytes. The first slice is held inline, so that a stream that carries one message
/// allocates no queue.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    /// The first slice; empty only when `more` is empty too.
    front: Bytes,
    /// Slices after the first.
    more: VecDeque<Bytes>,
    /// What was copied since the last slice: the end of the queue.
    tail: BytesMut,
    /// Bytes in all three.
    len: usize,
}

/// The block that copies are gathered in once there are so many; the first ones are smaller.
const BLOCK_BYTES: usize = 4 << 10;

/// Above this many slots an emptied slice queue is given back rather than kept.
const KEEP_SLOTS: usize = 16;

impl ByteQueue {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether none wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all of it is one slice, which one [`pop`](Self::pop) takes.
    pub(crate) fn is_one_piece(&self) -> bool {
        self.more.is_empty() && (self.front.is_empty() || self.tail.is_empty())
    }

    /// Appends `bytes` without copying them; an empty slice is not kept.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        self.seal();
        if self.front.is_empty() {
            self.front = bytes;
        } else {
            self.more.push_back(bytes);
        }
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        let room = self.tail.capacity() - self.tail.len();
        let (now, later) = bytes.split_at(bytes.len().min(room));
        self.tail.extend_from_slice(now);
        self.len += now.len();
        if later.is_empty() {
            return;
        }
        self.seal();
        // Never more free than is used: a queue of a few bytes stays one.
        self.tail = BytesMut::with_capacity(later.len().max(self.len.min(BLOCK_BYTES)));
        self.tail.extend_from_slice(later);
        self.len += later.len();
    }

    /// Takes at most `max` bytes from the front, as one slice; empty when none wait.
    pub(crate) fn pop(&mut self, max: usize) -> Bytes {
        let taken = if self.front.is_empty() {
            if self.tail.len() <= max {
                core::mem::take(&mut self.tail).freeze()
            } else {
                self.tail.split_to(max).freeze()
            }
        } else if self.front.len() <= max {
            let next = self.more.pop_front().unwrap_or_default();
            if self.more.is_empty() && self.more.capacity() > KEEP_SLOTS {
                self.more = VecDeque::new();
            }
            core::mem::replace(&mut self.front, next)
        } else {
            self.front.split_to(max)
        };
        self.len -= taken.len();
        taken
    }

    /// Moves exactly `count` bytes, which must be there, from the front into `out`.
    pub(crate) fn move_into(&mut self, out: &mut BytesMut, mut count: usize) {
        debug_assert!(count <= self.len, "more bytes asked for than wait");
        while count > 0 && self.len > 0 {
            let piece = self.pop(count);
            count -= piece.len();
            out.put_slice(&piece);
        }
    }

    /// Throws everything away and says how many bytes that were.
    pub(crate) fn clear(&mut self) -> usize {
        core::mem::take(self).len
    }

    /// Heap that this queue may keep alive: copied buffers by their capacity, slices by `per_byte`
    /// times their length (a slice is kept only when it is at least that fraction of its block).
    pub(crate) fn memory(&self, per_byte: usize) -> usize {
        let slices = self.len - self.tail.len();
        slices * per_byte + self.tail.capacity() + self.more.capacity() * size_of::<Bytes>()
    }

    /// Closes the copied buffer, so that a slice can follow it.
    fn seal(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let sealed = core::mem::take(&mut self.tail).freeze();
        if self.front.is_empty() {
            self.front = sealed;
        } else {
            self.more.push_back(sealed);
        }
    }
}

#[cfg(test)]
mod tests;
