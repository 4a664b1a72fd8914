//! Headers, capsules and codes, byte by byte.

use bytes::BytesMut;
use ipfi_core::close_code::CloseCode;

use super::{BIDIRECTIONAL, Begun, Header, UNIDIRECTIONAL, close_capsule, put_varint, take_varint};

#[test]
fn a_header_is_a_type_and_the_sessions_id() {
    assert_eq!(&Header::new(BIDIRECTIONAL, 0).bytes[..], [0x40, 0x41, 0x00]);
    assert_eq!(&Header::new(UNIDIRECTIONAL, 64).bytes[..], [0x40, 0x54, 0x40, 0x40]);
}

#[test]
fn a_header_may_be_written_longer_than_needed() {
    let header = Header::new(BIDIRECTIONAL, 4);
    for whole in
        [&[0x40, 0x41, 0x04][..], &[0x80, 0, 0, 0x41, 0x40, 0x04], &[0x40, 0x41, 0xc0, 0, 0, 0, 0, 0, 0, 4]]
    {
        for cut in 0..whole.len() {
            assert_eq!(header.check(&whole[..cut]), Begun::Undecided, "{whole:?} until {cut}");
        }
        assert_eq!(header.check(whole), Begun::Whole, "{whole:?}");
    }
}

#[test]
fn another_type_and_another_session_are_told_apart() {
    let header = Header::new(UNIDIRECTIONAL, 4);
    assert_eq!(header.check(&[0x02]), Begun::Other(0x02));
    assert_eq!(header.check(&[0x40, 0x41]), Begun::Other(BIDIRECTIONAL));
    assert_eq!(header.check(&[0x40, 0x54, 0x08]), Begun::Other(UNIDIRECTIONAL));
}

#[test]
fn integers_are_those_of_quic() {
    for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
        let mut bytes = BytesMut::new();
        put_varint(&mut bytes, value);
        bytes.extend_from_slice(b"rest");
        assert_eq!(take_varint(&bytes), Some((value, &b"rest"[..])));
    }
}

#[test]
fn a_close_is_a_capsule_in_a_frame() {
    let expected = [0x00, 0x0a, 0x68, 0x43, 0x07, 0, 0, 0, 5, b'b', b'y', b'e'];
    assert_eq!(&close_capsule(CloseCode::SHUTDOWN, "bye")[..], expected);
}
