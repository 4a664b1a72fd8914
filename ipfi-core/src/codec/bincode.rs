//! Codec 1: bincode 2.0.1 in its standard configuration (little endian, variable-length integers,
//! clauses 9.4, 9.6), through serde.
//!
//! The crate is no longer developed (RUSTSEC-2025-0141); its format is frozen, this file is all that
//! touches it, and the feature can be switched off. Its hazards and what meets them here:
//!
//! | hazard in 2.0.1 | met by |
//! | --- | --- |
//! | a string or byte buffer that claims 2^40 bytes aborts the process | the guard reads both through the borrowing methods |
//! | sequences reserve up to 1 MiB by their claim | the guard's size hints |
//! | recursion as deep as the bytes say | the guard's depth |
//! | `Vec<()>` of 2^60 loops | the guard charges a claimed length whole |
//! | bytes after the value are ignored | checked here |
//! | its limit counts an integer's size in memory, not on the wire | [`LIMIT`] is out of reach of real messages |

use ::bincode::config::{self, Config};
use ::bincode::enc::write::Writer;
use ::bincode::error::{DecodeError, EncodeError};
use ::bincode::serde::{encode_into_writer, seed_decode_from_slice};
use serde::Serialize;
use serde::de::DeserializeSeed;

use super::{Codec, CodecError, CodecId, DecodeLimits, guard};

/// bincode's own limit, behind the guard. It counts an integer with its size in memory, up to 16 times
/// what is on the wire, so this is what the largest `max_message_bytes` could come to: no message that
/// may be received is refused by it, a length made up out of nothing is.
const LIMIT: usize = (u32::MAX as usize).saturating_mul(16);

fn configuration() -> impl Config {
    config::standard().with_limit::<LIMIT>()
}

/// bincode 2, standard configuration.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

impl Codec for Bincode {
    const ID: CodecId = CodecId::Bincode;

    fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_into_writer(value, Append(out), config::standard()).map_err(|error| {
            let what = match error {
                EncodeError::OtherString(text) => text,
                other => other.to_string(),
            };
            CodecError::encode(Self::ID, what)
        })
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
            |seed| seed_decode_from_slice(seed, bytes, configuration()),
            |error| match error {
                DecodeError::UnexpectedEnd { .. } | DecodeError::LimitExceeded => {
                    CodecError::Truncated { codec: Self::ID }
                }
                DecodeError::OtherString(text) => CodecError::decode(Self::ID, text),
                other => CodecError::decode(Self::ID, other),
            },
        )?;
        match bytes.len() - read {
            0 => Ok(value),
            left => Err(CodecError::Trailing { codec: Self::ID, bytes: left }),
        }
    }
}

struct Append<'a>(&'a mut Vec<u8>);

impl Writer for Append<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
