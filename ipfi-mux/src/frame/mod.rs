//! Frames: their bytes, RFC 9000 section 19 and QMux section 4, and nothing of their meaning.
//!
//! Decoding is the one gate: a [`Frame`] is well formed and within the ranges that can be known
//! without the connection's state, and nothing downstream checks lengths again. Order, credit and
//! stream states are the connection's.
//!
//! | type | frame | file |
//! | --- | --- | --- |
//! | 0x00 | PADDING | here |
//! | 0x04, 0x05 | RESET_STREAM, STOP_SENDING | [`reset`] |
//! | 0x08 to 0x0f | STREAM | [`stream`] |
//! | 0x10 to 0x17 | MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS and their BLOCKED frames | [`credit`] |
//! | 0x1c, 0x1d | CONNECTION_CLOSE | [`close`] |
//! | 0x30, 0x31 | DATAGRAM (RFC 9221) | [`datagram`] |
//! | 0x348c67529ef8c7bd and its successor | QX_PING, request and response | [`ping`] |
//! | 0x3f5153300d0a0d0a | QX_TRANSPORT_PARAMETERS | [`params`] |
//!
//! Each file has the layouts of its frames, `put_*` functions that append one without making a
//! [`Frame`] value, and the decoders. In the layouts `(i)` is a varint (RFC 9000 section 16), `(..)`
//! bytes.

use bytes::{Buf, Bytes, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::varint;

use crate::params::TransportParameters;
use crate::stream_id::{Dir, StreamId};
use crate::violation::Violation;

pub mod close;
pub mod credit;
pub mod datagram;
mod fields;
pub mod params;
pub mod ping;
pub mod reset;
pub mod stream;

pub use close::ConnectionClose;
pub(crate) use params::MAGIC as TRANSPORT_PARAMETERS_MAGIC;

use fields::Record;

const PADDING: u64 = 0x00;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A run of PADDING frames (RFC 9000 section 19.1): each is one zero byte.
    Padding {
        /// How many, at least one.
        bytes: usize,
    },
    /// RESET_STREAM (RFC 9000 section 19.4): the sender gives a stream up.
    ResetStream {
        /// The stream.
        id: StreamId,
        /// The application's reason.
        code: u64,
        /// How many bytes of the stream were sent.
        final_size: u64,
    },
    /// STOP_SENDING (RFC 9000 section 19.5): the receiver wants no more of a stream.
    StopSending {
        /// The stream.
        id: StreamId,
        /// The application's reason.
        code: u64,
    },
    /// STREAM (RFC 9000 section 19.8): bytes of a stream.
    Stream {
        /// The stream.
        id: StreamId,
        /// Where in the stream `payload` begins; `offset` and its length add up to at most 2^62 - 1.
        offset: u64,
        /// The bytes; may be empty.
        payload: Bytes,
        /// These are the stream's last.
        fin: bool,
    },
    /// MAX_DATA (RFC 9000 section 19.9): credit for all streams together.
    MaxData {
        /// Bytes that may be sent in all.
        max: u64,
    },
    /// MAX_STREAM_DATA (RFC 9000 section 19.10): credit for one stream.
    MaxStreamData {
        /// The stream.
        id: StreamId,
        /// Bytes that may be sent on it in all.
        max: u64,
    },
    /// MAX_STREAMS (RFC 9000 section 19.11): credit for opening streams.
    MaxStreams {
        /// Which kind.
        dir: Dir,
        /// Streams that may be opened in all, at most 2^60.
        max: u64,
    },
    /// DATA_BLOCKED (RFC 9000 section 19.12): the connection's credit is used up.
    DataBlocked {
        /// The credit there was.
        limit: u64,
    },
    /// STREAM_DATA_BLOCKED (RFC 9000 section 19.13): a stream's credit is used up.
    StreamDataBlocked {
        /// The stream.
        id: StreamId,
        /// The credit there was.
        limit: u64,
    },
    /// STREAMS_BLOCKED (RFC 9000 section 19.14): the credit for opening streams is used up.
    StreamsBlocked {
        /// Which kind.
        dir: Dir,
        /// The credit there was, at most 2^60.
        limit: u64,
    },
    /// CONNECTION_CLOSE (RFC 9000 section 19.19).
    ConnectionClose(ConnectionClose),
    /// DATAGRAM (RFC 9221 section 4).
    Datagram {
        /// The datagram; may be empty.
        payload: Bytes,
    },
    /// QX_TRANSPORT_PARAMETERS (QMux section 4.2): the first frame, and only that.
    TransportParameters(TransportParameters),
    /// QX_PING (QMux section 4.3) that asks for a response.
    Ping {
        /// Which one; strictly increasing.
        sequence: u64,
    },
    /// QX_PING (QMux section 4.3) that responds.
    Pong {
        /// The sequence of the one it answers.
        sequence: u64,
    },
}

impl Frame {
    /// Decodes one frame from the front of `record`, which is not empty, and takes its bytes off.
    /// Payloads are slices of `record`: they keep its memory alive.
    ///
    /// An error ends the connection; what it leaves in `record` is of no use. It is a
    /// FRAME_ENCODING_ERROR for what is truncated, unknown, prohibited (QMux section 4) or out of
    /// range, a PROTOCOL_VIOLATION for a type in more bytes than it needs (RFC 9000 section 12.4
    /// leaves that to the receiver: a second spelling of every frame would only serve to slip past
    /// filters), a TRANSPORT_PARAMETER_ERROR for parameters.
    pub fn decode(record: &mut Bytes) -> Result<Self, Violation> {
        Self::decode_from(record)
    }

    /// As [`decode`](Self::decode), from a record that is not to be sliced: payloads are copies.
    pub(crate) fn decode_copying(record: &mut &[u8]) -> Result<Self, Violation> {
        Self::decode_from(record)
    }

    fn decode_from(record: &mut impl Record) -> Result<Self, Violation> {
        let Some((kind, len)) = varint::get(record.chunk()) else {
            return Err(Violation::encoding("the record ends inside a frame type"));
        };
        if len != varint::len(kind) {
            let what = format!("frame type {kind:#x} in {len} bytes, longer than needed");
            return Err(Violation::new(TransportCode::PROTOCOL_VIOLATION, what));
        }
        if kind == PADDING {
            let bytes = record.chunk().iter().take_while(|byte| **byte == 0).count();
            record.advance(bytes);
            return Ok(Self::Padding { bytes });
        }
        record.advance(len);
        match kind {
            0x08..=0x0f => stream::decode(kind, record),
            reset::RESET_STREAM => reset::decode_reset_stream(record),
            reset::STOP_SENDING => reset::decode_stop_sending(record),
            0x10..=0x17 => credit::decode(kind, record),
            close::TRANSPORT => close::decode_transport(record),
            close::APPLICATION => close::decode_application(record),
            datagram::TO_END | datagram::WITH_LEN => datagram::decode(kind, record),
            ping::PING => Ok(Self::Ping { sequence: ping::decode(record)? }),
            ping::PONG => Ok(Self::Pong { sequence: ping::decode(record)? }),
            params::TYPE => params::decode(record),
            _ => Err(refused(kind)),
        }
    }

    /// Appends the frame's bytes. STREAM and DATAGRAM carry their lengths, so that anything may
    /// follow; a STREAM offset of 0 is left out.
    ///
    /// The record must have room for it: nothing is split or cut here.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Padding { bytes } => out.resize(out.len() + bytes, 0),
            Self::ResetStream { id, code, final_size } => {
                reset::put_reset_stream(out, *id, *code, *final_size);
            }
            Self::StopSending { id, code } => reset::put_stop_sending(out, *id, *code),
            Self::Stream { id, offset, payload, fin } => {
                stream::put_header(out, *id, *offset, Some(payload.len()), *fin);
                out.extend_from_slice(payload);
            }
            Self::MaxData { max } => credit::put_max_data(out, *max),
            Self::MaxStreamData { id, max } => credit::put_max_stream_data(out, *id, *max),
            Self::MaxStreams { dir, max } => credit::put_max_streams(out, *dir, *max),
            Self::DataBlocked { limit } => credit::put_data_blocked(out, *limit),
            Self::StreamDataBlocked { id, limit } => credit::put_stream_data_blocked(out, *id, *limit),
            Self::StreamsBlocked { dir, limit } => credit::put_streams_blocked(out, *dir, *limit),
            Self::ConnectionClose(close) => close.encode(out),
            Self::Datagram { payload } => {
                datagram::put_header(out, Some(payload.len()));
                out.extend_from_slice(payload);
            }
            Self::TransportParameters(parameters) => params::put_transport_parameters(out, parameters),
            Self::Ping { sequence } => ping::put_ping(out, *sequence),
            Self::Pong { sequence } => ping::put_pong(out, *sequence),
        }
    }
}

/// A type that no frame here has: QMux section 4 lists the frames of RFC 9000 that are prohibited,
/// RFC 9000 section 12.4 refuses unknown ones, both as FRAME_ENCODING_ERROR.
#[cold]
fn refused(kind: u64) -> Violation {
    let name = match kind {
        0x01 => "PING",
        0x02 | 0x03 => "ACK",
        0x06 => "CRYPTO",
        0x07 => "NEW_TOKEN",
        0x18 => "NEW_CONNECTION_ID",
        0x19 => "RETIRE_CONNECTION_ID",
        0x1a => "PATH_CHALLENGE",
        0x1b => "PATH_RESPONSE",
        0x1e => "HANDSHAKE_DONE",
        _ => return Violation::encoding(format!("unknown frame type {kind:#x}")),
    };
    Violation::encoding(format!("prohibited frame {name} (type {kind:#x})"))
}

#[cfg(test)]
mod tests;
