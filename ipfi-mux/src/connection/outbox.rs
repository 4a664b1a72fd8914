//! The short way out: small writes become frames where they are written.
//!
//! The usual call is one frame each way. To queue its bytes, schedule its stream, and take both apart again
//! when the batch is built costs several times what the frame does. So a small write that ends its stream, for
//! which there is credit, on a stream that has nothing queued and has not had its first quantum, is formatted
//! at once, behind those written before it: the order in which the schedule would have served them.
//!
//! What must stay true, and why it does:
//!
//! * *Nothing piles up.* The frames are bounded, by less than a batch; what finds no room is queued.
//! * *Bulk and control do not starve*: a batch has room for all of them and a record more, however little
//!   its driver asks for.
//! * *A stream's frames leave in order.* They are the first of a batch that belong to streams, before the
//!   control frames: a reset must not overtake the bytes that its final size counts. And while bytes of a
//!   stream are queued, none of it takes this way.
//! * *Priorities are kept*: only streams of the default priority take it, so that a higher one waits for a few
//!   small frames at most, as it does for those in the batch that is being written.
//!
//! Bytes on this way have left, as far as credit and the states of their stream are concerned.

use bytes::{Buf, BytesMut};

use super::Connection;
use super::batch::{Batch, MAX_SENT_RECORD};
use crate::frame::stream;
use crate::record::RecordFraming;
use crate::streams::StreamKey;
use crate::streams::state::SendEvent;

/// The most that waits on an ordered pipe: half of what a driver takes for one write.
const SIZED_BYTES: usize = 32 << 10;

/// The first buffer.
const FIRST_BYTES: usize = 2 << 10;

/// Frames that end their streams and leave with the next batch, before all others that belong to streams.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: BytesMut,
    /// Where records end that are full, in order: the last record has no end yet.
    ends: Vec<usize>,
}

impl Outbox {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// How large a batch is to be for which a driver asks for `max` bytes. Frames that take the short way as
    /// fast as batches take them would otherwise fill all of each.
    #[inline]
    pub(super) fn batch_bytes(&self, max: usize) -> usize {
        if self.is_empty() { max } else { max.max(self.len() + MAX_SENT_RECORD) }
    }

    /// Heap in bytes.
    pub(super) fn memory(&self) -> usize {
        self.frames.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Makes room for a frame of at most `need` bytes in one record, where at most `most` wait; false when there is none.
    #[inline]
    fn make_room(&mut self, need: usize, most: usize) -> bool {
        let end = self.frames.len() + need;
        if end > most || need > MAX_SENT_RECORD {
            return false;
        }
        let record = self.ends.last().copied().unwrap_or(0);
        if end - record > MAX_SENT_RECORD {
            self.ends.push(self.frames.len());
        }
        if self.frames.capacity() == 0 {
            self.frames.reserve(FIRST_BYTES);
        }
        true
    }

    /// Moves what fits into `batch`: true when that was all.
    fn move_into(&mut self, batch: &mut Batch<'_>) -> bool {
        let mut moved = 0;
        let mut records = 0;
        for end in self.ends.iter().copied().chain([self.frames.len()]) {
            if !batch.ensure(end - moved) {
                break;
            }
            batch.out.extend_from_slice(&self.frames[moved..end]);
            moved = end;
            records += 1;
        }
        if moved == self.frames.len() {
            self.frames.clear();
            self.ends.clear();
            return true;
        }
        self.frames.advance(moved);
        self.ends.drain(..records);
        self.ends.iter_mut().for_each(|end| *end -= moved);
        false
    }
}

impl Connection {
    /// Formats `data` and the end of the stream as a frame that leaves with the next batch, if they may take
    /// the short way; otherwise does nothing. The half takes writes.
    #[inline]
    pub(super) fn send_now(&mut self, key: StreamKey, data: &[u8]) -> bool {
        let len = data.len();
        if len == 0 || self.send_credit.available() < len as u64 || self.peer.is_none() {
            return false;
        }
        let most = match self.config.framing {
            RecordFraming::Sized => SIZED_BYTES,
            // A batch is one record: half of it, so that there is room for all else.
            RecordFraming::Message => self.record_max() / 2,
        };
        let Some(stream) = self.streams.get_mut(key) else { return false };
        let (id, priority) = (stream.id, stream.priority);
        let Some(half) = stream.send.as_mut() else { return false };
        let plain = priority == 0 && half.queue.is_empty() && half.credit.available() >= len as u64;
        if !plain || !self.outbox.make_room(stream::HEADER_MAX + len, most) {
            return false;
        }
        let offset = half.credit.sent();
        // The lengths of small writes are.
        let Ok(turn) = u32::try_from(len) else { return false };
        if !self.streams.take_turn(key, turn) {
            return false;
        }
        stream::put_header(&mut self.outbox.frames, id, offset, Some(len), true);
        self.outbox.frames.extend_from_slice(data);
        self.send_credit.charge(len as u64);
        self.budget.payload(len);
        let half = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut());
        let half = half.expect("it was just found");
        half.credit.charge(len as u64);
        half.apply(SendEvent::DataLeft);
        half.apply(SendEvent::Finish);
        half.apply(SendEvent::FinLeft);
        half.stop_listener = None;
        true
    }

    /// Moves the frames that wait into `batch`: true when that was all, and other frames may follow.
    pub(super) fn put_outbox(&mut self, batch: &mut Batch<'_>) -> bool {
        if self.outbox.is_empty() {
            return true;
        }
        // Each of them ends its stream.
        self.flush.in_batch = true;
        self.outbox.move_into(batch)
    }

    /// Nothing is to be sent and no call is open: a connection that may be idle for long keeps no buffer.
    pub(super) fn rest_outbox(&mut self) {
        if self.outbox.is_empty() && self.streams.calls() == 0 {
            self.outbox = Outbox::default();
        }
    }
}
