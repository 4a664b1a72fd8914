//! The golden bytes of `docs/vectors/`, both ways (RELIABILITY P10): what is encoded equals them, what
//! they decode to is what they say, and what is rejected is rejected by name.

// Test code: a vector that cannot be read is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use ipfi_core::proto::{
    HeaderDecoder, ItemKind, RequestHeader, put_item_header, put_metadata, put_status, typed_procedure,
};
use ipfi_core::status::Status;
use ipfi_core::varint;
use serde_json::{Value, json};
use support::*;

#[test]
fn varints_both_ways() {
    for vector in load("varint.json") {
        let Some(value) = vector.json.get("value") else {
            assert_eq!(vector.error(), Some("incomplete"), "{}", vector.name);
            assert_eq!(varint::get(&vector.hex), None, "{}", vector.name);
            continue;
        };
        let value = integer(value);
        assert_eq!(varint::get(&vector.hex), Some((value, vector.hex.len())), "{}", vector.name);
        let mut out = BytesMut::new();
        varint::put(&mut out, value);
        assert_eq!(out == vector.hex, vector.canonical(), "{}", vector.name);
    }
}

/// The block as an item of a request, because that is how a block gets its length.
#[test]
fn metadata_both_ways() {
    for vector in load("metadata.json") {
        let mut item = BytesMut::new();
        put_item_header(&mut item, ItemKind::Metadata, vector.hex.len() as u64);
        item.extend_from_slice(&vector.hex);
        let direction = ipfi_core::proto::Direction::Request;
        let outcome = decode_items(direction, &vector.limits(), &[&item], false);
        if let Some(error) = vector.error() {
            let (name, status) = outcome.error.unwrap();
            assert_eq!(
                (name, status.as_str()),
                (error, vector.json["status"].as_str().unwrap()),
                "{}",
                vector.name
            );
            continue;
        }
        let value = &vector.json["value"];
        assert_eq!(outcome.parts, [json!({ "metadata": value })], "{}", vector.name);
        let mut out = BytesMut::new();
        put_metadata(&mut out, &metadata(value));
        assert_eq!(out == item, vector.canonical(), "{}", vector.name);
        assert_eq!(
            metadata(value).check(
                vector.limits().max_metadata_bytes.into(),
                vector.limits().max_metadata_entries.into(),
            ),
            Ok(()),
            "{}",
            vector.name
        );
    }
}

#[test]
fn request_headers_both_ways() {
    for vector in load("header.json") {
        let limits = vector.limits();
        let bytes = Bytes::from(vector.hex.clone());
        if let Some(error) = vector.error() {
            let refused = HeaderDecoder::new().push(bytes, true, &limits).unwrap_err();
            assert_eq!(refused.name(), error, "{}", vector.name);
            let status = Status::from(refused).code().name();
            assert_eq!(status, vector.json["status"].as_str().unwrap(), "{}", vector.name);
            continue;
        }
        let (decoded, len) = RequestHeader::decode(&bytes, &limits).unwrap().unwrap();
        assert_eq!(len, vector.hex.len(), "{}", vector.name);
        assert_eq!(header_json(&decoded), vector.json["value"], "{}", vector.name);
        let mut out = BytesMut::new();
        header(&vector.json["value"]).encode(&mut out);
        assert_eq!(out == vector.hex, vector.canonical(), "{}: {}", vector.name, hex(&out));
    }
}

/// The body as an item of a response, because that is how a body gets its length.
#[test]
fn statuses_both_ways_and_as_they_print() {
    for vector in load("status.json") {
        let mut item = BytesMut::new();
        put_item_header(&mut item, ItemKind::Status, vector.hex.len() as u64);
        item.extend_from_slice(&vector.hex);
        let direction = ipfi_core::proto::Direction::Response;
        let outcome = decode_items(direction, &vector.limits(), &[&item], false);
        if let Some(error) = vector.error() {
            let (name, status) = outcome.error.unwrap();
            assert_eq!(
                (name, status.as_str()),
                (error, vector.json["status"].as_str().unwrap()),
                "{}",
                vector.name
            );
            continue;
        }
        let value = &vector.json["value"];
        assert_eq!(outcome.parts, [json!({ "status": value })], "{}", vector.name);
        let mut out = BytesMut::new();
        put_status(&mut out, &status(value), 16 << 10);
        assert_eq!(out == item, vector.canonical(), "{}", vector.name);
        if let Some(display) = vector.json.get("display") {
            assert_eq!(status(value).to_string(), display.as_str().unwrap(), "{}", vector.name);
        }
    }
}

#[test]
fn items_both_ways() {
    for vector in load("items.json") {
        let outcome = decode_items(vector.direction(), &vector.limits(), &[&vector.hex], vector.fin());
        check_outcome(&vector, &outcome, "status");
        let whole = vector.error().is_none() && vector.parts().last().is_some_and(|last| last == "end");
        if whole {
            let out = encode_items(vector.parts());
            // A message that a status interrupts ends in a fragment that goes on, as it was sent.
            assert_eq!(out == vector.hex, vector.canonical(), "{}: {}", vector.name, hex(&out));
        }
    }
}

#[test]
fn control_streams_both_ways() {
    for vector in load("control.json") {
        let outcome = decode_control(&[&vector.hex], vector.fin());
        check_outcome(&vector, &outcome, "close");
        if vector.error().is_none() && vector.canonical() {
            let out = encode_control(vector.parts());
            assert_eq!(out, vector.hex, "{}: {}", vector.name, hex(&out));
        }
    }
}

fn check_outcome(vector: &Vector, outcome: &Outcome, code: &str) {
    assert_eq!(&outcome.parts, vector.parts(), "{}", vector.name);
    let error = vector.error().map(|error| (error, vector.json[code].as_str().unwrap().to_owned()));
    assert_eq!(outcome.error, error, "{}", vector.name);
}

#[test]
fn typed_methods_have_the_index_every_language_computes() {
    for vector in load("procedures.json") {
        let part = |name: &str| vector.json[name].as_str().unwrap();
        let index = typed_procedure(part("interface"), part("method"));
        assert_eq!(index, integer(&vector.json["value"]), "{}", vector.name);
        assert_eq!(varint::get(&vector.hex), Some((index, 4)), "{}", vector.name);
    }
}

/// Files of another schema, which their own tests keep.
const OTHERS: [&str; 3] = ["codecs.json", "compatible.json", "descriptions.json"];

/// Every file, also those that other crates read: names are unique, bytes are bytes, and each vector
/// has a clause and either a value or an error.
#[test]
fn every_file_keeps_the_schema_of_the_readme() {
    let mut files = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        // One value has bytes in every codec, or a vector has none: these have schemas of their own.
        if !file.ends_with(".json") || OTHERS.contains(&&*file) {
            continue;
        }
        files += 1;
        let mut names = HashSet::new();
        for vector in load(&file) {
            assert!(names.insert(vector.name.clone()), "{file}: {} comes twice", vector.name);
            let is_text = |key: &str| vector.json.get(key).is_some_and(Value::is_string);
            let has_value = vector.json.get("value").is_some();
            assert!(has_value != is_text("error"), "{file}: {}: a value or an error", vector.name);
            assert!(is_text("clause"), "{file}: {}: a clause", vector.name);
        }
    }
    assert!(files >= 8, "{files} files of vectors");
}

fn specification() -> String {
    std::fs::read_to_string(folder().join("../protocol.md")).unwrap()
}

#[test]
fn every_clause_and_every_error_that_is_cited_is_in_the_specification() {
    let text = specification();
    for file in ["varint", "metadata", "header", "status", "items", "control", "procedures"] {
        for vector in load(&format!("{file}.json")) {
            let clause = vector.json["clause"].as_str().unwrap();
            assert!(text.contains(&format!("**{clause}**")), "{file}: {}: no {clause}", vector.name);
            if let Some(error) = vector.error().filter(|error| *error != "incomplete") {
                assert!(text.contains(&format!("`{error}`")), "{file}: {}: no {error}", vector.name);
            }
        }
    }
}

/// The worked examples, as the specification spells them.
const EXAMPLES: [(&str, &str); 18] = [
    ("varint.json", "40 25"),
    ("varint.json", "9d 7f 3e 7d"),
    ("control.json", "00 69706669 01   00 05 01 80100000"),
    ("header.json", "00 01 "),
    ("header.json", "01 11 5388 "),
    ("header.json", "01 21 0a 05747261636503616263 "),
    ("header.json", "01 41 02 "),
    ("items.json", "`14 68656c6c6f`"),
    ("items.json", "`09 6865  09 6c6c  04 6f`"),
    ("items.json", "`09 6162  00`"),
    ("items.json", "`00`"),
    ("items.json", "10 03416461 "),
    ("items.json", "30 0b48656c6c6f2c2041646121 "),
    ("status.json", "  05 00 08 6e6f742068657265 "),
    ("metadata.json", "05 7472616365 03 616263 "),
    ("qmux_frames.json", "0b 00 07  0001 1003416461 "),
    ("qmux_frames.json", "03 01 05 68656c6c6f "),
    ("qmux_frames.json", "ff 51 53 30 0d 0a 0d 0a"),
];

#[test]
fn every_worked_example_of_the_specification_is_in_a_vector() {
    let text = specification();
    for (file, example) in EXAMPLES {
        assert!(text.contains(example), "{example} is no longer in the specification");
        let bytes = unhex(&example.replace([' ', '`'], ""));
        // An example of the carrier is a part of a record, the others are all of a vector.
        let found = load(file).iter().any(|vector| match file {
            "qmux_frames.json" => vector.hex.windows(bytes.len()).any(|window| window == bytes),
            _ => vector.hex == bytes,
        });
        assert!(found, "{example} is in no vector of {file}");
    }
}
