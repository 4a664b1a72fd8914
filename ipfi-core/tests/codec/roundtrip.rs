//! F9: what is encoded decodes to itself, in every codec, nested and of every shape.

use std::collections::BTreeMap;

use bytes::Bytes;
use ipfi_core::codec::CodecId;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{codecs, decode, encode};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Unit,
    Bool(bool),
    Small(i8, u16),
    Number(i64),
    Natural(u64),
    Wide(u128),
    Negative(i128),
    Real(f64),
    Single(f32),
    Letter(char),
    Text(String),
    Data(Bytes),
    Maybe(Option<u32>),
    List(Vec<Tree>),
    Branch { name: String, left: Box<Tree>, right: Option<Box<Tree>> },
    Map(BTreeMap<String, Tree>),
    Numbers(BTreeMap<u32, Vec<(u8, Id)>>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Id(u64);

/// JSON has no NaN and no infinities, and NaN is not equal to itself anyway.
fn tree() -> impl Strategy<Value = Tree> {
    let finite = any::<f64>().prop_filter("finite", |real| real.is_finite());
    let single = any::<f32>().prop_filter("finite", |real| real.is_finite());
    let leaf = prop_oneof![
        Just(Tree::Unit),
        any::<bool>().prop_map(Tree::Bool),
        any::<(i8, u16)>().prop_map(|(a, b)| Tree::Small(a, b)),
        any::<i64>().prop_map(Tree::Number),
        any::<u64>().prop_map(Tree::Natural),
        any::<u128>().prop_map(Tree::Wide),
        any::<i128>().prop_map(Tree::Negative),
        finite.prop_map(Tree::Real),
        single.prop_map(Tree::Single),
        any::<char>().prop_map(Tree::Letter),
        any::<String>().prop_map(Tree::Text),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Tree::Data(bytes.into())),
        option::of(any::<u32>()).prop_map(Tree::Maybe),
        btree_map(any::<u32>(), vec((any::<u8>(), any::<u64>().prop_map(Id)), 0..4), 0..4)
            .prop_map(Tree::Numbers),
    ];
    // A level of the tree is up to four containers (enum, struct, `Some`, sequence): 8 levels fit in 64.
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Tree::List),
            btree_map(any::<String>(), inner.clone(), 0..6).prop_map(Tree::Map),
            (any::<String>(), inner.clone(), option::of(inner)).prop_map(|(name, left, right)| {
                Tree::Branch { name, left: Box::new(left), right: right.map(Box::new) }
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_decodes_to_itself_in_every_codec(value in tree()) {
        for codec in codecs() {
            let bytes = encode(codec, &value);
            let decoded = decode::<Tree>(codec, bytes);
            prop_assert_eq!(decoded.as_ref(), Ok(&value), "{}", codec);
        }
    }

    /// Whatever the bytes are: an answer, no panic, and a value that is accepted is stable.
    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        for codec in codecs() {
            if let Ok(value) = decode::<Tree>(codec, bytes.clone()) {
                let again = encode(codec, &value);
                prop_assert_eq!(format!("{:?}", decode::<Tree>(codec, again)), format!("{:?}", Ok::<_, ()>(value)));
            }
        }
    }

    /// One changed byte: the neighbourhood of real messages, where random bytes do not come.
    #[test]
    fn a_damaged_value_is_a_value_or_an_error(value in tree(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for codec in codecs() {
            let mut bytes = encode(codec, &value).to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            let Ok(value) = decode::<Tree>(codec, bytes) else { continue };
            // In JSON a number too large for its type is read as infinity, which JSON cannot write.
            if codec != CodecId::Json {
                prop_assert!(decode::<Tree>(codec, encode(codec, &value)).is_ok(), "{} {:?}", codec, value);
            }
        }
    }
}
