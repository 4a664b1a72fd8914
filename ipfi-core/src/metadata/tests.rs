// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::status::Code;

#[test]
fn an_empty_one_allocates_nothing_and_encodes_to_nothing() {
    let metadata = Metadata::new();
    assert_eq!(metadata.entries.capacity(), 0);
    assert_eq!(Metadata::decode(&[], 0).unwrap().entries.capacity(), 0);
    assert_eq!((metadata.len(), metadata.encoded_len(), metadata.is_empty()), (0, 0, true));
}

#[test]
fn entries_keep_their_order_and_the_first_of_a_key_is_found() {
    let mut metadata = Metadata::new();
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        metadata.insert(key, value).unwrap();
    }
    assert_eq!(metadata.get("a").unwrap(), "1");
    assert_eq!(metadata.get_str("b"), Some("2"));
    assert_eq!(metadata.get("c"), None);
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "3"]);
    let keys: Vec<_> = metadata.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b", "a"]);
    assert_eq!(format!("{metadata:?}"), r#"{"a": b"1", "b": b"2", "a": b"3"}"#);
}

#[test]
fn a_value_that_is_not_text_is_still_bytes() {
    let mut metadata = Metadata::new();
    metadata.insert("k", &b"\xff"[..]).unwrap();
    assert_eq!(metadata.get_str("k"), None);
    assert_eq!(metadata.get("k").unwrap(), &b"\xff"[..]);
}

#[test]
fn a_bad_key_is_refused_by_insert_and_leaves_nothing_behind() {
    let mut metadata = Metadata::new();
    let long = "k".repeat(65);
    for (key, error) in [
        ("", MetadataError::KeyLength { seen: 0 }),
        (long.as_str(), MetadataError::KeyLength { seen: 65 }),
        ("Trace", MetadataError::KeyByte { byte: b'T' }),
        ("a b", MetadataError::KeyByte { byte: b' ' }),
    ] {
        assert_eq!(metadata.insert(key, "v"), Err(error));
    }
    assert!(metadata.is_empty());
}

#[test]
fn check_refuses_before_sending_what_the_peer_would_refuse() {
    let mut metadata = Metadata::new();
    metadata.insert("a", "12345").unwrap();
    metadata.insert("b", "").unwrap();
    assert_eq!(metadata.encoded_len(), 11);
    assert_eq!(metadata.check(11, 2), Ok(()));
    let large = metadata.check(10, 2).unwrap_err();
    assert_eq!(large, MetadataError::TooLarge { limit: 10, seen: 11 });
    assert_eq!(metadata.check(11, 1), Err(MetadataError::TooManyEntries { limit: 1, seen: 2 }));
    let status = Status::from(large);
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.limit_seen().unwrap().name, "max_metadata_bytes");
}

#[test]
fn decoded_entries_do_not_keep_the_bytes_they_came_in() {
    let mut input = vec![0; 64 << 10];
    input[..4].copy_from_slice(b"\x01a\x01b");
    let input = Bytes::from(input);
    let metadata = Metadata::decode(&input.slice(..4), 64).unwrap();
    assert!(input.is_unique(), "nothing of the input is shared");
    assert_eq!(metadata.get_str("a"), Some("b"));
}
