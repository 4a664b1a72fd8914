//! One value that travels as one message.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, CodecId, DecodeLimits, decode_value, encode_value};

/// A message as it is: codec 0, verbatim and uncopied.
///
/// As the arguments of a call it makes the call's codec [`CodecId::Raw`], and then its items and its
/// answer are raw too. As an item or an answer it may also stand in a call of another codec, so that
/// a procedure can take `(path,): (String,)` and stream a file's bytes: the codec of a call is
/// chosen by its arguments alone, so such messages mean what the two sides agreed on.
///
/// It is not a serde type. Bytes *inside* a value are [`Bytes`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Raw(pub Bytes);

impl From<Bytes> for Raw {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Raw {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Raw> for Bytes {
    fn from(raw: Raw) -> Self {
        raw.0
    }
}

/// A message that was encoded before, in the codec of the call that carries it: what a program sends and receives that
/// knows a type only at run time, and makes its bytes by [`schema::encode`](crate::schema::encode).
///
/// Unlike [`Raw`] it does not choose the call's codec: whoever calls with it says which one the bytes are in
/// ([`Call::codec`](crate::call::Call::codec)), and nothing looks whether they are. It is neither an argument among others
/// nor a serde type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Encoded(pub Bytes);

impl From<Bytes> for Encoded {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

/// A value that can be sent as one message: any serde type, [`Raw`], or [`Encoded`].
pub trait Encode {
    /// The codec that a call is made with if this decides it: `preferred`, unless there is no choice.
    fn codec(preferred: CodecId) -> CodecId {
        preferred
    }

    /// Appends the message to `out`. After an error `out` is as it was.
    fn encode(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// The message, if it is there already and need not be copied.
    fn as_raw(&self) -> Option<&Bytes> {
        None
    }

    /// The message in a buffer of its own, or uncopied where [`as_raw`](Self::as_raw) has it.
    fn to_message(&self, codec: CodecId) -> Result<Bytes, CodecError> {
        if let Some(bytes) = self.as_raw() {
            return Ok(bytes.clone());
        }
        let mut out = Vec::new();
        self.encode(codec, &mut out)?;
        Ok(out.into())
    }
}

// Together with those for `Raw` and `Encoded` this is coherent only because they are ours and no serde types.
impl<T: Serialize + ?Sized> Encode for T {
    fn encode(&self, codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_value(codec, self, out)
    }
}

impl Encode for Raw {
    fn codec(_preferred: CodecId) -> CodecId {
        CodecId::Raw
    }

    fn encode(&self, _codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn as_raw(&self) -> Option<&Bytes> {
        Some(&self.0)
    }
}

impl Encode for Encoded {
    fn encode(&self, _codec: CodecId, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn as_raw(&self) -> Option<&Bytes> {
        Some(&self.0)
    }
}

/// A value that can be received as one message: any serde type that owns its data, [`Raw`], or [`Encoded`].
pub trait Decode: Sized {
    /// Reads the value that takes exactly all of `bytes`.
    fn decode(codec: CodecId, bytes: Bytes, limits: &DecodeLimits) -> Result<Self, CodecError>;

    /// As [`decode`](Self::decode), for a message that stays where it is; `None` for a type whose values
    /// keep the message itself. A sequence of small items is read so: to cut each of them off as [`Bytes`]
    /// of its own, which counts it as shared and as released again, costs more than to decode it.
    fn decode_in_place(
        codec: CodecId,
        bytes: &[u8],
        limits: &DecodeLimits,
    ) -> Option<Result<Self, CodecError>> {
        let _ = (codec, bytes, limits);
        None
    }
}

impl<T: DeserializeOwned> Decode for T {
    fn decode(codec: CodecId, bytes: Bytes, limits: &DecodeLimits) -> Result<Self, CodecError> {
        decode_value(codec, &bytes, limits)
    }

    #[inline]
    fn decode_in_place(
        codec: CodecId,
        bytes: &[u8],
        limits: &DecodeLimits,
    ) -> Option<Result<Self, CodecError>> {
        Some(decode_value(codec, bytes, limits))
    }
}

impl Decode for Raw {
    fn decode(_codec: CodecId, bytes: Bytes, _limits: &DecodeLimits) -> Result<Self, CodecError> {
        Ok(Self(bytes))
    }
}

impl Decode for Encoded {
    fn decode(_codec: CodecId, bytes: Bytes, _limits: &DecodeLimits) -> Result<Self, CodecError> {
        Ok(Self(bytes))
    }
}
