//! The codecs, from outside: what a peer may send and what it may not.
//!
//! Every test runs for each codec that is built in: `--all-features` runs them for all.

// A failed step is a failed test, and the test's name says what it means.
#![allow(clippy::unwrap_used, clippy::panic)]

mod arguments;
mod depth;
mod errors;
mod memory;
mod roundtrip;
mod truncation;
mod vectors;

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId, Decode, DecodeLimits, Encode};

/// The codecs for typed values that are built in.
fn codecs() -> impl Iterator<Item = CodecId> {
    CodecId::ALL.into_iter().filter(|codec| *codec != CodecId::Raw && codec.is_enabled())
}

/// The codecs among them that write a value's shape with it.
fn self_describing() -> impl Iterator<Item = CodecId> {
    codecs().filter(|codec| codec.is_self_describing())
}

fn encode<T: Encode + ?Sized>(codec: CodecId, value: &T) -> Bytes {
    let mut out = Vec::new();
    value.encode(codec, &mut out).unwrap_or_else(|error| panic!("{codec}: {error}"));
    out.into()
}

fn decode<T: Decode>(codec: CodecId, bytes: impl Into<Bytes>) -> Result<T, CodecError> {
    T::decode(codec, bytes.into(), &DecodeLimits::default())
}

/// With `max_decoded_bytes` at most `bytes`.
fn decode_within<T: Decode>(codec: CodecId, data: &Bytes, bytes: usize) -> Result<T, CodecError> {
    let limits = DecodeLimits { max_decoded_bytes: bytes, ..DecodeLimits::default() };
    T::decode(codec, data.clone(), &limits)
}

/// The error's kind, as `docs/vectors/codecs.json` writes it.
fn kind(error: &CodecError) -> &'static str {
    match error {
        CodecError::Encode { .. } => "encode",
        CodecError::Decode { .. } => "decode",
        CodecError::Truncated { .. } => "truncated",
        CodecError::Trailing { .. } => "trailing",
        CodecError::Depth { .. } => "depth",
        CodecError::DecodedSize { .. } => "decoded_size",
        CodecError::Disabled(_) => "disabled",
        CodecError::Mismatch { .. } => "mismatch",
        _ => "new",
    }
}
