//! A [`Value`] read as serde reads the type that has its shape: the same methods of the deserializer, so that the same bytes
//! are taken and refused, and nothing less is counted by the guard.

use core::fmt;

use bytes::Bytes;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::context::{Contents, Context, Elements, Made, Reading, Step, Variants, listed};
use super::write::{RAW, opaque};
use super::{Node, Value};
use crate::schema::{Field, Shape, TypeDef};

/// The seed of a value with a shape.
#[derive(Clone, Copy)]
pub(super) struct ByShape<'c, 'a> {
    context: &'c Context<'a>,
    node: Node<'a>,
    /// Newtypes gone through to get here.
    hops: usize,
}

impl<'c, 'a> ByShape<'c, 'a> {
    pub(super) fn new(context: &'c Context<'a>, node: Node<'a>) -> Self {
        Self { context, node, hops: 0 }
    }

    fn inner(context: &'c Context<'a>, shape: &'a Shape) -> Self {
        Self::new(context, Node::Shape(shape))
    }

    fn fail<E: Error>(&self, text: impl fmt::Display) -> E {
        self.context.fail::<Reading<E>>(text).0
    }
}

impl<'de> DeserializeSeed<'de> for ByShape<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.node {
            Node::Shape(shape) => self.shape(shape, deserializer),
            Node::Arguments(parameters) => tuple(self.context, Elements::Arguments(parameters), deserializer),
            Node::Outcome(ok, error) => {
                let variants = Variants::Outcome(ok, error);
                deserializer.deserialize_enum("", &[], EnumVisitor { context: self.context, variants })
            }
        }
    }
}

impl<'a> ByShape<'_, 'a> {
    fn shape<'de, D: Deserializer<'de>>(self, shape: &'a Shape, deserializer: D) -> Result<Value, D::Error> {
        macro_rules! read {
            ($ty:ty, $it:ident => $value:expr) => {{
                let $it = <$ty>::deserialize(deserializer)?;
                Ok($value)
            }};
        }
        let context = self.context;
        match shape {
            Shape::Bool => read!(bool, it => Value::Bool(it)),
            Shape::U8 => read!(u8, it => Value::Unsigned(it.into())),
            Shape::U16 => read!(u16, it => Value::Unsigned(it.into())),
            Shape::U32 => read!(u32, it => Value::Unsigned(it.into())),
            Shape::U64 => read!(u64, it => Value::Unsigned(it.into())),
            Shape::U128 => read!(u128, it => Value::Unsigned(it)),
            Shape::I8 => read!(i8, it => Value::Signed(it.into())),
            Shape::I16 => read!(i16, it => Value::Signed(it.into())),
            Shape::I32 => read!(i32, it => Value::Signed(it.into())),
            Shape::I64 => read!(i64, it => Value::Signed(it.into())),
            Shape::I128 => read!(i128, it => Value::Signed(it)),
            Shape::F32 => read!(f32, it => Value::F32(it)),
            Shape::F64 => read!(f64, it => Value::F64(it)),
            Shape::Char => read!(char, it => Value::Char(it)),
            Shape::String => read!(String, it => Value::String(it)),
            Shape::Bytes => read!(Bytes, it => Value::Bytes(it.into())),
            Shape::Unit => read!((), it => { let () = it; Value::Unit }),
            Shape::Option(inner) => {
                deserializer.deserialize_option(OptionVisitor(Self::inner(context, inner)))
            }
            Shape::Seq(inner) => deserializer.deserialize_seq(SeqVisitor(Self::inner(context, inner))),
            Shape::Map(key, value) => deserializer
                .deserialize_map(MapVisitor(Self::inner(context, key), Self::inner(context, value))),
            Shape::Tuple(shapes) => tuple(context, Elements::Each(shapes), deserializer),
            Shape::Array(shape, len) => tuple(context, Elements::Same(shape, *len as usize), deserializer),
            Shape::TextOr(_) if deserializer.is_human_readable() => {
                read!(String, it => Value::String(it))
            }
            Shape::TextOr(inner) => self.shape(inner, deserializer),
            Shape::Type(name) => match context.type_named(name, self.hops) {
                Ok(def) => self.def(def, deserializer),
                Err(text) => Err(self.fail(text)),
            },
            Shape::Opaque(name) => Err(self.fail(opaque(name))),
            Shape::Raw => Err(self.fail(RAW)),
        }
    }

    fn def<'de, D: Deserializer<'de>>(self, def: &'a TypeDef, deserializer: D) -> Result<Value, D::Error> {
        let context = self.context;
        match Made::from(def) {
            Made::Struct(Contents::Unit) => deserializer.deserialize_unit_struct("", UnitVisitor(def)),
            Made::Struct(Contents::Newtype(shape)) => {
                let inner = Self { context, node: Node::Shape(shape), hops: self.hops + 1 };
                deserializer.deserialize_newtype_struct("", NewtypeVisitor(inner))
            }
            Made::Struct(Contents::Tuple(shapes)) => tuple(context, shapes, deserializer),
            Made::Struct(Contents::Named(fields)) => {
                let visitor = FieldsVisitor { context, fields, def };
                context.charge::<Reading<D::Error>>(fields.len()).map_err(|error| error.0)?;
                if context.named() {
                    // Neither of the codecs that read names asks for them beforehand.
                    deserializer.deserialize_struct("", &[], visitor)
                } else {
                    deserializer.deserialize_tuple(fields.len(), visitor)
                }
            }
            Made::Enum(variants) => deserializer.deserialize_enum("", &[], EnumVisitor { context, variants }),
        }
    }
}

/// A value in a block of its own.
fn boxed<E: Error>(context: &Context<'_>) -> Result<(), E> {
    context.charge::<Reading<E>>(1).map_err(|error| error.0)
}

struct UnitVisitor<'a>(&'a TypeDef);

impl<'de> Visitor<'de> for UnitVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unit struct {}", self.0.name)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unit)
    }
}

struct NewtypeVisitor<'c, 'a>(ByShape<'c, 'a>);

impl<'de> Visitor<'de> for NewtypeVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a newtype struct")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.deserialize(deserializer)
    }
}

struct OptionVisitor<'c, 'a>(ByShape<'c, 'a>);

impl<'de> Visitor<'de> for OptionVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("option")
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Option(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        boxed(self.0.context)?;
        Ok(Value::Option(Some(Box::new(self.0.deserialize(deserializer)?))))
    }
}

struct SeqVisitor<'c, 'a>(ByShape<'c, 'a>);

impl<'de> Visitor<'de> for SeqVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        // The guard's hint: a claim has become no more than there can be.
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0));
        while let Some(value) =
            self.0.context.within(Step::Element(values.len()), || seq.next_element_seed(self.0))?
        {
            values.push(value);
        }
        Ok(Value::Seq(values))
    }
}

struct MapVisitor<'c, 'a>(ByShape<'c, 'a>, ByShape<'c, 'a>);

impl<'de> Visitor<'de> for MapVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let context = self.0.context;
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(key) = context.within(Step::Key(entries.len()), || map.next_key_seed(self.0))? {
            let value = context.within(Step::Element(entries.len()), || map.next_value_seed(self.1))?;
            entries.push((key, value));
        }
        Ok(Value::Map(entries))
    }
}

fn tuple<'de, 'a, D: Deserializer<'de>>(
    context: &Context<'a>,
    shapes: Elements<'a>,
    deserializer: D,
) -> Result<Value, D::Error> {
    context.charge::<Reading<D::Error>>(shapes.len()).map_err(|error| error.0)?;
    deserializer.deserialize_tuple(shapes.len(), TupleVisitor { context, shapes })
}

struct TupleVisitor<'c, 'a> {
    context: &'c Context<'a>,
    shapes: Elements<'a>,
}

impl<'de> Visitor<'de> for TupleVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if matches!(self.shapes, Elements::Arguments(_)) { "arguments" } else { "elements" };
        write!(f, "{} {what}", self.shapes.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(self.shapes.len()));
        while let Some((step, shape)) = self.shapes.get(values.len()) {
            let seed = ByShape::inner(self.context, shape);
            let Some(value) = self.context.within(step, || seq.next_element_seed(seed))? else {
                return Err(A::Error::invalid_length(values.len(), &self));
            };
            values.push(value);
        }
        Ok(Value::Tuple(values))
    }
}

/// Named fields.
struct FieldsVisitor<'c, 'a> {
    context: &'c Context<'a>,
    fields: &'a [Field],
    def: &'a TypeDef,
}

impl<'a> FieldsVisitor<'_, 'a> {
    fn missing<E: Error>(&self, field: &'a Field) -> Result<Option<Value>, E> {
        match field.shape {
            // Where there are names; in a row serde has nothing for it either.
            Shape::Option(_) if self.context.named() => Ok(Some(Value::Option(None))),
            _ if field.default => Ok(None),
            _ => Err(self.context.fail::<Reading<E>>(format_args!("missing field `{}`", field.name)).0),
        }
    }
}

impl<'de> Visitor<'de> for FieldsVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} fields", self.def.name, self.fields.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(self.fields.len());
        for field in self.fields {
            let seed = ByShape::inner(self.context, &field.shape);
            let step = Step::Field(&field.name);
            match self.context.within(step, || seq.next_element_seed(seed))? {
                Some(value) => values.push(Some(value)),
                None if field.default => values.push(None),
                None => return Err(A::Error::invalid_length(values.len(), &self)),
            }
        }
        Ok(Value::Struct(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let context = self.context;
        let mut values: Vec<Option<Value>> = Vec::new();
        values.resize_with(self.fields.len(), || None);
        let names = || self.fields.iter().map(|field| &*field.name);
        let mut expected = 0;
        loop {
            let seed =
                Name { find: |name: &[u8]| context.names().find(self.fields, name, expected), index: None };
            let at = match map.next_key_seed(seed)? {
                None => break,
                Some(Named::Known(at)) => at,
                Some(Named::Unknown(name)) if context.refuses_unknown(self.def) => {
                    let text = format!("unknown field `{name}`, expected {}", listed(names()));
                    return Err(context.fail::<Reading<A::Error>>(text).0);
                }
                Some(Named::Unknown(_)) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            expected = at + 1;
            let (Some(field), Some(value)) = (self.fields.get(at), values.get_mut(at)) else { continue };
            if value.is_some() {
                return Err(context
                    .fail::<Reading<A::Error>>(format_args!("duplicate field `{}`", field.name))
                    .0);
            }
            let seed = ByShape::inner(context, &field.shape);
            *value = Some(context.within(Step::Field(&field.name), || map.next_value_seed(seed))?);
        }
        for (field, value) in self.fields.iter().zip(&mut values) {
            if value.is_none() {
                *value = self.missing(field)?;
            }
        }
        Ok(Value::Struct(values))
    }
}

/// The name of a field or of a variant, or a variant's number.
struct Name<F> {
    find: F,
    /// How many there are, if a number is taken too.
    index: Option<usize>,
}

enum Named {
    Known(usize),
    /// As it was, shortened.
    Unknown(String),
}

impl<'de, F: Fn(&[u8]) -> Option<usize>> DeserializeSeed<'de> for Name<F> {
    type Value = Named;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Named, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, F: Fn(&[u8]) -> Option<usize>> Visitor<'de> for Name<F> {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.index.is_some() { "the name of a variant" } else { "the name of a field" })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Named, E> {
        let Some(count) = self.index else {
            return Ok(Named::Unknown(number.to_string()));
        };
        Ok(match usize::try_from(number) {
            Ok(n) if n < count => Named::Known(n),
            _ => Named::Unknown(number.to_string()),
        })
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Named, E> {
        self.visit_bytes(name.as_bytes())
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Named, E> {
        const SHOWN: usize = 60;
        Ok(match (self.find)(name) {
            Some(at) => Named::Known(at),
            None => Named::Unknown(String::from_utf8_lossy(name.get(..SHOWN).unwrap_or(name)).into_owned()),
        })
    }
}

struct EnumVisitor<'c, 'a> {
    context: &'c Context<'a>,
    variants: Variants<'a>,
}

impl<'de> Visitor<'de> for EnumVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enum {}", self.variants.name())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let Self { context, variants } = self;
        let seed =
            Name { find: |name: &[u8]| variants.find(context.names(), name), index: Some(variants.len()) };
        let (n, access) = match access.variant_seed(seed)? {
            (Named::Known(n), access) => (n, access),
            (Named::Unknown(name), _) => {
                let text = format!(
                    "unknown variant `{name}` of {}, expected {}",
                    variants.name(),
                    variants.expected()
                );
                return Err(context.fail::<Reading<A::Error>>(text).0);
            }
        };
        let (Some((name, contents)), Ok(index)) = (variants.get(n), u32::try_from(n)) else {
            return Err(A::Error::custom("no such variant"));
        };
        boxed(context)?;
        let value = context.within(Step::Variant(name), || match contents {
            Contents::Unit => access.unit_variant().map(|()| Value::Unit),
            Contents::Newtype(shape) => {
                access.newtype_variant_seed(ByShape { hops: 1, ..ByShape::inner(context, shape) })
            }
            Contents::Tuple(shapes) => {
                context.charge::<Reading<A::Error>>(shapes.len()).map_err(|error| error.0)?;
                access.tuple_variant(shapes.len(), TupleVisitor { context, shapes })
            }
            Contents::Named(fields) => {
                context.charge::<Reading<A::Error>>(fields.len()).map_err(|error| error.0)?;
                let Some(def) = variants.def() else { return Err(A::Error::custom("no such variant")) };
                let visitor = FieldsVisitor { context, fields, def };
                if context.named() {
                    access.struct_variant(&[], visitor)
                } else {
                    access.tuple_variant(fields.len(), visitor)
                }
            }
        })?;
        Ok(Value::Variant(index, Box::new(value)))
    }
}
