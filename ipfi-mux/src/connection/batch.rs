//! One batch of output: whole records, as many as the driver wants at once.

use bytes::BytesMut;

use super::output::{SLICE_BYTES, Slices};
use crate::byte_queue::ByteQueue;
use crate::record::{RecordFraming, begin_record, end_record_around};

/// The largest record sent over a byte pipe: what every peer accepts (qmux-02 "max_record_size"), and
/// what leaves room for a Size of two bytes.
pub(crate) const MAX_SENT_RECORD: usize = 16_382;

/// Room that is asked for before a frame of control: more than any of them takes (a type, an id and
/// two more integers, or QX_PING's type of 8 bytes and its number).
pub(crate) const CONTROL_ROOM: usize = 40;

/// Records being appended to a buffer.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) out: &'a mut BytesMut,
    /// Where large payloads go that are not copied into `out`, which then begins with this batch.
    slices: Option<&'a mut Slices>,
    framing: RecordFraming,
    /// Where in `out` this batch begins.
    start: usize,
    /// About how many bytes are wanted.
    max: usize,
    /// The largest record the peer accepts and we send.
    record_max: usize,
    /// The record being written: its mark, and where its frames begin.
    record: Option<(usize, usize)>,
    /// Bytes of slices before the record being written.
    sliced_before: usize,
    /// Records begun.
    records: usize,
}

impl<'a> Batch<'a> {
    /// A batch of about `max` bytes at the end of `out`.
    pub(crate) fn new(out: &'a mut BytesMut, framing: RecordFraming, max: usize, record_max: usize) -> Self {
        let (slices, start) = (None, out.len());
        Self { out, slices, framing, start, max, record_max, record: None, sliced_before: 0, records: 0 }
    }

    /// As [`new`](Self::new), with the large payloads in `slices`; both must be empty.
    pub(crate) fn in_pieces(
        out: &'a mut BytesMut,
        slices: &'a mut Slices,
        framing: RecordFraming,
        max: usize,
        record_max: usize,
    ) -> Self {
        debug_assert!(out.is_empty() && slices.len() == 0, "a batch begins before the last was written");
        Self { slices: Some(slices), ..Self::new(out, framing, max, record_max) }
    }

    /// Bytes in slices.
    #[inline]
    fn sliced(&self) -> usize {
        self.slices.as_ref().map_or(0, |slices| slices.len())
    }

    /// Bytes of this batch so far.
    #[inline]
    fn len(&self) -> usize {
        self.out.len() - self.start + self.sliced()
    }

    /// Moves `count` bytes, which are there, from the front of `queue` behind the frame's header.
    #[inline]
    pub(crate) fn put_payload(&mut self, queue: &mut ByteQueue, mut count: usize) {
        if let Some(slices) = &mut self.slices {
            while count >= SLICE_BYTES && queue.front_len() >= SLICE_BYTES {
                let slice = queue.pop(count);
                count -= slice.len();
                slices.push(self.out.len(), slice);
            }
        }
        queue.move_into(self.out, count);
    }

    /// Makes sure that a frame of `need` bytes can be appended: in this record or, if it is full, in a
    /// new one. False when the batch is full.
    #[inline]
    pub(crate) fn ensure(&mut self, need: usize) -> bool {
        (self.record.is_some() && self.left() >= need) || self.begin_record(need)
    }

    /// Ends the record, if one was begun, and begins another: false when the batch is full.
    fn begin_record(&mut self, need: usize) -> bool {
        self.end_record();
        // A message of the carrier is one record, and a batch is one message.
        let full = match self.framing {
            RecordFraming::Sized => self.len() >= self.max,
            RecordFraming::Message => self.records > 0,
        };
        if full || need > self.record_max {
            return false;
        }
        let mark = match self.framing {
            RecordFraming::Sized => begin_record(self.out),
            RecordFraming::Message => self.out.len(),
        };
        self.record = Some((mark, self.out.len()));
        self.sliced_before = self.sliced();
        self.records += 1;
        true
    }

    /// Bytes left in the record being written.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        let sliced = self.sliced() - self.sliced_before;
        self.record.map_or(0, |(_, begin)| self.record_max - (self.out.len() - begin) - sliced)
    }

    /// Ends the batch: how many bytes it has.
    pub(crate) fn finish(mut self) -> usize {
        self.end_record();
        self.len()
    }

    fn end_record(&mut self) {
        if let Some((mark, begin)) = self.record.take() {
            let sliced = self.sliced() - self.sliced_before;
            let size = self.out.len() - begin + sliced;
            debug_assert!(size <= self.record_max, "a record larger than the peer accepts");
            if self.framing == RecordFraming::Sized {
                end_record_around(self.out, mark, sliced);
            }
        }
    }
}
