//! A value by its shape makes in every codec the bytes of the Rust type that has the shape, and is read from them: clause 9.3.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;
use std::ops::Range;
use std::time::Duration;

use ipfi::core::codec::{Decode, DecodeLimits, Encode};
use ipfi::schema::{self, TypeTable, Types, Value};
use ipfi::{CodecId, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "camelCase")]
struct Person {
    full_name: String,
    age: u8,
    #[serde(rename = "e-mail")]
    email: Option<String>,
    #[serde(skip)]
    cached: u64,
    #[serde(default)]
    nick_names: Vec<String>,
    r#type: Vec<Kind>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE", rename_all_fields = "PascalCase", deny_unknown_fields)]
enum Kind {
    JustSomebody,
    WithNumber(u64),
    WithBoth(i128, char),
    #[serde(rename = "named")]
    WithNames {
        first_name: String,
        boxed: Option<Box<Kind>>,
    },
    WithUnit(()),
    WithNothing(Nothing),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Nothing;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
struct Id(u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Pair(u8, [u16; 3]);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Empty {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Tree {
    value: i32,
    children: Vec<Tree>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Page<T> {
    items: Vec<T>,
    total: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
enum Colour {
    Red,
    Green,
}

/// The bytes of `value` become one by its shape, and the same bytes again; and it says so in JSON as serde does.
fn same<T>(value: &T)
where
    T: Schema + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut types = Types::default();
    let shape = T::shape(&mut types);
    let defs = types.finish();
    let types = TypeTable::new(&defs);
    let limits = DecodeLimits::default();
    let codecs = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];
    let mut codecs = codecs.into_iter().filter(|codec| codec.is_enabled()).peekable();
    assert!(codecs.peek().is_some());
    for codec in codecs {
        let bytes = value.to_message(codec).unwrap();
        let by_shape = schema::decode(codec, &shape, &types, &bytes, &limits)
            .unwrap_or_else(|error| panic!("{value:?}: {error}"));
        let again = schema::encode(codec, &shape, &types, &by_shape)
            .unwrap_or_else(|error| panic!("{value:?}: {error}"));
        assert_eq!(again, bytes, "{value:?} as {codec}");
        assert_eq!(&T::decode(codec, again, &limits).unwrap(), value, "{codec}");
        for end in 0..bytes.len() {
            let (cut, typed) = (
                schema::decode(codec, &shape, &types, &bytes[..end], &limits),
                T::decode(codec, bytes.slice(..end), &limits),
            );
            assert_eq!(
                cut.is_err(),
                typed.is_err(),
                "{value:?} as {codec}, cut at {end}: {cut:?}, {typed:?}"
            );
        }
    }
    let json = serde_json::to_string(value).unwrap();
    let by_shape = schema::from_json(&shape, &types, &json, &limits).unwrap();
    assert_eq!(schema::to_json(&shape, &types, &by_shape).unwrap(), json);
}

#[test]
fn numbers_texts_and_bytes() {
    same(&true);
    same(&(u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX));
    same(&(i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN));
    same(&(0.1_f32, f64::MIN_POSITIVE, -0.0_f64, 1e300_f64));
    same(&('é', "hé".to_owned(), String::new()));
    same(&bytes::Bytes::from_static(b"\x00\xff"));
    same(&vec![1_u8, 200]);
    same(&NonZeroU8::MIN);
    same(&usize::MAX);
}

#[test]
fn options_sequences_maps_and_tuples() {
    same(&Some(5_u8));
    same(&None::<String>);
    same(&vec![Some(1_u16), None]);
    same(&vec![(); 3]);
    same(&BTreeSet::from([3_u32, 1]));
    same(&BTreeMap::from([("a".to_owned(), vec![1.5_f64]), ("b".to_owned(), vec![])]));
    same(&BTreeMap::from([(300_u64, 'x'), (5, 'y')]));
    same(&BTreeMap::from([(-1_i128, ())]));
    same(&BTreeMap::from([(Id(7), true)]));
    same(&BTreeMap::from([(Colour::Green, 1_u8), (Colour::Red, 2)]));
    same(&BTreeMap::from([('c', [1_u8, 2])]));
    same(&(1_u8,));
    same(&[[1_i16; 2]; 3]);
    same(&[0_u8; 0]);
}

#[test]
fn structs_and_enums() {
    same(&Nothing);
    same(&Empty {});
    same(&Id(300));
    same(&Pair(1, [2, 300, 4]));
    same(&vec![Colour::Red, Colour::Green]);
    for kind in kinds() {
        same(&kind);
    }
    let person = Person {
        full_name: "Ada".to_owned(),
        age: 36,
        email: None,
        cached: 0,
        nick_names: vec!["Countess".to_owned()],
        r#type: kinds(),
    };
    same(&person);
    same(&Page { items: vec![person], total: 7 });
    same(&Page { items: vec![Id(1)], total: 1 });
}

fn kinds() -> Vec<Kind> {
    let inner = Kind::WithNames { first_name: "B".to_owned(), boxed: None };
    vec![
        Kind::JustSomebody,
        Kind::WithNumber(300),
        Kind::WithBoth(i128::MAX, '€'),
        Kind::WithNames { first_name: "A".to_owned(), boxed: Some(Box::new(inner)) },
        Kind::WithUnit(()),
        Kind::WithNothing(Nothing),
    ]
}

#[test]
fn types_that_contain_themselves() {
    let leaf = |value| Tree { value, children: vec![] };
    same(&Tree { value: -1, children: vec![leaf(300), Tree { value: 2, children: vec![leaf(3)] }] });
}

#[test]
fn types_of_the_standard_library_and_of_others() {
    same(&Duration::from_millis(1500));
    same(&PhantomData::<u8>);
    same(&Range { start: 1_u8, end: 9 });
    same(&Ok::<u8, String>(1));
    same(&Err::<u8, String>("no".to_owned()));
    same(&Ipv4Addr::LOCALHOST);
    same(&IpAddr::from([1, 2, 3, 4]));
    same(&"[::1]:443".parse::<SocketAddr>().unwrap());
    same(&std::path::PathBuf::from("/a/b"));
}

#[test]
#[cfg(feature = "uuid")]
fn what_is_text_in_json_and_bytes_elsewhere() {
    same(&uuid::Uuid::from_u128(0x1234_5678));
    same(&vec![Some(uuid::Uuid::nil())]);
}

#[test]
#[cfg(feature = "chrono")]
fn what_is_text_everywhere() {
    same(&chrono::NaiveDate::from_ymd_opt(2026, 11, 26).unwrap());
}

#[test]
fn a_field_that_is_missing_is_missing_in_the_value() {
    let mut types = Types::default();
    let shape = Person::shape(&mut types);
    let defs = types.finish();
    let types = TypeTable::new(&defs);
    let text = r#"{"fullName":"Ada","age":36,"type":[]}"#;
    let read = schema::from_json(&shape, &types, text, &DecodeLimits::default()).unwrap();
    let Value::Struct(fields) = &read else { panic!("{read:?}") };
    assert_eq!(fields[2..4], [Some(Value::Option(None)), None]);
    for codec in [CodecId::MessagePack, CodecId::Json] {
        let bytes = schema::encode(codec, &shape, &types, &read).unwrap();
        let typed = Person::decode(codec, bytes, &DecodeLimits::default()).unwrap();
        assert_eq!((&*typed.full_name, typed.nick_names), ("Ada", vec![]));
    }
}
