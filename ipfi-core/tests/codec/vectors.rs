//! `docs/vectors/codecs.json`: golden bytes that other programs' encoders wrote, and bytes to refuse.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId, Decode, DecodeArguments, DecodeLimits, EncodeArguments};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{codecs, decode, encode, kind};

const FILE: &str = include_str!("../../../docs/vectors/codecs.json");

#[derive(Deserialize)]
struct File {
    codecs: BTreeMap<String, u8>,
    values: Vec<Row>,
    arguments: Vec<Row>,
    accepted: Vec<Accepted>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    r#type: String,
    value: serde_json::Value,
    bincode: String,
    postcard: String,
    messagepack: String,
    json: String,
}

/// Bytes that no encoder of ours writes.
#[derive(Deserialize)]
struct Input {
    name: String,
    codec: String,
    r#type: String,
    hex: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Accepted {
    #[serde(flatten)]
    input: Input,
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct Rejected {
    #[serde(flatten)]
    input: Input,
    error: String,
}

impl Input {
    /// The codec, if it is built in.
    fn codec(&self) -> Option<CodecId> {
        let codec = CodecId::ALL.into_iter().find(|codec| codec.name() == self.codec).unwrap();
        codec.is_enabled().then_some(codec)
    }

    fn bytes(&self) -> Bytes {
        match (&self.hex, &self.text) {
            (Some(digits), None) => hex(digits),
            (None, Some(text)) => text.clone().into(),
            _ => panic!("{}: hex or text", self.name),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    age: u8,
    email: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Rect(u32, u32),
    Label { text: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Id(u64);

fn hex(text: &str) -> Bytes {
    assert_eq!(text.len() % 2, 0, "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn file() -> File {
    serde_json::from_str(FILE).unwrap()
}

impl Row {
    fn bytes(&self, codec: CodecId) -> Bytes {
        match codec {
            CodecId::Bincode => hex(&self.bincode),
            CodecId::Postcard => hex(&self.postcard),
            CodecId::MessagePack => hex(&self.messagepack),
            CodecId::Json => self.json.clone().into(),
            CodecId::Raw => panic!("raw has no values"),
        }
    }

    /// The value, where an integer beyond 2^53 is its digits in a string.
    fn value<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.value.clone())
            .or_else(|error| match &self.value {
                serde_json::Value::String(digits) => serde_json::from_str(digits),
                _ => Err(error),
            })
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn value_both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(&self) {
        let value: T = self.value();
        for codec in codecs() {
            let bytes = self.bytes(codec);
            assert_eq!(encode(codec, &value), bytes, "{} as {codec}", self.name);
            assert_eq!(decode::<T>(codec, bytes).as_ref(), Ok(&value), "{} as {codec}", self.name);
        }
    }

    /// Compares what was decoded by encoding it again: std compares tuples of up to 12 elements only.
    fn arguments_both_ways<T: EncodeArguments + DecodeArguments>(&self, value: T) {
        for codec in codecs() {
            let bytes = self.bytes(codec);
            let mut out = Vec::new();
            value.encode_arguments(codec, &mut out).unwrap();
            assert_eq!(out, bytes, "{} as {codec}", self.name);
            let decoded = T::decode_arguments(codec, bytes.clone(), &DecodeLimits::default())
                .unwrap_or_else(|error| panic!("{} as {codec}: {error}", self.name));
            assert_eq!(decoded.arguments_message(codec), Ok(bytes), "{} as {codec}", self.name);
        }
    }
}

#[test]
fn the_numbers_and_names_of_the_codecs_are_those_of_the_vectors() {
    // Clause 9.1.
    let ours: BTreeMap<_, _> = CodecId::ALL.map(|codec| (codec.name().to_owned(), codec.as_u8())).into();
    assert_eq!(file().codecs, ours);
}

#[test]
fn every_value_is_written_and_read_as_the_vectors_have_it() {
    // Clauses 9.3, 9.4, 9.5, 9.6.
    for row in &file().values {
        match &*row.r#type {
            "u8" => row.value_both_ways::<u8>(),
            "u16" => row.value_both_ways::<u16>(),
            "u32" => row.value_both_ways::<u32>(),
            "u64" => row.value_both_ways::<u64>(),
            "u128" => row.value_both_ways::<u128>(),
            "i8" => row.value_both_ways::<i8>(),
            "i16" => row.value_both_ways::<i16>(),
            "i32" => row.value_both_ways::<i32>(),
            "i64" => row.value_both_ways::<i64>(),
            "f32" => row.value_both_ways::<f32>(),
            "f64" => row.value_both_ways::<f64>(),
            "bool" => row.value_both_ways::<bool>(),
            "char" => row.value_both_ways::<char>(),
            "String" => row.value_both_ways::<String>(),
            "Bytes" => row.value_both_ways::<Bytes>(),
            "()" => row.value_both_ways::<()>(),
            "Option<u32>" => row.value_both_ways::<Option<u32>>(),
            "Vec<u64>" => row.value_both_ways::<Vec<u64>>(),
            "Vec<String>" => row.value_both_ways::<Vec<String>>(),
            "Vec<Option<i32>>" => row.value_both_ways::<Vec<Option<i32>>>(),
            "(u8, String)" => row.value_both_ways::<(u8, String)>(),
            "BTreeMap<String, u32>" => row.value_both_ways::<BTreeMap<String, u32>>(),
            "Person" => row.value_both_ways::<Person>(),
            "Vec<Person>" => row.value_both_ways::<Vec<Person>>(),
            "Shape" => row.value_both_ways::<Shape>(),
            "Id" => row.value_both_ways::<Id>(),
            other => panic!("{}: this test does not know the type {other}", row.name),
        }
    }
}

#[test]
fn all_arguments_are_written_and_read_as_the_vectors_have_them() {
    for row in &file().arguments {
        match &*row.r#type {
            "no arguments" => row.arguments_both_ways(()),
            "(String,)" => row.arguments_both_ways(row.value::<(String,)>()),
            "(u64,)" => row.arguments_both_ways(row.value::<(u64,)>()),
            "(i32,)" => row.arguments_both_ways(row.value::<(i32,)>()),
            "(u64, u32)" => row.arguments_both_ways(row.value::<(u64, u32)>()),
            "(String, Bytes)" => row.arguments_both_ways(row.value::<(String, Bytes)>()),
            "(Person, Vec<Shape>)" => row.arguments_both_ways(row.value::<(Person, Vec<Shape>)>()),
            "2 of u8" => row.arguments_both_ways(row.value::<(u8, u8)>()),
            "16 of u8" => row.arguments_both_ways(row.value::<Sixteen>()),
            other => panic!("{}: this test does not know the type {other}", row.name),
        }
    }
}

type Sixteen = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);

#[test]
fn what_others_may_write_is_read_as_the_vectors_have_it() {
    fn accepted<T: DeserializeOwned + Serialize>(codec: CodecId, row: &Accepted) {
        let value = decode::<T>(codec, row.input.bytes()).map(|value| serde_json::to_value(value).unwrap());
        assert_eq!(value.as_ref(), Ok(&row.value), "{codec}: {}", row.input.name);
    }
    for row in &file().accepted {
        let Some(codec) = row.input.codec() else { continue };
        match &*row.input.r#type {
            "u64" => accepted::<u64>(codec, row),
            "String" => accepted::<String>(codec, row),
            "Person" => accepted::<Person>(codec, row),
            other => panic!("{}: this test does not know the type {other}", row.input.name),
        }
    }
}

#[test]
fn everything_the_vectors_reject_is_refused_with_that_error() {
    // Clause 9.2.
    for Rejected { input: row, error: expected } in &file().rejected {
        let Some(codec) = row.codec() else { continue };
        let bytes = row.bytes();
        fn refused<T: Decode>(codec: CodecId, bytes: Bytes) -> Option<CodecError> {
            decode::<T>(codec, bytes).err()
        }
        let limits = DecodeLimits::default();
        let error = match &*row.r#type {
            "u8" => refused::<u8>(codec, bytes),
            "u16" => refused::<u16>(codec, bytes),
            "u64" => refused::<u64>(codec, bytes),
            "f64" => refused::<f64>(codec, bytes),
            "bool" => refused::<bool>(codec, bytes),
            "char" => refused::<char>(codec, bytes),
            "String" => refused::<String>(codec, bytes),
            "Bytes" => refused::<Bytes>(codec, bytes),
            "Option<u32>" => refused::<Option<u32>>(codec, bytes),
            "Vec<u64>" => refused::<Vec<u64>>(codec, bytes),
            "Vec<()>" => refused::<Vec<()>>(codec, bytes),
            "BTreeMap<String, u32>" => refused::<BTreeMap<String, u32>>(codec, bytes),
            "Shape" => refused::<Shape>(codec, bytes),
            "(u64,)" => refused::<(u64,)>(codec, bytes),
            "no arguments" => <()>::decode_arguments(codec, bytes, &limits).err(),
            other => panic!("{}: this test does not know the type {other}", row.name),
        };
        let error = error.unwrap_or_else(|| panic!("{}: {} was accepted", row.codec, row.name));
        assert_eq!(kind(&error), expected, "{}: {}: {error}", row.codec, row.name);
    }
}
