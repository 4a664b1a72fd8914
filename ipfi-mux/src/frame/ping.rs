//! QX_PING, QMux section 4.3: is the peer still there?
//!
//! ```text
//! QX_PING Frame {
//!   Type (i) = 0x348c67529ef8c7bd request, 0x348c67529ef8c7be response,
//!   Sequence Number (i),
//! }
//! ```
//!
//! Whether sequence numbers increase, and were sent at all, is the connection's to judge.

use bytes::BytesMut;
use ipfi_core::varint;

use super::fields::{Fields, Record};
use crate::violation::Violation;

pub(super) const PING: u64 = 0x348c_6752_9ef8_c7bd;
pub(super) const PONG: u64 = 0x348c_6752_9ef8_c7be;

/// Appends a QX_PING frame that asks for a response.
pub fn put_ping(out: &mut BytesMut, sequence: u64) {
    varint::put(out, PING);
    varint::put(out, sequence);
}

/// Appends a QX_PING frame that responds to the one with the same `sequence`.
pub fn put_pong(out: &mut BytesMut, sequence: u64) {
    varint::put(out, PONG);
    varint::put(out, sequence);
}

pub(super) fn decode<R: Record>(record: &mut R) -> Result<u64, Violation> {
    Fields::new("QX_PING", record).varint("Sequence Number")
}
