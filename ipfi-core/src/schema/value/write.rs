//! A [`Value`] as serde writes the type that has its shape.
//!
//! serde wants the names of types, fields and variants to be known when the program is built. No codec uses those of types;
//! the others are written as the keys of a map or a string, by hand, in the codecs that have them, where it is the
//! same; in the codecs that go by place they are left empty.

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};

use super::context::{Contents, Context, Elements, Made, Step, Variants, Writing};
use super::{Node, Value};
use crate::schema::{Field, Shape};

/// What is to be written.
#[derive(Clone, Copy)]
pub(super) enum Written<'v> {
    Value(&'v Value),
    Elements(&'v [Value]),
    Outcome(Result<&'v Value, &'v Value>),
}

/// A value with its shape.
pub(super) struct Typed<'c, 'a, 'v> {
    context: &'c Context<'a>,
    node: Node<'a>,
    value: Written<'v>,
    /// Newtypes gone through to get here.
    hops: usize,
}

/// What a variant holds, or a newtype: written without being asked for its own form.
struct Held<'c, 'a, 'v> {
    context: &'c Context<'a>,
    contents: Contents<'a>,
    value: &'v Value,
    hops: usize,
}

impl<'c, 'a, 'v> Typed<'c, 'a, 'v> {
    pub(super) fn new(context: &'c Context<'a>, node: Node<'a>, value: &Written<'v>) -> Self {
        Self { context, node, value: *value, hops: 0 }
    }

    fn inner(context: &'c Context<'a>, shape: &'a Shape, value: &'v Value) -> Self {
        Self { context, node: Node::Shape(shape), value: Written::Value(value), hops: 0 }
    }

    fn fail<E: Error>(&self, text: impl core::fmt::Display) -> E {
        self.context.fail::<Writing<E>>(text).0
    }

    /// The value is not one of the shape.
    fn mismatch<E: Error>(&self, shape: &Shape, value: &Value) -> E {
        self.fail(format_args!("{shape} expected, not {}", value.kind()))
    }
}

impl Value {
    /// What it is, for an error.
    fn kind(&self) -> String {
        match self {
            Self::Bool(it) => format!("the boolean {it}"),
            Self::Unsigned(it) => format!("the integer {it}"),
            Self::Signed(it) => format!("the integer {it}"),
            Self::F32(_) => "a float of 32 bits".to_owned(),
            Self::F64(_) => "a float of 64 bits".to_owned(),
            Self::Char(_) => "a character".to_owned(),
            Self::String(_) => "text".to_owned(),
            Self::Bytes(_) => "bytes".to_owned(),
            Self::Unit => "nothing".to_owned(),
            Self::Option(_) => "an optional value".to_owned(),
            Self::Seq(_) => "a sequence".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Tuple(it) => format!("a tuple of {}", it.len()),
            Self::Struct(it) => format!("a struct of {} fields", it.len()),
            Self::Variant(n, _) => format!("variant {n} of an enum"),
        }
    }

    fn integer<T: TryFrom<u128> + TryFrom<i128>>(&self) -> Option<T> {
        match *self {
            Self::Unsigned(it) => it.try_into().ok(),
            Self::Signed(it) => it.try_into().ok(),
            _ => None,
        }
    }
}

impl Serialize for Typed<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.node, self.value) {
            (Node::Shape(shape), Written::Value(value)) => self.shape(shape, value, serializer),
            (Node::Arguments(parameters), Written::Elements(values)) => {
                tuple(self.context, Elements::Arguments(parameters), values, serializer)
            }
            (Node::Outcome(ok, error), Written::Outcome(outcome)) => {
                let (n, value) = match outcome {
                    Ok(value) => (0, value),
                    Err(value) => (1, value),
                };
                variant(self.context, Variants::Outcome(ok, error), n, value, serializer)
            }
            // The functions of this module give one with the other.
            _ => Err(self.fail("a value of another form expected")),
        }
    }
}

impl<'a> Typed<'_, 'a, '_> {
    /// Whether text may be what a shape is in a codec that is not for people.
    fn may_be_text(&self, shape: &Shape) -> bool {
        match shape {
            Shape::String => true,
            Shape::Type(name) => matches!(
                self.context.type_named(name, self.hops).map(Made::from),
                Ok(Made::Struct(Contents::Newtype(_)))
            ),
            _ => false,
        }
    }

    fn shape<S: Serializer>(
        &self,
        shape: &'a Shape,
        value: &Value,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        macro_rules! integers {
            ($($shape:ident $write:ident)*) => {
                match shape {
                    $(Shape::$shape => match value.integer() {
                        Some(integer) => return serializer.$write(integer),
                        None => return Err(self.mismatch(shape, value)),
                    },)*
                    _ => {}
                }
            };
        }
        integers! {
            U8 serialize_u8 U16 serialize_u16 U32 serialize_u32 U64 serialize_u64 U128 serialize_u128
            I8 serialize_i8 I16 serialize_i16 I32 serialize_i32 I64 serialize_i64 I128 serialize_i128
        }
        let context = self.context;
        match (shape, value) {
            (Shape::Bool, Value::Bool(it)) => serializer.serialize_bool(*it),
            (Shape::F32, Value::F32(it)) => serializer.serialize_f32(*it),
            (Shape::F64, Value::F64(it)) => serializer.serialize_f64(*it),
            (Shape::Char, Value::Char(it)) => serializer.serialize_char(*it),
            (Shape::String, Value::String(it)) => serializer.serialize_str(it),
            (Shape::Bytes, Value::Bytes(it)) => serializer.serialize_bytes(it),
            (Shape::Unit, Value::Unit) => serializer.serialize_unit(),
            (Shape::Option(_), Value::Option(None)) => serializer.serialize_none(),
            (Shape::Option(shape), Value::Option(Some(it))) => {
                serializer.serialize_some(&Typed::inner(context, shape, it))
            }
            (Shape::Seq(shape), Value::Seq(values)) => {
                let mut seq = serializer.serialize_seq(Some(values.len()))?;
                for (n, value) in values.iter().enumerate() {
                    let value = Typed::inner(context, shape, value);
                    context.within(Step::Element(n), || seq.serialize_element(&value))?;
                }
                seq.end()
            }
            (Shape::Map(key_shape, shape), Value::Map(entries)) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (n, (key, value)) in entries.iter().enumerate() {
                    let key = Typed::inner(context, key_shape, key);
                    context.within(Step::Key(n), || map.serialize_key(&key))?;
                    let value = Typed::inner(context, shape, value);
                    context.within(Step::Element(n), || map.serialize_value(&value))?;
                }
                map.end()
            }
            (Shape::Tuple(shapes), Value::Tuple(values)) => {
                tuple(context, Elements::Each(shapes), values, serializer)
            }
            (Shape::Array(shape, len), Value::Tuple(values)) => {
                tuple(context, Elements::Same(shape, *len as usize), values, serializer)
            }
            (Shape::TextOr(_), Value::String(text)) if serializer.is_human_readable() => {
                serializer.serialize_str(text)
            }
            (Shape::TextOr(inner), Value::String(_)) if !self.may_be_text(inner) => Err(self.fail(
                format_args!("this is text in JSON only; its form in {} is {inner}", self.context.codec()),
            )),
            (Shape::TextOr(inner), value) => self.shape(inner, value, serializer),
            (Shape::Type(name), value) => match context.type_named(name, self.hops) {
                Ok(def) => match Made::from(def) {
                    Made::Struct(contents) => {
                        Held { context, contents, value, hops: self.hops }.whole(serializer)
                    }
                    Made::Enum(variants) => match value {
                        Value::Variant(n, value) => variant(context, variants, *n, value, serializer),
                        _ => Err(self.mismatch(shape, value)),
                    },
                },
                Err(text) => Err(self.fail(text)),
            },
            (Shape::Opaque(name), _) => Err(self.fail(opaque(name))),
            (Shape::Raw, _) => Err(self.fail(RAW)),
            _ => Err(self.mismatch(shape, value)),
        }
    }
}

pub(super) const RAW: &str = "bytes that are a whole message cannot be inside a value";

pub(super) fn opaque(name: &str) -> String {
    format!("{name} does not say what it looks like")
}

/// The elements of a tuple; of arguments too, which are none in an array when there are none.
fn tuple<'a, S: Serializer>(
    context: &Context<'a>,
    shapes: Elements<'a>,
    values: &[Value],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if shapes.len() != values.len() {
        let (expected, seen) = (shapes.len(), values.len());
        let what = if matches!(shapes, Elements::Arguments(_)) { "arguments" } else { "elements" };
        return Err(context
            .fail::<Writing<S::Error>>(format_args!("{expected} {what} expected, not {seen}"))
            .0);
    }
    let mut tuple = serializer.serialize_tuple(values.len())?;
    for (n, value) in values.iter().enumerate() {
        if let Some((step, shape)) = shapes.get(n) {
            context.within(step, || tuple.serialize_element(&Typed::inner(context, shape, value)))?;
        }
    }
    tuple.end()
}

/// A variant and what it holds.
fn variant<'a, S: Serializer>(
    context: &Context<'a>,
    variants: Variants<'a>,
    n: u32,
    value: &Value,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some((name, contents)) = usize::try_from(n).ok().and_then(|n| variants.get(n)) else {
        let text = format!("{} has no variant {n}, but {}", variants.name(), variants.expected());
        return Err(context.fail::<Writing<S::Error>>(text).0);
    };
    let held = Held { context, contents, value, hops: 0 };
    context.within(Step::Variant(name), || match (contents, context.named()) {
        (Contents::Unit, named) => match value {
            Value::Unit if named => serializer.serialize_str(name),
            Value::Unit => serializer.serialize_unit_variant("", n, ""),
            _ => Err(held.mismatch("no fields")),
        },
        (_, false) => serializer.serialize_newtype_variant("", n, "", &held),
        (_, true) => {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(name, &held)?;
            map.end()
        }
    })
}

impl Serialize for Held<'_, '_, '_> {
    /// What a variant holds. The codecs that go by place write fields in a row, without a length, whether they are in a
    /// tuple, a struct or a variant; so what a variant holds is written as if it were alone.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.contents {
            Contents::Newtype(shape) => self.newtype(shape).serialize(serializer),
            _ => self.whole(serializer),
        }
    }
}

impl<'c, 'a, 'v> Held<'c, 'a, 'v> {
    fn mismatch<E: Error>(&self, expected: &str) -> E {
        self.context.fail::<Writing<E>>(format_args!("{expected} expected, not {}", self.value.kind())).0
    }

    fn newtype(&self, shape: &'a Shape) -> Typed<'c, 'a, 'v> {
        let Self { context, value, hops, .. } = *self;
        Typed { context, node: Node::Shape(shape), value: Written::Value(value), hops: hops + 1 }
    }

    /// A struct.
    fn whole<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.contents, self.value) {
            (Contents::Unit, Value::Unit) => serializer.serialize_unit_struct(""),
            (Contents::Newtype(shape), _) => serializer.serialize_newtype_struct("", &self.newtype(shape)),
            (Contents::Tuple(shapes), Value::Tuple(values)) => {
                tuple(self.context, shapes, values, serializer)
            }
            (Contents::Named(fields), Value::Struct(values)) if fields.len() == values.len() => {
                if self.context.named() {
                    self.by_name(fields, values, serializer)
                } else {
                    self.by_place(fields, values, serializer)
                }
            }
            (Contents::Unit, _) => Err(self.mismatch("a struct without fields")),
            (Contents::Tuple(shapes), _) => {
                Err(self.mismatch(&format!("{} fields without names", shapes.len())))
            }
            (Contents::Named(fields), _) => Err(self.mismatch(&format!("{} named fields", fields.len()))),
        }
    }

    fn by_name<S: Serializer>(
        &self,
        fields: &'a [Field],
        values: &[Option<Value>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(values.iter().flatten().count()))?;
        for (field, value) in fields.iter().zip(values) {
            self.context.within(Step::Field(&field.name), || match value {
                Some(value) => {
                    map.serialize_entry(&field.name, &Typed::inner(self.context, &field.shape, value))
                }
                None if field.default || matches!(field.shape, Shape::Option(_)) => Ok(()),
                None => Err(self.context.fail::<Writing<S::Error>>("is missing").0),
            })?;
        }
        map.end()
    }

    fn by_place<S: Serializer>(
        &self,
        fields: &'a [Field],
        values: &[Option<Value>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        const NONE: Value = Value::Option(None);
        let mut written = serializer.serialize_struct("", fields.len())?;
        for (field, value) in fields.iter().zip(values) {
            let value = match value {
                None if matches!(field.shape, Shape::Option(_)) => Some(&NONE),
                value => value.as_ref(),
            };
            self.context.within(Step::Field(&field.name), || match value {
                Some(value) => written.serialize_field("", &Typed::inner(self.context, &field.shape, value)),
                None if field.default => {
                    let text = format!(
                        "is missing; its default is known to the receiver alone, and {} cannot leave it out",
                        self.context.codec()
                    );
                    Err(self.context.fail::<Writing<S::Error>>(text).0)
                }
                None => Err(self.context.fail::<Writing<S::Error>>("is missing").0),
            })?;
        }
        written.end()
    }
}
