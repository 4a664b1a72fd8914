//! The first bytes of a request: which procedure, in which codec, and what else there is to know
//! before the arguments. `docs/protocol.md` section 3.
//!
//! ```text
//! procedure (i)                     clause 3.1
//! flags, one byte:   0 R | 0 P | 0 M | 0 T | codec, 4 bits
//!                    R 0x80 reserved, refused by name when set
//!                    P 0x40 a priority follows
//!                    M 0x20 metadata follows
//!                    T 0x10 a timeout follows
//! [timeout (i)]                     milliseconds that remain
//! [metadata length (i), entries]    crate::metadata
//! [priority (i)]                    zigzag of -128..=127
//! ```

use core::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::Limits;
use crate::metadata::{Metadata, MetadataError};
use crate::status::Status;
use crate::varint;

/// The bits of `flags` that hold the codec.
const CODEC: u8 = 0x0f;
/// The bit of `flags` that says a timeout follows.
const TIMEOUT: u8 = 0x10;
/// The bit of `flags` that says metadata follows.
const METADATA: u8 = 0x20;
/// The bit of `flags` that says a priority follows.
const PRIORITY: u8 = 0x40;
/// The bit of `flags` that has no meaning in version 1.
const RESERVED: u8 = 0x80;

/// Why a request's header was refused. Each fails its own call and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A flag without a meaning in this version is set: the caller relies on an extension.
    #[error("the request header sets the reserved flag {RESERVED:#04x}, which ipfi-1 does not have")]
    ReservedFlag,
    /// The priority is out of range.
    #[error("the request header's priority is out of range: {seen} seen, at most 255 (zigzag)")]
    Priority {
        /// The integer as it was on the wire.
        seen: u64,
    },
    /// The metadata is malformed or too large.
    #[error("in the request header: {0}")]
    Metadata(#[from] MetadataError),
    /// The request ended inside the header (clause 3.8).
    #[error("the request ended inside its header, after {seen} bytes")]
    Ended {
        /// How many bytes there were.
        seen: u64,
    },
}

impl HeaderError {
    /// The error's name in `docs/protocol.md` and in the vectors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReservedFlag => "header-reserved-flag",
            Self::Priority { .. } => "header-priority",
            Self::Metadata(error) => error.name(),
            Self::Ended { .. } => "header-ended",
        }
    }
}

impl From<HeaderError> for Status {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Metadata(error) => error.into(),
            HeaderError::ReservedFlag => Self::unimplemented(error.to_string()),
            HeaderError::Priority { .. } | HeaderError::Ended { .. } => {
                Self::invalid_argument(error.to_string())
            }
        }
    }
}

/// What a request says before its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// The index of the procedure, below 2^62.
    pub procedure: u64,
    /// The number of the codec of every message of the call, 0 to 15. Whether this side has that
    /// codec is not the header's business.
    pub codec: u8,
    /// How much of the caller's time remains, in whole milliseconds on the wire. Rounded up, so that
    /// only a time that is over travels as zero: the callee's clock may run a moment longer than the
    /// caller's, never shorter, and the caller enforces its own.
    pub timeout: Option<Duration>,
    /// Empty when there is none.
    pub metadata: Metadata,
    /// How urgent the response is beside others: higher first. 0, the default, is not sent.
    pub priority: i8,
}

impl RequestHeader {
    /// A header with nothing but a procedure and a codec.
    pub fn new(procedure: u64, codec: u8) -> Self {
        Self { procedure, codec, ..Self::default() }
    }

    /// Appends the header. Sizes are the caller's to check first ([`Metadata::check`]).
    pub fn encode(&self, out: &mut impl BufMut) {
        debug_assert!(self.codec <= CODEC, "codec {} does not fit 4 bits", self.codec);
        varint::put(out, self.procedure);
        let mut flags = self.codec & CODEC;
        if self.timeout.is_some() {
            flags |= TIMEOUT;
        }
        // Clause 3.4.
        if !self.metadata.is_empty() {
            flags |= METADATA;
        }
        if self.priority != 0 {
            flags |= PRIORITY;
        }
        out.put_u8(flags);
        if let Some(timeout) = self.timeout {
            varint::put(out, whole_millis(timeout));
        }
        if !self.metadata.is_empty() {
            varint::put(out, self.metadata.encoded_len());
            self.metadata.encode(out);
        }
        if self.priority != 0 {
            varint::put(out, u64::from(zigzag(self.priority)));
        }
    }

    /// Reads a header from the front of `bytes`: itself and how many bytes it took, or `None` when
    /// `bytes` ends inside it. What can be refused before the rest has arrived is: a metadata length
    /// over the limit is an error although none of the metadata is there.
    pub fn decode(bytes: &Bytes, limits: &Limits) -> Result<Option<(Self, usize)>, HeaderError> {
        Self::parse(bytes, limits)
    }

    fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<(Self, usize)>, HeaderError> {
        let mut cursor = Cursor { bytes, at: 0 };
        let Some(procedure) = cursor.integer() else { return Ok(None) };
        let Some(flags) = cursor.byte() else { return Ok(None) };
        // Clause 3.2.
        if flags & RESERVED != 0 {
            return Err(HeaderError::ReservedFlag);
        }
        let mut header = Self::new(procedure, flags & CODEC);
        if flags & TIMEOUT != 0 {
            let Some(millis) = cursor.integer() else { return Ok(None) };
            header.timeout = Some(Duration::from_millis(millis));
        }
        if flags & METADATA != 0 {
            let Some(seen) = cursor.integer() else { return Ok(None) };
            let limit = u64::from(limits.max_metadata_bytes);
            if seen > limit {
                return Err(MetadataError::TooLarge { limit, seen }.into());
            }
            let Some(block) = cursor.slice(seen) else { return Ok(None) };
            header.metadata = Metadata::decode(block, u64::from(limits.max_metadata_entries))?;
        }
        if flags & PRIORITY != 0 {
            let Some(seen) = cursor.integer() else { return Ok(None) };
            // Clause 3.5.
            let zigzag = u8::try_from(seen).map_err(|_| HeaderError::Priority { seen })?;
            header.priority = unzigzag(zigzag);
        }
        Ok(Some((header, cursor.at)))
    }
}

/// Whole milliseconds, rounded up, as far as an integer goes.
fn whole_millis(timeout: Duration) -> u64 {
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(varint::MAX).min(varint::MAX)
}

/// 0, -1, 1, -2, … as 0, 1, 2, 3, …: small urgencies of either sign stay one byte.
const fn zigzag(value: i8) -> u8 {
    ((value << 1) ^ (value >> 7)).cast_unsigned()
}

/// The inverse of [`zigzag`].
const fn unzigzag(value: u8) -> i8 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Reads from the front of a slice and stops, without moving, where it ends.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn integer(&mut self) -> Option<u64> {
        let (value, len) = varint::get(self.bytes.get(self.at..)?)?;
        self.at += len;
        Some(value)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn slice(&mut self, len: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(len).ok()?)?;
        let slice = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(slice)
    }
}

/// Collects a header that arrives in pieces. One that arrives whole is never copied.
#[derive(Debug, Default)]
pub struct HeaderDecoder {
    /// What came before and was not a whole header. Bounded: a header is at most four integers, one
    /// byte and `max_metadata_bytes`, and the check of the latter comes before its bytes.
    pending: BytesMut,
}

impl HeaderDecoder {
    /// Nothing has arrived.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the request, and whether they are its last: the header and what comes
    /// after it in `chunk`, or `None` while the header is incomplete.
    pub fn push(
        &mut self,
        mut chunk: Bytes,
        fin: bool,
        limits: &Limits,
    ) -> Result<Option<(RequestHeader, Bytes)>, HeaderError> {
        let parsed = if self.pending.is_empty() {
            RequestHeader::parse(&chunk, limits)?
        } else {
            self.pending.extend_from_slice(&chunk);
            RequestHeader::parse(&self.pending, limits)?
        };
        if let Some((header, len)) = parsed {
            if !self.pending.is_empty() {
                chunk = core::mem::take(&mut self.pending).freeze();
            }
            chunk.advance(len);
            return Ok(Some((header, chunk)));
        }
        if self.pending.is_empty() {
            self.pending.extend_from_slice(&chunk);
        }
        if fin { Err(HeaderError::Ended { seen: self.pending.len() as u64 }) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests;
