//! Bodies of the fuzz targets in `fuzz/`. They live here, compiled by every build and run by the tests on
//! their seeds, so that a change of the code under them cannot leave them behind.
//!
//! Not part of the interface: no version promise covers this module.

// A finding is a panic.
#![allow(clippy::panic)]

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::codec::{CodecId, Decode, DecodeLimits, Encode};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::proto::item::{Direction, ItemError};
use crate::proto::{
    ControlDecoder, ControlError, ControlMessage, HeaderDecoder, ItemDecoder, Part, status_body,
};
use crate::schema::{self, TypeTable};
use crate::status::Status;
use crate::typed::{self, Description};
use crate::varint;

/// Reading never panics and never looks past the end; what was read, written again, reads the same, in
/// no more bytes (RFC 9000 section 16).
pub fn varint(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((value, taken)) = varint::get(rest) {
        assert!(value <= varint::MAX, "{value} does not fit 62 bits");
        assert!(taken <= rest.len(), "{taken} bytes taken of {}", rest.len());
        let mut again = Vec::new();
        varint::put(&mut again, value);
        assert_eq!(again.len(), varint::len(value));
        assert!(again.len() <= taken, "the shortest encoding is longer than the one that was read");
        assert_eq!(varint::get(&again), Some((value, again.len())));
        rest = &rest[taken..];
    }
    assert!(rest.len() < varint::MAX_LEN, "a whole integer was left unread");
}

/// Limits that short inputs reach.
fn limits() -> Limits {
    Limits {
        max_message_bytes: 1000,
        max_metadata_bytes: 100,
        max_metadata_entries: 4,
        max_decoded_bytes: 64 << 10,
        ..Limits::default()
    }
}

/// `bytes` in pieces of at most `cut` bytes, each with whether it is the last.
fn pieces(bytes: &[u8], cut: usize) -> impl Iterator<Item = (Bytes, bool)> {
    let count = bytes.len().div_ceil(cut).max(1);
    (0..count).map(move |index| {
        let piece = &bytes[(index * cut).min(bytes.len())..((index + 1) * cut).min(bytes.len())];
        (Bytes::copy_from_slice(piece), index + 1 == count)
    })
}

/// The first byte says how the others are cut.
fn cut(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((usize::from(*first).max(1), rest))
}

/// A header reads the same however it is cut, is as large as it says, and reads the same written again.
pub fn header(bytes: &[u8]) {
    let Some((cut, bytes)) = cut(bytes) else { return };
    let whole = HeaderDecoder::new().push(Bytes::copy_from_slice(bytes), true, &limits());
    let mut decoder = HeaderDecoder::new();
    let mut taken = 0;
    let mut in_pieces = Ok(None);
    for (piece, fin) in pieces(bytes, cut) {
        taken += piece.len();
        in_pieces = decoder.push(piece, fin, &limits());
        if !matches!(in_pieces, Ok(None)) {
            break;
        }
    }
    match (whole, in_pieces) {
        (Ok(Some((header, rest))), Ok(Some((again, rest_of_piece)))) => {
            assert_eq!(header, again, "cut by {cut}");
            assert_eq!(bytes.len() - rest.len(), taken - rest_of_piece.len(), "cut by {cut}");
            let mut out = Vec::new();
            header.encode(&mut out);
            assert!(out.len() <= bytes.len() - rest.len(), "longer than what was read");
            let written = HeaderDecoder::new().push(out.into(), true, &limits());
            assert_eq!(written, Ok(Some((header, Bytes::new()))));
        }
        // Cut short, it may be refused earlier or be found to have ended, for another reason.
        (Err(_), Err(_)) => {}
        (whole, in_pieces) => panic!("{whole:?} as a whole, cut by {cut} {in_pieces:?}"),
    }
}

/// What one direction of a call brought, with messages joined.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(Vec<u8>),
    Unfinished(Vec<u8>),
    Status(Status),
    Metadata(Metadata),
    End,
    Error(ItemError),
}

fn seen(direction: Direction, bytes: &[u8], cut: usize) -> Vec<Seen> {
    let mut decoder = ItemDecoder::new(direction, &limits());
    let mut seen = Vec::new();
    let mut message: Option<Vec<u8>> = None;
    let mut total = 0;
    'pieces: for (piece, fin) in pieces(bytes, cut) {
        decoder.push(piece, fin);
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(Part::Data { bytes, end, fragment_end })) => {
                    assert!(fragment_end || !end, "a message ends where its last fragment does");
                    assert!(!bytes.is_empty() || end, "nothing was brought");
                    total += bytes.len();
                    let all = message.get_or_insert_default();
                    all.extend_from_slice(&bytes);
                    assert!(all.len() <= limits().max_message_bytes as usize, "larger than the limit");
                    if end {
                        seen.extend(message.take().map(Seen::Message));
                    }
                }
                Ok(Some(Part::Status(status))) => {
                    seen.extend(message.take().map(Seen::Unfinished));
                    seen.push(Seen::Status(status));
                }
                Ok(Some(Part::Metadata(metadata))) => seen.push(Seen::Metadata(metadata)),
                Ok(Some(Part::End)) => seen.push(Seen::End),
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()), "an error is repeated");
                    seen.extend(message.take().map(Seen::Unfinished));
                    seen.push(Seen::Error(error));
                    break 'pieces;
                }
            }
            if cut.is_multiple_of(2) {
                decoder.own_rest();
            }
        }
    }
    assert!(total <= bytes.len(), "more came out than went in");
    seen
}

/// Items read the same however they are cut; an error is the last thing, and is repeated.
pub fn items(bytes: &[u8]) {
    let Some((cut, bytes)) = cut(bytes) else { return };
    for direction in [Direction::Request, Direction::Response] {
        let whole = seen(direction, bytes, usize::MAX);
        assert_eq!(whole, seen(direction, bytes, cut), "{direction:?} cut by {cut}");
        assert_eq!(whole, seen(direction, bytes, 1), "{direction:?} byte by byte");
    }
}

fn control_seen(bytes: &[u8], cut: usize) -> (Vec<ControlMessage>, Option<ControlError>) {
    let mut decoder = ControlDecoder::new();
    let mut seen = Vec::new();
    for (piece, fin) in pieces(bytes, cut) {
        decoder.push(&piece, fin);
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(message)) => seen.push(message),
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()), "an error is repeated");
                    return (seen, Some(error));
                }
            }
        }
    }
    (seen, None)
}

/// A control stream reads the same however it is cut, and ends with an error: it never ends well.
pub fn control(bytes: &[u8]) {
    let Some((cut, bytes)) = cut(bytes) else { return };
    let (messages, error) = control_seen(bytes, usize::MAX);
    assert!(error.is_some(), "a control stream ended without an error");
    assert_eq!((messages, error), control_seen(bytes, cut), "cut by {cut}");
}

/// The body of a status, written again, reads the same, and is cut to what the receiver takes.
pub fn status(bytes: &[u8]) {
    let Ok(status) = status_body::decode(bytes) else { return };
    let mut out = Vec::new();
    // Lengths may be counted at their longest, but for those nothing is lost.
    status_body::encode(&status, bytes.len() + 64, &mut out);
    assert_eq!(status_body::decode(&out).as_ref(), Ok(&status));
    for most in [16, 40, bytes.len().max(16)] {
        let mut out = Vec::new();
        status_body::encode(&status, most, &mut out);
        assert!(out.len() <= most, "{} bytes of at most {most}", out.len());
        let short = status_body::decode(&out).expect("what was shortened is still a status");
        assert_eq!(short.code(), status.code());
        assert!(status.message().starts_with(short.message()));
    }
}

/// A block of metadata, written again, is the same bytes or fewer, and reads the same.
pub fn metadata(bytes: &[u8]) {
    let Ok(metadata) = Metadata::decode(bytes, u64::from(limits().max_metadata_entries)) else { return };
    assert!(metadata.len() <= 4, "more entries than the limit");
    let mut out = Vec::new();
    metadata.encode(&mut out);
    assert_eq!(out.len() as u64, metadata.encoded_len());
    assert!(out.len() <= bytes.len());
    assert_eq!(Metadata::decode(&out, 4), Ok(metadata));
}

/// What decodes encodes, and decodes again to what it was (as its bytes tell: a float may be NaN).
fn value<T: Decode + Encode>(codec: CodecId, bytes: &Bytes) {
    let limits = DecodeLimits::from(&limits());
    let Ok(value) = T::decode(codec, bytes.clone(), &limits) else { return };
    let mut out = Vec::new();
    value.encode(codec, &mut out).expect("what was decoded can be encoded");
    let out = Bytes::from(out);
    let again = T::decode(codec, out.clone(), &DecodeLimits::default()).expect("and decoded again");
    let mut third = Vec::new();
    again.encode(codec, &mut third).expect("and encoded again");
    assert_eq!(out, third, "{codec}");
}

/// The first byte names the codec; the others are read as values of every built-in shape.
pub fn codec(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Some(codec) = CodecId::from_u8(first % 5) else { return };
    if codec != CodecId::Raw && !codec.is_enabled() {
        return;
    }
    let bytes = Bytes::copy_from_slice(bytes);
    value::<bool>(codec, &bytes);
    value::<u8>(codec, &bytes);
    value::<u64>(codec, &bytes);
    value::<i64>(codec, &bytes);
    value::<u128>(codec, &bytes);
    value::<f64>(codec, &bytes);
    value::<char>(codec, &bytes);
    value::<String>(codec, &bytes);
    value::<Bytes>(codec, &bytes);
    value::<Option<u32>>(codec, &bytes);
    value::<Vec<u8>>(codec, &bytes);
    value::<Vec<()>>(codec, &bytes);
    value::<Vec<Vec<String>>>(codec, &bytes);
    value::<BTreeMap<String, Vec<u64>>>(codec, &bytes);
    value::<Result<u8, String>>(codec, &bytes);
    value::<(u8, String, Option<Box<u64>>)>(codec, &bytes);
    value::<Vec<Option<[u64; 32]>>>(codec, &bytes);
}

/// The first byte names the codec, the next two say how many bytes at the end are apart; before them stand descriptions, as a peer
/// answers with them.
fn described(bytes: &[u8]) -> Option<(CodecId, Vec<Description>, &[u8])> {
    let [first, high, low, rest @ ..] = bytes else { return None };
    let codec = CodecId::from_u8(first % 5).filter(|codec| *codec != CodecId::Raw && codec.is_enabled())?;
    let apart = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
    let (descriptions, apart) = rest.split_at(rest.len() - apart);
    Some((codec, descriptions_of(codec, descriptions)?, apart))
}

fn descriptions_of(codec: CodecId, bytes: &[u8]) -> Option<Vec<Description>> {
    let limits = DecodeLimits::from(&limits());
    Vec::<Description>::decode(codec, Bytes::copy_from_slice(bytes), &limits).ok()
}

/// What is read by any shape of a peer's description out of any bytes is written by it, and read again as what it was.
pub fn values(bytes: &[u8]) {
    let Some((codec, descriptions, message)) = described(bytes) else { return };
    let limits = DecodeLimits::from(&limits());
    for description in &descriptions {
        let types = TypeTable::new(&description.types);
        for method in &description.methods {
            let read = schema::decode_arguments(codec, &method.parameters, &types, message, &limits);
            if let Ok(values) = read {
                let written = schema::encode_arguments(codec, &method.parameters, &types, &values)
                    .expect("what was read can be written");
                let again = schema::decode_arguments(
                    codec,
                    &method.parameters,
                    &types,
                    &written,
                    &DecodeLimits { max_decoded_bytes: usize::MAX, ..limits },
                )
                .expect("and read again");
                let third = schema::encode_arguments(codec, &method.parameters, &types, &again);
                assert_eq!(third.as_ref(), Ok(&written), "{codec}");
            }
            for shape in [&method.items, &method.answer].into_iter().flatten() {
                let read =
                    schema::decode_answer(codec, shape, method.error.as_ref(), &types, message, &limits);
                if let Ok(outcome) = read {
                    let outcome = outcome.as_ref();
                    schema::encode_answer(codec, shape, method.error.as_ref(), &types, outcome)
                        .expect("what was read can be written");
                }
            }
        }
    }
}

/// Descriptions of two peers are compared, whatever they say; what differs is told on one line.
pub fn compatible(bytes: &[u8]) {
    let Some((codec, callers, apart)) = described(bytes) else { return };
    let Some(callees) = descriptions_of(codec, apart) else { return };
    for (caller, callee) in
        callers.iter().flat_map(|caller| callees.iter().map(move |callee| (caller, callee)))
    {
        for codec in [CodecId::Bincode, CodecId::Json] {
            for mismatch in typed::compatible(caller, callee, codec).err().into_iter().flatten() {
                assert!(!mismatch.to_string().contains(char::is_control));
            }
        }
    }
}

#[cfg(test)]
mod tests;
