//! DATAGRAM, RFC 9221 section 4, which QMux section 8.1 takes over unchanged.
//!
//! ```text
//! DATAGRAM Frame {
//!   Type (i) = 0x30, 0x31,      bit 0x01 LEN: Length is there, else the data reach to the record's end
//!   [Length (i)],
//!   Datagram Data (..),
//! }
//! ```
//!
//! Whether datagrams were offered, and up to which size, is the connection's to judge (section 3).

use bytes::BytesMut;
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
use crate::violation::Violation;

pub(super) const TO_END: u64 = 0x30;
pub(super) const WITH_LEN: u64 = 0x31;

/// How many bytes [`put_header`] appends: with the data they make the frame, which the peer's
/// `max_datagram_frame_size` bounds.
pub const fn header_len(len: Option<usize>) -> usize {
    match len {
        None => 1,
        Some(len) => 1 + varint::len(len as u64),
    }
}

/// Appends all of a DATAGRAM frame but its data, which follow. Without `len` they reach to the end
/// of the record: nothing may follow them in it.
pub fn put_header(out: &mut BytesMut, len: Option<usize>) {
    match len {
        None => varint::put(out, TO_END),
        Some(len) => {
            varint::put(out, WITH_LEN);
            varint::put(out, len as u64);
        }
    }
}

pub(super) fn decode<R: Record>(kind: u64, record: &mut R) -> Result<Frame, Violation> {
    let mut fields = Fields::new("DATAGRAM", record);
    let payload = if kind == WITH_LEN { fields.bytes("Datagram Data")? } else { fields.remaining() };
    Ok(Frame::Datagram { payload })
}
