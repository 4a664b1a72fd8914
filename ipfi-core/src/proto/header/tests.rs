// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;

fn round_trip(header: &RequestHeader) -> RequestHeader {
    let mut out = BytesMut::new();
    header.encode(&mut out);
    RequestHeader::decode(&out.freeze(), &Limits::default()).unwrap().unwrap().0
}

#[test]
fn only_a_deadline_that_has_passed_travels_as_zero() {
    for (timeout, millis) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(1), 1),
        (Duration::from_millis(1), 1),
        (Duration::from_micros(1_001), 2),
        (Duration::MAX, varint::MAX),
    ] {
        let header = RequestHeader { timeout: Some(timeout), ..RequestHeader::new(0, 1) };
        assert_eq!(round_trip(&header).timeout, Some(Duration::from_millis(millis)));
    }
}

#[test]
fn every_priority_round_trips_in_zigzag() {
    for priority in i8::MIN..=i8::MAX {
        let header = RequestHeader { priority, ..RequestHeader::new(0, 1) };
        assert_eq!(round_trip(&header), header);
    }
    assert_eq!([0, -1, 1, -2, 127, -128].map(zigzag), [0, 1, 2, 3, 254, 255]);
}

#[test]
fn a_reserved_flag_is_refused_by_name_before_anything_after_it() {
    let error = RequestHeader::decode(&Bytes::from_static(&[0, 0xff]), &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request header sets the reserved flag 0x80, which ipfi-1 does not have"
    );
    assert_eq!(Status::from(error).code(), crate::status::Code::Unimplemented);
}

#[test]
fn what_follows_a_header_that_came_whole_is_not_copied() {
    let input = Bytes::from_static(&[0, 1, 0x14, b'h', b'e', b'l', b'l', b'o']);
    let (_, rest) = HeaderDecoder::new().push(input.clone(), false, &Limits::default()).unwrap().unwrap();
    assert_eq!(rest.as_ptr(), input[2..].as_ptr());
}

#[test]
fn the_status_of_a_limit_names_it_with_what_was_seen() {
    let limits = Limits { max_metadata_bytes: 100, ..Limits::default() };
    let error = RequestHeader::decode(&Bytes::from_static(&[0, 0x21, 0x40, 101]), &limits).unwrap_err();
    let status = Status::from(error);
    let limit = status.limit_seen().unwrap();
    assert_eq!((&*limit.name, limit.limit, limit.seen), ("max_metadata_bytes", 100, 101));
}
