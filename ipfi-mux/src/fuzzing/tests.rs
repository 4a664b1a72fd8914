//! The bodies on their seeds: golden inputs, each with a byte changed, and scripts of seeded bytes.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

/// The bytes of every golden frame, record and connection.
fn seeds() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/qmux_frames.json");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = json["vectors"].as_array().unwrap();
    let hex = |vector: &Value| {
        let hex = vector["hex"].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    vectors.iter().map(hex).collect()
}

fn with_changes(seed: &[u8], body: impl Fn(&[u8])) {
    let mut input = seed.to_vec();
    body(&input);
    for at in 0..input.len().min(60) {
        for flip in [1, 0x40, 0x80, 0xff] {
            input[at] ^= flip;
            body(&input);
            input[at] ^= flip;
        }
    }
}

#[test]
fn frame_and_record_hold_on_their_seeds() {
    for seed in seeds() {
        with_changes(&seed, super::frame);
        for cut in [1, 3, 255] {
            with_changes(&[&[cut][..], &seed].concat(), super::record);
        }
    }
}

#[test]
fn connection_holds_on_its_seeds_in_either_role_handshaken_or_not() {
    for seed in seeds().iter().filter(|seed| seed.len() < 256) {
        for flags in 0..8 {
            for control in [0, 1, 6, 15] {
                let front = [flags, control, u8::try_from(seed.len()).unwrap()];
                let twice = [&front[..], seed, &front[1..], seed].concat();
                super::connection(&twice);
            }
            with_changes(
                &[&[flags, 6, u8::try_from(seed.len()).unwrap()][..], seed].concat(),
                super::connection,
            );
        }
    }
}

/// SplitMix64.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn operations_hold_on_seeded_scripts() {
    assert_eq!(super::operations(&[]), 0);
    let read: u64 = (0..400).map(|seed| super::operations(&bytes(seed, 600))).sum();
    assert!(read > 400 * 100, "the scripts read {read} bytes: they do nothing");
}

#[test]
fn connection_holds_on_seeded_bytes() {
    super::connection(&[]);
    for seed in 0..2000 {
        super::connection(&bytes(seed, 300));
    }
}
