//! Codec 2: postcard 1 (clauses 9.5, 9.6).
//!
//! It checks a length against the bytes that are there. Depth and memory are the guard's, and bytes
//! after the value, which postcard ignores, are refused here. Its errors carry no text: what a type's
//! own `Deserialize` has to say is lost.

use ::postcard::{Deserializer, Error, de_flavors, ser_flavors, serialize_with_flavor};
use serde::Serialize;
use serde::de::DeserializeSeed;

use super::{Codec, CodecError, CodecId, DecodeLimits, guard};

/// postcard 1.
#[derive(Clone, Copy, Debug)]
pub struct Postcard;

impl Codec for Postcard {
    const ID: CodecId = CodecId::Postcard;

    fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serialize_with_flavor(value, Append(out)).map_err(|error| CodecError::encode(Self::ID, error))
    }

    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<S::Value, CodecError> {
        let (value, rest) = guard::decode(
            seed,
            limits,
            bytes.len(),
            |seed| {
                let mut deserializer = Deserializer::from_flavor(Rest(bytes));
                let value = seed.deserialize(&mut deserializer)?;
                Ok((value, deserializer.finalize()?))
            },
            |error| match error {
                Error::DeserializeUnexpectedEnd => CodecError::Truncated { codec: Self::ID },
                other => CodecError::decode(Self::ID, other),
            },
        )?;
        if rest.is_empty() {
            return Ok(value);
        }
        Err(CodecError::Trailing { codec: Self::ID, bytes: rest.len() })
    }
}

/// postcard's own way to append, `to_extend`, goes byte by byte.
struct Append<'a>(&'a mut Vec<u8>);

impl ser_flavors::Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<(), Error> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> Result<(), Error> {
        Ok(())
    }
}

/// The bytes still to be read. postcard's own reader knows how many there are, and hides a sequence's
/// length from serde when it claims more elements: the guard could then not refuse 2^60 elements that
/// take no bytes at once.
struct Rest<'de>(&'de [u8]);

impl<'de> de_flavors::Flavor<'de> for Rest<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    #[inline]
    fn pop(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.0.split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(*first)
    }

    #[inline]
    fn try_take_n(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(taken)
    }

    fn finalize(self) -> Result<&'de [u8], Error> {
        Ok(self.0)
    }
}
