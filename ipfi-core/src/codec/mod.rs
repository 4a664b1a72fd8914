//! How values become the bytes of a message, and back: codecs by number (clauses 9.1, 9.3).
//!
//! | number | name | arguments | notes |
//! | --- | --- | --- | --- |
//! | 0 | raw | the payload | [`Raw`]: verbatim, uncopied |
//! | 1 | bincode | elements one after another | bincode 2, standard configuration; the default |
//! | 2 | postcard | elements one after another | |
//! | 3 | MessagePack | an array | structs as named maps |
//! | 4 | JSON | an array | RFC 8259 |
//!
//! The number travels in the flags of a call's header and holds for the arguments, the items and the
//! answer. Codecs 1 to 4 take any serde type; each is behind the feature of its name, and the number
//! of one that is switched off is answered with [`CodecError::Disabled`].
//!
//! # What a peer cannot do
//!
//! Every codec decodes under one guard of ours, because none of the libraries stops all of this:
//! a claimed length is never trusted with an allocation; nesting ends at
//! [`DecodeLimits::max_depth`]; what the value takes in memory is charged *before* it is decoded
//! against [`DecodeLimits::max_decoded_bytes`]; bytes after the value are an error. The guard's module
//! says how it counts and where it cannot see.
//!
//! # What a user should know
//!
//! * **bincode and postcard do not describe themselves.** An untyped `10` is an `i32`, and a procedure
//!   that takes `u64` reads its bytes as another number (bincode and postcard write signed integers in
//!   zigzag: `10_i32` is the byte 20). Write `10_u64`. The same holds for a field added to a struct:
//!   both sides must agree on the type. MessagePack and JSON carry names and survive such changes, but
//!   types that need a self-describing format (`#[serde(untagged)]`, `#[serde(flatten)]`,
//!   `serde_json::Value`) work only with these two.
//! * **`Vec<u8>` is slow**: serde sends it element by element. [`Bytes`] (or the crate `serde_bytes`)
//!   travels as one byte string, some forty times faster. In JSON both are arrays of numbers.
//! * **JSON loses**: NaN and infinities become `null` and do not come back; map keys must be strings,
//!   numbers or unit variants; JavaScript rounds integers beyond 2^53.
//! * In MessagePack and JSON `Some(None)` and `Some(())` arrive as `None`.

mod arguments;
#[cfg(feature = "bincode")]
mod bincode;
mod error;
#[cfg(any(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json"))]
mod guard;
mod id;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "messagepack")]
mod messagepack;
#[cfg(feature = "postcard")]
mod postcard;
mod value;

use core::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

pub use self::arguments::{DecodeArguments, EncodeArguments};
#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
pub use self::error::CodecError;
pub use self::id::CodecId;
#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "messagepack")]
pub use self::messagepack::MessagePack;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;
pub use self::value::{Decode, Encode, Encoded, Raw};
use crate::limits::Limits;

// For the links in the documentation above.
#[cfg(doc)]
use bytes::Bytes;

/// One way to write serde values as bytes.
///
/// Everything above it goes through [`Encode`], [`Decode`], [`EncodeArguments`] and
/// [`DecodeArguments`], which choose the codec by its number.
pub trait Codec {
    /// The number in the flags of a call's header.
    const ID: CodecId;

    /// Appends `value` to `out`. After an error, what was appended so far is still there.
    fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads one value that takes exactly all of `bytes`, within `limits`.
    #[inline]
    fn decode<T: DeserializeOwned>(bytes: &[u8], limits: &DecodeLimits) -> Result<T, CodecError> {
        Self::decode_seed(PhantomData::<T>, bytes, limits)
    }

    /// As [`decode`](Self::decode), for a value whose type is known only at run time.
    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<S::Value, CodecError>;
}

/// What one decoded message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes in memory, see [`Limits::max_decoded_bytes`].
    pub max_decoded_bytes: usize,
    /// Containers around the innermost value, see [`Limits::max_depth`]. Every form counts one:
    /// sequence, map, struct, tuple, enum (its fields in a tuple or struct variant one more), `Some`,
    /// newtype struct; a tuple of arguments is one too. A `Box` is none. JSON nests at most 127 deep,
    /// whatever is set here.
    pub max_depth: usize,
}

impl From<&Limits> for DecodeLimits {
    fn from(limits: &Limits) -> Self {
        let bytes = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        Self { max_decoded_bytes: bytes(limits.max_decoded_bytes), max_depth: bytes(limits.max_depth) }
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

/// Appends `value` in the codec `codec`; after an error `out` is as it was.
#[cfg_attr(
    not(any(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json")),
    allow(unused_variables)
)]
pub(crate) fn encode_value<T: Serialize + ?Sized>(
    codec: CodecId,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let start = out.len();
    let result = match codec {
        CodecId::Raw => Err(CodecError::Mismatch { expected: "a codec for typed values", seen: codec }),
        #[cfg(feature = "bincode")]
        CodecId::Bincode => Bincode::encode(value, out),
        #[cfg(feature = "postcard")]
        CodecId::Postcard => Postcard::encode(value, out),
        #[cfg(feature = "messagepack")]
        CodecId::MessagePack => MessagePack::encode(value, out),
        #[cfg(feature = "json")]
        CodecId::Json => Json::encode(value, out),
        // Reached by the numbers whose feature is off.
        #[allow(unreachable_patterns)]
        disabled => Err(CodecError::Disabled(disabled)),
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Reads one value that takes exactly all of `bytes`, in the codec `codec`.
#[inline]
fn decode_value<T: DeserializeOwned>(
    codec: CodecId,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<T, CodecError> {
    decode_seed(codec, PhantomData::<T>, bytes, limits)
}

/// Reads by `seed` one value that takes exactly all of `bytes`, in the codec `codec`.
#[cfg_attr(
    not(any(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json")),
    allow(unused_variables)
)]
pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
    codec: CodecId,
    seed: S,
    bytes: &'de [u8],
    limits: &DecodeLimits,
) -> Result<S::Value, CodecError> {
    match codec {
        CodecId::Raw => Err(CodecError::Mismatch { expected: "a codec for typed values", seen: codec }),
        #[cfg(feature = "bincode")]
        CodecId::Bincode => Bincode::decode_seed(seed, bytes, limits),
        #[cfg(feature = "postcard")]
        CodecId::Postcard => Postcard::decode_seed(seed, bytes, limits),
        #[cfg(feature = "messagepack")]
        CodecId::MessagePack => MessagePack::decode_seed(seed, bytes, limits),
        #[cfg(feature = "json")]
        CodecId::Json => Json::decode_seed(seed, bytes, limits),
        // Reached by the numbers whose feature is off.
        #[allow(unreachable_patterns)]
        disabled => Err(CodecError::Disabled(disabled)),
    }
}
