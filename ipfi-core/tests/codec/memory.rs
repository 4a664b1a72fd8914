//! RELIABILITY: claims that nothing stands behind, and small messages that become large values.
//!
//! Without a counting allocator (that needs `unsafe`) memory is measured by what the guard charges,
//! and by what sequences are told to reserve.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId, Decode, DecodeLimits, Encode};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{codecs, decode, decode_within, encode, self_describing};

/// What a block of heap is charged on top of its contents.
const BLOCK: usize = 16;

/// The length `claimed` as bincode and postcard write it, or the longest MessagePack has of `marker`.
fn claim(codec: CodecId, claimed: u64, marker: u8) -> Option<Vec<u8>> {
    match codec {
        CodecId::Bincode => Some([&[253][..], &claimed.to_le_bytes()].concat()),
        CodecId::Postcard => Some(encode(codec, &claimed).to_vec()),
        CodecId::MessagePack => Some(vec![marker, 0xff, 0xff, 0xff, 0xff]),
        _ => None,
    }
}

#[test]
fn text_and_bytes_that_claim_more_than_is_there_are_cut_off() {
    for codec in codecs() {
        for claimed in [1 << 20, 1 << 30, 1 << 40, u64::MAX >> 1, u64::MAX] {
            let (Some(text), Some(bytes)) = (claim(codec, claimed, 0xdb), claim(codec, claimed, 0xc6)) else {
                continue;
            };
            let cut = CodecError::Truncated { codec };
            assert_eq!(decode::<String>(codec, text.clone()), Err(cut.clone()), "{codec} {claimed}");
            assert_eq!(decode::<Box<str>>(codec, text), Err(cut.clone()), "{codec} {claimed}");
            assert_eq!(decode::<Bytes>(codec, bytes.clone()), Err(cut.clone()), "{codec} {claimed}");
            assert_eq!(decode::<Owned>(codec, bytes), Err(cut), "{codec} {claimed}");
        }
    }
}

/// Asks for owned text and owned bytes and says which way they came.
#[derive(Debug, PartialEq)]
struct Way<const TEXT: bool>(&'static str);

impl<'de, const TEXT: bool> Deserialize<'de> for Way<TEXT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl Visitor<'_> for Look {
            type Value = &'static str;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or bytes")
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<&'static str, E> {
                Ok("looked at first")
            }
            fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<&'static str, E> {
                Ok("looked at first")
            }
            fn visit_string<E: Error>(self, _: String) -> Result<&'static str, E> {
                Ok("allocated first")
            }
            fn visit_byte_buf<E: Error>(self, _: Vec<u8>) -> Result<&'static str, E> {
                Ok("allocated first")
            }
        }
        if TEXT { deserializer.deserialize_string(Look) } else { deserializer.deserialize_byte_buf(Look) }
            .map(Self)
    }
}

/// bincode's own way with a string is to allocate what it claims and look for the bytes then.
#[test]
fn owned_text_and_bytes_are_looked_at_before_they_are_allocated() {
    for codec in codecs() {
        let text = encode(codec, "Ada");
        assert_eq!(decode::<Way<true>>(codec, text.clone()), Ok(Way("looked at first")), "{codec}");
        // JSON has no byte strings, and takes a string for one.
        let bytes = if codec == CodecId::Json { text } else { encode(codec, &Bytes::from_static(b"Ada")) };
        assert_eq!(decode::<Way<false>>(codec, bytes), Ok(Way("looked at first")), "{codec}");
    }
}

/// A buffer that asks for `deserialize_byte_buf`, as `Bytes` and `serde_bytes::ByteBuf` do, and is
/// nothing else.
#[derive(Debug, PartialEq)]
struct Owned(Vec<u8>);

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl Visitor<'_> for Buffer {
            type Value = Owned;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Owned, E> {
                Ok(Owned(bytes.to_vec()))
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Owned, E> {
                Ok(Owned(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Buffer)
    }
}

fn refused<T: Decode>(codec: CodecId, bytes: Vec<u8>) {
    match decode::<T>(codec, bytes).err() {
        Some(CodecError::DecodedSize { .. }) => {}
        other => panic!("{codec}, {}: {other:?}", std::any::type_name::<T>()),
    }
}

#[test]
fn collections_that_claim_2_to_the_40_elements_and_more_are_refused_at_once() {
    for codec in codecs() {
        for claimed in [1 << 40, 1 << 60, u64::MAX] {
            let (Some(array), Some(map)) = (claim(codec, claimed, 0xdd), claim(codec, claimed, 0xdf)) else {
                continue;
            };
            refused::<Vec<u64>>(codec, array.clone());
            refused::<Vec<()>>(codec, array.clone());
            refused::<Vec<String>>(codec, array.clone());
            refused::<HashSet<u8>>(codec, array.clone());
            refused::<Vec<[(); 32]>>(codec, array);
            refused::<BTreeMap<(), ()>>(codec, map.clone());
            refused::<HashMap<u64, u64>>(codec, map.clone());
            refused::<BTreeMap<String, Vec<u8>>>(codec, map);
        }
    }
}

#[test]
fn a_claim_is_refused_with_the_memory_it_stands_for() {
    if CodecId::Bincode.is_enabled() {
        let error = decode::<Vec<u64>>(CodecId::Bincode, claim(CodecId::Bincode, 1 << 40, 0).unwrap());
        let seen = (8 << 40) + BLOCK;
        assert_eq!(error, Err(CodecError::DecodedSize { limit: 16 << 20, seen }));
        assert_eq!(error.unwrap_err().limit(), Some(("max_decoded_bytes", 16 << 20, seen as u64)));
    }
}

thread_local! {
    /// The largest number of bytes that a `Reserve` was told to reserve.
    static RESERVED: Cell<usize> = const { Cell::new(0) };
}

/// A sequence that believes its size hint, as a careless `Deserialize` does, but only writes it down.
struct Reserve<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reserve<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reserve(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reserve<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        let reserved = elements.size_hint().unwrap_or(0) * size_of::<T>();
        RESERVED.set(RESERVED.get().max(reserved));
        while elements.next_element::<T>()?.is_some() {}
        Ok(self)
    }
}

#[test]
fn what_a_sequence_is_told_to_reserve_stays_within_the_budget() {
    fn reserved<T: for<'de> Deserialize<'de>>(codec: CodecId, bytes: &Bytes, budget: usize) -> usize {
        RESERVED.set(0);
        let refused = decode_within::<Reserve<T>>(codec, bytes, budget).is_err();
        assert!(refused, "{codec}: a claim of 2^40 was accepted");
        RESERVED.get()
    }
    for codec in codecs() {
        let Some(mut bytes) = claim(codec, 1 << 40, 0xdd) else { continue };
        bytes.extend_from_slice(&[0; 1000]);
        let bytes = bytes.into();
        for budget in [0, 1000, 64 << 10, 16 << 20] {
            assert!(reserved::<u8>(codec, &bytes, budget) <= budget);
            assert!(reserved::<u64>(codec, &bytes, budget) <= budget);
            assert!(reserved::<String>(codec, &bytes, budget) <= budget);
            assert!(reserved::<[u64; 32]>(codec, &bytes, budget) <= budget);
        }
    }
}

#[test]
fn a_hint_that_is_honest_and_small_is_passed_on() {
    for codec in codecs().filter(|codec| *codec != CodecId::Json) {
        RESERVED.set(0);
        let bytes = encode(codec, &vec![1_u64; 1000]);
        assert!(decode::<Reserve<u64>>(codec, bytes).is_ok());
        assert_eq!(RESERVED.get(), 8000, "{codec}");
    }
}

type Wide = Option<[u64; 32]>;

#[test]
fn a_hundred_kilobytes_of_none_do_not_become_thirty_three_megabytes() {
    for codec in codecs() {
        let bytes = encode(codec, &vec![None::<u8>; 100_000]);
        match decode::<Vec<Wide>>(codec, bytes) {
            Err(CodecError::DecodedSize { limit, seen }) => {
                assert_eq!(limit, 16 << 20);
                assert!(seen <= 100_000 * size_of::<Wide>() + BLOCK, "{codec}: {seen}");
            }
            other => panic!("{codec}: {:?}", other.map(|decoded| decoded.len())),
        }
        let bytes = encode(codec, &vec![None::<u8>; 1000]);
        assert_eq!(decode::<Vec<Wide>>(codec, bytes).map(|decoded| decoded.len()), Ok(1000), "{codec}");
    }
}

#[test]
fn a_hundred_kilobytes_of_empty_sequences_are_charged_their_headers() {
    for codec in codecs() {
        let bytes = encode(codec, &vec![Vec::<u8>::new(); 100_000]);
        let cost = 100_000 * size_of::<Vec<u8>>() + BLOCK;
        assert!(decode_within::<Vec<Vec<u8>>>(codec, &bytes, cost).is_ok(), "{codec}");
        let error = decode_within::<Vec<Vec<u8>>>(codec, &bytes, cost - 1).unwrap_err();
        assert_eq!(error, CodecError::DecodedSize { limit: cost - 1, seen: cost }, "{codec}");
        assert!(decode_within::<Vec<Vec<u8>>>(codec, &bytes, 64 << 10).is_err(), "{codec}");
    }
}

/// Decodes within exactly `cost`, and not within one byte less.
fn costs<T: Encode + Decode>(value: &T, cost: usize) {
    for codec in codecs() {
        let name = std::any::type_name::<T>();
        let bytes = encode(codec, value);
        let fits = decode_within::<T>(codec, &bytes, cost).err();
        assert_eq!(fits, None, "{codec}: {name}");
        if cost > 0 {
            let error = decode_within::<T>(codec, &bytes, cost - 1).err();
            assert!(matches!(error, Some(CodecError::DecodedSize { .. })), "{codec}: {name}: {error:?}");
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Point {
    x: u64,
    y: u64,
    unit: (),
}

#[derive(Clone, Serialize, Deserialize)]
enum Shape {
    Empty,
    Many(u64, u64, Point),
    Named { at: Point },
    Newtype(Point),
}

#[derive(Clone, Serialize, Deserialize)]
struct Boxed {
    wide: Box<[u64; 32]>,
    text: Option<Box<Point>>,
}

#[test]
fn what_a_value_holds_inside_is_free_and_what_it_points_to_is_charged_once() {
    costs(&7_u64, 0);
    costs(&Point { x: 1, y: 2, unit: () }, 0);
    costs(&Some((1_u8, [2_u64; 4])), 0);
    costs(&String::new(), 0);
    costs(&Vec::<u64>::new(), 0);
    costs(&"Ada".to_owned(), 3 + BLOCK);
    costs(&vec![1_u8, 2, 3], 3 + BLOCK);
    costs(&vec![Point { x: 1, y: 2, unit: () }; 100], 100 * size_of::<Point>() + BLOCK);
    costs(&vec![(1_u64, 2_u64); 100], 1600 + BLOCK);
    costs(&vec!["Ada".to_owned(); 10], 10 * (size_of::<String>() + 3 + BLOCK) + BLOCK);
    let point = Point { x: 1, y: 2, unit: () };
    let shapes = vec![
        Shape::Empty,
        Shape::Many(1, 2, point.clone()),
        Shape::Named { at: point.clone() },
        Shape::Newtype(point.clone()),
    ];
    costs(&shapes, 4 * size_of::<Shape>() + BLOCK);
    costs(&BTreeMap::from([(1_u8, 1_u64), (2, 2)]), 2 * (1 + 8) + 2 * BLOCK);
    costs(&Box::new([0_u64; 32]), 256 + BLOCK);
    let boxed = Boxed { wide: Box::new([1; 32]), text: Some(Box::new(point)) };
    costs(&boxed, 256 + size_of::<Point>() + 2 * BLOCK);
    costs(&vec![boxed; 3], 3 * (size_of::<Boxed>() + 256 + size_of::<Point>() + 2 * BLOCK) + BLOCK);
}

#[test]
fn elements_without_a_size_are_charged_too() {
    for codec in codecs() {
        let bytes = encode(codec, &vec![(); 1000]);
        assert!(decode_within::<Vec<()>>(codec, &bytes, 64_000 + BLOCK).is_ok(), "{codec}");
        assert!(decode_within::<Vec<()>>(codec, &bytes, 64_000).is_err(), "{codec}");
    }
}

/// A box in a sequence is a pointer there; what it points to is a thousand times its bytes.
#[test]
fn an_amplifier_behind_a_box_is_charged() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "what is decoded is its size")]
    struct Eight(Wide, Wide, Wide, Wide, Wide, Wide, Wide, Wide);
    for codec in codecs() {
        let bytes = encode(codec, &vec![[None::<u8>; 8]; 10_000]);
        let error = decode::<Vec<Box<Eight>>>(codec, bytes).err();
        assert!(matches!(error, Some(CodecError::DecodedSize { .. })), "{codec}: {error:?}");
    }
}

/// A tuple's length is the type's, but MessagePack and JSON say their own: a visitor that keeps what
/// comes is charged for it.
#[test]
fn a_tuple_that_grows_is_charged() {
    struct Grows(Vec<u64>);
    impl<'de> Deserialize<'de> for Grows {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_tuple(2, Grows(Vec::new()))
        }
    }
    impl<'de> Visitor<'de> for Grows {
        type Value = Self;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("numbers")
        }
        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Self, A::Error> {
            while let Some(element) = elements.next_element()? {
                self.0.push(element);
            }
            Ok(self)
        }
    }
    for codec in self_describing() {
        let bytes = encode(codec, &vec![1_u64; 10_000]);
        assert!(decode_within::<Grows>(codec, &bytes, 70_000).is_err(), "{codec}");
        assert_eq!(decode_within::<Grows>(codec, &bytes, 80_000).map(|grown| grown.0.len()), Ok(10_000));
    }
}

#[test]
fn a_limit_that_a_type_swallows_is_still_an_error() {
    #[derive(Debug)]
    struct Swallows;
    impl<'de> Deserialize<'de> for Swallows {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let _swallowed = Vec::<u64>::deserialize(deserializer);
            Ok(Self)
        }
    }
    for codec in codecs() {
        let bytes = encode(codec, &vec![1_u64; 100]);
        let error = decode_within::<Swallows>(codec, &bytes, 100).unwrap_err();
        assert!(matches!(error, CodecError::DecodedSize { limit: 100, .. }), "{codec}: {error:?}");
        let limits = DecodeLimits { max_depth: 0, ..DecodeLimits::default() };
        let error = Swallows::decode(codec, bytes, &limits).unwrap_err();
        assert_eq!(error, CodecError::Depth { limit: 0 }, "{codec}");
    }
}

/// serde's buffer is charged, whatever is made of it later.
#[test]
fn an_untagged_value_is_charged_for_its_buffer() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "what is decoded is its size")]
    enum Untagged {
        List(Vec<u8>),
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "what is decoded is its size")]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    for codec in self_describing() {
        let list = encode(codec, &vec![1_u8; 1000]);
        assert!(decode_within::<Untagged>(codec, &list, 10_000).is_err(), "{codec}");
        assert!(decode_within::<Untagged>(codec, &list, 100_000).is_ok(), "{codec}");
        let map: BTreeMap<String, u8> = (0..1000).map(|key| (format!("{key}"), 1)).collect();
        let map = encode(codec, &map);
        assert!(decode_within::<Flat>(codec, &map, 50_000).is_err(), "{codec}");
        assert!(decode_within::<Flat>(codec, &map, 200_000).is_ok(), "{codec}");
    }
}

/// The names of fields and variants are compared and forgotten.
#[test]
fn names_of_fields_and_variants_cost_nothing() {
    for codec in codecs() {
        let bytes = encode(codec, &vec![Point { x: 1, y: 2, unit: () }; 100]);
        let cost = 100 * size_of::<Point>() + BLOCK;
        assert!(decode_within::<Vec<Point>>(codec, &bytes, cost).is_ok(), "{codec}");
        let bytes = encode(codec, &vec![Shape::Empty; 100]);
        assert!(decode_within::<Vec<Shape>>(codec, &bytes, 100 * size_of::<Shape>() + BLOCK).is_ok());
    }
}

/// The same key a thousand times makes a map of one entry, and is paid for a thousand times.
#[test]
fn keys_that_collide_are_charged_like_others() {
    if !CodecId::MessagePack.is_enabled() {
        return;
    }
    let bytes: Bytes =
        [&[0xde, 1000_u16.to_be_bytes()[0], 1000_u16.to_be_bytes()[1]][..], &[7, 7].repeat(1000)]
            .concat()
            .into();
    let cost = 1000 * 2 + 2 * BLOCK;
    let map = decode_within::<HashMap<u8, u8>>(CodecId::MessagePack, &bytes, cost);
    assert_eq!(map, Ok(HashMap::from([(7, 7)])));
    assert!(decode_within::<HashMap<u8, u8>>(CodecId::MessagePack, &bytes, cost - 1).is_err());
}
