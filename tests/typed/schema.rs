//! What the derive says of a type is what serde makes of its values.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use ipfi::Schema;
use ipfi::schema::{Field, Fields, Form, Shape, TypeDef, Types, Variant};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A person.
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "camelCase")]
struct Person {
    /// As it is spoken.
    full_name: String,
    age: u8,
    #[serde(default)]
    nick_names: Vec<String>,
    #[serde(rename = "e-mail")]
    email: Option<String>,
    #[serde(skip)]
    cached: u64,
    r#type: Kind,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE", rename_all_fields = "PascalCase", deny_unknown_fields)]
enum Kind {
    /// Nobody in particular.
    #[default]
    JustSomebody,
    WithNumber(u64),
    WithBoth(i128, char),
    #[serde(rename = "named")]
    WithNames {
        first_name: String,
        boxed: Option<Box<Person>>,
    },
    #[serde(rename_all = "kebab-case")]
    OtherCase {
        first_name: (),
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Id(u64);

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Pair(u8, [u16; 3]);

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Nothing;

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(transparent)]
struct Wrapped {
    inner: BTreeMap<String, f64>,
    #[serde(skip)]
    marker: PhantomData<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(default)]
struct Page<T> {
    items: Vec<T>,
    total: usize,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), total: 0 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(from = "String", into = "String")]
struct Path(Vec<String>);

impl From<String> for Path {
    fn from(text: String) -> Self {
        Self(text.split('/').map(ToOwned::to_owned).collect())
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0.join("/")
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Described {
    #[serde(with = "as_text")]
    #[ipfi(as = "String")]
    number: u64,
    pages: (Page<Id>, Page<String>),
    result: Result<Nothing, Pair>,
    wrapped: Wrapped,
    path: Path,
}

pub(crate) fn shape_of<T: Schema>() -> (Shape, Vec<TypeDef>) {
    let mut types = Types::default();
    let shape = T::shape(&mut types);
    (shape, types.finish())
}

/// Whether `value`, as JSON has it, is of `shape`.
fn fits(value: &Value, shape: &Shape, types: &[TypeDef]) -> bool {
    match shape {
        Shape::Bool => value.is_boolean(),
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => value.is_u64(),
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => value.is_i64() || value.is_u64(),
        Shape::F32 | Shape::F64 => value.is_number(),
        Shape::Char => value.as_str().is_some_and(|text| text.chars().count() == 1),
        Shape::String | Shape::TextOr(_) => value.is_string(),
        Shape::Bytes => value.as_array().is_some_and(|all| all.iter().all(Value::is_u64)),
        Shape::Unit => value.is_null(),
        Shape::Option(inner) => value.is_null() || fits(value, inner, types),
        Shape::Seq(item) => value.as_array().is_some_and(|all| all.iter().all(|it| fits(it, item, types))),
        Shape::Map(_, item) => {
            value.as_object().is_some_and(|all| all.values().all(|it| fits(it, item, types)))
        }
        Shape::Array(item, len) => fits(value, &Shape::Tuple(vec![(**item).clone(); *len as usize]), types),
        Shape::Tuple(items) => value.as_array().is_some_and(|all| {
            all.len() == items.len() && all.iter().zip(items).all(|(it, shape)| fits(it, shape, types))
        }),
        Shape::Type(name) => match &types.iter().find(|def| def.name == *name).unwrap().form {
            Form::Struct(fields) => fields_fit(value, fields, types),
            Form::Enum(variants) => match value {
                Value::String(name) => {
                    variants.iter().any(|variant| variant.name == *name && variant.fields == Fields::Unit)
                }
                Value::Object(one) if one.len() == 1 => {
                    let (name, value) = one.iter().next().unwrap();
                    let variant = variants.iter().find(|variant| variant.name == *name);
                    variant.is_some_and(|variant| fields_fit(value, &variant.fields, types))
                }
                _ => false,
            },
        },
        Shape::Raw | Shape::Opaque(_) => false,
    }
}

fn fields_fit(value: &Value, fields: &Fields, types: &[TypeDef]) -> bool {
    match fields {
        Fields::Unit => value.is_null(),
        Fields::Newtype(inner) => fits(value, inner, types),
        Fields::Tuple(items) => fits(value, &Shape::Tuple(items.clone()), types),
        Fields::Named(fields) => value.as_object().is_some_and(|object| {
            object.len() == fields.len()
                && fields.iter().all(|field| {
                    object.get(&field.name).is_some_and(|value| fits(value, &field.shape, types))
                })
        }),
    }
}

#[track_caller]
pub(crate) fn assert_fits<T: Schema + Serialize>(value: &T) {
    let (shape, types) = shape_of::<T>();
    let value = serde_json::to_value(value).unwrap();
    assert!(fits(&value, &shape, &types), "{value}\nis not of {shape}\n{types:#?}");
}

fn person(kind: Kind) -> Person {
    Person {
        full_name: "Ada".into(),
        age: 36,
        nick_names: vec!["A".into()],
        email: Some("a@b".into()),
        cached: 7,
        r#type: kind,
    }
}

#[test]
fn what_serde_writes_is_of_the_shape_that_is_derived() {
    let boxed = Some(Box::new(person(Kind::WithNumber(7))));
    for kind in [
        Kind::JustSomebody,
        Kind::WithNumber(1),
        Kind::WithBoth(-1, 'é'),
        Kind::WithNames { first_name: "x".into(), boxed },
        Kind::OtherCase { first_name: () },
    ] {
        assert_fits(&person(kind));
    }
    assert_fits(&Nothing);
    assert_fits(&Pair(1, [2, 3, 4]));
    assert_fits(&Described {
        number: 7,
        pages: (Page { items: vec![Id(1)], total: 1 }, Page { items: vec!["x".into()], total: 9 }),
        result: Err(Pair(1, [1, 2, 3])),
        wrapped: Wrapped { inner: BTreeMap::from([("x".into(), 1.5)]), marker: PhantomData },
        path: Path(vec!["a".into(), "b".into()]),
    });
}

#[test]
fn the_standard_librarys_types_are_described_as_serde_writes_them() {
    use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::num::{NonZeroU8, Wrapping};
    use std::time::Duration;

    assert_fits(&(1_u8, 2_u16, 3_u32, 4_u64, 5_usize, 6_u128, true, 'x', "text".to_owned(), ()));
    assert_fits(&(1_i8, 2_i16, 3_i32, 4_i64, 5_isize, -6_i128, 1.5_f32, 1.5_f64));
    assert_fits(&(Some(1_u8), None::<u8>, NonZeroU8::MIN, Wrapping(3_u8), Box::new(4_u8)));
    assert_fits(&(vec![1_u8], VecDeque::from([1_u8]), LinkedList::from([1_u8]), BinaryHeap::from([1_u8])));
    assert_fits(&(BTreeSet::from([1_u8]), HashSet::<u8>::from([1]), [1_u8; 32]));
    assert_fits(&(
        BTreeMap::from([(1_u8, "x".to_owned())]),
        HashMap::<String, u8>::from([("x".to_owned(), 1)]),
    ));
    assert_fits(&(Duration::from_millis(1500), 1_u8..2, 1_u8..=2));
    assert_fits(&(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST,
        SocketAddr::from(([127, 0, 0, 1], 80)),
    ));
    assert_fits(&(bytes::Bytes::from_static(b"x"), std::path::PathBuf::from("/x"), PhantomData::<u8>));
    assert_fits(&(Ok::<u8, String>(1), Err::<u8, String>("x".into())));
}

#[test]
fn names_documentation_and_defaults_are_in_the_table() {
    let (shape, types) = shape_of::<Person>();
    assert_eq!(shape, Shape::Type("Person".into()));
    let [person, kind] = &types[..] else { panic!("{types:#?}") };
    assert_eq!((&*person.name, &*person.doc, person.closed), ("Person", "A person.", false));
    assert_eq!(
        person.form,
        Form::Struct(Fields::Named(vec![
            Field::new("fullName", Shape::String).doc("As it is spoken."),
            Field::new("age", Shape::U8),
            Field::new("nickNames", Shape::seq(Shape::String)).or_default(),
            Field::new("e-mail", Shape::option(Shape::String)),
            Field::new("type", Shape::Type("Kind".into())),
        ]))
    );
    assert!(kind.closed);
    let Form::Enum(variants) = &kind.form else { panic!("{kind:#?}") };
    assert_eq!(variants[0], Variant::new("JUST-SOMEBODY", Fields::Unit).doc("Nobody in particular."));
    assert_eq!(
        variants[3],
        Variant::new(
            "named",
            Fields::Named(vec![
                Field::new("FirstName", Shape::String),
                Field::new("Boxed", Shape::option(Shape::Type("Person".into()))),
            ])
        )
    );
    let (_, types) = shape_of::<Page<u8>>();
    let Form::Struct(Fields::Named(fields)) = &types[0].form else { panic!("{types:#?}") };
    assert!(fields.iter().all(|field| field.default), "of the whole struct");
}

#[test]
fn a_generic_type_has_a_name_for_each_of_its_parameters() {
    let (shape, types) = shape_of::<(Page<Id>, Page<String>, Page<Id>)>();
    let page = |name: &str| Shape::Type(format!("Page<{name}>"));
    assert_eq!(shape, Shape::Tuple(vec![page("Id"), page("String"), page("Id")]));
    assert_eq!(types.len(), 3);
}

#[test]
fn a_newtype_a_transparent_struct_and_a_converted_one_are_what_is_in_them() {
    assert_eq!(shape_of::<Wrapped>().0, Shape::map(Shape::String, Shape::F64));
    assert_eq!(shape_of::<Path>().0, Shape::String);
    let (_, types) = shape_of::<Id>();
    assert_eq!(types[0].form, Form::Struct(Fields::Newtype(Shape::U64)));
}

#[test]
fn a_schema_is_readable_json_and_survives_it() {
    let (shape, types) = shape_of::<(Person, Option<Pair>)>();
    assert_eq!(
        serde_json::to_value(&shape).unwrap(),
        json!({"tuple": [{"type": "Person"}, {"option": {"type": "Pair"}}]})
    );
    let text = serde_json::to_string(&types).unwrap();
    assert_eq!(serde_json::from_str::<Vec<TypeDef>>(&text).unwrap(), types);
}

#[cfg(all(feature = "uuid", feature = "jiff", feature = "chrono", feature = "url"))]
#[test]
fn types_of_other_crates_are_described_as_they_write_themselves() {
    let timestamp: jiff::Timestamp = "2026-11-26T07:00:00Z".parse().unwrap();
    let date = timestamp.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    assert_fits(&(timestamp, date, date.date(), date.time(), jiff::SignedDuration::from_secs(1)));
    let time = chrono::DateTime::<chrono::Utc>::from_timestamp(1, 0).unwrap();
    assert_fits(&(time, time.naive_utc(), time.date_naive(), time.time()));
    let (uuid, url) = (uuid::Uuid::from_u128(7), url::Url::parse("https://example.com/x").unwrap());
    assert_fits(&(uuid, url));
    let (_, types) = shape_of::<uuid::Uuid>();
    assert_eq!(types[0].form, Form::Struct(Fields::Newtype(Shape::TextOr(Box::new(Shape::Bytes)))));
}
