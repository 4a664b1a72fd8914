//! Descriptions of a peer that are made to take long or to become large: RELIABILITY, work that the other side chooses.
//! What does not end here does not end at all: the work of a comparison is counted in steps, and not by the clock.
#![allow(clippy::unwrap_used, reason = "a test that finds something else has failed")]

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipfi_core::__private::{Describing, Kind};
use ipfi_core::codec::CodecId;
use ipfi_core::schema::{Field, Fields, Form, Shape, TypeDef, Types, Variant};
use ipfi_core::typed::{Description, Mismatch, compatible};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test at a time: what is allocated is counted for all threads together.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const CODECS: [CodecId; 4] = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];

/// As large as a message is at most, by default.
const MESSAGE: usize = 4 << 20;

fn def(name: impl Into<String>, form: Form) -> TypeDef {
    struct It;
    let mut types = Types::default();
    types.define::<It>("It", |_| form);
    let mut def = types.finish().remove(0);
    def.name = name.into();
    def
}

fn fields(name: impl Into<String>, fields: Vec<Field>) -> TypeDef {
    def(name, Form::Struct(Fields::Named(fields)))
}

fn newtype(name: impl Into<String>, shape: Shape) -> TypeDef {
    def(name, Form::Struct(Fields::Newtype(shape)))
}

fn ty(name: impl Into<String>) -> Shape {
    Shape::Type(name.into())
}

/// An interface whose methods all take and answer one shape.
fn interface(methods: u64, shape: &Shape, types: Vec<TypeDef>) -> Description {
    let mut described = Describing::new("Store", "");
    for index in 0..methods {
        let method = described.method(&format!("m{index}"), "", index, Kind::Procedure);
        method.parameter("it", |_| Shape::Unit).answer(|_| Shape::Unit).add();
    }
    let mut description = described.finish();
    for method in &mut description.methods {
        method.parameters[0].shape = shape.clone();
        method.answer = Some(shape.clone());
    }
    description.types = types;
    description
}

/// Compares within a bound of memory, and what is told is within one too.
#[track_caller]
fn compared(ours: &Description, theirs: &Description, codec: CodecId) -> Result<(), Vec<Mismatch>> {
    let region = Region::new(ALLOCATOR);
    let result = compatible(ours, theirs, codec);
    let allocated = region.change().bytes_allocated;
    assert!(allocated < 16 * MESSAGE, "{allocated} bytes");
    if let Err(found) = &result {
        assert!(found.len() <= 65, "{} differences", found.len());
        let text: usize = found.iter().map(|mismatch| mismatch.to_string().len()).sum();
        assert!(text < 65 * 4096, "{text} bytes of text");
    }
    result
}

fn takes_too_long(result: Result<(), Vec<Mismatch>>) -> bool {
    result.is_err_and(|found| found.iter().any(|mismatch| mismatch.place == "which take too long to compare"))
}

/// `struct Tree { left: Option<Box<Tree>>, right: Option<Box<Tree>> }`.
fn tree() -> TypeDef {
    let branch = || Shape::option(ty("Tree"));
    fields("Tree", vec![Field::new("left", branch()), Field::new("right", branch())])
}

#[test]
fn types_that_refer_to_each_other_in_two_places_are_walked_once_however_they_are_named() {
    let _alone = alone();
    let ours = interface(1, &ty("Tree"), vec![tree()]);
    let both = |shape: &Shape| {
        fields("Tree", vec![Field::new("left", shape.clone()), Field::new("right", shape.clone())])
    };
    let text_or = Shape::option(Shape::TextOr(Box::new(Shape::TextOr(Box::new(ty("Tree"))))));
    let through = Shape::option(ty("Through"));
    for codec in [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack] {
        let theirs = interface(1, &ty("Tree"), vec![both(&text_or)]);
        assert_eq!(compared(&ours, &theirs, codec), Ok(()), "{codec}");
        let theirs = interface(1, &ty("Tree"), vec![both(&through), newtype("Through", ty("Tree"))]);
        assert_eq!(compared(&ours, &theirs, codec), Ok(()), "{codec}");
    }
    let theirs = interface(1, &ty("Tree"), vec![both(&text_or)]);
    assert!(compared(&ours, &theirs, CodecId::Json).is_err(), "text is no tree");
    // Each type the next two of many.
    let chain: Vec<TypeDef> = (0..30_000)
        .map(|n: u32| {
            let next = |by: u32| Shape::option(ty(format!("{}", (n + by) % 30_000)));
            fields(n.to_string(), vec![Field::new("left", next(1)), Field::new("right", next(2))])
        })
        .collect();
    let theirs = interface(1, &ty("0"), chain);
    for codec in CODECS {
        assert_eq!(compared(&ours, &theirs, codec), Ok(()), "{codec}");
    }
}

#[test]
fn a_doubling_that_no_names_end_is_given_up_and_said() {
    let _alone = alone();
    // One side has a name where the other has none, and the reverse: no pair of names is ever met.
    let branch = || Shape::option(ty("Pair"));
    let pair = def("Pair", Form::Struct(Fields::Tuple(vec![branch(), branch()])));
    let ours = interface(3, &branch(), vec![pair]);
    let both = Shape::option(Shape::Tuple(vec![ty("Both"), ty("Both")]));
    let theirs = interface(3, &ty("Both"), vec![newtype("Both", both)]);
    for codec in [CodecId::Bincode, CodecId::Json] {
        assert!(takes_too_long(compared(&ours, &theirs, codec)), "{codec}");
        assert!(takes_too_long(compared(&theirs, &ours, codec)), "{codec}");
    }
}

#[test]
fn newtypes_one_in_another_are_not_followed_for_every_field() {
    let _alone = alone();
    let ours = interface(50, &ty("Tree"), vec![tree()]);
    let mut chain: Vec<TypeDef> =
        (0..50_000).map(|n| newtype(n.to_string(), ty((n + 1).to_string()))).collect();
    let many = (0..50_000).map(|n| Field::new(format!("f{n}"), ty("0"))).collect();
    chain.push(fields("Tree", many));
    let theirs = interface(50, &ty("Tree"), chain);
    for codec in CODECS {
        compared(&ours, &theirs, codec).unwrap_err();
    }
}

#[test]
fn names_as_long_as_messages_are_neither_copied_nor_printed_for_each_place_that_has_them() {
    let _alone = alone();
    let long = "x".repeat(MESSAGE / 16);
    let many: Vec<Field> = (0..200).map(|n| Field::new(format!("f{n}"), ty(format!("T{n}")))).collect();
    let small = |n: usize| fields(format!("T{n}"), vec![Field::new("a", Shape::U8)]);
    let ours = interface(50, &ty("All"), (0..200).map(small).chain([fields("All", many.clone())]).collect());
    let strange = [
        def(&*long, Form::Enum(vec![Variant::new(&*long, Fields::Unit)])),
        fields(&*long, vec![Field::new(&*long, ty(&*long)).or_default(), Field::new("a", Shape::U8)]),
        newtype(&*long, Shape::Opaque(long.clone())),
        newtype(&*long, Shape::Tuple(vec![Shape::Opaque(long.clone()); 3])),
        fields(&*long, vec![Field::new("a", ty(&*long))]),
    ];
    for def in strange {
        // Every field of ours meets the one type of theirs.
        let fields_of_one = many.iter().map(|field| Field::new(&*field.name, ty("One"))).collect();
        let types = vec![def, newtype("One", ty(&*long)), fields("All", fields_of_one)];
        let mut theirs = interface(50, &ty("All"), types);
        for method in &mut theirs.methods {
            method.name.clone_from(&long);
            method.parameters[0].name.clone_from(&long);
        }
        for codec in [CodecId::Bincode, CodecId::Json] {
            let _ = compared(&ours, &theirs, codec);
            let _ = compared(&theirs, &ours, codec);
        }
    }
}

#[test]
fn a_hundred_thousand_variants_and_fields_are_told_in_a_few() {
    let _alone = alone();
    let variants = |count: u32| {
        let variants = (0..count).map(|n| Variant::new(format!("v{n}"), Fields::Unit)).collect();
        interface(50, &ty("It"), vec![def("It", Form::Enum(variants))])
    };
    let structs = |count: u32| {
        let all = (0..count).map(|n| Field::new(format!("f{n}"), Shape::U8)).collect();
        interface(50, &ty("It"), vec![fields("It", all)])
    };
    for codec in CODECS {
        assert!(compared(&variants(10), &variants(100_000), codec).unwrap_err().len() >= 64);
        compared(&structs(10), &structs(100_000), codec).unwrap_err();
    }
}

#[test]
fn names_that_lead_in_circles_end() {
    let _alone = alone();
    let circles = [
        newtype("A", ty("B")),
        newtype("B", Shape::TextOr(Box::new(ty("A")))),
        newtype("C", Shape::option(ty("C"))),
        newtype("C", Shape::seq(Shape::map(ty("C"), ty("C")))),
        def("D", Form::Struct(Fields::Tuple(vec![ty("D"), ty("D"), ty("A")]))),
        def("E", Form::Enum(vec![Variant::new("E", Fields::Newtype(ty("E")))])),
    ];
    for one in ["A", "B", "C", "D", "E", "Tree"] {
        for other in ["A", "B", "C", "D", "E", "Tree"] {
            let types: Vec<TypeDef> = circles.iter().cloned().chain([tree()]).collect();
            let (one, other) = (interface(2, &ty(one), types.clone()), interface(2, &ty(other), types));
            for codec in CODECS {
                let _ = compared(&one, &other, codec);
            }
        }
    }
}

#[test]
fn a_large_interface_that_means_no_harm_is_compared_to_its_end() {
    let _alone = alone();
    // Each of a hundred types leads to all others, and each of a thousand methods to each type.
    let types = |last: Shape| {
        (0..100).map(move |n: u32| {
            let names = (0..19).map(|m| Field::new(format!("f{m}"), ty(format!("T{}", (n + m) % 100))));
            let last = Field::new("last", if n == 99 { last.clone() } else { Shape::U8 });
            fields(format!("T{n}"), names.chain([last]).collect())
        })
    };
    let one = interface(1000, &ty("T0"), types(Shape::U8).collect());
    let other = interface(1000, &ty("T0"), types(Shape::String).collect());
    for codec in CODECS {
        assert_eq!(compared(&one, &one.clone(), codec), Ok(()), "{codec}");
        let found = compared(&one, &other, codec).unwrap_err();
        assert_eq!(found.len(), 64, "{codec}");
        assert!(found.iter().all(|mismatch| mismatch.place.ends_with(".last")), "{found:?}");
    }
}
