//! A batch whose large payloads are slices, for pipes that take several pieces in one write.
//!
//! To copy what is sent into one buffer is the largest part of what sending bulk costs this side: payloads
//! from [`SLICE_BYTES`] on stay where they are, between the headers. Smaller ones are copied: a piece costs
//! the system more than they do.

use core::mem;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Payloads from this size on are not copied.
pub(super) const SLICE_BYTES: usize = 4 << 10;

/// A batch in pieces, in order: read it as a [`Buf`].
#[derive(Debug, Default)]
pub struct Output {
    /// Everything but the slices.
    pub(super) bytes: BytesMut,
    pub(super) slices: Slices,
}

/// Where the slices of a batch belong.
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// Each with how many of the other bytes stand between it and the one before.
    list: VecDeque<(usize, Bytes)>,
    /// The other bytes before the end of the last.
    covered: usize,
    /// Bytes of all slices.
    len: usize,
}

impl Slices {
    /// Bytes of all slices.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends `slice` behind `at` other bytes of the batch.
    pub(super) fn push(&mut self, at: usize, slice: Bytes) {
        self.len += slice.len();
        self.list.push_back((at - mem::replace(&mut self.covered, at), slice));
    }
}

impl Output {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        !self.has_remaining()
    }

    /// All that is left, if it is one piece.
    pub fn in_one_piece(&self) -> Option<&[u8]> {
        self.slices.list.is_empty().then_some(&self.bytes[..])
    }

    /// Where a batch is put that is all one piece. Must be empty.
    pub fn copied(&mut self) -> &mut BytesMut {
        debug_assert!(self.is_empty(), "a batch begins before the last was written");
        &mut self.bytes
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.bytes.len() + self.slices.len
    }

    fn chunk(&self) -> &[u8] {
        match self.slices.list.front() {
            Some((0, slice)) => slice,
            Some((gap, _)) => &self.bytes[..*gap],
            None => &self.bytes,
        }
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining(), "advanced beyond the end of a batch");
        while count > 0 {
            let Some((gap, slice)) = self.slices.list.front_mut() else {
                self.bytes.advance(count);
                break;
            };
            let before = count.min(*gap);
            *gap -= before;
            self.bytes.advance(before);
            let inside = (count - before).min(slice.len());
            slice.advance(inside);
            self.slices.len -= inside;
            count -= before + inside;
            if slice.is_empty() {
                self.slices.list.pop_front();
            }
        }
        if self.is_empty() {
            self.bytes.clear();
            self.slices.covered = 0;
        }
    }

    fn chunks_vectored<'a>(&'a self, pieces: &mut [IoSlice<'a>]) -> usize {
        let mut rest = &self.bytes[..];
        let mut count = 0;
        let mut put = |piece: &'a [u8]| {
            let room = pieces.get_mut(count);
            if let Some(room) = room.filter(|_| !piece.is_empty()) {
                *room = IoSlice::new(piece);
                count += 1;
            }
        };
        for (gap, slice) in &self.slices.list {
            let (before, behind) = rest.split_at(*gap);
            rest = behind;
            put(before);
            put(slice);
        }
        put(rest);
        count
    }
}

#[cfg(test)]
mod tests;
