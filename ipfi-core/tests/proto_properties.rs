//! Properties of the call protocol's encoders and decoders over random values and random bytes
//! (RELIABILITY F1, F7, F9).

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipfi_core::limits::Limits;
use ipfi_core::metadata::Metadata;
use ipfi_core::proto::{
    Direction, HeaderDecoder, ItemKind, RequestHeader, put_item_header, put_metadata, put_status,
};
use ipfi_core::status::{Code, LimitSeen, Origin, Status};
use ipfi_core::varint;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{decode_control, decode_items, hex, metadata_json, status_json};

fn metadata() -> impl Strategy<Value = Metadata> {
    vec(("[a-z0-9._-]{1,64}", vec(any::<u8>(), 0..100)), 0..20).prop_map(|entries| {
        let mut metadata = Metadata::new();
        for (key, value) in entries {
            metadata.insert(key, value).unwrap();
        }
        metadata
    })
}

fn status() -> impl Strategy<Value = Status> {
    let limit = ("[a-z_]{0,30}", 0..=varint::MAX, 0..=varint::MAX)
        .prop_map(|(name, limit, seen)| LimitSeen { name: name.into(), limit, seen });
    let parts = (0..Code::ALL.len(), any::<bool>(), any::<String>(), proptest::option::of(limit));
    (parts, vec(any::<u8>(), 0..200)).prop_map(|((code, caller, message, limit), details)| {
        let origin = if caller { Origin::Caller } else { Origin::Callee };
        let status = Status::new(Code::ALL[code], message).with_origin(origin).with_details(details);
        match limit {
            Some(limit) => status.with_limit(limit),
            None => status,
        }
    })
}

fn header() -> impl Strategy<Value = RequestHeader> {
    let timeout = proptest::option::of((0..=varint::MAX).prop_map(Duration::from_millis));
    (0..=varint::MAX, 0..16_u8, timeout, metadata(), any::<i8>()).prop_map(
        |(procedure, codec, timeout, metadata, priority)| {
            let mut header = RequestHeader::new(procedure, codec);
            header.timeout = timeout;
            header.metadata = metadata;
            header.priority = priority;
            header
        },
    )
}

/// A response: metadata, messages as fragments (the last is the one that ends), a status.
fn response() -> impl Strategy<Value = (Option<Metadata>, Vec<Vec<Vec<u8>>>, Option<Status>)> {
    let fragment = || vec(any::<u8>(), 1..80);
    let message = (vec(fragment(), 0..4), vec(any::<u8>(), 0..80)).prop_map(|(mut fragments, last)| {
        fragments.push(last);
        fragments
    });
    (proptest::option::of(metadata()), vec(message, 0..6), proptest::option::of(status()))
}

/// `bytes` in pieces whose lengths cycle through `sizes`.
fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(&[]);
    pieces
}

proptest! {
    #[test]
    fn a_header_is_what_was_encoded_however_it_is_cut(
        header in header(), sizes in vec(1..40_usize, 1..5), after in vec(any::<u8>(), 0..50),
    ) {
        let mut out = BytesMut::new();
        header.encode(&mut out);
        out.extend_from_slice(&after);
        let mut decoder = HeaderDecoder::new();
        let limits = Limits::default();
        let pieces = pieces(&out, &sizes);
        let mut came = 0;
        for piece in &pieces {
            came += piece.len();
            let decoded = decoder.push(Bytes::copy_from_slice(piece), false, &limits).unwrap();
            if let Some((decoded, rest)) = decoded {
                prop_assert_eq!(&decoded, &header);
                prop_assert_eq!(&[&rest, &out[came..]].concat(), &after);
                return Ok(());
            }
        }
        prop_assert!(false, "no header in {}", hex(&out));
    }

    #[test]
    fn a_response_is_what_was_encoded_however_it_is_cut(
        (metadata, messages, status) in response(), sizes in vec(1..60_usize, 1..5),
    ) {
        let mut out = BytesMut::new();
        let mut expected: Vec<Value> = Vec::new();
        if let Some(metadata) = &metadata {
            put_metadata(&mut out, metadata);
            expected.push(json!({ "metadata": metadata_json(metadata) }));
        }
        for fragments in &messages {
            for (index, fragment) in fragments.iter().enumerate() {
                let last = index + 1 == fragments.len();
                let kind = if last { ItemKind::LastFragment } else { ItemKind::Fragment };
                put_item_header(&mut out, kind, fragment.len() as u64);
                out.extend_from_slice(fragment);
            }
            let list: Vec<_> = fragments.iter().map(|fragment| hex(fragment)).collect();
            expected.push(json!({ "message": list }));
        }
        if let Some(status) = &status {
            put_status(&mut out, status, 16 << 10);
            expected.push(json!({ "status": status_json(status) }));
        }
        expected.push(json!("end"));
        let limits = Limits::default();
        let outcome = decode_items(Direction::Response, &limits, &pieces(&out, &sizes), true);
        prop_assert_eq!(outcome.error, None);
        prop_assert_eq!(outcome.parts, expected);
    }

    #[test]
    fn random_bytes_panic_nowhere_and_mean_the_same_however_they_are_cut(
        bytes in vec(prop_oneof![any::<u8>(), 0..16_u8], 0..200), sizes in vec(1..20_usize, 1..4),
        fin in any::<bool>(),
    ) {
        let limits = Limits::default();
        let cut = pieces(&bytes, &sizes);
        for direction in [Direction::Request, Direction::Response] {
            let whole = decode_items(direction, &limits, &[&bytes], fin);
            prop_assert_eq!(decode_items(direction, &limits, &cut, fin), whole);
        }
        // Behind the magic bytes, because nothing random gets past them.
        let control = [b"\x00ipfi\x01", &bytes[..]].concat();
        let whole = decode_control(&[&control], fin);
        prop_assert_eq!(decode_control(&pieces(&control, &sizes), fin), whole);
        let header = RequestHeader::decode(&Bytes::from(bytes.clone()), &limits);
        if let Ok(Some((header, len))) = header {
            prop_assert!(len <= bytes.len());
            let mut out = BytesMut::new();
            header.encode(&mut out);
            let again = RequestHeader::decode(&out.freeze(), &limits).unwrap().unwrap();
            prop_assert_eq!(again.0, header, "what was understood can be said again");
        }
    }
}
