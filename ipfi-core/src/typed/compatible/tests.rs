//! Clause 15.4, row by row, each in both directions and in both families of codecs.

#![allow(clippy::unwrap_used, reason = "a test that finds something else has failed")]

use super::*;
use crate::interface::Kind;
use crate::schema::{Field, Fields, Form, Shape, TypeDef, Types, Variant};
use crate::typed::description::Describing;

const BY_PLACE: [CodecId; 2] = [CodecId::Bincode, CodecId::Postcard];
const BY_NAME: [CodecId; 2] = [CodecId::MessagePack, CodecId::Json];

/// An interface of one method that takes and answers what is given.
fn one(argument: &Shape, answer: &Shape, types: &[TypeDef]) -> Description {
    let mut described = Describing::new("Store", "");
    described
        .method("put", "", 7, Kind::Procedure)
        .parameter("it", |_| Shape::Unit)
        .answer(|_| Shape::Unit)
        .add();
    let mut description = described.finish();
    description.methods[0].parameters[0].shape = argument.clone();
    description.methods[0].answer = Some(answer.clone());
    description.types = types.to_vec();
    description
}

fn def(form: Form) -> Vec<TypeDef> {
    struct It;
    let mut types = Types::default();
    types.define::<It>("It", |_| form);
    types.finish()
}

fn it() -> Shape {
    Shape::Type("It".into())
}

fn named(fields: Vec<Field>) -> Form {
    Form::Struct(Fields::Named(fields))
}

/// Whether what `written` says can be read as `read`, as an argument and as an answer: both must agree.
fn reads(codec: CodecId, written: (&Shape, &[TypeDef]), read: (&Shape, &[TypeDef])) -> bool {
    let sent =
        compatible(&one(written.0, &Shape::Unit, written.1), &one(read.0, &Shape::Unit, read.1), codec);
    let answered =
        compatible(&one(&Shape::Unit, read.0, read.1), &one(&Shape::Unit, written.0, written.1), codec);
    assert_eq!(sent.is_ok(), answered.is_ok(), "{codec:?}: {sent:?} and {answered:?}");
    sent.is_ok()
}

/// Which of the two families let `old` be read as `new`, and `new` as `old`.
fn forms(old: &Form, new: &Form) -> [(bool, bool); 2] {
    let (old, new) = (def(old.clone()), def(new.clone()));
    let it = it();
    [BY_PLACE, BY_NAME].map(|codecs| {
        let both = codecs
            .map(|codec| (reads(codec, (&it, &old), (&it, &new)), reads(codec, (&it, &new), (&it, &old))));
        assert_eq!(both[0], both[1], "a family is of one mind");
        both[0]
    })
}

fn shapes(old: Shape, new: Shape) -> [(bool, bool); 4] {
    let codecs = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];
    codecs.map(|codec| (reads(codec, (&old, &[]), (&new, &[])), reads(codec, (&new, &[]), (&old, &[]))))
}

const NEVER: (bool, bool) = (false, false);
const ALWAYS: (bool, bool) = (true, true);
/// The new one reads the old one.
const FORWARD: (bool, bool) = (true, false);

#[test]
fn the_same_is_compatible_whatever_its_names() {
    let old = named(vec![Field::new("a", Shape::U8)]);
    assert_eq!(forms(&old, &old), [ALWAYS; 2]);
    let (one_def, mut other_def) = (def(old.clone()), def(old));
    other_def[0].name = "Other".into();
    let other = Shape::Type("Other".into());
    assert!(reads(CodecId::Bincode, (&it(), &one_def), (&other, &other_def)));
}

#[test]
fn a_field_with_a_default_may_come_where_fields_have_names() {
    let old = named(vec![Field::new("a", Shape::U8)]);
    for added in [Field::new("b", Shape::U8).or_default(), Field::new("b", Shape::option(Shape::U8))] {
        let new = named(vec![Field::new("a", Shape::U8), added]);
        // The old one skips what it does not know.
        assert_eq!(forms(&old, &new), [NEVER, ALWAYS]);
    }
    let new = named(vec![Field::new("a", Shape::U8), Field::new("b", Shape::U8)]);
    assert_eq!(forms(&old, &new), [NEVER, (false, true)]);
}

#[test]
fn a_newtype_of_an_optional_value_may_not_be_missing() {
    // serde's own rule: only what is optional itself may.
    #[derive(Debug, serde::Deserialize)]
    struct Newtype(#[expect(dead_code)] Option<u8>);
    #[derive(Debug, serde::Deserialize)]
    struct Read {
        #[expect(dead_code)]
        b: Newtype,
    }
    assert!(serde_json::from_str::<Read>("{}").is_err());
    let (old, mut new) =
        (def(named(vec![])), def(named(vec![Field::new("b", Shape::Type("Newtype".into()))])));
    let mut newtype = def(Form::Struct(Fields::Newtype(Shape::option(Shape::U8))));
    newtype[0].name = "Newtype".into();
    new.append(&mut newtype);
    for codec in BY_NAME {
        assert!(!reads(codec, (&it(), &old), (&it(), &new)));
    }
}

#[test]
fn a_closed_type_takes_no_field_that_it_does_not_know() {
    let (mut old, new) = (
        def(named(vec![Field::new("a", Shape::U8)])),
        def(named(vec![Field::new("a", Shape::U8), Field::new("b", Shape::U8).or_default()])),
    );
    old[0].closed = true;
    assert!(reads(CodecId::Json, (&it(), &old), (&it(), &new)));
    assert!(!reads(CodecId::Json, (&it(), &new), (&it(), &old)));
}

#[test]
fn fields_may_change_places_where_they_have_names() {
    let old = named(vec![Field::new("a", Shape::U8), Field::new("b", Shape::U8)]);
    let new = named(vec![Field::new("b", Shape::U8), Field::new("a", Shape::U8)]);
    assert_eq!(forms(&old, &new), [NEVER, ALWAYS]);
}

#[test]
fn a_field_that_is_renamed_is_another_field() {
    let old = named(vec![Field::new("a", Shape::U8)]);
    let new = named(vec![Field::new("b", Shape::U8)]);
    assert_eq!(forms(&old, &new), [NEVER; 2]);
    let new = named(vec![Field::new("b", Shape::U8).or_default()]);
    assert_eq!(forms(&old, &new), [NEVER, FORWARD]);
}

#[test]
fn a_variant_may_come_behind_the_others_where_it_is_read() {
    let variant = |name: &str| Variant::new(name, Fields::Unit);
    let old = Form::Enum(vec![variant("A"), variant("B")]);
    assert_eq!(forms(&old, &Form::Enum(vec![variant("A"), variant("B"), variant("C")])), [FORWARD; 2]);
    assert_eq!(forms(&old, &Form::Enum(vec![variant("C"), variant("A"), variant("B")])), [NEVER, FORWARD]);
    assert_eq!(forms(&old, &Form::Enum(vec![variant("B"), variant("A")])), [NEVER, ALWAYS]);
    assert_eq!(forms(&old, &Form::Enum(vec![variant("A")])), [(false, true); 2]);
}

#[test]
fn what_a_variant_holds_is_compared_as_a_struct_is() {
    let variant = |fields| Form::Enum(vec![Variant::new("A", fields)]);
    let old = variant(Fields::Named(vec![Field::new("a", Shape::U8)]));
    let new =
        variant(Fields::Named(vec![Field::new("a", Shape::U8), Field::new("b", Shape::U8).or_default()]));
    assert_eq!(forms(&old, &new), [NEVER, ALWAYS]);
    assert_eq!(forms(&variant(Fields::Unit), &variant(Fields::Newtype(Shape::Unit))), [NEVER; 2]);
    assert_eq!(forms(&old, &variant(Fields::Tuple(vec![Shape::U8]))), [NEVER; 2]);
    assert_eq!(forms(&old, &named(vec![Field::new("a", Shape::U8)])), [NEVER; 2]);
}

#[test]
fn a_value_may_become_optional_where_none_is_written_as_nothing() {
    assert_eq!(shapes(Shape::U8, Shape::option(Shape::U8)), [NEVER, NEVER, FORWARD, FORWARD]);
}

#[test]
fn an_integer_may_become_wider_where_its_width_does_not_show() {
    assert_eq!(shapes(Shape::U8, Shape::U64), [NEVER, NEVER, FORWARD, FORWARD]);
    assert_eq!(shapes(Shape::U32, Shape::I64), [NEVER, NEVER, FORWARD, FORWARD]);
    assert_eq!(shapes(Shape::I8, Shape::I32), [NEVER, NEVER, FORWARD, FORWARD]);
    assert_eq!(shapes(Shape::U64, Shape::U128), [NEVER, NEVER, NEVER, FORWARD]);
    assert_eq!(shapes(Shape::I32, Shape::U32), [NEVER; 4]);
    assert_eq!(shapes(Shape::U64, Shape::I64), [NEVER; 4]);
    assert_eq!(shapes(Shape::F32, Shape::F64), [NEVER; 4]);
}

#[test]
fn what_looks_alike_is_not_the_same() {
    for (one, other) in [
        (Shape::String, Shape::Bytes),
        (Shape::Bytes, Shape::seq(Shape::U8)),
        (Shape::seq(Shape::U8), Shape::seq(Shape::String)),
        (Shape::map(Shape::String, Shape::U8), Shape::map(Shape::String, Shape::String)),
        (Shape::map(Shape::String, Shape::U8), Shape::map(Shape::U8, Shape::U8)),
        (Shape::Tuple(vec![Shape::U8]), Shape::Tuple(vec![Shape::U8, Shape::U8])),
        (Shape::Unit, Shape::Raw),
        (Shape::Char, Shape::String),
    ] {
        assert_eq!(shapes(one.clone(), other.clone()), [NEVER; 4], "{one} and {other}");
    }
}

#[test]
fn what_travels_alike_is_the_same() {
    let array = Shape::Array(Box::new(Shape::U8), 2);
    assert_eq!(shapes(array.clone(), Shape::Tuple(vec![Shape::U8, Shape::U8])), [ALWAYS; 4]);
    assert_eq!(shapes(array, Shape::Array(Box::new(Shape::U8), 3)), [NEVER; 4]);
    assert_eq!(shapes(Shape::Opaque("a::B".into()), Shape::U8), [ALWAYS; 4]);
    let newtype = def(Form::Struct(Fields::Newtype(Shape::U8)));
    let tuple = def(Form::Struct(Fields::Tuple(vec![Shape::U8, Shape::U8])));
    for codec in [CodecId::Bincode, CodecId::Json] {
        assert!(reads(codec, (&it(), &newtype), (&Shape::U8, &[])));
        assert!(reads(codec, (&it(), &tuple), (&Shape::Tuple(vec![Shape::U8, Shape::U8]), &[])));
        assert!(!reads(codec, (&it(), &tuple), (&Shape::U8, &[])));
    }
    let text = Shape::TextOr(Box::new(Shape::Bytes));
    assert_eq!(shapes(text.clone(), Shape::Bytes), [ALWAYS, ALWAYS, ALWAYS, NEVER]);
    assert_eq!(shapes(text, Shape::String), [NEVER, NEVER, NEVER, ALWAYS]);
}

#[test]
fn a_method_is_found_by_its_index_and_has_one_kind_and_arity() {
    let old = one(&Shape::U8, &Shape::U8, &[]);
    let mut new = old.clone();
    new.methods[0].name = "renamed, with its old index".into();
    new.methods.insert(0, {
        let mut added = new.methods[0].clone();
        added.index = 8;
        added
    });
    assert_eq!(compatible(&old, &new, CodecId::Bincode), Ok(()));
    let text = |caller: &Description, callee: &Description| {
        compatible(caller, callee, CodecId::Bincode).map_err(|found| found[0].to_string())
    };
    assert_eq!(
        text(&new, &old).unwrap_err(),
        "Store.renamed, with its old index: the caller has index 8, the callee no such method"
    );
    let mut kind = old.clone();
    kind.methods[0].kind = Kind::Sequence;
    assert_eq!(
        text(&old, &kind).unwrap_err(),
        "Store.put: the caller has a procedure (one value), the callee a sequence"
    );
    let mut arity = old.clone();
    arity.methods[0].parameters.extend(old.methods[0].parameters.clone());
    assert_eq!(text(&old, &arity).unwrap_err(), "Store.put: the caller has 1 arguments, the callee 2");
    let mut error = old.clone();
    error.methods[0].error = Some(Shape::String);
    assert_eq!(
        text(&old, &error).unwrap_err(),
        "Store.put, the error: the caller has none, the callee String"
    );
    let mut datagram = old.clone();
    datagram.methods[0].datagram = true;
    assert_eq!(
        text(&datagram, &old).unwrap_err(),
        "Store.put: the caller has a notification that may come as a datagram, the callee one that may not"
    );
    assert_eq!(text(&old, &datagram), Ok(()));
}

#[test]
fn a_mismatch_names_the_method_the_field_and_both_types() {
    let inner = named(vec![Field::new("age", Shape::U8)]);
    let other = named(vec![Field::new("age", Shape::String)]);
    let wrapped = Shape::seq(Shape::option(Shape::map(Shape::String, it())));
    let found = compatible(
        &one(&wrapped, &Shape::Unit, &def(inner)),
        &one(&wrapped, &Shape::Unit, &def(other)),
        CodecId::Bincode,
    )
    .unwrap_err();
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Store.put, argument it[][].age: the caller has u8, the callee String"]
    );
}

#[test]
fn recursive_types_and_names_that_lead_nowhere_end() {
    let tree = def(named(vec![Field::new("children", Shape::seq(it()))]));
    assert!(reads(CodecId::Bincode, (&it(), &tree), (&it(), &tree)));
    // A name that is its own newtype, and one that is not there.
    let circle = def(Form::Struct(Fields::Newtype(it())));
    assert!(!reads(CodecId::Json, (&it(), &circle), (&it(), &circle)));
    assert!(!reads(CodecId::Json, (&it(), &[]), (&it(), &tree)));
    // An array's length is a claim.
    let huge = Shape::Array(Box::new(Shape::U8), u32::MAX);
    assert_eq!(shapes(huge.clone(), Shape::Tuple(vec![Shape::U8])), [NEVER; 4]);
    assert_eq!(shapes(huge.clone(), huge.clone()), [ALWAYS; 4]);
    let tuple = def(Form::Struct(Fields::Tuple(vec![Shape::U8])));
    assert!(!reads(CodecId::Bincode, (&it(), &tuple), (&huge, &[])));
    // Pairs of types that double at each level are walked once.
    let pairs: Vec<TypeDef> = (0..60)
        .flat_map(|n| {
            let mut pair = def(Form::Struct(Fields::Tuple(vec![Shape::Type(format!("{}", n + 1)); 2])));
            pair[0].name = n.to_string();
            pair
        })
        .collect();
    let first = Shape::Type("0".into());
    assert!(!reads(CodecId::Bincode, (&first, &pairs), (&first, &pairs)));
}

#[test]
fn a_chain_of_a_peers_types_is_not_followed_to_the_end_of_the_stack() {
    let tree = def(named(vec![Field::new("next", Shape::seq(it()))]));
    let mut chain: Vec<TypeDef> = (0..100_000)
        .map(|n| {
            let next = Shape::Type(format!("{}", n + 1));
            let mut def = def(named(vec![Field::new("next", Shape::seq(next))]));
            def[0].name = n.to_string();
            def.remove(0)
        })
        .collect();
    chain.extend(def(Form::Struct(Fields::Unit)));
    let first = Shape::Type("0".into());
    // What is deeper than a value may be makes no difference.
    assert!(reads(CodecId::Bincode, (&it(), &tree), (&first, &chain)));
    let other = def(named(vec![Field::new("next", Shape::seq(Shape::U8))]));
    assert!(!reads(CodecId::Bincode, (&it(), &other), (&first, &chain)));
    // Newtypes one in another are one value, but only so many.
    let newtypes: Vec<TypeDef> = (0..100_000)
        .map(|n| {
            let mut def = def(Form::Struct(Fields::Newtype(Shape::Type(format!("{}", n + 1)))));
            def[0].name = n.to_string();
            def.remove(0)
        })
        .collect();
    assert!(!reads(CodecId::Bincode, (&it(), &tree), (&first, &newtypes)));
}

#[test]
fn text_of_a_peer_is_one_line() {
    let mut theirs = one(&Shape::Type("a\nb\u{1b}[2J".into()), &Shape::Unit, &[]);
    theirs.methods[0].parameters[0].name = "x\ny".into();
    let found = compatible(&one(&Shape::U8, &Shape::Unit, &[]), &theirs, CodecId::Json).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "Store.put, argument x\\ny: the caller has u8, the callee a\\nb\\u{1b}[2J (not described)"
    );
}
