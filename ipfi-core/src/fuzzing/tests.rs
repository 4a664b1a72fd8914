//! The bodies on their seeds: every golden input, and each with a byte changed.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

/// The bytes under `hex` (and under a codec's name) of every entry of a file of vectors.
fn seeds(file: &str) -> Vec<(String, Vec<u8>)> {
    fn collect(json: &Value, seeds: &mut Vec<(String, Vec<u8>)>) {
        match json {
            Value::Array(list) => list.iter().for_each(|entry| collect(entry, seeds)),
            Value::Object(map) => {
                for (key, entry) in map {
                    let bytes = entry.as_str().and_then(from_hex);
                    match bytes {
                        Some(bytes) => seeds.push((key.clone(), bytes)),
                        None => collect(entry, seeds),
                    }
                }
            }
            _ => {}
        }
    }
    let path = format!("{}/../docs/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let json = std::fs::read_to_string(path).unwrap();
    let mut seeds = Vec::new();
    collect(&serde_json::from_str(&json).unwrap(), &mut seeds);
    assert!(!seeds.is_empty(), "no seeds in {file}");
    seeds
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if hex.is_empty() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// Runs `body` on the seeds, each behind every byte of `fronts`, and on each with one byte changed.
fn run(file: &str, fronts: &[u8], body: fn(&[u8])) {
    for (_, seed) in seeds(file) {
        for front in fronts {
            let mut input = [&[*front][..], &seed].concat();
            body(&input);
            for at in 1..input.len().min(40) {
                for flip in [1, 0x40, 0x80, 0xff] {
                    input[at] ^= flip;
                    body(&input);
                    input[at] ^= flip;
                }
            }
        }
    }
}

/// The seeds of the descriptions, each with itself apart, and with values for its methods.
#[test]
fn values_and_compatible_hold_on_every_golden_description() {
    for (codec, seed) in seeds("descriptions.json") {
        let front = match &*codec {
            "bincode" => 1,
            "postcard" => 2,
            _ => 3,
        };
        let length = u16::try_from(seed.len()).unwrap().to_be_bytes();
        let twice = [&[front, length[0], length[1]], &*seed, &*seed].concat();
        super::compatible(&twice);
        for message in [&b""[..], b"\x03Ada", b"\x91\xa3Ada", b"\x00\x07", b"\x01\x00", b"\x05\x01"] {
            let apart = [0, u8::try_from(message.len()).unwrap()];
            let mut input = [&[front], &apart[..], &seed, message].concat();
            super::values(&input);
            for at in (3..input.len()).step_by(5) {
                for flip in [1, 0xff] {
                    input[at] ^= flip;
                    super::values(&input);
                    super::compatible(&input);
                    input[at] ^= flip;
                }
            }
        }
    }
}

#[test]
fn varint_holds_on_every_short_input_and_on_the_longest_encodings() {
    super::varint(&[]);
    for first in 0..=u8::MAX {
        super::varint(&[first]);
        for second in 0..=u8::MAX {
            super::varint(&[first, second]);
        }
    }
    super::varint(&[0xff; 64]);
    super::varint(&[0xc0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 1, 0x40, 1, 1]);
}

#[test]
fn header_holds_on_its_seeds() {
    super::header(&[]);
    run("header.json", &[1, 3, 255], super::header);
}

#[test]
fn items_hold_on_their_seeds() {
    super::items(&[]);
    run("items.json", &[2, 7, 255], super::items);
}

#[test]
fn control_holds_on_its_seeds() {
    super::control(&[1]);
    run("control.json", &[1, 5, 255], super::control);
}

#[test]
fn status_and_metadata_hold_on_their_seeds() {
    for (_, seed) in seeds("status.json") {
        super::status(&seed);
    }
    for (_, seed) in seeds("metadata.json") {
        super::metadata(&seed);
    }
    // Behind a front of any value, they are other inputs.
    run("status.json", &[1, 8, 255], super::status);
    run("metadata.json", &[1, 2, 64], super::metadata);
}

#[test]
fn codecs_hold_on_their_seeds() {
    super::codec(&[]);
    run("codecs.json", &[0, 1, 2, 3, 4], super::codec);
}
