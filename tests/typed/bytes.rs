//! A reader that knows nothing but the shape reads what bincode wrote, to its last byte.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipfi::Schema;
use ipfi::core::codec::{CodecId, Encode};
use ipfi::schema::{Fields, Form, Shape, TypeDef, Types};
use serde::{Deserialize, Serialize};

/// Reads one value of a shape off the front: clauses 9.3, 9.4 and 15.3.
struct Reader<'a> {
    bytes: &'a [u8],
    types: &'a [TypeDef],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        taken
    }

    fn integer(&mut self) -> u128 {
        let first = self.take(1)[0];
        let count = match first {
            0..251 => return first.into(),
            251 => 2,
            252 => 4,
            253 => 8,
            254 => 16,
            255 => panic!("no integer begins so"),
        };
        self.take(count).iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.integer()).unwrap()
    }

    fn value(&mut self, shape: &Shape) {
        match shape {
            Shape::Bool => assert!(self.take(1)[0] < 2),
            Shape::U8 | Shape::I8 => drop(self.take(1).to_vec()),
            Shape::U16 | Shape::I16 => assert!(self.integer() <= u16::MAX.into()),
            Shape::U32 | Shape::I32 => assert!(self.integer() <= u32::MAX.into()),
            Shape::U64 | Shape::I64 => assert!(self.integer() <= u64::MAX.into()),
            Shape::U128 | Shape::I128 => drop(self.integer()),
            Shape::F32 => drop(self.take(4).to_vec()),
            Shape::F64 => drop(self.take(8).to_vec()),
            Shape::Char => {
                let len = match self.bytes[0] {
                    0..=0x7f => 1,
                    0x80..=0xdf => 2,
                    0xe0..=0xef => 3,
                    _ => 4,
                };
                assert!(str::from_utf8(self.take(len)).is_ok());
            }
            Shape::String => {
                let len = self.length();
                assert!(str::from_utf8(self.take(len)).is_ok());
            }
            Shape::Bytes => {
                let len = self.length();
                self.take(len);
            }
            Shape::Unit => {}
            Shape::Option(inner) => {
                if self.take(1) == [1] {
                    self.value(inner);
                }
            }
            Shape::Seq(item) => (0..self.length()).for_each(|_| self.value(item)),
            Shape::Map(key, item) => (0..self.length()).for_each(|_| {
                self.value(key);
                self.value(item);
            }),
            Shape::Tuple(items) => items.iter().for_each(|item| self.value(item)),
            Shape::Array(item, len) => (0..*len).for_each(|_| self.value(item)),
            Shape::TextOr(inner) => self.value(inner),
            Shape::Type(name) => {
                let types = self.types;
                match &types.iter().find(|def| def.name == *name).unwrap().form {
                    Form::Struct(fields) => self.fields(fields),
                    Form::Enum(variants) => {
                        let variant = self.length();
                        self.fields(&variants[variant].fields);
                    }
                }
            }
            Shape::Raw | Shape::Opaque(_) => panic!("nothing is known of {shape}"),
        }
    }

    fn fields(&mut self, fields: &Fields) {
        match fields {
            Fields::Unit => {}
            Fields::Newtype(inner) => self.value(inner),
            Fields::Tuple(items) => items.iter().for_each(|item| self.value(item)),
            Fields::Named(fields) => fields.iter().for_each(|field| self.value(&field.shape)),
        }
    }
}

#[track_caller]
pub(crate) fn assert_read<T: Schema + Serialize>(value: &T) {
    let mut types = Types::default();
    let shape = T::shape(&mut types);
    let types = types.finish();
    let bytes = value.to_message(CodecId::Bincode).unwrap();
    let mut reader = Reader { bytes: &bytes, types: &types };
    reader.value(&shape);
    assert_eq!(reader.bytes, b"", "bytes that {shape} does not explain, of {bytes:?}");
}

#[derive(Serialize, Deserialize, Schema)]
enum Tree {
    Leaf(i64),
    Branch { left: Box<Tree>, right: Box<Tree>, names: BTreeMap<String, u16> },
    Nothing,
    Both(u8, char),
}

#[test]
fn a_reader_that_knows_the_shape_alone_reads_every_byte() {
    let leaf = || Box::new(Tree::Leaf(i64::MIN));
    let branch = Tree::Branch { left: leaf(), right: leaf(), names: BTreeMap::from([("é".into(), 300)]) };
    let nothing = Box::new(Tree::Nothing);
    assert_read(&Tree::Branch { left: Box::new(branch), right: nothing, names: BTreeMap::new() });
    assert_read(&Tree::Both(255, '𝄞'));
    assert_read(&(u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX, i8::MIN, i16::MIN, i32::MIN, i128::MIN));
    assert_read(&(1.5_f32, 1.5_f64, true, "text".to_owned(), (), [7_u8; 5], usize::MAX, isize::MIN));
    assert_read(&(bytes::Bytes::from_static(b"bytes"), vec![Some(1_u64), None], vec![0_u8; 300]));
    assert_read(&(Duration::MAX, Ok::<u8, String>(1), Err::<u8, String>("x".into())));
    assert_read(&(IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), Ipv4Addr::LOCALHOST));
    assert_read(&(SocketAddr::from(([127, 0, 0, 1], 80)), SocketAddr::from((Ipv6Addr::LOCALHOST, 80))));
}

#[cfg(all(feature = "uuid", feature = "jiff", feature = "chrono", feature = "url"))]
#[test]
fn types_of_other_crates_are_read_likewise() {
    let timestamp: jiff::Timestamp = "2026-11-26T07:00:00Z".parse().unwrap();
    let date = timestamp.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    assert_read(&(timestamp, date, date.date(), date.time(), jiff::SignedDuration::from_secs(1)));
    assert_read(&(timestamp.to_zoned(jiff::tz::TimeZone::UTC), jiff::Span::new().hours(5)));
    let time = chrono::DateTime::<chrono::Utc>::from_timestamp(1, 0).unwrap();
    assert_read(&(time, time.naive_utc(), time.date_naive(), time.time()));
    assert_read(&(uuid::Uuid::from_u128(7), url::Url::parse("https://example.com/x").unwrap()));
}
