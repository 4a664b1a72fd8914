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

use bytes::BytesMut;
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
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

/// The most that a header takes: a type, and three integers.
pub(crate) const HEADER_MAX: usize = 1 + 3 * varint::MAX_LEN;

/// Appends all of a STREAM frame but its data, which follow. Without `len` they reach to the end of
/// the record: nothing may follow them in it.
#[inline]
pub fn put_header(out: &mut BytesMut, id: StreamId, offset: u64, len: Option<usize>, fin: bool) {
    // Put together on the stack and appended at once: each append asks the buffer for room. All lengths are
    // constant, so that copies are single moves: a varint is stored with all of its eight bytes, the header
    // appended whole, and what is too much overwritten or cut off.
    let (mut header, mut end) = ([0; HEADER_MAX], 1);
    let mut put = |value: u64| {
        let (bytes, count) = varint::encode(value);
        header[end..end + varint::MAX_LEN].copy_from_slice(&bytes);
        end += count;
    };
    let mut kind = BASE;
    put(id.get());
    if offset != 0 {
        kind |= OFF;
        put(offset);
    }
    if let Some(len) = len {
        kind |= LEN;
        put(len as u64);
    }
    if fin {
        kind |= FIN;
    }
    header[0] = kind;
    let begin = out.len();
    out.extend_from_slice(&header);
    out.truncate(begin + end);
}

/// All of a STREAM frame but its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) id: StreamId,
    pub(crate) offset: u64,
    /// Bytes of data, which follow in the record; with `offset` at most 2^62 - 1.
    pub(crate) len: usize,
    pub(crate) fin: bool,
}

/// Whether a frame that begins with this byte is a STREAM frame.
#[inline]
pub(crate) const fn is_stream(first: u8) -> bool {
    first & !(OFF | LEN | FIN) == BASE
}

/// Takes the header of a STREAM frame, whose [first byte says so](is_stream), off the front of `record`
/// and leaves the data: those that are copied need not become [`Bytes`](bytes::Bytes) first.
#[inline]
pub(crate) fn decode_header(record: &mut &[u8]) -> Result<Header, Violation> {
    let kind = record[0];
    *record = &record[1..];
    header(u64::from(kind), record)
}

#[inline]
fn header<R: Record>(kind: u64, record: &mut R) -> Result<Header, Violation> {
    let has = |bit: u8| kind & u64::from(bit) != 0;
    let mut fields = Fields::new("STREAM", record);
    let id = fields.stream_id()?;
    let offset = if has(OFF) { fields.varint("Offset")? } else { 0 };
    let len = if has(LEN) { fields.length("Stream Data")? } else { record.remaining() };
    // Section 19.8 lets this be a FRAME_ENCODING_ERROR or a FLOW_CONTROL_ERROR; no credit is known
    // here, and no credit could be that large.
    if offset + len as u64 > varint::MAX {
        return Err(past_the_end(id, offset, len));
    }
    Ok(Header { id, offset, len, fin: has(FIN) })
}

#[cold]
fn past_the_end(id: StreamId, offset: u64, len: usize) -> Violation {
    Violation::encoding(format!("STREAM: offset {offset} and {len} bytes reach past 2^62 - 1 on stream {id}"))
}

pub(super) fn decode<R: Record>(kind: u64, record: &mut R) -> Result<Frame, Violation> {
    let Header { id, offset, len, fin } = header(kind, record)?;
    Ok(Frame::Stream { id, offset, payload: record.copy_to_bytes(len), fin })
}
