//! The arguments of a procedure: a tuple of up to 16 elements, [`Raw`], or [`Encoded`].
//!
//! Sending and receiving are two traits, so that `("Ada",)` can be sent to a procedure that takes
//! `(String,)`. In bincode and postcard a tuple is its elements one after another with nothing around
//! them, so a sender may pass on any fraction of them as they come; in MessagePack and JSON it is an
//! array, and `()` is the empty array (`90`, `[]`), not nil or null.

use core::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::{CodecError, CodecId, DecodeLimits, Encoded, Raw, decode_value, encode_value};

mod sealed {
    pub trait Sealed {}
}

/// What a call can be made with: a tuple of 0 to 16 serde values, borrowed or owned, [`Raw`], or [`Encoded`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a call: they are a tuple",
    label = "not a tuple of 0 to 16 values",
    note = "one value is `(value,)`, with the comma; none is `()`; bytes as they are are `Raw(bytes)`"
)]
pub trait EncodeArguments: sealed::Sealed {
    /// The codec of the call: `preferred`, unless there is no choice.
    fn codec(preferred: CodecId) -> CodecId {
        preferred
    }

    /// Appends message 0 of the call to `out`. After an error `out` is as it was.
    fn encode_arguments(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Message 0, if it is there already and need not be copied.
    fn as_raw(&self) -> Option<&Bytes> {
        None
    }

    /// Message 0 in a buffer of its own, or uncopied where [`as_raw`](Self::as_raw) has it. Not named
    /// as [`Encode::to_message`](super::Encode::to_message), because a tuple has that too and means
    /// the value, which differs for `()`.
    fn arguments_message(&self, codec: CodecId) -> Result<Bytes, CodecError> {
        if let Some(bytes) = self.as_raw() {
            return Ok(bytes.clone());
        }
        let mut out = Vec::new();
        self.encode_arguments(codec, &mut out)?;
        Ok(out.into())
    }
}

/// What a procedure can take: a tuple of 0 to 16 serde values that own their data, [`Raw`], or [`Encoded`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a procedure: they are a tuple",
    label = "takes something else than a tuple of 0 to 16 values",
    note = "one value is `|(name,): (String,)|`, with the commas; none is `|(): ()|`; bytes as they are are `|bytes: Raw|`"
)]
pub trait DecodeArguments: sealed::Sealed + Sized {
    /// Reads message 0 of a call, all of it.
    fn decode_arguments(codec: CodecId, bytes: Bytes, limits: &DecodeLimits) -> Result<Self, CodecError>;
}

impl sealed::Sealed for Raw {}

impl EncodeArguments for Raw {
    fn codec(_preferred: CodecId) -> CodecId {
        CodecId::Raw
    }

    fn encode_arguments(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        require_raw(codec)?;
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn as_raw(&self) -> Option<&Bytes> {
        Some(&self.0)
    }
}

impl DecodeArguments for Raw {
    /// Refuses arguments of another codec: the caller believes that this procedure is a typed one.
    fn decode_arguments(codec: CodecId, bytes: Bytes, _limits: &DecodeLimits) -> Result<Self, CodecError> {
        require_raw(codec)?;
        Ok(Self(bytes))
    }
}

impl sealed::Sealed for Encoded {}

impl EncodeArguments for Encoded {
    fn encode_arguments(&self, _codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn as_raw(&self) -> Option<&Bytes> {
        Some(&self.0)
    }
}

impl DecodeArguments for Encoded {
    fn decode_arguments(_codec: CodecId, bytes: Bytes, _limits: &DecodeLimits) -> Result<Self, CodecError> {
        Ok(Self(bytes))
    }
}

fn require_raw(codec: CodecId) -> Result<(), CodecError> {
    if codec == CodecId::Raw {
        return Ok(());
    }
    Err(CodecError::Mismatch { expected: "raw arguments (codec 0)", seen: codec })
}

impl sealed::Sealed for () {}

impl EncodeArguments for () {
    fn encode_arguments(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_value(codec, &Empty, out)
    }
}

impl DecodeArguments for () {
    fn decode_arguments(codec: CodecId, bytes: Bytes, limits: &DecodeLimits) -> Result<Self, CodecError> {
        decode_value::<Empty>(codec, &bytes, limits).map(|Empty| ())
    }
}

/// No arguments. serde's own `()` is a unit, which MessagePack and JSON write as nil and null.
struct Empty;

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_tuple(0)?.end()
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(0, EmptyVisitor)
    }
}

struct EmptyVisitor;

impl<'de> Visitor<'de> for EmptyVisitor {
    type Value = Empty;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no arguments")
    }

    /// Takes nothing: the codecs refuse what is left of the array themselves.
    fn visit_seq<A: SeqAccess<'de>>(self, _elements: A) -> Result<Empty, A::Error> {
        Ok(Empty)
    }
}

/// The list of arities. serde's own impls for tuples do the work.
macro_rules! tuples {
    ($(($($element:ident),+))*) => {$(
        impl<$($element),+> sealed::Sealed for ($($element,)+) {}

        impl<$($element: Serialize),+> EncodeArguments for ($($element,)+) {
            fn encode_arguments(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
                encode_value(codec, self, out)
            }
        }

        impl<$($element: DeserializeOwned),+> DecodeArguments for ($($element,)+) {
            fn decode_arguments(
                codec: CodecId,
                bytes: Bytes,
                limits: &DecodeLimits,
            ) -> Result<Self, CodecError> {
                decode_value(codec, &bytes, limits)
            }
        }
    )*};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I)
    (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
    (A, B, C, D, E, F, G, H, I, J, K, L, M)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P)
}
