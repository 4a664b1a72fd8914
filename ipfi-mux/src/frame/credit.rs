//! The frames of flow control, RFC 9000 sections 19.9 to 19.14. All limits are absolute, so that a
//! later frame includes every earlier one.
//!
//! ```text
//! MAX_DATA             Type (i) = 0x10,                              Maximum Data (i)
//! MAX_STREAM_DATA      Type (i) = 0x11,              Stream ID (i),  Maximum Stream Data (i)
//! MAX_STREAMS          Type (i) = 0x12 bi, 0x13 uni,                 Maximum Streams (i)
//! DATA_BLOCKED         Type (i) = 0x14,                              Maximum Data (i)
//! STREAM_DATA_BLOCKED  Type (i) = 0x15,              Stream ID (i),  Maximum Stream Data (i)
//! STREAMS_BLOCKED      Type (i) = 0x16 bi, 0x17 uni,                 Maximum Streams (i)
//! ```

use bytes::BytesMut;
use ipfi_core::varint;

use super::Frame;
use super::fields::{Fields, Record};
use crate::params::MAX_STREAMS as STREAMS_LIMIT;
use crate::stream_id::{Dir, StreamId};
use crate::violation::Violation;

const MAX_DATA: u64 = 0x10;
const MAX_STREAM_DATA: u64 = 0x11;
const MAX_STREAMS_BI: u64 = 0x12;
const MAX_STREAMS_UNI: u64 = 0x13;
const DATA_BLOCKED: u64 = 0x14;
const STREAM_DATA_BLOCKED: u64 = 0x15;
const STREAMS_BLOCKED_BI: u64 = 0x16;
const STREAMS_BLOCKED_UNI: u64 = 0x17;

/// Appends a MAX_DATA frame.
pub fn put_max_data(out: &mut BytesMut, max: u64) {
    put(out, [MAX_DATA, max]);
}

/// Appends a MAX_STREAM_DATA frame.
pub fn put_max_stream_data(out: &mut BytesMut, id: StreamId, max: u64) {
    put(out, [MAX_STREAM_DATA, id.get(), max]);
}

/// Appends a MAX_STREAMS frame; `max` is at most 2^60.
pub fn put_max_streams(out: &mut BytesMut, dir: Dir, max: u64) {
    debug_assert!(max <= STREAMS_LIMIT, "MAX_STREAMS of {max}");
    let kind = match dir {
        Dir::Bi => MAX_STREAMS_BI,
        Dir::Uni => MAX_STREAMS_UNI,
    };
    put(out, [kind, max]);
}

/// Appends a DATA_BLOCKED frame.
pub fn put_data_blocked(out: &mut BytesMut, limit: u64) {
    put(out, [DATA_BLOCKED, limit]);
}

/// Appends a STREAM_DATA_BLOCKED frame.
pub fn put_stream_data_blocked(out: &mut BytesMut, id: StreamId, limit: u64) {
    put(out, [STREAM_DATA_BLOCKED, id.get(), limit]);
}

/// Appends a STREAMS_BLOCKED frame; `limit` is at most 2^60.
pub fn put_streams_blocked(out: &mut BytesMut, dir: Dir, limit: u64) {
    debug_assert!(limit <= STREAMS_LIMIT, "STREAMS_BLOCKED at {limit}");
    let kind = match dir {
        Dir::Bi => STREAMS_BLOCKED_BI,
        Dir::Uni => STREAMS_BLOCKED_UNI,
    };
    put(out, [kind, limit]);
}

fn put<const N: usize>(out: &mut BytesMut, fields: [u64; N]) {
    for field in fields {
        varint::put(out, field);
    }
}

/// `kind` is one of 0x10 to 0x17.
pub(super) fn decode<R: Record>(kind: u64, record: &mut R) -> Result<Frame, Violation> {
    let name = match kind {
        MAX_DATA => "MAX_DATA",
        MAX_STREAM_DATA => "MAX_STREAM_DATA",
        MAX_STREAMS_BI | MAX_STREAMS_UNI => "MAX_STREAMS",
        DATA_BLOCKED => "DATA_BLOCKED",
        STREAM_DATA_BLOCKED => "STREAM_DATA_BLOCKED",
        _ => "STREAMS_BLOCKED",
    };
    let mut fields = Fields::new(name, record);
    Ok(match kind {
        MAX_DATA => Frame::MaxData { max: fields.varint("Maximum Data")? },
        DATA_BLOCKED => Frame::DataBlocked { limit: fields.varint("Maximum Data")? },
        MAX_STREAM_DATA => {
            Frame::MaxStreamData { id: fields.stream_id()?, max: fields.varint("Maximum Stream Data")? }
        }
        STREAM_DATA_BLOCKED => {
            Frame::StreamDataBlocked { id: fields.stream_id()?, limit: fields.varint("Maximum Stream Data")? }
        }
        MAX_STREAMS_BI => Frame::MaxStreams { dir: Dir::Bi, max: streams(name, fields)? },
        MAX_STREAMS_UNI => Frame::MaxStreams { dir: Dir::Uni, max: streams(name, fields)? },
        STREAMS_BLOCKED_BI => Frame::StreamsBlocked { dir: Dir::Bi, limit: streams(name, fields)? },
        _ => Frame::StreamsBlocked { dir: Dir::Uni, limit: streams(name, fields)? },
    })
}

/// At most 2^60, or a FRAME_ENCODING_ERROR: the one that section 19.11 demands, and one of the two
/// that section 19.14 leaves to choose from.
fn streams(name: &'static str, mut fields: Fields<'_, impl Record>) -> Result<u64, Violation> {
    let max = fields.varint("Maximum Streams")?;
    if max > STREAMS_LIMIT {
        return Err(Violation::encoding(format!("{name}: {max} streams, at most 2^60 can be")));
    }
    Ok(max)
}
