// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_version_mismatch_names_both_versions() {
    let mut decoder = ControlDecoder::new();
    decoder.push(b"ipfi\x02", false);
    let error = decoder.next().unwrap_err();
    assert_eq!(error.to_string(), "version mismatch: this side speaks ipfi-1, the peer ipfi-2");
    assert_eq!(error.close_code(), CloseCode::VERSION);
}

#[test]
fn something_else_is_refused_at_the_first_byte_that_differs() {
    let mut decoder = ControlDecoder::new();
    decoder.push(b"i", false);
    assert_eq!(decoder.next(), Ok(None));
    decoder.push(b"m", false);
    let error = decoder.next().unwrap_err();
    assert_eq!(error, ControlError::NotIpfi { seen: Bytes::from_static(b"im") });
}

#[test]
fn a_message_too_large_is_refused_before_any_of_it_is_there() {
    let mut decoder = ControlDecoder::new();
    decoder.push(b"ipfi\x01\x00\x80\x00\x40\x01", false);
    let error = decoder.next().unwrap_err();
    assert_eq!(error, ControlError::TooLarge { limit: MAX_CONTROL_BYTES, seen: 16_385 });
}

#[test]
fn stream_types_round_trip_and_unknown_ones_keep_their_number() {
    for number in [0, 1, 2, 63, 64, varint::MAX] {
        let mut out = BytesMut::new();
        StreamType::from_u64(number).encode(&mut out);
        let (kind, len) = StreamType::decode(&out).unwrap();
        assert_eq!((kind.as_u64(), len), (number, out.len()));
    }
    assert_eq!(StreamType::decode(&[]), None);
    assert_eq!(StreamType::from_u64(2), StreamType::Unknown(2));
}
