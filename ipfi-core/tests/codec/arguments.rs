//! Arguments, raw messages, and the traits' promises.

use bytes::Bytes;
use ipfi_core::codec::{CodecId, Decode, DecodeArguments, DecodeLimits, Encode, EncodeArguments, Raw};

use crate::{codecs, decode, encode};

/// Gives `$check` tuples of bytes 1, 2, … of every arity from 1 to 16, each with its arity.
macro_rules! every_arity {
    ($check:ident: $($number:literal)*) => { every_arity!(@ $check [] $($number)*) };
    (@ $check:ident [$($done:literal)*]) => {};
    (@ $check:ident [$($done:literal)*] $next:literal $($rest:literal)*) => {
        $check(($($done,)* $next,), $next);
        every_arity!(@ $check [$($done)* $next] $($rest)*);
    };
}

/// What `1, 2, … count` is as arguments.
fn golden(codec: CodecId, count: u8) -> Bytes {
    let elements: Vec<u8> = (1..=count).collect();
    match codec {
        CodecId::Bincode | CodecId::Postcard => elements.into(),
        CodecId::MessagePack if count < 16 => [&[0x90 | count], &*elements].concat().into(),
        CodecId::MessagePack => [&[0xdc, 0, count], &*elements].concat().into(),
        _ => format!("[{}]", elements.iter().map(u8::to_string).collect::<Vec<_>>().join(",")).into(),
    }
}

fn check_arity<T: EncodeArguments + DecodeArguments>(arguments: T, count: u8) {
    for codec in codecs() {
        let bytes = golden(codec, count);
        assert_eq!(arguments.arguments_message(codec).as_ref(), Ok(&bytes), "{count} as {codec}");
        let decoded = T::decode_arguments(codec, bytes.clone(), &DecodeLimits::default()).unwrap();
        assert_eq!(decoded.arguments_message(codec), Ok(bytes), "{count} as {codec}");
        // One argument fewer or more than the procedure takes.
        for wrong in [count - 1, count + 1] {
            let refused = T::decode_arguments(codec, golden(codec, wrong), &DecodeLimits::default());
            assert!(refused.is_err(), "{codec}: {wrong} arguments for {count}");
        }
    }
}

#[test]
fn tuples_of_every_arity_have_their_golden_bytes_and_refuse_other_arities() {
    every_arity!(check_arity: 1_u8 2_u8 3_u8 4_u8 5_u8 6_u8 7_u8 8_u8 9_u8 10_u8 11_u8 12_u8 13_u8 14_u8 15_u8 16_u8);
}

#[test]
fn no_arguments_are_nothing_or_an_empty_array_and_a_unit_is_not() {
    for codec in codecs() {
        let empty = match codec {
            CodecId::MessagePack => Bytes::from_static(&[0x90]),
            CodecId::Json => Bytes::from_static(b"[]"),
            _ => Bytes::new(),
        };
        assert_eq!(().arguments_message(codec).as_ref(), Ok(&empty), "{codec}");
        assert_eq!(<()>::decode_arguments(codec, empty, &DecodeLimits::default()), Ok(()), "{codec}");
        if codec.is_self_describing() {
            let unit = encode(codec, &());
            assert!(<()>::decode_arguments(codec, unit, &DecodeLimits::default()).is_err(), "{codec}");
        }
    }
}

#[test]
fn borrowed_arguments_are_sent_to_a_procedure_that_takes_owned_ones() {
    for codec in codecs() {
        let bytes = ("Ada", &[1_u64, 2][..]).arguments_message(codec).unwrap();
        let decoded = <(String, Vec<u64>)>::decode_arguments(codec, bytes, &DecodeLimits::default());
        assert_eq!(decoded, Ok(("Ada".to_owned(), vec![1, 2])), "{codec}");
    }
}

#[test]
fn in_the_binary_codecs_arguments_are_their_elements_one_after_another() {
    for codec in codecs().filter(|codec| !codec.is_self_describing()) {
        let whole = ("Ada", 300_u64, vec![1_u8, 2]).arguments_message(codec).unwrap();
        let pieces = [encode(codec, "Ada"), encode(codec, &300_u64), encode(codec, &vec![1_u8, 2])].concat();
        assert_eq!(whole, pieces, "{codec}");
    }
}

/// Documented, because the compiler cannot see it: an untyped `10` is an `i32`.
#[test]
fn an_untyped_integer_is_another_number_to_a_procedure_that_takes_u64_in_the_binary_codecs() {
    for codec in codecs() {
        let bytes = (10,).arguments_message(codec).unwrap();
        let decoded = <(u64,)>::decode_arguments(codec, bytes, &DecodeLimits::default());
        assert_eq!(decoded, Ok((if codec.is_self_describing() { 10 } else { 20 },)), "{codec}");
        let typed = (10_u64,).arguments_message(codec).unwrap();
        assert_eq!(<(u64,)>::decode_arguments(codec, typed, &DecodeLimits::default()), Ok((10,)), "{codec}");
    }
}

#[test]
fn raw_is_passed_on_without_a_copy_both_ways() {
    let payload = Bytes::from(vec![7; 1000]);
    let raw = Raw(payload.clone());
    let sent = [raw.arguments_message(CodecId::Raw), raw.to_message(CodecId::Raw)];
    for message in sent.map(Result::unwrap) {
        assert_eq!(message.as_ptr(), payload.as_ptr());
        let limits = DecodeLimits::default();
        let arguments = Raw::decode_arguments(CodecId::Raw, message.clone(), &limits).unwrap();
        assert_eq!((arguments.0.as_ptr(), arguments.0.len()), (payload.as_ptr(), 1000));
        let item = Raw::decode(CodecId::Raw, message, &limits).unwrap();
        assert_eq!((item.0.as_ptr(), item.0.len()), (payload.as_ptr(), 1000));
    }
    let mut out = b"before".to_vec();
    Encode::encode(&raw, CodecId::Raw, &mut out).unwrap();
    raw.encode_arguments(CodecId::Raw, &mut out).unwrap();
    assert_eq!(out, [b"before", &*payload, &*payload].concat());
}

#[test]
fn raw_arguments_decide_the_codec_of_the_call_and_others_leave_it() {
    for codec in CodecId::ALL {
        assert_eq!(<Raw as EncodeArguments>::codec(codec), CodecId::Raw);
        assert_eq!(<Raw as Encode>::codec(codec), CodecId::Raw);
        assert_eq!(<(u8,) as EncodeArguments>::codec(codec), codec);
        assert_eq!(<u8 as Encode>::codec(codec), codec);
    }
}

#[test]
fn an_item_may_be_raw_in_a_call_of_any_codec() {
    for codec in CodecId::ALL {
        let message = Raw(Bytes::from_static(b"file")).to_message(codec).unwrap();
        assert_eq!(
            Raw::decode(codec, message, &DecodeLimits::default()),
            Ok(Raw(Bytes::from_static(b"file")))
        );
    }
}

#[test]
fn typed_arguments_for_a_raw_procedure_and_raw_ones_for_a_typed_procedure_name_both() {
    let bytes = Bytes::from_static(&[1]);
    let limits = DecodeLimits::default();
    for codec in codecs() {
        let error = Raw::decode_arguments(codec, bytes.clone(), &limits).unwrap_err();
        let text =
            format!("raw arguments (codec 0) expected, but the call's codec is {} ({codec})", codec.as_u8());
        assert_eq!(error.to_string(), text);
        assert_eq!(Raw(bytes.clone()).encode_arguments(codec, &mut Vec::new()), Err(error));
    }
    let error = <(u8,)>::decode_arguments(CodecId::Raw, bytes.clone(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "a codec for typed values expected, but the call's codec is 0 (raw)");
    assert_eq!(decode::<u8>(CodecId::Raw, bytes), Err(error.clone()));
    assert_eq!((1_u8,).encode_arguments(CodecId::Raw, &mut Vec::new()), Err(error));
}

/// A user's serde type needs nothing of ours, unsized ones can be sent, and messages can be handled
/// without their types.
#[test]
fn the_traits_take_what_serde_takes() {
    fn any<T: Encode + ?Sized>(value: &T) -> Vec<Bytes> {
        codecs().map(|codec| value.to_message(codec).unwrap()).collect()
    }
    assert_eq!(any("Ada"), any(&"Ada".to_owned()));
    assert_eq!(any(&[1_u8, 2][..]), any(&vec![1_u8, 2]));
    assert_eq!(any(&&5_u8), any(&5_u8));
}
