// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;

fn request() -> ItemDecoder {
    ItemDecoder::new(Direction::Request, &Limits::default())
}

#[test]
fn a_message_that_comes_whole_is_one_part_and_no_copy() {
    let input = Bytes::from_static(b"\x14hello");
    let mut decoder = request();
    decoder.push(input.clone(), true);
    let Some(Part::Data { bytes, end: true, fragment_end: true }) = decoder.next().unwrap() else {
        unreachable!("one part")
    };
    assert_eq!(bytes, "hello");
    assert_eq!(bytes.as_ptr(), input[1..].as_ptr());
    assert_eq!(decoder.next(), Ok(Some(Part::End)));
    assert_eq!(decoder.next(), Ok(None));
}

#[test]
fn bytes_are_handed_over_as_they_arrive_and_not_by_the_fragment() {
    let mut decoder = request();
    decoder.push(Bytes::from_static(b"\x14he"), false);
    let part = |bytes: &'static [u8], end| Part::Data { bytes: bytes.into(), end, fragment_end: end };
    assert_eq!(decoder.next(), Ok(Some(part(b"he", false))));
    assert_eq!(decoder.next(), Ok(None));
    assert!(decoder.in_message() && decoder.is_buffered_empty());
    decoder.push(Bytes::from_static(b"llo"), false);
    assert_eq!(decoder.next(), Ok(Some(part(b"llo", true))));
    assert!(!decoder.in_message());
}

#[test]
fn several_chunks_may_be_pushed_before_any_part_is_taken() {
    let mut decoder = request();
    for chunk in [&b"\x14h"[..], b"", b"el", b"lo", b"\x40", b"\x04", b"x"] {
        decoder.push(Bytes::copy_from_slice(chunk), false);
    }
    decoder.push(Bytes::new(), true);
    let mut bytes = Vec::new();
    while let Some(part) = decoder.next().unwrap() {
        match part {
            Part::Data { bytes: piece, .. } => bytes.extend_from_slice(&piece),
            other => assert_eq!(other, Part::End),
        }
    }
    assert_eq!(bytes, b"hellox");
}

#[test]
fn what_comes_after_the_end_is_ignored() {
    let mut decoder = request();
    decoder.push(Bytes::from_static(b"\x00"), true);
    decoder.push(Bytes::from_static(b"\xff\xff"), true);
    assert!(matches!(decoder.next(), Ok(Some(Part::Data { .. }))));
    assert_eq!(decoder.next(), Ok(Some(Part::End)));
}

#[test]
fn an_error_frees_what_was_buffered() {
    let mut decoder = request();
    decoder.push(Bytes::from_static(b"\x01 and much more"), false);
    decoder.push(Bytes::from_static(b"and more"), false);
    assert_eq!(decoder.next().unwrap_err().fault, ItemFault::EmptyFragment);
    assert!(decoder.is_buffered_empty());
    decoder.push(Bytes::from_static(b"and yet more"), false);
    assert!(decoder.is_buffered_empty());
}

#[test]
fn whole_messages_are_read_where_they_lie_and_whatever_else_comes_is_left_to_the_table() {
    let mut decoder = request();
    decoder.push(Bytes::from_static(b"\x14hello\x00\x08x"), false);
    assert_eq!(decoder.peek_message(), Some((&b"hello"[..], 6)));
    // To look takes nothing.
    assert_eq!(decoder.peek_message(), Some((&b"hello"[..], 6)));
    decoder.skip_message(6);
    assert_eq!(decoder.peek_message(), Some((&b""[..], 1)));
    decoder.skip_message(1);
    assert_eq!(decoder.peek_message(), None, "a message that is not all here");
    let part = |bytes: &'static [u8], end| Part::Data { bytes: bytes.into(), end, fragment_end: end };
    assert_eq!(decoder.next(), Ok(Some(part(b"x", false))));
    decoder.push(Bytes::from_static(b"\x00"), false);
    assert_eq!(decoder.peek_message(), None, "the inside of a message");
    assert_eq!(decoder.next(), Ok(Some(part(b"\x00", true))));
    decoder.push(Bytes::from_static(b"\x05y"), false);
    assert_eq!(decoder.peek_message(), None, "a fragment that is not the last");
    assert_eq!(decoder.next(), Ok(Some(Part::Data { bytes: "y".into(), end: false, fragment_end: true })));
    decoder.push(Bytes::from_static(b"\x04z"), true);
    assert_eq!(decoder.peek_message(), None, "the last fragment of a message that has begun");
    assert_eq!(decoder.next(), Ok(Some(part(b"z", true))));
    assert_eq!(decoder.peek_message(), None, "the end");
    assert_eq!(decoder.next(), Ok(Some(Part::End)));
}

#[test]
fn a_message_larger_than_this_side_takes_is_not_read_where_it_lies() {
    let limits = Limits { max_message_bytes: 4, ..Limits::default() };
    let mut decoder = ItemDecoder::new(Direction::Request, &limits);
    decoder.push(Bytes::from_static(b"\x14hello"), false);
    assert_eq!(decoder.peek_message(), None);
    assert_eq!(decoder.next().unwrap_err().fault, ItemFault::MessageTooLarge { limit: 4, seen: 5 });
}
