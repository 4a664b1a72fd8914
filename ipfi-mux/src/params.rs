//! Transport parameters, RFC 9000 section 18 as QMux sections 5.1 and 5.2 change it: what a side
//! declares about itself before anything else.
//!
//! ```text
//! Transport Parameter {
//!   ID (i),
//!   Length (i),
//!   Value (..),        one varint, for every parameter used here
//! }
//! ```
//!
//! | id | parameter | absent means |
//! | --- | --- | --- |
//! | 0x01 | `max_idle_timeout`, milliseconds | 0: none |
//! | 0x04 | `initial_max_data` | 0 |
//! | 0x05 | `initial_max_stream_data_bidi_local` | 0 |
//! | 0x06 | `initial_max_stream_data_bidi_remote` | 0 |
//! | 0x07 | `initial_max_stream_data_uni` | 0 |
//! | 0x08 | `initial_max_streams_bidi`, at most 2^60 | 0 |
//! | 0x09 | `initial_max_streams_uni`, at most 2^60 | 0 |
//! | 0x20 | `max_datagram_frame_size` (RFC 9221 section 3) | 0: no datagrams |
//! | 0x0571c59429cd0845 | `max_record_size`, at least 16 382 | 16 382 |
//!
//! The other parameters of RFC 9000 section 18.2 are prohibited (QMux section 5.1); all that neither
//! document defines are ignored, reserved ones (31 * N + 27) among them.

use std::borrow::Cow;

use bytes::BytesMut;
use ipfi_core::close_code::TransportCode;
use ipfi_core::varint;

use crate::violation::Violation;

/// The least that a side may declare as [`max_record_size`](TransportParameters::max_record_size),
/// and what holds where it declares nothing (QMux section 5.2).
pub const MIN_MAX_RECORD_SIZE: u64 = 16_382;

/// How many streams of one kind there can be: the largest MAX_STREAMS (RFC 9000 section 4.6).
pub(crate) const MAX_STREAMS: u64 = 1 << 60;

const MAX_RECORD_SIZE_ID: u64 = 0x0571_c594_29cd_0845;

/// How many parameters there are in [`TransportParameters`].
const COUNT: usize = 9;

/// What one side declares about itself. Every value is a varint, at most 2^62 - 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportParameters {
    /// How long it stays without a record before it gives up, in milliseconds; 0 is for ever.
    pub max_idle_timeout_ms: u64,
    /// Bytes it takes on all streams together.
    pub initial_max_data: u64,
    /// Bytes it takes on each bidirectional stream that it opens itself.
    pub initial_max_stream_data_bidi_local: u64,
    /// Bytes it takes on each bidirectional stream that the receiver of this opens.
    pub initial_max_stream_data_bidi_remote: u64,
    /// Bytes it takes on each unidirectional stream that the receiver of this opens.
    pub initial_max_stream_data_uni: u64,
    /// Bidirectional streams that the receiver of this may open, at most 2^60.
    pub initial_max_streams_bidi: u64,
    /// Unidirectional streams that the receiver of this may open, at most 2^60.
    pub initial_max_streams_uni: u64,
    /// The largest DATAGRAM frame it takes, type and length included; 0 for none.
    pub max_datagram_frame_size: u64,
    /// The largest Size of a record it takes, at least [`MIN_MAX_RECORD_SIZE`].
    pub max_record_size: u64,
}

impl Default for TransportParameters {
    /// What holds for a side that declares nothing.
    fn default() -> Self {
        Self {
            max_idle_timeout_ms: 0,
            initial_max_data: 0,
            initial_max_stream_data_bidi_local: 0,
            initial_max_stream_data_bidi_remote: 0,
            initial_max_stream_data_uni: 0,
            initial_max_streams_bidi: 0,
            initial_max_streams_uni: 0,
            max_datagram_frame_size: 0,
            max_record_size: MIN_MAX_RECORD_SIZE,
        }
    }
}

impl TransportParameters {
    /// Appends the payload of a QX_TRANSPORT_PARAMETERS frame: every value that is not its default,
    /// by ascending id.
    pub fn encode(&self, out: &mut BytesMut) {
        for (id, value) in self.declared() {
            varint::put(out, id);
            // The casts of a length of at most 8 cannot lose anything.
            varint::put(out, varint::len(value) as u64);
            varint::put(out, value);
        }
    }

    /// How many bytes [`encode`](Self::encode) appends.
    pub fn encoded_len(&self) -> usize {
        self.declared().map(|(id, value)| varint::len(id) + 1 + varint::len(value)).sum()
    }

    /// Decodes the payload of a QX_TRANSPORT_PARAMETERS frame.
    ///
    /// Every error is a TRANSPORT_PARAMETER_ERROR (RFC 9000 section 7.4): a parameter that is cut
    /// short, whose value is not exactly one varint, that is out of its range, prohibited, or there
    /// twice. A repeated unknown parameter is ignored like a single one: refusing it would need a
    /// memory of the peer's choosing, and section 7.4 leaves duplicates to the receiver (SHOULD).
    pub fn decode(payload: &[u8]) -> Result<Self, Violation> {
        let mut parameters = Self::default();
        let mut seen = [false; COUNT];
        let mut rest = payload;
        while !rest.is_empty() {
            let id = take_varint(&mut rest).ok_or_else(|| fault("the parameters end inside an id"))?;
            let value = take_value(&mut rest)
                .ok_or_else(|| fault(format!("the parameters end inside {}", describe(id))))?;
            if let Some(name) = prohibited(id) {
                return Err(fault(format!("prohibited parameter {name} ({id:#x})")));
            }
            let Some((place, known)) = parameters.known(id) else { continue };
            if std::mem::replace(&mut seen[place], true) {
                return Err(fault(format!("{} is there twice", describe(id))));
            }
            *known = match varint::get(value) {
                Some((number, len)) if len == value.len() => number,
                _ => return Err(fault(format!("{} is not one integer", describe(id)))),
            };
        }
        parameters.check()?;
        Ok(parameters)
    }

    /// The ranges of RFC 9000 section 4.6 and QMux section 5.2.
    fn check(&self) -> Result<(), Violation> {
        for (name, streams) in [
            ("initial_max_streams_bidi", self.initial_max_streams_bidi),
            ("initial_max_streams_uni", self.initial_max_streams_uni),
        ] {
            if streams > MAX_STREAMS {
                return Err(fault(format!("{name} is {streams}, at most 2^60 can be")));
            }
        }
        if self.max_record_size < MIN_MAX_RECORD_SIZE {
            let seen = self.max_record_size;
            return Err(fault(format!("max_record_size is {seen}, at least {MIN_MAX_RECORD_SIZE} must be")));
        }
        Ok(())
    }

    /// Id and value of every parameter, by ascending id.
    fn all(&self) -> [(u64, u64); COUNT] {
        [
            (0x01, self.max_idle_timeout_ms),
            (0x04, self.initial_max_data),
            (0x05, self.initial_max_stream_data_bidi_local),
            (0x06, self.initial_max_stream_data_bidi_remote),
            (0x07, self.initial_max_stream_data_uni),
            (0x08, self.initial_max_streams_bidi),
            (0x09, self.initial_max_streams_uni),
            (0x20, self.max_datagram_frame_size),
            (MAX_RECORD_SIZE_ID, self.max_record_size),
        ]
    }

    /// Id and value of those that differ from their default.
    fn declared(&self) -> impl Iterator<Item = (u64, u64)> {
        let defaults = Self::default().all();
        self.all().into_iter().zip(defaults).filter(|(own, default)| own != default).map(|(own, _)| own)
    }

    /// The parameter with this id, and its place among the known ones.
    fn known(&mut self, id: u64) -> Option<(usize, &mut u64)> {
        Some(match id {
            0x01 => (0, &mut self.max_idle_timeout_ms),
            0x04 => (1, &mut self.initial_max_data),
            0x05 => (2, &mut self.initial_max_stream_data_bidi_local),
            0x06 => (3, &mut self.initial_max_stream_data_bidi_remote),
            0x07 => (4, &mut self.initial_max_stream_data_uni),
            0x08 => (5, &mut self.initial_max_streams_bidi),
            0x09 => (6, &mut self.initial_max_streams_uni),
            0x20 => (7, &mut self.max_datagram_frame_size),
            MAX_RECORD_SIZE_ID => (8, &mut self.max_record_size),
            _ => return None,
        })
    }
}

/// The names of the parameters of RFC 9000 section 18.2 that QMux section 5.1 prohibits.
const fn prohibited(id: u64) -> Option<&'static str> {
    Some(match id {
        0x00 => "original_destination_connection_id",
        0x02 => "stateless_reset_token",
        0x03 => "max_udp_payload_size",
        0x0a => "ack_delay_exponent",
        0x0b => "max_ack_delay",
        0x0c => "disable_active_migration",
        0x0d => "preferred_address",
        0x0e => "active_connection_id_limit",
        0x0f => "initial_source_connection_id",
        0x10 => "retry_source_connection_id",
        _ => return None,
    })
}

/// The parameter's name for an error text, or its number where it has none here.
fn describe(id: u64) -> Cow<'static, str> {
    Cow::Borrowed(match id {
        0x01 => "max_idle_timeout",
        0x04 => "initial_max_data",
        0x05 => "initial_max_stream_data_bidi_local",
        0x06 => "initial_max_stream_data_bidi_remote",
        0x07 => "initial_max_stream_data_uni",
        0x08 => "initial_max_streams_bidi",
        0x09 => "initial_max_streams_uni",
        0x20 => "max_datagram_frame_size",
        MAX_RECORD_SIZE_ID => "max_record_size",
        _ => return Cow::Owned(format!("parameter {id:#x}")),
    })
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let (value, len) = varint::get(rest)?;
    *rest = &rest[len..];
    Some(value)
}

/// A Length and as many bytes.
fn take_value<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_varint(rest)?).ok()?;
    let (value, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(value)
}

fn fault(what: impl Into<Cow<'static, str>>) -> Violation {
    let what = format!("QX_TRANSPORT_PARAMETERS: {}", what.into());
    Violation::new(TransportCode::TRANSPORT_PARAMETER_ERROR, what)
}

#[cfg(test)]
mod tests;
