//! STREAM, RFC 9000 section 19.8.
//!
//! ```text
//! STREAM Frame {
//!   Type (i) = 0x08..0x0f,      bit 0x04 OFF: Offset is there, else it is 0
//!                               bit 0x02 LEN: Length is there, else the data reach to the record's end
//!                               bit 0x01 FIN: these are the last
//!   Stream ID (i),
//!   [Offset (i)],
//!   [Length (i)],
//!   Stream Data (..),
//! }
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use ipfi_core::varint;

use super::{Fields, Frame};
use crate::stream_id::StreamId;
use crate::violation::Violation;

const BASE: u8 = 0x08;
const OFF: u8 = 0x04;
const LEN: u8 = 0x02;
const FIN: u8 = 0x01;

/// How many bytes [`put_header`] appends for a frame that carries its length `len`.
pub const fn header_len(id: StreamId, offset: u64, len: usize) -> usize {
    let offset_len = if offset == 0 { 0 } else { varint::len(offset) };
    1 + varint::len(id.get()) + offset_len + varint::len(len as u64)
}

/// Appends all of a STREAM frame but its data, which follow. Without `len` they reach to the end of
/// the record: nothing may follow them in it.
pub fn put_header(out: &mut BytesMut, id: StreamId, offset: u64, len: Option<usize>, fin: bool) {
    let mut kind = BASE;
    if offset != 0 {
        kind |= OFF;
    }
    if len.is_some() {
        kind |= LEN;
    }
    if fin {
        kind |= FIN;
    }
    out.put_u8(kind);
    varint::put(out, id.get());
    if offset != 0 {
        varint::put(out, offset);
    }
    if let Some(len) = len {
        varint::put(out, len as u64);
    }
}

pub(super) fn decode(kind: u64, record: &mut Bytes) -> Result<Frame, Violation> {
    let has = |bit: u8| kind & u64::from(bit) != 0;
    let mut fields = Fields::new("STREAM", record);
    let id = fields.stream_id()?;
    let offset = if has(OFF) { fields.varint("Offset")? } else { 0 };
    let payload = if has(LEN) { fields.bytes("Stream Data")? } else { fields.remaining() };
    // Section 19.8 lets this be a FRAME_ENCODING_ERROR or a FLOW_CONTROL_ERROR; no credit is known
    // here, and no credit could be that large.
    if offset + payload.len() as u64 > varint::MAX {
        let len = payload.len();
        return Err(Violation::encoding(format!(
            "STREAM: offset {offset} and {len} bytes reach past 2^62 - 1 on stream {id}"
        )));
    }
    Ok(Frame::Stream { id, offset, payload, fin: has(FIN) })
}
