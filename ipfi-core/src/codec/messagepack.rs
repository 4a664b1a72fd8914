//! Codec 3: MessagePack, structs as maps with the names of their fields, enums as the variant's name or
//! a map of it to its contents.
//!
//! The library's own depth counter misses `Some` and newtypes (msgpack-rust#381); the guard's does not.

use core::marker::PhantomData;
use std::io::{Cursor, ErrorKind};

use rmp_serde::decode::{Deserializer, Error};
use rmp_serde::encode::Serializer;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, IgnoredAny};

use super::{Codec, CodecError, CodecId, DecodeLimits, guard};

/// MessagePack with named structs.
#[derive(Clone, Copy, Debug)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: CodecId = CodecId::MessagePack;

    fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut serializer = Serializer::new(&mut *out).with_struct_map();
        value.serialize(&mut serializer).map_err(|error| CodecError::encode(Self::ID, error))
    }

    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<S::Value, CodecError> {
        let (value, ended) = guard::decode(
            seed,
            limits,
            bytes.len(),
            |seed| {
                let mut deserializer = Deserializer::from_read_ref(bytes);
                // The guard counts; the library's counter only must not be in its way.
                deserializer.set_max_depth(usize::MAX);
                let value = seed.deserialize(&mut deserializer)?;
                // This deserializer does not tell where it is; at the end it can read no marker. A
                // marker it has looked at and not used counts as left over, as it should.
                let ended = matches!(bool::deserialize(&mut deserializer), Err(Error::InvalidMarkerRead(_)));
                Ok((value, ended))
            },
            |error| match error {
                Error::InvalidMarkerRead(io) | Error::InvalidDataRead(io)
                    if io.kind() == ErrorKind::UnexpectedEof =>
                {
                    CodecError::Truncated { codec: Self::ID }
                }
                other => CodecError::decode(Self::ID, other),
            },
        )?;
        if ended {
            return Ok(value);
        }
        Err(CodecError::Trailing { codec: Self::ID, bytes: left_over(bytes, limits) })
    }
}

/// How many bytes follow the first value, which has been read already; only for the error's text.
fn left_over(bytes: &[u8], limits: &DecodeLimits) -> usize {
    // Skipping allocates nothing that is kept, so only depth matters.
    let limits = DecodeLimits { max_decoded_bytes: usize::MAX, ..*limits };
    let skipped = guard::decode(
        PhantomData::<IgnoredAny>,
        &limits,
        bytes.len(),
        |seed| {
            let mut deserializer = Deserializer::new(Cursor::new(bytes));
            seed.deserialize(&mut deserializer)?;
            Ok(usize::try_from(deserializer.position()).unwrap_or(bytes.len()))
        },
        |error: Error| CodecError::decode(MessagePack::ID, error),
    );
    // At least the one that gave it away.
    bytes.len().saturating_sub(skipped.unwrap_or(bytes.len())).max(1)
}
