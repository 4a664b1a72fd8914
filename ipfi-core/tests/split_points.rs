//! Every vector of a stream, cut in two at each offset, and byte by byte, gives what it gives whole:
//! most faults of framing are faults at a boundary (RELIABILITY P3).

// Test code: a vector that cannot be read is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use bytes::Bytes;
use ipfi_core::proto::{HeaderDecoder, RequestHeader};
use support::*;

/// The input whole, in two pieces at every offset (the ends included: an empty piece changes
/// nothing), byte by byte, and byte by byte with the end on its own.
fn cuts(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts: Vec<Vec<&[u8]>> = vec![vec![bytes]];
    // Large vectors are cut around their ends: what is between is one payload.
    for at in (0..=bytes.len()).filter(|at| *at < 300 || at + 300 > bytes.len()) {
        let (front, back) = bytes.split_at(at);
        cuts.push(vec![front, back]);
    }
    cuts.push(if bytes.is_empty() { vec![bytes] } else { bytes.chunks(1).collect() });
    cuts.push(bytes.chunks(1).chain([&[][..]]).collect());
    cuts
}

#[test]
fn items_come_out_the_same_wherever_they_are_cut() {
    for vector in load("items.json") {
        let decode =
            |chunks: &[&[u8]]| decode_items(vector.direction(), &vector.limits(), chunks, vector.fin());
        let whole = decode(&[&vector.hex]);
        for chunks in cuts(&vector.hex) {
            assert_eq!(decode(&chunks), whole, "{} cut as {chunks:02x?}", vector.name);
        }
    }
}

#[test]
fn control_streams_come_out_the_same_wherever_they_are_cut() {
    for vector in load("control.json") {
        let whole = decode_control(&[&vector.hex], vector.fin());
        for chunks in cuts(&vector.hex) {
            assert_eq!(decode_control(&chunks, vector.fin()), whole, "{}", vector.name);
        }
    }
}

#[test]
fn headers_come_out_the_same_wherever_they_are_cut_with_what_follows_them() {
    const AFTER: &[u8] = b"\x14hello";
    for vector in load("header.json") {
        let mut input = vector.hex.clone();
        if vector.error() != Some("header-ended") {
            input.extend_from_slice(AFTER);
        }
        let decode = |chunks: &[&[u8]]| {
            let mut decoder = HeaderDecoder::new();
            for (index, chunk) in chunks.iter().enumerate() {
                let fin = index + 1 == chunks.len();
                match decoder.push(Bytes::copy_from_slice(chunk), fin, &vector.limits()) {
                    Ok(None) => {}
                    Ok(Some((header, rest))) => {
                        let rest: Vec<u8> = rest
                            .iter()
                            .chain(chunks[index + 1..].iter().copied().flatten())
                            .copied()
                            .collect();
                        return Ok((header, rest));
                    }
                    Err(error) => return Err(error),
                }
            }
            panic!("{}: a header at the end of the stream", vector.name)
        };
        let whole = decode(&[&input]);
        assert_eq!(whole.is_err(), vector.error().is_some(), "{}", vector.name);
        if let Ok((_, rest)) = &whole {
            assert_eq!(rest, AFTER, "{}", vector.name);
        }
        for chunks in cuts(&input) {
            assert_eq!(decode(&chunks), whole, "{} cut as {chunks:02x?}", vector.name);
        }
    }
}

#[test]
fn every_strict_prefix_of_a_header_is_incomplete_and_no_error() {
    for vector in load("header.json").iter().filter(|vector| vector.error().is_none()) {
        for len in 0..vector.hex.len() {
            let prefix = Bytes::copy_from_slice(&vector.hex[..len]);
            let decoded = RequestHeader::decode(&prefix, &vector.limits());
            assert_eq!(decoded, Ok(None), "{} cut to {len}", vector.name);
        }
    }
}
