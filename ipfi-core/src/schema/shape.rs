//! The tree.

use serde::{Deserialize, Serialize};

/// What a value looks like, in the words of serde's data model: clause 15.3.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// An unsigned integer of 8 bits.
    U8,
    /// An unsigned integer of 16 bits.
    U16,
    /// An unsigned integer of 32 bits.
    U32,
    /// An unsigned integer of 64 bits; `usize` too.
    U64,
    /// An unsigned integer of 128 bits.
    U128,
    /// A signed integer of 8 bits.
    I8,
    /// A signed integer of 16 bits.
    I16,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 64 bits; `isize` too.
    I64,
    /// A signed integer of 128 bits.
    I128,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
    /// One character.
    Char,
    /// Text.
    String,
    /// Bytes that were written as such (`serialize_bytes`); a `Vec<u8>` is a sequence.
    Bytes,
    /// Nothing.
    Unit,
    /// A message as it is: codec 0.
    Raw,
    /// A value, or none.
    Option(Box<Self>),
    /// Any number of values.
    Seq(Box<Self>),
    /// Keys and values.
    Map(Box<Self>, Box<Self>),
    /// Values one after another.
    Tuple(Vec<Self>),
    /// So many values of one shape; travels as the tuple of them.
    Array(Box<Self>, u32),
    /// Text in a codec for people (JSON), in others this.
    TextOr(Box<Self>),
    /// A type of the table, by its name.
    Type(String),
    /// A type that does not say what it looks like, by its name in Rust.
    Opaque(String),
}

/// A struct or an enum of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TypeDef {
    /// Its name in the table.
    pub name: String,
    /// What its documentation says.
    pub doc: String,
    /// Whether it refuses fields that it does not know.
    pub closed: bool,
    /// What it is made of.
    pub form: Form,
}

/// What a type is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Fields.
    Struct(Fields),
    /// One of several; their order is their index.
    Enum(Vec<Variant>),
}

/// The fields of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// None, not even parentheses.
    Unit,
    /// One without a name: travels as its value.
    Newtype(Shape),
    /// Several without names.
    Tuple(Vec<Shape>),
    /// Named ones.
    Named(Vec<Field>),
}

/// A named field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// Its name, as it travels in a codec with names.
    pub name: String,
    /// What its documentation says.
    pub doc: String,
    /// What it holds.
    pub shape: Shape,
    /// Whether a receiver makes a value of its own where it is missing.
    pub default: bool,
}

/// One of several forms of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Variant {
    /// Its name, as it travels in a codec with names.
    pub name: String,
    /// What its documentation says.
    pub doc: String,
    /// What it holds.
    pub fields: Fields,
}

impl Shape {
    /// A value of `shape`, or none.
    pub fn option(shape: Self) -> Self {
        Self::Option(Box::new(shape))
    }

    /// Any number of values of `shape`.
    pub fn seq(shape: Self) -> Self {
        Self::Seq(Box::new(shape))
    }

    /// Keys and values.
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }
}

impl Field {
    /// A field that must be there.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        Self { name: name.into(), doc: String::new(), shape, default: false }
    }

    /// With its documentation.
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        doc.clone_into(&mut self.doc);
        self
    }

    /// One that may be missing.
    #[must_use]
    pub fn or_default(mut self) -> Self {
        self.default = true;
        self
    }
}

impl Variant {
    /// A variant with its fields.
    pub fn new(name: impl Into<String>, fields: Fields) -> Self {
        Self { name: name.into(), doc: String::new(), fields }
    }

    /// With its documentation.
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        doc.clone_into(&mut self.doc);
        self
    }
}
