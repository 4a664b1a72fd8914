//! QX_TRANSPORT_PARAMETERS, QMux section 4.2: the first frame of each side, and never a later one.
//!
//! ```text
//! QX_TRANSPORT_PARAMETERS Frame {
//!   Type (i) = 0x3f5153300d0a0d0a,
//!   Length (i),
//!   Transport Parameters (..),      see the module `params` of this crate
//! }
//! ```

use bytes::BytesMut;
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
use crate::params::TransportParameters;
use crate::violation::Violation;

pub(super) const TYPE: u64 = 0x3f51_5330_0d0a_0d0a;

/// [`TYPE`] on the wire: the two bits of its length make the first byte 0xff, which begins no text
/// and no HTTP. It reads `\xffQS0\r\n\r\n`; draft-02 says `\xffQMX\r\n\r\n` beside the number, which
/// would be another number. The number is what the draft registers and what peers send.
pub(crate) const MAGIC: [u8; 8] = (TYPE | 0xc0 << 56).to_be_bytes();

/// Appends a QX_TRANSPORT_PARAMETERS frame.
pub fn put_transport_parameters(out: &mut BytesMut, parameters: &TransportParameters) {
    varint::put(out, TYPE);
    varint::put(out, parameters.encoded_len() as u64);
    parameters.encode(out);
}

pub(super) fn decode<R: Record>(record: &mut R) -> Result<Frame, Violation> {
    let payload = Fields::new("QX_TRANSPORT_PARAMETERS", record).bytes("Transport Parameters")?;
    Ok(Frame::TransportParameters(TransportParameters::decode(&payload)?))
}
