//! RESET_STREAM, RFC 9000 section 19.4, and STOP_SENDING, section 19.5: either half is given up.
//!
//! ```text
//! RESET_STREAM Frame {                      STOP_SENDING Frame {
//!   Type (i) = 0x04,                          Type (i) = 0x05,
//!   Stream ID (i),                            Stream ID (i),
//!   Application Protocol Error Code (i),      Application Protocol Error Code (i),
//!   Final Size (i),                         }
//! }
//! ```
//!
//! Whether the final size agrees with what was received is the stream's to judge (section 4.5).

use bytes::BytesMut;
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
use crate::stream_id::StreamId;
use crate::violation::Violation;

pub(super) const RESET_STREAM: u64 = 0x04;
pub(super) const STOP_SENDING: u64 = 0x05;

/// Appends a RESET_STREAM frame.
pub fn put_reset_stream(out: &mut BytesMut, id: StreamId, code: u64, final_size: u64) {
    for field in [RESET_STREAM, id.get(), code, final_size] {
        varint::put(out, field);
    }
}

/// Appends a STOP_SENDING frame.
pub fn put_stop_sending(out: &mut BytesMut, id: StreamId, code: u64) {
    for field in [STOP_SENDING, id.get(), code] {
        varint::put(out, field);
    }
}

pub(super) fn decode_reset_stream<R: Record>(record: &mut R) -> Result<Frame, Violation> {
    let mut fields = Fields::new("RESET_STREAM", record);
    Ok(Frame::ResetStream {
        id: fields.stream_id()?,
        code: fields.varint("Application Protocol Error Code")?,
        final_size: fields.varint("Final Size")?,
    })
}

pub(super) fn decode_stop_sending<R: Record>(record: &mut R) -> Result<Frame, Violation> {
    let mut fields = Fields::new("STOP_SENDING", record);
    Ok(Frame::StopSending {
        id: fields.stream_id()?,
        code: fields.varint("Application Protocol Error Code")?,
    })
}
