//! Takes the fields of one frame off the front of a record, and says which one is missing.

use bytes::{Buf, Bytes};
use ipfi_core::varint;

use crate::stream_id::StreamId;
use crate::violation::Violation;

/// What a record's frames are decoded from: [`Bytes`], whose payloads are slices of it, or `&[u8]`, whose
/// payloads are copies. Nobody else implements it: it must be one piece.
pub(super) trait Record: Buf {}

impl Record for Bytes {}
impl Record for &[u8] {}

/// The rest of a record, behind the type of the frame that is being decoded. Every error is the
/// FRAME_ENCODING_ERROR of a frame that the record's end truncates (QMux section 3.2).
pub(super) struct Fields<'a, R> {
    frame: &'static str,
    rest: &'a mut R,
}

impl<'a, R: Record> Fields<'a, R> {
    #[inline]
    pub(super) fn new(frame: &'static str, rest: &'a mut R) -> Self {
        Self { frame, rest }
    }

    #[inline]
    pub(super) fn varint(&mut self, field: &'static str) -> Result<u64, Violation> {
        match varint::get(self.rest.chunk()) {
            Some((value, len)) => {
                self.rest.advance(len);
                Ok(value)
            }
            None => Err(self.truncated(field)),
        }
    }

    #[inline]
    pub(super) fn stream_id(&mut self) -> Result<StreamId, Violation> {
        self.varint("Stream ID").map(StreamId::from_u64)
    }

    /// A Length that the record has room for.
    #[inline]
    pub(super) fn length(&mut self, field: &'static str) -> Result<usize, Violation> {
        let len = self.varint("Length")?;
        match usize::try_from(len) {
            Ok(len) if len <= self.rest.remaining() => Ok(len),
            _ => Err(self.too_long(field, len)),
        }
    }

    /// A Length and as many bytes.
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<Bytes, Violation> {
        let len = self.length(field)?;
        Ok(self.rest.copy_to_bytes(len))
    }

    /// All that the record still has.
    pub(super) fn remaining(&mut self) -> Bytes {
        self.rest.copy_to_bytes(self.rest.remaining())
    }

    #[cold]
    fn truncated(&self, field: &'static str) -> Violation {
        Violation::encoding(format!("{}: the record ends inside {field}", self.frame))
    }

    #[cold]
    fn too_long(&self, field: &'static str, len: u64) -> Violation {
        let left = self.rest.remaining();
        Violation::encoding(format!("{}: {field} of {len} bytes, {left} are left in the record", self.frame))
    }
}
