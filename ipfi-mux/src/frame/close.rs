//! CONNECTION_CLOSE, RFC 9000 section 19.19: the connection ends, by its transport's or by its
//! application's decision.
//!
//! ```text
//! CONNECTION_CLOSE Frame {
//!   Type (i) = 0x1c transport, 0x1d application,
//!   Error Code (i),
//!   [Frame Type (i)],           0x1c only: the frame that was at fault, 0 where none was
//!   Reason Phrase Length (i),
//!   Reason Phrase (..),         UTF-8 by section 19.19, but nothing hangs on it
//! }
//! ```

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
use crate::violation::Violation;

pub(super) const TRANSPORT: u64 = 0x1c;
pub(super) const APPLICATION: u64 = 0x1d;

/// Who closes the connection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionClose {
    /// The transport: the protocol was broken, or it ends without an application's reason.
    Transport {
        /// The error.
        code: TransportCode,
        /// The type of the frame that was at fault, 0 where none was or it is not known.
        frame_type: u64,
        /// Text for people, as received: perhaps no UTF-8.
        reason: Bytes,
    },
    /// The application.
    Application {
        /// Its reason.
        code: CloseCode,
        /// Text for people, as received: perhaps no UTF-8.
        reason: Bytes,
    },
}

impl ConnectionClose {
    /// Appends the frame. Whoever sends it sees to it that the reason fits the record.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Transport { code, frame_type, reason } => {
                put_transport(out, *code, *frame_type, reason);
            }
            Self::Application { code, reason } => put_application(out, *code, reason),
        }
    }
}

/// Appends a CONNECTION_CLOSE frame of the transport (type 0x1c).
pub fn put_transport(out: &mut BytesMut, code: TransportCode, frame_type: u64, reason: &[u8]) {
    for field in [TRANSPORT, code.0, frame_type, reason.len() as u64] {
        varint::put(out, field);
    }
    out.extend_from_slice(reason);
}

/// Appends a CONNECTION_CLOSE frame of the application (type 0x1d).
pub fn put_application(out: &mut BytesMut, code: CloseCode, reason: &[u8]) {
    for field in [APPLICATION, code.0, reason.len() as u64] {
        varint::put(out, field);
    }
    out.extend_from_slice(reason);
}

pub(super) fn decode_transport<R: Record>(record: &mut R) -> Result<Frame, Violation> {
    let mut fields = Fields::new("CONNECTION_CLOSE", record);
    Ok(Frame::ConnectionClose(ConnectionClose::Transport {
        code: TransportCode(fields.varint("Error Code")?),
        frame_type: fields.varint("Frame Type")?,
        reason: fields.bytes("Reason Phrase")?,
    }))
}

pub(super) fn decode_application<R: Record>(record: &mut R) -> Result<Frame, Violation> {
    let mut fields = Fields::new("CONNECTION_CLOSE", record);
    Ok(Frame::ConnectionClose(ConnectionClose::Application {
        code: CloseCode(fields.varint("Error Code")?),
        reason: fields.bytes("Reason Phrase")?,
    }))
}
