// A test that cannot read its own records has failed: unwrapping says so.
#![allow(clippy::unwrap_used)]

use bytes::BufMut as _;
use proptest::prelude::*;

use super::*;

const LIMIT: u64 = 65_536;
/// The smallest first record: QX_TRANSPORT_PARAMETERS without a parameter.
const FIRST: [u8; 10] = [9, 0xff, 0x51, 0x53, 0x30, 0x0d, 0x0a, 0x0d, 0x0a, 0];

fn fresh() -> RecordReader {
    RecordReader::new(RecordFraming::Sized, LIMIT)
}

/// A reader behind the first record.
fn running() -> RecordReader {
    let mut reader = fresh();
    reader.next(&mut BytesMut::from(&FIRST[..])).unwrap().unwrap();
    reader
}

fn error(reader: &mut RecordReader, bytes: &[u8]) -> RecordError {
    let mut input = BytesMut::from(bytes);
    let error = reader.next(&mut input).unwrap_err();
    assert_eq!(input, bytes, "an error takes nothing");
    assert_eq!(reader.next(&mut input).unwrap_err(), error, "and is repeated");
    error
}

fn violation(reader: &mut RecordReader, bytes: &[u8]) -> Violation {
    match error(reader, bytes) {
        RecordError::Violation(violation) => violation,
        foreign => unreachable!("{foreign:?}"),
    }
}

#[test]
fn the_first_bytes_of_the_protocol_are_those_of_the_draft() {
    assert_eq!(MAGIC, *b"\xffQS0\r\n\r\n");
}

#[test]
fn a_record_is_handed_on_where_it_lies() {
    let mut reader = running();
    let mut input = BytesMut::from(&[2, 0x10, 5, 1, 0][..]);
    let place = input.as_ptr();
    let record = reader.next(&mut input).unwrap().unwrap();
    assert_eq!(record, [0x10, 5][..]);
    assert_eq!(record.as_ptr(), place.wrapping_add(1), "no byte was copied");
    assert_eq!(reader.next(&mut input).unwrap().unwrap(), [0][..]);
    assert_eq!(reader.next(&mut input).unwrap(), None);
}

#[test]
fn a_partial_record_stays_in_the_input_at_every_cut() {
    let mut bytes = BytesMut::from(&FIRST[..]);
    let mark = begin_record(&mut bytes);
    bytes.extend_from_slice(&[7; 100]);
    end_record(&mut bytes, mark);
    for cut in 0..=bytes.len() {
        let (mut reader, mut input, mut records) = (fresh(), BytesMut::new(), Vec::new());
        for half in [&bytes[..cut], &bytes[cut..]] {
            input.extend_from_slice(half);
            while let Some(record) = reader.next(&mut input).unwrap() {
                records.push(record);
            }
        }
        assert_eq!(records, [&FIRST[1..], &[7; 100]], "cut at {cut}");
        assert!(input.is_empty());
    }
}

#[test]
fn a_size_in_every_spelling_is_accepted() {
    for size in [&[2][..], &[0x40, 2], &[0x80, 0, 0, 2], &[0xc0, 0, 0, 0, 0, 0, 0, 2]] {
        let mut input = BytesMut::from(size);
        input.extend_from_slice(&[0x10, 5]);
        assert_eq!(running().next(&mut input).unwrap().unwrap(), [0x10, 5][..]);
    }
}

#[test]
fn too_large_a_record_is_refused_as_soon_as_its_size_is_there() {
    let violation = violation(&mut running(), &[0x80, 1, 0, 1]);
    assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
    assert_eq!(violation.what, "record too large: 65537 bytes seen, limit max_record_size = 65536");
    let mut input = BytesMut::from(&[0x80, 1, 0, 0][..]);
    assert_eq!(running().next(&mut input), Ok(None), "the limit itself is allowed");
    assert!(input.capacity() < 1024, "no room is made for what was only announced");
}

#[test]
fn the_first_record_too_is_refused_by_its_size_alone() {
    let violation = violation(&mut fresh(), &[0xff; 8]);
    assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
}

#[test]
fn a_record_without_frames_is_refused() {
    for size in [&[0][..], &[0x40, 0]] {
        for mut reader in [fresh(), running()] {
            let violation = violation(&mut reader, size);
            assert_eq!(violation.code, TransportCode::PROTOCOL_VIOLATION);
            assert_eq!(violation.what, "a record without frames");
        }
    }
}

#[test]
fn text_is_shown_from_the_first_letter_that_cannot_be_qmux() {
    for text in [
        "HTTP/1.1 400 Bad Request",
        "\nready\n",
        "été: lancé",
        "{\"level\":\"info\"}",
        "\x1b[32mINFO\x1b[0m up",
    ] {
        let mut reader = fresh();
        let decided = (1..=text.len()).find_map(|len| {
            Some((len, reader.next(&mut BytesMut::from(&text[..text.floor_char_boundary(len)])).err()?))
        });
        let (len, error) = decided.unwrap();
        let RecordError::Foreign { seen } = error else { unreachable!("{text}: {error:?}") };
        let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        assert!(printable.starts_with(&seen) && !seen.is_empty(), "{seen:?} of {text:?} after {len}");
        let RecordError::Foreign { seen } = self::error(&mut fresh(), text.as_bytes()) else {
            unreachable!()
        };
        assert_eq!(seen, printable);
    }
}

#[test]
fn http_is_told_apart_at_its_third_letter() {
    assert_eq!(fresh().next(&mut BytesMut::from("HT")), Ok(None));
    assert_eq!(error(&mut fresh(), b"HTT"), RecordError::Foreign { seen: "HTT".into() });
}

#[test]
fn long_text_is_shown_by_its_first_80_characters_even_if_the_last_is_cut() {
    let text = "é".repeat(500);
    let bytes = [b"a", text.as_bytes()].concat();
    for cut in [500, 501] {
        let RecordError::Foreign { seen } = error(&mut fresh(), &bytes[..cut]) else { unreachable!() };
        assert_eq!(seen.chars().count(), 80);
    }
}

#[test]
fn text_is_told_from_the_handshake_that_follows_it_in_one_piece() {
    let hello = [&[0x40, 9][..], &MAGIC, &[0]].concat();
    for (printed, seen) in [
        ("Loading config…\n", "Loading config…"),
        ("one line\nand another\r\n", "one line and another "),
        // Without the end of a line, letters that are none of it come with it.
        ("Loading: ", "Loading: @ "),
    ] {
        let input = [printed.as_bytes(), &hello].concat();
        assert_eq!(error(&mut fresh(), &input), RecordError::Foreign { seen: seen.into() });
    }
}

#[test]
fn other_bytes_than_text_are_a_violation_that_shows_them() {
    // A TLS ClientHello, MAX_DATA, PADDING before the parameters.
    for bytes in [&[0x16, 3, 1, 2, 0][..], &[2, 0x10, 5], &[0x0a, 0, 0xff, 0x51], &[0x0a, 0xff, 0x51, 0x4d]] {
        let violation = violation(&mut fresh(), bytes);
        assert_eq!(violation.code, TransportCode::PROTOCOL_VIOLATION);
        let shown: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(violation.what.ends_with(&shown.join(" ")), "{violation}");
    }
}

#[test]
fn a_first_record_too_short_for_its_frame_type_is_left_to_the_frame() {
    let record = fresh().next(&mut BytesMut::from(&[3, 0xff, 0x51, 0x53, 0x10][..])).unwrap().unwrap();
    assert_eq!(record, [0xff, 0x51, 0x53][..]);
}

#[test]
fn text_after_the_first_record_is_a_record_like_any_other() {
    assert_eq!(running().next(&mut BytesMut::from("HTTP/1.1")), Ok(None));
}

#[test]
fn a_message_is_a_record_without_a_size() {
    let mut reader = RecordReader::new(RecordFraming::Message, LIMIT);
    let mut input = BytesMut::from(&FIRST[1..]);
    assert_eq!(reader.next(&mut input).unwrap().unwrap(), FIRST[1..]);
    assert_eq!(reader.next(&mut input).unwrap(), None);
    assert_eq!(reader.message(Bytes::from_static(&[0x10, 5])).unwrap(), [0x10, 5][..]);
}

#[test]
fn a_message_is_held_to_the_same_rules() {
    let fresh = || RecordReader::new(RecordFraming::Message, LIMIT);
    let code = |reader: &mut RecordReader, message: &'static [u8]| match reader
        .message(Bytes::from_static(message))
    {
        Err(RecordError::Violation(violation)) => violation.code,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(code(&mut fresh(), &[]), TransportCode::PROTOCOL_VIOLATION);
    assert_eq!(code(&mut fresh(), &[0x10, 5]), TransportCode::PROTOCOL_VIOLATION);
    let mut running = fresh();
    running.message(Bytes::from_static(&FIRST[1..])).unwrap();
    assert_eq!(code(&mut running, &[]), TransportCode::PROTOCOL_VIOLATION);
    assert_eq!(code(&mut running, &[0; 65_537]), TransportCode::FRAME_ENCODING_ERROR);
    assert!(running.message(Bytes::from_static(&[0; 65_536])).is_ok());
}

#[test]
fn a_written_record_is_read_back_whatever_its_size() {
    for size in [1, 63, 64, 16_382, 16_383, 16_384, 65_536] {
        let mut out = BytesMut::from(&b"earlier"[..]);
        let mark = begin_record(&mut out);
        out.resize(out.len() + size, 0x5a);
        end_record(&mut out, mark);
        out.advance(b"earlier".len());
        assert_eq!(out.len(), size + if size <= SIZE_MAX { 2 } else { 4 });
        assert_eq!(running().next(&mut out).unwrap().unwrap(), vec![0x5a; size]);
        assert!(out.is_empty());
    }
}

#[test]
fn a_record_without_frames_is_not_written() {
    let mut out = BytesMut::from(&b"earlier"[..]);
    let mark = begin_record(&mut out);
    end_record(&mut out, mark);
    assert_eq!(out, b"earlier"[..]);
}

proptest! {
    #[test]
    fn random_bytes_end_in_records_that_keep_the_limit_or_in_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        parameters_first: bool,
        message: bool,
    ) {
        let framing = if message { RecordFraming::Message } else { RecordFraming::Sized };
        let mut reader = RecordReader::new(framing, 64);
        let mut input = BytesMut::new();
        if parameters_first {
            input.extend_from_slice(&FIRST[usize::from(message)..]);
        }
        input.extend_from_slice(&bytes);
        let mut left = input.len();
        while let Ok(Some(record)) = reader.next(&mut input) {
            prop_assert!((1..=64).contains(&record.len()));
            prop_assert!(input.len() < left, "every record takes bytes");
            left = input.len();
        }
    }

    #[test]
    fn bytes_one_at_a_time_give_the_same_records(
        sizes in prop::collection::vec(1usize..300, 0..8),
    ) {
        let mut bytes = BytesMut::from(&FIRST[..]);
        for size in &sizes {
            let mark = begin_record(&mut bytes);
            bytes.resize(bytes.len() + size, 1);
            end_record(&mut bytes, mark);
        }
        let (mut reader, mut input, mut seen) = (fresh(), BytesMut::new(), Vec::new());
        for byte in bytes {
            input.put_u8(byte);
            while let Some(record) = reader.next(&mut input).unwrap() {
                seen.push(record.len());
            }
        }
        prop_assert_eq!(&seen[1..], &sizes[..]);
    }
}
