//! A length that a peer announces is never trusted with memory (RELIABILITY A5): whatever it claims, the
//! heap is asked for no more than what arrived and a constant, the error says what was wrong, and only a
//! breach of QMux itself ends the connection.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod heap;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use interop_tests::hostile_mux::HostilePeer;
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::proto::{Direction, ItemDecoder, Part};
use ipfi_core::{Code, Interface, Limits, Wire, WireOptions, varint};
use ipfi_mux::stream_id::{Dir, StreamId};

/// What may be asked of the heap beside what arrived: the promise is 1 MiB for a single block, this holds
/// for all blocks together, given back or not, the buffers of the hostile peer (256 KiB) among them.
const MOST: usize = 320 << 10;

/// Lengths without any of what they announce.
const HUGE: [u64; 2] = [1 << 31, varint::MAX];

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(number,): (u64,)| async move { number })
        .procedure(1, |(text,): (String,)| async move { text.len() as u64 })
        .procedure(2, |(numbers,): (Vec<u64>,)| async move { numbers.len() as u64 })
        .procedure(3, |(map,): (HashMap<u64, u64>,)| async move { map.len() as u64 })
        .procedure(4, |(bytes,): (Bytes,)| async move { bytes.len() as u64 })
        .procedure(5, |(names,): (Vec<String>,)| async move { names.len() as u64 })
}

fn integer(value: u64) -> BytesMut {
    let mut out = BytesMut::new();
    varint::put(&mut out, value);
    out
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Runs `lie` on a connection of its own after the handshake, counts what the heap is asked for
/// meanwhile, and gives why the connection ended, if it did.
fn after(name: &str, lie: impl AsyncFnOnce(&mut HostilePeer, &Wire)) -> Option<ConnectionError> {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let options = WireOptions::from(interface());
        let (mut peer, wire) = HostilePeer::connect(options, &HostilePeer::generous()).await;
        let wire = wire.unwrap();
        peer.answers = Some(std::collections::BTreeMap::new());
        let before = heap::allocated();
        lie(&mut peer, &wire).await;
        peer.flush().await;
        peer.settle().await;
        // No lie here is longer than a few bytes, but for those that fill a window.
        let asked = heap::allocated() - before;
        assert!(asked <= MOST, "{name}: the heap was asked for {asked} bytes");
        wire.close_reason()
    })
}

/// The connection ends with `code`.
fn breaks(code: TransportCode, name: &str, lie: impl FnOnce(&mut HostilePeer)) {
    let ended = after(name, async |peer, _| lie(peer));
    let Some(ConnectionError::Violation { code: seen, .. }) = &ended else { panic!("{name}: {ended:?}") };
    assert_eq!(*seen, code, "{name}: {ended:?}");
}

/// The connection and its calls live on: `lie` happens on a stream, whose status is given, if it has one.
fn fails_alone(name: &str, request: &[u8]) -> Option<Code> {
    let mut code = None;
    let ended = after(name, async |peer, _| {
        let bad = peer.open(Dir::Bi).unwrap();
        peer.stream(bad, request, 4000, false);
        let good = peer.open(Dir::Bi).unwrap();
        peer.stream(good, &[0, 1, 1 << 2, 42], 4000, true);
        peer.flush().await;
        peer.settle().await;
        let answers = peer.answers.as_ref().unwrap();
        assert_eq!(answers[&good], [1 << 2, 42], "{name}: the other call was not answered");
        code = status(answers.get(&bad));
    });
    assert_eq!(ended, None, "{name}");
    code
}

/// The code of the status in an answer.
fn status(answer: Option<&Vec<u8>>) -> Option<Code> {
    let mut decoder = ItemDecoder::new(Direction::Response, &Limits::default());
    decoder.push(answer?.clone().into(), true);
    while let Some(part) = decoder.next().unwrap() {
        if let Part::Status(status) = part {
            return Some(status.code());
        }
    }
    None
}

#[test]
fn a_record_is_refused_by_its_size_before_any_of_it_has_come() {
    let limit = u64::from(Limits::default().max_record_bytes);
    breaks(TransportCode::PROTOCOL_VIOLATION, "record of 0", |peer| peer.put_raw(&[0]));
    for size in [limit + 1, HUGE[0], HUGE[1]] {
        let code = TransportCode::FRAME_ENCODING_ERROR;
        breaks(code, &format!("record of {size}"), |peer| peer.put_raw(&integer(size)));
    }
    let waits = after("a record of the largest size", async |peer, _| {
        peer.put_raw(&integer(limit));
        peer.put_raw(&[0; 100]);
    });
    assert_eq!(waits, None, "a record that may come is waited for");
}

#[test]
fn the_first_record_is_refused_like_any_other() {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for size in [0, (64 << 10) + 1, HUGE[0], HUGE[1]] {
        runtime.block_on(async {
            let before = heap::allocated();
            let (mut peer, server) = HostilePeer::begin(interface().into());
            peer.put_raw(&integer(size));
            peer.flush().await;
            let refused = server.await.unwrap();
            assert!(matches!(refused, Err(ConnectionError::Violation { .. })), "{size}: {refused:?}");
            peer.settle().await;
            // The peer's own buffers are in it.
            let asked = heap::allocated() - before;
            assert!(asked <= MOST, "first record of {size}: the heap was asked for {asked} bytes");
        });
    }
}

/// RFC 9000 sections 19.8, 19.19 and 18; RFC 9221 section 4.
#[test]
fn a_frame_whose_length_goes_beyond_its_record_is_malformed() {
    for length in [2, HUGE[0], HUGE[1]] {
        let length = integer(length);
        let code = TransportCode::FRAME_ENCODING_ERROR;
        let frame = |name: &str, begin: &[u8]| {
            let bytes = joined(&[begin, &length, b"x"]);
            breaks(code, name, |peer| peer.put_with(|out| out.extend_from_slice(&bytes)));
        };
        frame("STREAM", &[0x0a, 0]);
        frame("STREAM with an offset", &[0x0e, 0, 1]);
        frame("DATAGRAM", &[0x31]);
        frame("CONNECTION_CLOSE of the transport", &[0x1c, 0, 0]);
        frame("CONNECTION_CLOSE of the application", &[0x1d, 0]);
        frame("QX_TRANSPORT_PARAMETERS", &[0xff, 0x51, 0x53, 0x30, 0x0d, 0x0a, 0x0d, 0x0a]);
    }
}

/// RFC 9000 sections 4.1, 4.5 and 19.8: the first frame may be the one that lies (CVE-2026-32314).
#[test]
fn a_frame_beyond_the_window_is_refused_before_a_stream_holds_any_of_it() {
    let code = TransportCode::FLOW_CONTROL_ERROR;
    breaks(code, "first frames beyond the window", |peer| {
        let id = peer.open(Dir::Bi).unwrap();
        peer.stream(id, &vec![0; (64 << 10) + 1], 8000, false);
    });
    for final_size in [(64 << 10) + 1, HUGE[0], HUGE[1]] {
        breaks(code, &format!("RESET_STREAM at {final_size}"), |peer| {
            let bytes = joined(&[&[0x04, 0, 0], &integer(final_size)]);
            peer.put_with(|out| out.extend_from_slice(&bytes));
        });
    }
    breaks(TransportCode::FRAME_ENCODING_ERROR, "STREAM beyond the last offset", |peer| {
        let bytes = joined(&[&[0x0e, 0], &integer(varint::MAX), &[1], b"x"]);
        peer.put_with(|out| out.extend_from_slice(&bytes));
    });
    for index in [256, 1 << 30, (1 << 60) - 1] {
        breaks(TransportCode::STREAM_LIMIT_ERROR, &format!("stream {index}"), |peer| {
            let id = StreamId::new(ipfi_core::session::Side::Client, Dir::Bi, index);
            let bytes = joined(&[&[0x0a], &integer(id.get()), &[1], b"x"]);
            peer.put_with(|out| out.extend_from_slice(&bytes));
        });
    }
}

#[test]
fn an_item_that_is_too_large_fails_its_call_alone() {
    let limit = u64::from(Limits::default().max_message_bytes);
    for length in [limit + 1, 1 << 31, (1 << 60) - 1] {
        for kind in 0..2 {
            let request = joined(&[&[1, 1], &integer(length << 2 | kind), b"x"]);
            let code = fails_alone(&format!("message of {length}"), &request);
            assert_eq!(code, Some(Code::ResourceExhausted), "kind {kind} of {length}");
        }
    }
    let request = joined(&[&[1, 1], &integer(limit << 2), b"x"]);
    assert_eq!(fails_alone("the largest message, hardly begun", &request), None, "it is waited for");
    let code = fails_alone("an empty fragment", &[1, 1, 1]);
    assert_eq!(code, Some(Code::InvalidArgument));
    for length in [(16 << 10) + 1, 1 << 31, (1 << 60) - 1] {
        let request = joined(&[&[1, 1], &integer(length << 2 | 3), b"x"]);
        let code = fails_alone(&format!("an item of metadata of {length}"), &request);
        assert_eq!(code, Some(Code::ResourceExhausted), "{length}");
    }
}

#[test]
fn metadata_of_a_header_that_lies_fails_its_call_alone() {
    for length in [(16 << 10) + 1, HUGE[0], HUGE[1]] {
        let request = joined(&[&[1, 0x21], &integer(length), b"x"]);
        let code = fails_alone(&format!("metadata of {length}"), &request);
        assert_eq!(code, Some(Code::ResourceExhausted), "{length}");
    }
    let request = joined(&[&[1, 0x21], &integer(16 << 10), b"x"]);
    assert_eq!(fails_alone("the most metadata, hardly begun", &request), None, "it is waited for");
    for length in [64, HUGE[0], HUGE[1]] {
        for before in [&b""[..], b"\x01a"] {
            let entry = joined(&[before, &integer(length), b"x"]);
            let request = joined(&[&[1, 0x21], &integer(entry.len() as u64), &entry]);
            let code = fails_alone(&format!("an entry of {length}"), &request);
            assert_eq!(code, Some(Code::InvalidArgument), "{length}");
        }
    }
}

/// What each codec writes for a length, by what it is the length of.
fn claims(codec: u8, claimed: u64) -> [Vec<u8>; 3] {
    let low = u32::try_from(claimed.min(u64::from(u32::MAX))).unwrap().to_be_bytes();
    let all = match codec {
        1 => joined(&[&[253], &claimed.to_le_bytes()]),
        2 => {
            let mut leb = Vec::new();
            let mut rest = claimed;
            while rest > 0x7f {
                leb.push(rest.to_le_bytes()[0] | 0x80);
                rest >>= 7;
            }
            leb.push(rest.to_le_bytes()[0]);
            leb
        }
        // A tuple of one, then text, an array or a map.
        _ => return [0xdb, 0xdd, 0xdf].map(|marker| joined(&[&[0x91, marker], &low])),
    };
    [all.clone(), all.clone(), all]
}

#[test]
fn values_that_claim_more_than_there_is_fail_their_call_alone() {
    for codec in 1..=3 {
        for claimed in [1 << 20, (1 << 31) - 1, 1 << 40, u64::MAX >> 2] {
            let [text, array, map] = claims(codec, claimed);
            for (procedure, claim) in [(1, &text), (2, &array), (3, &map), (5, &array)] {
                let arguments = joined(&[claim, b"xyz"]);
                let request =
                    joined(&[&[procedure, codec], &integer((arguments.len() as u64) << 2), &arguments]);
                let name = format!("codec {codec}, procedure {procedure}, {claimed}");
                let code = fails_alone(&name, &request);
                let refused = matches!(code, Some(Code::InvalidArgument | Code::ResourceExhausted));
                assert!(refused, "{name}: {code:?}");
            }
        }
    }
    // JSON announces nothing; a byte string has a marker of its own in MessagePack.
    let arguments = joined(&[&[0x91, 0xc6], &u32::MAX.to_be_bytes(), b"xyz"]);
    let request = joined(&[&[4, 3], &integer((arguments.len() as u64) << 2), &arguments]);
    assert_eq!(fails_alone("bytes in MessagePack", &request), Some(Code::InvalidArgument));
}

/// The control stream belongs to all calls: there a lie ends the connection, with the protocol's own code.
#[test]
fn a_control_message_that_is_too_large_ends_the_connection() {
    for length in [(16 << 10) + 1, HUGE[0], HUGE[1]] {
        let ended = after(&format!("SETTINGS of {length}"), async |peer, _| {
            let id = peer.open(Dir::Uni).unwrap();
            let bytes = joined(&[b"\x00ipfi\x01\x00", &integer(length), b"x"]);
            peer.stream(id, &bytes, 4000, false);
            peer.flush().await;
            peer.settle().await;
            let told = format!("{:?}", peer.closed);
            assert!(told.contains(&format!("{:?}", CloseCode::PROTOCOL)), "{length}: {told}");
        });
        assert!(ended.is_some(), "{length}");
    }
}
