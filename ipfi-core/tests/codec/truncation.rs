//! F10: every strict prefix and every value with one byte more is an error.
//!
//! The values are arguments, which is to say tuples. In JSON that matters: at the top level `1` is a
//! prefix of `12` and `12` is `1` with a byte more, all of them numbers, and only a message's length
//! tells which was meant. Arrays end with their bracket. White space after a JSON text belongs to it
//! (RFC 8259 section 2), so it is not tried as the byte more.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId, DecodeArguments, DecodeLimits, EncodeArguments};
use serde::{Deserialize, Serialize};

use crate::codecs;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Variants {
    Unit,
    Newtype(u64),
    Tuple(u8, String),
    Struct { a: Option<i64>, b: Vec<u16> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u128,
    name: String,
    ratio: f64,
    small: f32,
    initial: char,
    flags: [bool; 3],
    tags: BTreeMap<String, Variants>,
    data: Bytes,
    inner: Option<Box<Record>>,
    nothing: (),
    unit: Unit,
    wrapped: Wrapped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(i32);

fn variants() -> Vec<Variants> {
    vec![
        Variants::Unit,
        Variants::Newtype(1 << 40),
        Variants::Tuple(3, "three".to_owned()),
        Variants::Struct { a: None, b: vec![] },
        Variants::Struct { a: Some(-1000), b: vec![1, 500] },
    ]
}

fn record(inner: Option<Box<Record>>) -> Record {
    Record {
        id: 1 << 100,
        name: "naïve".to_owned(),
        ratio: -0.125,
        small: 1.5,
        initial: '🦀',
        flags: [true, false, true],
        tags: variants().into_iter().enumerate().map(|(at, variant)| (format!("t{at}"), variant)).collect(),
        data: Bytes::from_static(&[0, 127, 128, 255]),
        inner,
        nothing: (),
        unit: Unit,
        wrapped: Wrapped(-70_000),
    }
}

/// The error that a cut must be. JSON's parser sees some cuts as faults of grammar.
fn is_a_cut(codec: CodecId, error: &CodecError) -> bool {
    matches!(error, CodecError::Truncated { .. })
        || (codec == CodecId::Json && matches!(error, CodecError::Decode { .. }))
}

fn exact<T: EncodeArguments + DecodeArguments + PartialEq + Debug>(value: T) {
    let limits = DecodeLimits::default();
    for codec in codecs() {
        let whole = value.arguments_message(codec).unwrap();
        assert_eq!(T::decode_arguments(codec, whole.clone(), &limits).as_ref(), Ok(&value), "{codec}");
        for cut in 0..whole.len() {
            let error = T::decode_arguments(codec, whole.slice(..cut), &limits)
                .expect_err(&format!("{codec}: the first {cut} of {} bytes of {value:?}", whole.len()));
            assert!(is_a_cut(codec, &error), "{codec}: cut at {cut} of {value:?}: {error:?}");
        }
        for more in 0..=u8::MAX {
            if codec == CodecId::Json && b" \t\r\n".contains(&more) {
                continue;
            }
            let longer = [&whole[..], &[more]].concat();
            let error = T::decode_arguments(codec, longer.into(), &limits)
                .expect_err(&format!("{codec}: {value:?} and one byte {more}"));
            assert_eq!(error, CodecError::Trailing { codec, bytes: 1 }, "{codec}: {value:?} and {more}");
        }
    }
}

#[test]
fn every_prefix_and_every_byte_more_of_every_shape_is_an_error() {
    exact(());
    exact((0_u8,));
    exact((u64::MAX, i64::MIN, u128::MAX, 251_u16, -1_i8));
    exact((String::new(), "Ada".to_owned()));
    exact((vec![1_u64, 300, 70_000], Vec::<u8>::new()));
    exact((vec![7_u8; 100],));
    exact((Bytes::from_static(b"bytes"), Bytes::new()));
    exact((None::<u8>, Some(5_u8), Some("x".to_owned())));
    exact((true, 'a', 0.5_f32, 1e300_f64));
    exact((variants(),));
    exact((BTreeMap::from([(1_u32, "one".to_owned()), (2, "two".to_owned())]),));
    exact((record(Some(Box::new(record(None)))),));
    exact(((), Unit, [0_u16; 3]));
}

/// bincode-next 3.1.1 says `Ok` to this, with 39 elements.
#[test]
fn a_sequence_of_a_hundred_cut_to_forty_bytes_is_an_error() {
    for codec in codecs() {
        let whole = (vec![7_u8; 100],).arguments_message(codec).unwrap();
        let error = <(Vec<u8>,)>::decode_arguments(codec, whole.slice(..40), &DecodeLimits::default());
        assert_eq!(error, Err(CodecError::Truncated { codec }));
    }
}

#[test]
fn everything_left_over_is_counted() {
    for codec in codecs() {
        let whole = ("Ada", 7_u64).arguments_message(codec).unwrap();
        let longer = [&whole[..], &whole[..]].concat();
        let error = <(String, u64)>::decode_arguments(codec, longer.into(), &DecodeLimits::default());
        assert_eq!(error, Err(CodecError::Trailing { codec, bytes: whole.len() }));
    }
}

#[test]
fn white_space_around_a_json_text_belongs_to_it() {
    if CodecId::Json.is_enabled() {
        let text = Bytes::from_static(b" \t[ \"Ada\" , 7 ]\r\n");
        let decoded = <(String, u64)>::decode_arguments(CodecId::Json, text, &DecodeLimits::default());
        assert_eq!(decoded, Ok(("Ada".to_owned(), 7)));
    }
}
