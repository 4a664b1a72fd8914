//! RELIABILITY: nesting. The stack of these tests is 2 MiB, what a thread gets by default, and the
//! bytes nest a million deep.

use std::thread;

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId, Decode, DecodeLimits};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::{codecs, decode, encode, self_describing};

const MILLION: usize = 1_000_000;

fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    assert!(thread.join().is_ok(), "the thread that decoded failed");
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

/// Only `Some` and newtypes: what the MessagePack library's own counter does not see.
#[derive(Debug, Serialize, Deserialize)]
struct Shell(Option<Box<Shell>>);

#[derive(Debug, Serialize, Deserialize)]
enum List {
    End,
    Newtype(Box<List>),
    Tuple(u8, Box<List>),
    Struct { next: Box<List> },
}

/// A map's values nest, its keys cannot.
#[derive(Debug, Serialize, Deserialize)]
struct Map(std::collections::BTreeMap<u8, Map>);

fn repeated(unit: &[u8]) -> Bytes {
    unit.repeat(MILLION).into()
}

fn too_deep<T: Decode>(codec: CodecId, bytes: Bytes) {
    let error = decode::<T>(codec, bytes).err();
    assert_eq!(error, Some(CodecError::Depth { limit: 64 }), "{codec}, {}", std::any::type_name::<T>());
}

#[test]
fn a_million_levels_are_refused_on_a_small_stack_in_the_binary_codecs() {
    on_a_small_stack(|| {
        for codec in codecs().filter(|codec| !codec.is_self_describing()) {
            too_deep::<Tree>(codec, repeated(&[1]));
            too_deep::<Chain>(codec, repeated(&[1]));
            too_deep::<Shell>(codec, repeated(&[1]));
            too_deep::<List>(codec, repeated(&[1]));
            too_deep::<List>(codec, repeated(&[2, 0]));
            too_deep::<List>(codec, repeated(&[3]));
            too_deep::<Map>(codec, repeated(&[1, 0]));
        }
    });
}

#[test]
fn a_million_levels_are_refused_on_a_small_stack_in_messagepack() {
    if !CodecId::MessagePack.is_enabled() {
        return;
    }
    on_a_small_stack(|| {
        let codec = CodecId::MessagePack;
        too_deep::<Tree>(codec, repeated(b"\x81\xa8children\x91"));
        too_deep::<Tree>(codec, repeated(b"\x91\x91"));
        too_deep::<Chain>(codec, repeated(b"\x81\xa4next"));
        too_deep::<List>(codec, repeated(b"\x81\xa7Newtype"));
        too_deep::<List>(codec, repeated(b"\x81\xa5Tuple\x92\x00"));
        too_deep::<List>(codec, repeated(b"\x81\xa6Struct\x81\xa4next"));
        too_deep::<Map>(codec, repeated(b"\x81\x00"));
        too_deep::<serde_json::Value>(codec, repeated(b"\x91"));
        too_deep::<serde_json::Value>(codec, repeated(b"\x81\xa1k"));
        too_deep::<IgnoredAny>(codec, repeated(b"\x91"));
        too_deep::<(IgnoredAny,)>(codec, [b"\x91", &*repeated(b"\x91")].concat().into());
    });
}

/// msgpack-rust#381: one marker is `Some` of a newtype of `Some` … for ever, without a byte more.
#[test]
fn messagepack_that_nests_without_bytes_is_refused() {
    if !CodecId::MessagePack.is_enabled() {
        return;
    }
    on_a_small_stack(|| too_deep::<Shell>(CodecId::MessagePack, Bytes::from_static(&[0x90])));
}

#[test]
fn a_million_levels_are_refused_on_a_small_stack_in_json() {
    if !CodecId::Json.is_enabled() {
        return;
    }
    on_a_small_stack(|| {
        let codec = CodecId::Json;
        too_deep::<Tree>(codec, repeated(br#"{"children":["#));
        too_deep::<Tree>(codec, repeated(b"[["));
        too_deep::<Chain>(codec, repeated(br#"{"next":"#));
        too_deep::<Shell>(codec, repeated(b"["));
        too_deep::<List>(codec, repeated(br#"{"Newtype":"#));
        too_deep::<List>(codec, repeated(br#"{"Tuple":[0,"#));
        too_deep::<Map>(codec, repeated(br#"{"0":"#));
        too_deep::<serde_json::Value>(codec, repeated(b"["));
        too_deep::<serde_json::Value>(codec, repeated(br#"{"k":"#));
    });
}

#[derive(Debug, PartialEq, Deserialize)]
struct Small {
    known: u8,
}

/// What nobody keeps needs no depth in JSON: the library skips it without recursion.
#[test]
fn an_unknown_field_that_nests_a_million_deep_does_not_use_the_stack() {
    on_a_small_stack(|| {
        for codec in self_describing() {
            if codec == CodecId::MessagePack {
                let bytes = [b"\x82\xa1x", &*repeated(b"\x91"), b"\xc0\xa5known\x01"].concat();
                too_deep::<Small>(codec, bytes.into());
            } else {
                let (open, close) = (repeated(b"["), repeated(b"]"));
                let bytes = [br#"{"x":"#, &*open, &*close, br#","known":1}"#].concat();
                assert_eq!(decode(codec, bytes), Ok(Small { known: 1 }));
            }
        }
    });
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "what is decoded is its shape")]
enum Untagged {
    Number(u64),
    List(Vec<Untagged>),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "what is decoded is its shape")]
struct Flat {
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, serde_json::Value>,
}

#[test]
fn serdes_own_buffer_is_as_deep_as_the_guard_lets_it_be() {
    on_a_small_stack(|| {
        for codec in self_describing() {
            let (list, map) = match codec {
                CodecId::Json => (repeated(b"["), [br#"{"a":"#, &*repeated(b"[")].concat()),
                _ => (repeated(b"\x91"), [b"\x81\xa1a", &*repeated(b"\x91")].concat()),
            };
            too_deep::<Untagged>(codec, list);
            too_deep::<Flat>(codec, map.into());
        }
    });
}

/// `max_depth` containers, each form counting one.
#[test]
fn the_limit_itself_is_allowed_and_one_more_is_not() {
    fn nested(levels: usize) -> Tree {
        (1..levels).fold(Tree { children: vec![] }, |tree, _| Tree { children: vec![tree] })
    }
    for codec in codecs() {
        for depth in [2, 10, 64] {
            let limits = DecodeLimits { max_depth: depth, ..DecodeLimits::default() };
            // A tree is a struct and a sequence.
            let fits = encode(codec, &nested(depth / 2));
            assert!(Tree::decode(codec, fits, &limits).is_ok(), "{codec} {depth}");
            let deeper = encode(codec, &nested(depth / 2 + 1));
            let error = Tree::decode(codec, deeper, &limits).err();
            assert_eq!(error, Some(CodecError::Depth { limit: depth }), "{codec}");
        }
        let flat = DecodeLimits { max_depth: 0, ..DecodeLimits::default() };
        assert_eq!(
            u32::decode(codec, encode(codec, &7_u32), &flat),
            Ok(7),
            "{codec}: a scalar nests nothing"
        );
        assert!(Vec::<u8>::decode(codec, encode(codec, &[1_u8][..]), &flat).is_err(), "{codec}");
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Newtype(u8);

#[derive(Debug, Serialize, Deserialize)]
struct Pair(u8, u8);

#[derive(Debug, Serialize, Deserialize)]
struct Fields {
    a: u8,
}

#[derive(Debug, Serialize, Deserialize)]
enum Forms {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { a: u8 },
}

/// Decodes with a `max_depth` of `depth`, and not with one less.
fn nests<T: Serialize + for<'de> Deserialize<'de>>(value: &T, depth: usize) {
    for codec in codecs() {
        let bytes = encode(codec, value);
        let within = |max_depth| {
            let limits = DecodeLimits { max_depth, ..DecodeLimits::default() };
            T::decode(codec, bytes.clone(), &limits).err()
        };
        assert_eq!(within(depth), None, "{codec}, {}", std::any::type_name::<T>());
        let refused = Some(CodecError::Depth { limit: depth - 1 });
        assert_eq!(within(depth - 1), refused, "{codec}, {}", std::any::type_name::<T>());
    }
}

#[test]
fn every_form_of_nesting_counts_one() {
    nests(&vec![1_u8], 1);
    nests(&Vec::<u8>::new(), 1);
    nests(&std::collections::BTreeMap::from([(1_u8, 2_u8)]), 1);
    nests(&(1_u8, 2_u8), 1);
    nests(&[1_u8; 3], 1);
    nests(&Some(1_u8), 1);
    nests(&Some(Some(1_u8)), 2);
    nests(&Newtype(1), 1);
    nests(&Pair(1, 2), 1);
    nests(&Fields { a: 1 }, 1);
    nests(&Forms::Unit, 1);
    nests(&Forms::Newtype(1), 1);
    nests(&Forms::Tuple(1, 2), 2);
    nests(&Forms::Struct { a: 1 }, 2);
    nests(&Box::new(Some(Box::new(1_u8))), 1);
    nests(&vec![Some(Newtype(1))], 3);
}
