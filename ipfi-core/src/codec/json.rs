//! Codec 4: JSON (RFC 8259), for people, scripts and dynamic clients.
//!
//! White space around the value is part of a JSON text (RFC 8259 section 2) and is accepted; anything
//! else after it is left over. A number at the top level has no end of its own: `1` is a prefix of `12`
//! and both are values, so only a message's length tells them apart. Arguments are arrays and end with
//! their bracket.

use serde::Serialize;
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::Deserializer;

use super::{Codec, CodecError, CodecId, DecodeLimits, guard};

/// JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Codec for Json {
    const ID: CodecId = CodecId::Json;

    fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(&mut *out, value).map_err(|error| CodecError::encode(Self::ID, error))
    }

    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<S::Value, CodecError> {
        let (value, read) = guard::decode(
            seed,
            limits,
            bytes.len(),
            |seed| {
                let mut deserializer = Deserializer::from_slice(bytes);
                let value = seed.deserialize(&mut deserializer)?;
                Ok((value, deserializer.into_iter::<IgnoredAny>().byte_offset()))
            },
            |error: serde_json::Error| {
                if error.is_eof() {
                    CodecError::Truncated { codec: Self::ID }
                } else {
                    CodecError::decode(Self::ID, error)
                }
            },
        )?;
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match bytes.iter().skip(read).skip_while(white).count() {
            0 => Ok(value),
            left => Err(CodecError::Trailing { codec: Self::ID, bytes: left }),
        }
    }
}
