//! Why a value could not be encoded or decoded.

use super::CodecId;
use crate::status::Status;

/// Why a value could not be encoded or decoded, and whose doing that was.
///
/// [`Encode`](Self::Encode) is this side's. The others are met while decoding and are the doing of
/// whoever made the bytes, except that a limit is always the reading side's choice: [`Self::limit`]
/// gives its name and numbers for the status that the peer is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// This side's value cannot be written in this codec.
    #[error("cannot encode this value as {codec}: {what}")]
    Encode {
        /// The codec.
        codec: CodecId,
        /// What the codec or the type said, at most 256 bytes of it.
        what: Box<str>,
    },
    /// The bytes are not a value of the expected type: they are damaged, or the two sides disagree
    /// about the type.
    #[error("not a {codec} value of the expected type: {what}")]
    Decode {
        /// The codec.
        codec: CodecId,
        /// What the codec or the type said, at most 256 bytes of it.
        what: Box<str>,
    },
    /// The bytes end inside the value, or a length in them claims more than there is.
    #[error("the {codec} value is cut off: the message ends inside it (do both sides expect the same type?)")]
    Truncated {
        /// The codec.
        codec: CodecId,
    },
    /// The value is complete and bytes are left over. Most often the two sides disagree about the type.
    #[error("{bytes} byte{} left over after the {codec} value (do both sides expect the same type?)", plural(*.bytes))]
    Trailing {
        /// The codec.
        codec: CodecId,
        /// How many bytes.
        bytes: usize,
    },
    /// The value nests deeper than this side reads.
    #[error("value nested too deep: limit max_depth = {limit}")]
    Depth {
        /// The limit `max_depth`.
        limit: usize,
    },
    /// The value would take more memory than this side gives one message.
    #[error("decoded value too large: {seen} bytes of memory seen, limit max_decoded_bytes = {limit}")]
    DecodedSize {
        /// The limit `max_decoded_bytes`.
        limit: usize,
        /// What it would have taken up to the element that was refused, or what its length claims.
        seen: usize,
    },
    /// The codec exists, but this program was built without its feature.
    #[error("codec {} ({}) is not built into this program", .0.as_u8(), .0)]
    Disabled(CodecId),
    /// The call's codec cannot carry this kind of value: a typed value under codec raw, or raw
    /// arguments under another.
    #[error("{expected} expected, but the call's codec is {} ({seen})", .seen.as_u8())]
    Mismatch {
        /// What would have fitted.
        expected: &'static str,
        /// The codec of the call.
        seen: CodecId,
    },
}

impl CodecError {
    /// The limit that was reached, as `(name, limit, seen)`, if it was one.
    pub fn limit(&self) -> Option<(&'static str, u64, u64)> {
        // A usize fits on every platform that Rust has.
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        match self {
            Self::Depth { limit } => Some(("max_depth", wide(*limit), wide(*limit).saturating_add(1))),
            Self::DecodedSize { limit, seen } => Some(("max_decoded_bytes", wide(*limit), wide(*seen))),
            _ => None,
        }
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl From<CodecError> for Status {
    /// The status of a call whose value could not be encoded or decoded. Whoever reads an answer
    /// rather than arguments says so in its own words.
    fn from(error: CodecError) -> Self {
        if let Some((name, limit, seen)) = error.limit() {
            return Self::limit(name, limit, seen);
        }
        match error {
            CodecError::Encode { .. } => Self::internal(error.to_string()),
            CodecError::Disabled(_) => Self::unimplemented(error.to_string()),
            _ => Self::invalid_argument(error.to_string()),
        }
    }
}

/// The longest text kept of a library's error. serde quotes the value it did not like, and that value
/// is the peer's: up to a whole message of it.
const MAX_TEXT_BYTES: usize = 256;

#[cfg(any(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json"))]
impl CodecError {
    pub(super) fn encode(codec: CodecId, what: impl core::fmt::Display) -> Self {
        Self::Encode { codec, what: text(what) }
    }

    pub(super) fn decode(codec: CodecId, what: impl core::fmt::Display) -> Self {
        Self::Decode { codec, what: text(what) }
    }
}

impl CodecError {
    /// The same with another text, where it has one.
    pub(crate) fn with_text(self, what: impl core::fmt::Display) -> Self {
        match self {
            Self::Encode { codec, .. } => Self::Encode { codec, what: text(what) },
            Self::Decode { codec, .. } => Self::Decode { codec, what: text(what) },
            other => other,
        }
    }
}

fn text(what: impl core::fmt::Display) -> Box<str> {
    let mut text = what.to_string();
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES - "…".len()));
        text.push('…');
    }
    text.into()
}
