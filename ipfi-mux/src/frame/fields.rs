//! Takes the fields of one frame off the front of a record, and says which one is missing.

use bytes::{Buf, Bytes};
use ipfi_core::varint;

use crate::stream_id::StreamId;
use crate::violation::Violation;

/// The rest of a record, behind the type of the frame that is being decoded. Every error is the
/// FRAME_ENCODING_ERROR of a frame that the record's end truncates (QMux section 3.2).
pub(super) struct Fields<'a> {
    frame: &'static str,
    rest: &'a mut Bytes,
}

impl<'a> Fields<'a> {
    pub(super) fn new(frame: &'static str, rest: &'a mut Bytes) -> Self {
        Self { frame, rest }
    }

    pub(super) fn varint(&mut self, field: &'static str) -> Result<u64, Violation> {
        match varint::get(self.rest) {
            Some((value, len)) => {
                self.rest.advance(len);
                Ok(value)
            }
            None => Err(self.truncated(field)),
        }
    }

    pub(super) fn stream_id(&mut self) -> Result<StreamId, Violation> {
        self.varint("Stream ID").map(StreamId::from_u64)
    }

    /// A Length and as many bytes, as a slice of the record.
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<Bytes, Violation> {
        let len = self.varint("Length")?;
        match usize::try_from(len) {
            Ok(len) if len <= self.rest.len() => Ok(self.rest.split_to(len)),
            _ => Err(self.too_long(field, len)),
        }
    }

    /// All that the record still has, as a slice of it.
    pub(super) fn remaining(&mut self) -> Bytes {
        std::mem::take(self.rest)
    }

    #[cold]
    fn truncated(&self, field: &'static str) -> Violation {
        Violation::encoding(format!("{}: the record ends inside {field}", self.frame))
    }

    #[cold]
    fn too_long(&self, field: &'static str, len: u64) -> Violation {
        let left = self.rest.len();
        Violation::encoding(format!("{}: {field} of {len} bytes, {left} are left in the record", self.frame))
    }
}
