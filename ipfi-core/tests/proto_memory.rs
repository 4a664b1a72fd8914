//! A length is never trusted with an allocation (RELIABILITY A5): what the decoders allocate follows
//! what has arrived, whatever it claims. One test, because the allocator counts for the process.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use bytes::{Bytes, BytesMut};
use ipfi_core::limits::Limits;
use ipfi_core::proto::{ControlDecoder, Direction, HeaderDecoder, ItemDecoder, Part};
use ipfi_core::varint;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that `work` allocates, freed or not: an allocation that is given back at once was still made.
fn allocated(work: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    // Growth of what was there is part of it.
    region.change().bytes_allocated
}

fn varint_bytes(value: u64) -> BytesMut {
    let mut out = BytesMut::new();
    varint::put(&mut out, value);
    out
}

fn items(direction: Direction, input: Bytes) -> usize {
    let limits = Limits::default();
    allocated(|| {
        let mut decoder = ItemDecoder::new(direction, &limits);
        decoder.push(input, false);
        while let Ok(Some(part)) = decoder.next() {
            drop(part);
        }
    })
}

#[test]
fn what_is_allocated_follows_what_arrived_whatever_it_claims() {
    // Errors print themselves into a status elsewhere; a decoder's own error is a few words.
    const SLACK: usize = 512;

    // The largest lengths that pass the limits, and lengths that do not, with one byte behind them.
    let lies = [1, 63, 16 << 10, (16 << 10) + 1, 4 << 20, (4 << 20) + 1, 1 << 31, 1 << 59];
    for len in lies {
        for kind in 0..4_u64 {
            let mut input = varint_bytes(len << 2 | kind);
            input.extend_from_slice(b"x");
            for direction in [Direction::Request, Direction::Response] {
                let bytes = items(direction, input.clone().freeze());
                assert!(bytes <= SLACK, "{bytes} bytes for kind {kind} of {len} in a {direction:?}");
            }
        }
        let mut header = BytesMut::from(&b"\x01\x21"[..]);
        header.extend_from_slice(&varint_bytes(len));
        header.extend_from_slice(b"x");
        let bytes = allocated(|| {
            let decoded = HeaderDecoder::new().push(header.freeze(), false, &Limits::default());
            assert!(!matches!(decoded, Ok(Some(_))));
        });
        assert!(bytes <= SLACK, "{bytes} bytes for a header with metadata of {len}");
        let mut control = BytesMut::from(&b"ipfi\x01\x00"[..]);
        control.extend_from_slice(&varint_bytes(len));
        control.extend_from_slice(b"x");
        let bytes = allocated(|| {
            let mut decoder = ControlDecoder::new();
            decoder.push(&control, false);
            assert!(!matches!(decoder.next(), Ok(Some(_))));
        });
        assert!(bytes <= SLACK, "{bytes} bytes for SETTINGS of {len}");
    }

    // Lies inside a block that is all there.
    for block in [&b"\x01a\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        let mut input = varint_bytes((block.len() as u64) << 2 | 3);
        input.extend_from_slice(block);
        let bytes = items(Direction::Request, input.freeze());
        assert!(bytes <= SLACK, "{bytes} bytes for a block of {}", block.len());
    }

    // A message is handed on uncopied: a megabyte that arrived allocates nothing.
    let mut input = varint_bytes(1 << 22);
    input.extend_from_slice(&vec![7; 1 << 20]);
    let input = input.freeze();
    let taken = items(Direction::Request, input);
    assert!(taken <= SLACK, "{taken} bytes for a message");

    // Metadata that comes a byte at a time is collected: a small multiple of what came.
    let mut block = BytesMut::new();
    for _ in 0..60 {
        block.extend_from_slice(b"\x01k\x40\xc8");
        block.extend_from_slice(&[7; 200]);
    }
    let mut input = varint_bytes((block.len() as u64) << 2 | 3);
    input.extend_from_slice(&block);
    let input = input.freeze();
    let bytes = allocated(|| {
        let mut decoder = ItemDecoder::new(Direction::Request, &Limits::default());
        let mut seen = 0;
        for index in 0..input.len() {
            decoder.push(input.slice(index..=index), false);
            while let Some(part) = decoder.next().unwrap() {
                let Part::Metadata(metadata) = part else { unreachable!("nothing else was sent") };
                seen += metadata.len();
            }
        }
        assert_eq!(seen, 60);
    });
    assert!(bytes <= 6 * input.len(), "{bytes} bytes for {} of metadata", input.len());
}
