//! Each of serde's attributes, and each form of a type: what is described is what serde writes, in JSON by name and in
//! bincode to the last byte.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use ipfi::Schema;
use ipfi::schema::{Fields, Form, Shape};
use serde::{Deserialize, Serialize};

use crate::bytes::assert_read;
use crate::schema::{assert_fits, shape_of};

#[track_caller]
fn assert_described<T: Schema + Serialize>(values: &[T]) {
    for value in values {
        assert_fits(value);
        assert_read(value);
    }
}

/// Names that the cases do not agree about, as fields, as variants and as fields of variants.
macro_rules! cases {
    ($($module:ident: $case:literal),*) => {$(
        mod $module {
            use super::*;

            #[derive(Serialize, Schema)]
            #[serde(rename_all = $case)]
            #[expect(non_snake_case)]
            struct Named {
                plain: u8,
                two_words: u8,
                _led: u8,
                trailed_: u8,
                double__under: u8,
                a1_b2: u8,
                r#type: u8,
            }

            #[derive(Serialize, Schema)]
            #[serde(rename_all = $case, rename_all_fields = $case)]
            #[expect(clippy::upper_case_acronyms)]
            enum Told {
                Plain,
                TwoWords(u8),
                HTTPServer { two_words: u8 },
                A1B2,
                X,
                ABC(u8, u8),
            }

            #[test]
            fn is_what_serde_makes_of_it() {
                assert_described(&[Named {
                    plain: 1, two_words: 2, _led: 3, trailed_: 4, double__under: 5, a1_b2: 6, r#type: 7,
                }]);
                let http = Told::HTTPServer { two_words: 2 };
                assert_described(&[Told::Plain, Told::TwoWords(1), http, Told::A1B2, Told::X, Told::ABC(1, 2)]);
            }
        }
    )*};
}

cases! {
    lower: "lowercase",
    upper: "UPPERCASE",
    pascal: "PascalCase",
    camel: "camelCase",
    snake: "snake_case",
    screaming_snake: "SCREAMING_SNAKE_CASE",
    kebab: "kebab-case",
    screaming_kebab: "SCREAMING-KEBAB-CASE"
}

#[derive(Serialize, Schema)]
struct NoFields {}

#[derive(Serialize, Schema)]
struct NoElements();

#[derive(Serialize, Schema)]
struct OneIsLeft(#[serde(skip)] Unknown, u64);

#[derive(Serialize, Schema)]
enum Variants {
    NoFields {},
    NoElements(),
    /// serde takes it for one without fields.
    Skipped(#[serde(skip)] Unknown),
    OneIsLeft(#[serde(skip)] Unknown, u8),
    NamedOneIsLeft {
        #[serde(skip)]
        _unknown: Unknown,
        left: u8,
    },
    Newtype(Option<()>),
}

/// Has neither serde's traits nor a schema.
#[derive(Default)]
struct Unknown;

#[test]
fn types_without_fields_and_types_that_lose_some_are_what_serde_takes_them_for() {
    assert_described(&[NoFields {}]);
    assert_described(&[NoElements()]);
    assert_described(&[OneIsLeft(Unknown, 7)]);
    assert_described(&[
        Variants::NoFields {},
        Variants::NoElements(),
        Variants::Skipped(Unknown),
        Variants::OneIsLeft(Unknown, 1),
        Variants::NamedOneIsLeft { _unknown: Unknown, left: 1 },
        Variants::Newtype(Some(())),
        Variants::Newtype(None),
    ]);
}

/// serde asks nothing of what is only a marker.
#[derive(Serialize, Deserialize, Schema)]
struct Id<T> {
    raw: u64,
    kind: PhantomData<T>,
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(transparent)]
struct Handle<T> {
    raw: u64,
    kind: PhantomData<fn() -> T>,
}

trait Collection {
    type Item;
}

impl Collection for Unknown {
    type Item = u8;
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(bound(serialize = "T::Item: Serialize", deserialize = "T::Item: Deserialize<'de>"))]
struct First<T: Collection> {
    item: T::Item,
}

#[derive(Serialize, Schema)]
struct Many<K, V = u8, const N: usize = 2>
where
    K: Ord,
{
    map: BTreeMap<K, Vec<V>>,
    array: [u8; 2],
    marker: PhantomData<[u8; N]>,
}

#[derive(Serialize, Schema)]
enum List<T> {
    End,
    Item(T, Box<Self>),
}

#[derive(Serialize, Schema)]
struct Folder {
    files: Vec<File>,
}

#[derive(Serialize, Schema)]
enum File {
    Text(String),
    In(Folder),
    Linked(Box<List<File>>),
}

#[test]
fn parameters_are_asked_for_a_schema_where_serde_asks_for_its_traits() {
    assert_described(&[Id::<Unknown> { raw: 7, kind: PhantomData }]);
    assert_described(&[Handle::<Unknown> { raw: 7, kind: PhantomData }]);
    assert_eq!(shape_of::<Handle<Unknown>>().0, Shape::U64);
    assert_described(&[First::<Unknown> { item: 7 }]);
    assert_described(&[Many::<String> { map: BTreeMap::default(), array: [1, 2], marker: PhantomData }]);
    let (name, _) = shape_of::<(Id<Unknown>, Many<String>)>();
    assert_eq!(name.to_string(), "(Id, Many<String, u8>)");
}

#[test]
fn types_that_hold_one_another_are_described_once() {
    assert_described(&[List::Item(1_u8, Box::new(List::Item(2, Box::new(List::End))))]);
    let inner = File::In(Folder { files: vec![File::Text("x".into())] });
    assert_described(&[Folder { files: vec![inner, File::Linked(Box::new(List::End))] }]);
    let (_, types) = shape_of::<(Folder, File)>();
    let names: Vec<_> = types.iter().map(|def| &*def.name).collect();
    assert_eq!(names, ["Folder", "File", "List<File>"]);
}

fn seven() -> u8 {
    7
}

#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(crate = "serde", rename = "Renamed", expecting = "a renamed struct", deny_unknown_fields)]
struct Attributes {
    #[serde(default = "seven", alias = "one", alias = "uno")]
    first: u8,
    #[serde(rename(serialize = "2nd", deserialize = "2nd"))]
    second: u8,
    #[serde(default, deserialize_with = "Deserialize::deserialize", serialize_with = "Serialize::serialize")]
    #[ipfi(as = "u8")]
    third: u8,
}

#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(try_from = "u8", into = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err("odd".into()) }
    }
}

impl From<Even> for u8 {
    fn from(even: Even) -> Self {
        even.0
    }
}

#[test]
fn what_only_a_reader_sees_changes_nothing_of_what_is_written() {
    assert_described(&[Attributes { first: 1, second: 2, third: 3 }]);
    let (shape, types) = shape_of::<Attributes>();
    assert_eq!(shape, Shape::Type("Renamed".into()));
    assert!(types[0].closed);
    let Form::Struct(Fields::Named(fields)) = &types[0].form else { panic!("{types:?}") };
    let told: Vec<_> = fields.iter().map(|field| (&*field.name, field.default)).collect();
    assert_eq!(told, [("first", true), ("2nd", false), ("third", true)]);
    assert_described(&[Even(2)]);
    assert_eq!(shape_of::<Even>().0, Shape::U8);
}

#[test]
fn shared_pointers_atomics_and_bounds_are_what_is_in_them() {
    use std::ops::Bound;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicI64};

    assert_described(&[(AtomicBool::new(true), AtomicI64::new(-1))]);
    assert_described(&[Bound::Unbounded, Bound::Included(1_u8), Bound::Excluded(2)]);
    assert_described(&[(1_u8.., ..2_u8)]);
    // serde has these by its feature `rc`, which is the program's to choose.
    assert_eq!(shape_of::<Rc<str>>().0, Shape::String);
    assert_eq!(shape_of::<Arc<[u8]>>().0, Shape::seq(Shape::U8));
}
