//! The golden bytes of `docs/vectors/descriptions.json`, both ways: clauses 15.2 and 15.3.
#![cfg(all(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json"))]
#![allow(clippy::unwrap_used, reason = "a vector that cannot be read is a failed test")]

use bytes::Bytes;
use ipfi_core::codec::{CodecId, Decode, DecodeLimits, Encode};
use ipfi_core::typed::Description;
use serde_json::Value;

const CODECS: [(CodecId, &str); 4] = [
    (CodecId::Bincode, "bincode"),
    (CodecId::Postcard, "postcard"),
    (CodecId::MessagePack, "messagepack"),
    (CodecId::Json, "json"),
];

fn bytes(text: &str, codec: CodecId) -> Bytes {
    if codec == CodecId::Json {
        return text.as_bytes().to_vec().into();
    }
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect::<Vec<u8>>().into()
}

#[test]
fn descriptions_both_ways_in_every_codec() {
    let file: Value = serde_json::from_str(include_str!("../../docs/vectors/descriptions.json")).unwrap();
    let vectors = file["values"].as_array().unwrap();
    assert!(vectors.len() > 2);
    let mut names = std::collections::HashSet::new();
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        assert!(names.insert(name), "{name} comes twice");
        let clause = format!("**{}**", vector["clause"].as_str().unwrap());
        assert!(include_str!("../../docs/protocol.md").contains(&clause), "{name}: no {clause}");
        let value: Vec<Description> = serde_json::from_value(vector["value"].clone()).unwrap();
        for (codec, codec_name) in CODECS {
            let golden = bytes(vector[codec_name].as_str().unwrap(), codec);
            let decoded = Vec::<Description>::decode(codec, golden.clone(), &DecodeLimits::default());
            assert_eq!(decoded.as_ref(), Ok(&value), "{name} in {codec_name}");
            assert_eq!(value.to_message(codec).unwrap(), golden, "{name} in {codec_name}");
        }
    }
}

#[test]
fn a_description_that_is_cut_or_followed_by_something_is_refused() {
    let file: Value = serde_json::from_str(include_str!("../../docs/vectors/descriptions.json")).unwrap();
    let vector = file["values"].as_array().unwrap().last().unwrap();
    for (codec, codec_name) in CODECS {
        let golden = bytes(vector[codec_name].as_str().unwrap(), codec);
        let decode = |bytes: Bytes| Vec::<Description>::decode(codec, bytes, &DecodeLimits::default());
        for end in 0..golden.len() {
            assert!(decode(golden.slice(..end)).is_err(), "{codec_name}, cut after {end} bytes");
        }
        let longer = [&golden[..], b"0"].concat();
        assert!(decode(longer.into()).is_err(), "{codec_name}, with a byte behind it");
    }
}

#[test]
fn descriptions_as_a_file_are_what_reflection_answers() {
    let file: Value = serde_json::from_str(include_str!("../../docs/vectors/descriptions.json")).unwrap();
    for vector in file["values"].as_array().unwrap() {
        let value: Vec<Description> = serde_json::from_value(vector["value"].clone()).unwrap();
        let text = ipfi_core::typed::to_json(&value);
        assert_eq!(serde_json::from_str::<Vec<Description>>(&text).unwrap(), value);
        let json: Value = serde_json::from_str(vector["json"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    }
}
