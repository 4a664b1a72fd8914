//! Values whose type is known only at run time, written and read by their [`Shape`].
//!
//! A [`Value`] with a shape makes in every codec the bytes that serde makes of the Rust type which has that shape, and is read from
//! them as that type would be (clause 9.3): the codecs are the same, so are their errors, and the guard around them.
//! This is what a command line, a page that shows a form, or a generator of random calls works with.
//!
//! ```
//! # #[cfg(all(feature = "json", feature = "postcard"))]
//! # fn main() -> Result<(), ipfi_core::codec::CodecError> {
//! use ipfi_core::codec::{CodecId, DecodeLimits};
//! use ipfi_core::schema::{self, Shape, TypeTable};
//!
//! let shape = Shape::seq(Shape::option(Shape::U16));
//! let types = TypeTable::new(&[]);
//! let value = schema::from_json(&shape, &types, "[300, null]", &DecodeLimits::default())?;
//! let bytes = schema::encode(CodecId::Postcard, &shape, &types, &value)?;
//! assert_eq!(bytes, [2, 1, 0xac, 2, 0][..]);
//! assert_eq!(schema::decode(CodecId::Postcard, &shape, &types, &bytes, &DecodeLimits::default())?, value);
//! assert_eq!(schema::to_json(&shape, &types, &value)?, "[300,null]");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "json", feature = "postcard")))]
//! # fn main() {}
//! ```
//!
//! # JSON for people
//!
//! It is codec 4, and no second mapping: integers are exact whatever their width, bytes are an array of numbers or a string (whose UTF-8 bytes
//! they are), a variant is `"Name"` or `{"Name": …}`. Read from people ([`from_json`]) rather than from a peer, a field that a type does not
//! have is refused even where the type would ignore it: it is a slip of the pen.
//!
//! # What a shape does not say
//!
//! * A field with a default may be missing from a [`Value::Struct`], but only in a codec that names fields: which value the
//!   receiver would take is known to it alone.
//! * A type that is text in JSON and something else elsewhere ([`Shape::TextOr`]) is read as what it is in that codec. How to make
//!   one of the other is not known: a text is refused in the other codecs; the other is written in JSON as it is, which
//!   people can read and no peer takes.
//! * What [`Shape::Opaque`] stands for is not known at all, and refused by its name; so are names that the table does not have,
//!   and newtypes that lead in circles.
//!
//! # What a peer cannot do
//!
//! Both the bytes and the shapes may be a peer's. On top of the codecs' guard, everything that a shape makes without a byte
//! being read for it (fields, boxes, the elements of an array) is charged in advance against `max_decoded_bytes`, so that a value
//! takes at most about twice as much; `max_depth` holds for what shapes nest as it does for types.

mod context;
mod names;
mod read;
mod write;

use std::collections::HashMap;

use bytes::Bytes;

use self::context::Context;
use self::names::Names;
use self::read::ByShape;
use self::write::Written;
use super::{Shape, TypeDef};
use crate::codec::{CodecError, CodecId, DecodeLimits, decode_seed, encode_value};
use crate::typed::Parameter;

/// A value of serde's data model, as a [`Shape`] describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bool`.
    Bool(bool),
    /// An integer. The shape says which; the value must be one of its.
    Unsigned(u128),
    /// An integer that may be negative. The shape says which, and it may be an unsigned one.
    Signed(i128),
    /// `f32`.
    F32(f32),
    /// `f64`.
    F64(f64),
    /// `char`.
    Char(char),
    /// `string`, and `text_or` where it is text.
    String(String),
    /// `bytes`, and `raw`.
    Bytes(Vec<u8>),
    /// `unit`, a struct without fields, and what a variant without fields holds.
    Unit,
    /// `option`.
    Option(Option<Box<Self>>),
    /// `seq`.
    Seq(Vec<Self>),
    /// `map`, in the order of the bytes.
    Map(Vec<(Self, Self)>),
    /// `tuple`, `array`, and the fields of a struct or a variant that have no names.
    Tuple(Vec<Self>),
    /// The fields of a struct or a variant that have names, in the order of the type; `None` is one that is missing.
    Struct(Vec<Option<Self>>),
    /// Which variant of an enum, counted from 0, and what it holds: [`Unit`](Self::Unit), the value of a newtype,
    /// [`Tuple`](Self::Tuple) or [`Struct`](Self::Struct).
    Variant(u32, Box<Self>),
}

/// The structs and enums of a description, by their names. Making one looks at every name once: make one for many values.
#[derive(Clone, Debug, Default)]
pub struct TypeTable<'a> {
    defs: HashMap<&'a str, &'a TypeDef>,
    names: Names<'a>,
}

impl<'a> TypeTable<'a> {
    /// Of the `types` of a [`Description`](crate::typed::Description).
    pub fn new(types: &'a [TypeDef]) -> Self {
        let mut table = Self::default();
        for def in types {
            table.defs.insert(&def.name, def);
            table.names.add(def);
        }
        table
    }

    /// The type of that name.
    pub fn get(&self, name: &str) -> Option<&'a TypeDef> {
        self.defs.get(name).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.defs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.defs.is_empty()
    }
}

/// What is written or read as one message.
#[derive(Clone, Copy)]
enum Node<'a> {
    Shape(&'a Shape),
    /// The arguments of a call.
    Arguments(&'a [Parameter]),
    /// The answer of a method with errors of its own.
    Outcome(&'a Shape, &'a Shape),
}

/// The message that `value` is in `codec`: of `raw`, the bytes in any codec.
pub fn encode(
    codec: CodecId,
    shape: &Shape,
    types: &TypeTable<'_>,
    value: &Value,
) -> Result<Bytes, CodecError> {
    match (shape, value) {
        (Shape::Raw, Value::Bytes(bytes)) => Ok(Bytes::copy_from_slice(bytes)),
        _ => write(codec, Node::Shape(shape), types, &Written::Value(value)),
    }
}

/// The value that takes exactly all of `bytes`, within `limits`.
pub fn decode(
    codec: CodecId,
    shape: &Shape,
    types: &TypeTable<'_>,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Value, CodecError> {
    match shape {
        Shape::Raw => Ok(Value::Bytes(bytes.to_vec())),
        _ => read(codec, Node::Shape(shape), types, bytes, limits, false),
    }
}

/// Message 0 of a call: `values` one after another, or in an array (clause 9.1).
pub fn encode_arguments(
    codec: CodecId,
    parameters: &[Parameter],
    types: &TypeTable<'_>,
    values: &[Value],
) -> Result<Bytes, CodecError> {
    write(codec, Node::Arguments(parameters), types, &Written::Elements(values))
}

/// The arguments that take exactly all of `bytes`.
pub fn decode_arguments(
    codec: CodecId,
    parameters: &[Parameter],
    types: &TypeTable<'_>,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Vec<Value>, CodecError> {
    match read(codec, Node::Arguments(parameters), types, bytes, limits, false)? {
        Value::Tuple(values) => Ok(values),
        // Arguments are never read as anything else.
        other => Ok(vec![other]),
    }
}

/// An answer, or an item of an answer, of a method that answers `answer` and has errors of its own if there is an `error` (clause 6.5).
pub fn encode_answer(
    codec: CodecId,
    answer: &Shape,
    error: Option<&Shape>,
    types: &TypeTable<'_>,
    outcome: Result<&Value, &Value>,
) -> Result<Bytes, CodecError> {
    match (error, outcome) {
        (None, Ok(value)) => encode(codec, answer, types, value),
        (None, Err(_)) => {
            Err(CodecError::Encode { codec, what: "the method has no errors of its own".into() })
        }
        (Some(error), outcome) => {
            write(codec, Node::Outcome(answer, error), types, &Written::Outcome(outcome))
        }
    }
}

/// What [`encode_answer`] makes, read.
pub fn decode_answer(
    codec: CodecId,
    answer: &Shape,
    error: Option<&Shape>,
    types: &TypeTable<'_>,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Result<Value, Value>, CodecError> {
    let Some(error) = error else { return decode(codec, answer, types, bytes, limits).map(Ok) };
    match read(codec, Node::Outcome(answer, error), types, bytes, limits, false)? {
        Value::Variant(0, value) => Ok(Ok(*value)),
        Value::Variant(_, value) => Ok(Err(*value)),
        // Outcomes are never read as anything else.
        other => Ok(Ok(other)),
    }
}

/// The value that a person wrote as JSON: codec 4, in which a field that the type does not have is always refused.
#[cfg(feature = "json")]
pub fn from_json(
    shape: &Shape,
    types: &TypeTable<'_>,
    text: &str,
    limits: &DecodeLimits,
) -> Result<Value, CodecError> {
    // As bytes are; a whole message is no different.
    let shape = if matches!(shape, Shape::Raw) { &Shape::Bytes } else { shape };
    read(CodecId::Json, Node::Shape(shape), types, text.as_bytes(), limits, true)
}

/// The arguments that a person wrote as one JSON array: as [`from_json`] each.
#[cfg(feature = "json")]
pub fn arguments_from_json(
    parameters: &[Parameter],
    types: &TypeTable<'_>,
    text: &str,
    limits: &DecodeLimits,
) -> Result<Vec<Value>, CodecError> {
    match read(CodecId::Json, Node::Arguments(parameters), types, text.as_bytes(), limits, true)? {
        Value::Tuple(values) => Ok(values),
        // Arguments are never read as anything else.
        other => Ok(vec![other]),
    }
}

/// The value as JSON, on one line.
#[cfg(feature = "json")]
pub fn to_json(shape: &Shape, types: &TypeTable<'_>, value: &Value) -> Result<String, CodecError> {
    let shape = if matches!(shape, Shape::Raw) { &Shape::Bytes } else { shape };
    let bytes = encode(CodecId::Json, shape, types, value)?;
    // JSON is text.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(
    codec: CodecId,
    node: Node<'_>,
    types: &TypeTable<'_>,
    value: &Written<'_>,
) -> Result<Bytes, CodecError> {
    let context = Context::new(codec, types, false, usize::MAX);
    let mut out = Vec::new();
    let value = write::Typed::new(&context, node, value);
    match encode_value(codec, &value, &mut out) {
        Ok(()) => Ok(out.into()),
        Err(error) => Err(context.explain(error)),
    }
}

fn read(
    codec: CodecId,
    node: Node<'_>,
    types: &TypeTable<'_>,
    bytes: &[u8],
    limits: &DecodeLimits,
    strict: bool,
) -> Result<Value, CodecError> {
    let context = Context::new(codec, types, strict, limits.max_decoded_bytes);
    decode_seed(codec, ByShape::new(&context, node), bytes, limits).map_err(|error| context.explain(error))
}
