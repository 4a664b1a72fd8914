//! What the errors say, and what a failure leaves behind.

use std::collections::BTreeMap;

use ipfi_core::codec::{CodecError, CodecId, DecodeArguments, DecodeLimits, Encode, EncodeArguments};
use ipfi_core::limits::Limits;
use serde::{Deserialize, Serialize, Serializer, ser};

use crate::{codecs, decode, encode};

#[test]
fn codec_numbers_go_both_ways_and_the_free_ones_have_none() {
    for (number, codec) in (0..).zip(CodecId::ALL) {
        assert_eq!(codec.as_u8(), number);
        assert_eq!(CodecId::from_u8(number), Some(codec));
    }
    for number in 5..=u8::MAX {
        assert_eq!(CodecId::from_u8(number), None);
    }
}

#[test]
fn the_default_codec_is_the_first_typed_one_that_is_built_in() {
    assert_eq!(CodecId::default(), codecs().next().unwrap_or(CodecId::Raw));
    if CodecId::Bincode.is_enabled() {
        assert_eq!(CodecId::default(), CodecId::Bincode);
    }
}

#[test]
fn a_codec_that_is_not_built_in_is_named() {
    let off = CodecId::ALL.into_iter().filter(|codec| !codec.is_enabled());
    for codec in off {
        let error = decode::<u8>(codec, &[1][..]).unwrap_err();
        assert_eq!(error, CodecError::Disabled(codec));
        assert_eq!(1_u8.encode(codec, &mut Vec::new()), Err(error.clone()));
        assert_eq!((1_u8,).encode_arguments(codec, &mut Vec::new()), Err(error.clone()));
        let arguments = <(u8,)>::decode_arguments(codec, vec![1].into(), &DecodeLimits::default());
        assert_eq!(arguments, Err(error));
    }
    let text = CodecError::Disabled(CodecId::Json).to_string();
    assert_eq!(text, "codec 4 (json) is not built into this program");
}

#[test]
fn the_limits_of_a_connection_are_those_of_its_messages() {
    let mut limits = Limits::default();
    let expected = DecodeLimits { max_decoded_bytes: 16 << 20, max_depth: 64 };
    assert_eq!(DecodeLimits::from(&limits), expected);
    assert_eq!(DecodeLimits::default(), expected);
    (limits.max_decoded_bytes, limits.max_depth) = (5, 6);
    assert_eq!(DecodeLimits::from(&limits), DecodeLimits { max_decoded_bytes: 5, max_depth: 6 });
}

/// Two elements can be written, the third cannot.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element("first")?;
        tuple.serialize_element("second")?;
        Err(ser::Error::custom("the third is missing"))
    }
}

#[test]
fn a_value_that_cannot_be_encoded_leaves_the_buffer_as_it_was_and_says_why() {
    for codec in codecs() {
        let mut out = b"before".to_vec();
        let error = Fails.encode(codec, &mut out).unwrap_err();
        assert_eq!(out, &b"before"[..], "{codec}");
        assert!(error.to_string().starts_with(&format!("cannot encode this value as {codec}: ")), "{error}");
        // postcard's errors carry no text.
        assert!(codec == CodecId::Postcard || error.to_string().ends_with("the third is missing"), "{error}");
        assert!((Fails,).encode_arguments(codec, &mut out).is_err());
        assert_eq!(out, &b"before"[..], "{codec}");
    }
}

#[test]
fn a_json_map_needs_keys_that_can_be_names() {
    if CodecId::Json.is_enabled() {
        let map = BTreeMap::from([(vec![1_u8], 1_u8)]);
        let error = map.to_message(CodecId::Json).unwrap_err();
        assert_eq!(error.to_string(), "cannot encode this value as json: key must be a string");
        let numbers = BTreeMap::from([(1_u64, 1_u8), (u64::MAX, 2)]);
        assert_eq!(decode(CodecId::Json, encode(CodecId::Json, &numbers)), Ok(numbers));
    }
}

#[test]
fn the_texts_say_what_was_wrong() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(try_from = "u8")]
    struct Even(u8);
    impl TryFrom<u8> for Even {
        type Error = &'static str;
        fn try_from(number: u8) -> Result<Self, &'static str> {
            if number.is_multiple_of(2) { Ok(Self(number)) } else { Err("odd") }
        }
    }
    for codec in codecs() {
        let error = decode::<Even>(codec, encode(codec, &3_u8)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("not a {codec} value of the expected type: ")), "{error}");
        assert!(codec == CodecId::Postcard || error.contains(": odd"), "{error}");
    }
    let codec = CodecId::Bincode;
    let texts = [
        (
            CodecError::Truncated { codec },
            "the bincode value is cut off: the message ends inside it (do both sides expect the same type?)",
        ),
        (
            CodecError::Trailing { codec, bytes: 3 },
            "3 bytes left over after the bincode value (do both sides expect the same type?)",
        ),
        (CodecError::Depth { limit: 64 }, "value nested too deep: limit max_depth = 64"),
        (
            CodecError::DecodedSize { limit: 100, seen: 116 },
            "decoded value too large: 116 bytes of memory seen, limit max_decoded_bytes = 100",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn only_the_errors_about_limits_name_one() {
    assert_eq!(CodecError::Depth { limit: 64 }.limit(), Some(("max_depth", 64, 65)));
    let size = CodecError::DecodedSize { limit: 10, seen: usize::MAX };
    assert_eq!(size.limit(), Some(("max_decoded_bytes", 10, u64::try_from(usize::MAX).unwrap())));
    assert_eq!(CodecError::Truncated { codec: CodecId::Json }.limit(), None);
}

/// serde quotes what it did not like, and that is the peer's: a message of 1 MB is not an error of 1 MB.
#[test]
fn an_error_keeps_no_more_than_256_bytes_of_a_peers_text() {
    #[derive(Debug, Deserialize)]
    enum Known {
        #[allow(dead_code, reason = "never read")]
        A,
    }
    for codec in codecs().filter(|codec| codec.is_self_describing()) {
        for text in ["x".repeat(1_000_000), "☕".repeat(300_000)] {
            let error = decode::<Known>(codec, encode(codec, &text)).unwrap_err();
            let CodecError::Decode { what, .. } = error else { panic!("{codec}: {error:?}") };
            assert!(what.len() <= 256 && what.ends_with('…'), "{codec}: {} bytes", what.len());
        }
    }
}
