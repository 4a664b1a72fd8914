//! What one message's values are written or read with: the table, where in the value it is, what it has cost.

use core::cell::{Cell, RefCell};
use core::fmt::{self, Write};

use super::names::Names;
use super::{TypeTable, Value};
use crate::codec::{CodecError, CodecId};
use crate::schema::{Field, Fields, Form, Shape, TypeDef, Variant};
use crate::status::OneLine;
use crate::typed::Parameter;

/// What each block of heap is charged on top of its contents, as the guard does.
const ALLOCATION: usize = 16;

/// One step into a value.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Argument(usize, &'a str),
    Field(&'a str),
    Element(usize),
    Key(usize),
    Variant(&'a str),
}

/// Why a value was refused by its shape, or by what it takes.
enum Fault {
    Text(String),
    Size { seen: usize },
}

pub(super) struct Context<'a> {
    codec: CodecId,
    types: &'a TypeTable<'a>,
    /// Whether fields that a type does not know are refused whatever it says.
    strict: bool,
    max_bytes: usize,
    used: Cell<usize>,
    path: RefCell<Vec<Step<'a>>>,
    // Kept, because postcard's errors have no text.
    fault: RefCell<Option<Fault>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(codec: CodecId, types: &'a TypeTable<'a>, strict: bool, max_bytes: usize) -> Self {
        let (used, path, fault) = (Cell::new(0), RefCell::default(), RefCell::default());
        Self { codec, types, strict, max_bytes, used, path, fault }
    }

    /// Whether fields and variants go by name.
    pub(super) fn named(&self) -> bool {
        self.codec.is_self_describing()
    }

    pub(super) fn names(&self) -> &Names<'a> {
        &self.types.names
    }

    pub(super) fn codec(&self) -> CodecId {
        self.codec
    }

    pub(super) fn refuses_unknown(&self, def: &TypeDef) -> bool {
        self.strict || def.closed
    }

    /// The type of that name, met on a way of `hops` newtypes in which nothing was written or read: each leads to another
    /// type, or in a circle.
    pub(super) fn type_named(&self, name: &str, hops: usize) -> Result<&'a TypeDef, String> {
        match self.types.get(name) {
            None => Err(format!("the type {name} is not described")),
            Some(_) if hops > self.types.len() => Err(format!("the type {name} leads in a circle")),
            Some(def) => Ok(def),
        }
    }

    /// Pays for `count` values on the heap that no byte need be read for.
    pub(super) fn charge<E: Refused>(&self, count: usize) -> Result<(), E> {
        if count == 0 {
            return Ok(());
        }
        let bytes = count.saturating_mul(size_of::<Value>()).saturating_add(ALLOCATION);
        let used = self.used.get().saturating_add(bytes);
        if used > self.max_bytes {
            self.fault.borrow_mut().get_or_insert(Fault::Size { seen: used });
            return Err(E::refused("limit reached"));
        }
        self.used.set(used);
        Ok(())
    }

    /// Refuses the value, here.
    pub(super) fn fail<E: Refused>(&self, text: impl fmt::Display) -> E {
        let text = text.to_string();
        let error = E::refused(&text);
        self.fault.borrow_mut().get_or_insert(Fault::Text(text));
        error
    }

    /// What `inside` does happens one step further in. After an error the path stays where that was.
    pub(super) fn within<T, E>(&self, step: Step<'a>, inside: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.path.borrow_mut().push(step);
        let done = inside()?;
        self.path.borrow_mut().pop();
        Ok(done)
    }

    /// The error of the codec, with what was known better here, and where it was.
    pub(super) fn explain(&self, error: CodecError) -> CodecError {
        if error.limit().is_some() {
            return error;
        }
        let what = match (self.fault.take(), &error) {
            (Some(Fault::Size { seen }), _) => {
                return CodecError::DecodedSize { limit: self.max_bytes, seen };
            }
            (Some(Fault::Text(text)), _) => text,
            (None, CodecError::Decode { what, .. } | CodecError::Encode { what, .. }) => what.to_string(),
            (None, _) => return error,
        };
        let path = self.path();
        let what = if path.is_empty() { what } else { format!("{path}: {what}") };
        error.with_text(OneLine(&what))
    }

    fn path(&self) -> String {
        let mut text = String::new();
        for step in self.path.borrow().iter() {
            // A string takes whatever is written.
            let _ = match step {
                Step::Argument(n, name) => write!(text, "argument {} ({name})", n + 1),
                Step::Field(name) if text.is_empty() => write!(text, "{name}"),
                Step::Field(name) => write!(text, ".{name}"),
                Step::Element(n) => write!(text, "[{n}]"),
                Step::Key(n) => write!(text, "[key {n}]"),
                Step::Variant(name) if text.is_empty() => write!(text, "{name}"),
                Step::Variant(name) => write!(text, "::{name}"),
            };
        }
        text
    }
}

/// An error of serde's, for writing or for reading.
pub(super) trait Refused {
    fn refused(text: &str) -> Self;
}

/// For reading.
pub(super) struct Reading<E>(pub(super) E);

impl<E: serde::de::Error> Refused for Reading<E> {
    fn refused(text: &str) -> Self {
        Self(E::custom(text))
    }
}

/// For writing.
pub(super) struct Writing<E>(pub(super) E);

impl<E: serde::ser::Error> Refused for Writing<E> {
    fn refused(text: &str) -> Self {
        Self(E::custom(text))
    }
}

/// What a struct or a variant holds.
#[derive(Clone, Copy)]
pub(super) enum Contents<'a> {
    Unit,
    Newtype(&'a Shape),
    Tuple(Elements<'a>),
    Named(&'a [Field]),
}

impl<'a> From<&'a Fields> for Contents<'a> {
    fn from(fields: &'a Fields) -> Self {
        match fields {
            Fields::Unit => Self::Unit,
            Fields::Newtype(shape) => Self::Newtype(shape),
            Fields::Tuple(shapes) => Self::Tuple(Elements::Each(shapes)),
            Fields::Named(fields) => Self::Named(fields),
        }
    }
}

/// The shapes of a tuple's elements.
#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    Each(&'a [Shape]),
    Same(&'a Shape, usize),
    Arguments(&'a [Parameter]),
}

impl<'a> Elements<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Each(shapes) => shapes.len(),
            Self::Same(_, len) => *len,
            Self::Arguments(parameters) => parameters.len(),
        }
    }

    pub(super) fn get(&self, n: usize) -> Option<(Step<'a>, &'a Shape)> {
        match self {
            Self::Each(shapes) => shapes.get(n).map(|shape| (Step::Element(n), shape)),
            Self::Same(shape, len) => (n < *len).then_some((Step::Element(n), *shape)),
            Self::Arguments(parameters) => {
                parameters.get(n).map(|it| (Step::Argument(n, &it.name), &it.shape))
            }
        }
    }
}

/// The variants of an enum.
#[derive(Clone, Copy)]
pub(super) enum Variants<'a> {
    Described(&'a TypeDef, &'a [Variant]),
    /// `Ok` and `Err`.
    Outcome(&'a Shape, &'a Shape),
}

impl<'a> Variants<'a> {
    pub(super) fn get(&self, n: usize) -> Option<(&'a str, Contents<'a>)> {
        match self {
            Self::Described(_, variants) => variants.get(n).map(|it| (&*it.name, (&it.fields).into())),
            Self::Outcome(ok, _) if n == 0 => Some(("Ok", Contents::Newtype(ok))),
            Self::Outcome(_, error) if n == 1 => Some(("Err", Contents::Newtype(error))),
            Self::Outcome(..) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Described(_, variants) => variants.len(),
            Self::Outcome(..) => 2,
        }
    }

    pub(super) fn find(&self, names: &Names<'_>, name: &[u8]) -> Option<usize> {
        match self {
            Self::Described(_, variants) => names.find(variants, name, 0),
            Self::Outcome(..) => [b"Ok" as &[u8], b"Err"].iter().position(|it| *it == name),
        }
    }

    pub(super) fn name(&self) -> &'a str {
        match self {
            Self::Described(def, _) => &def.name,
            Self::Outcome(..) => "Result",
        }
    }

    /// Whether unknown fields of a variant are refused.
    pub(super) fn def(&self) -> Option<&'a TypeDef> {
        match self {
            Self::Described(def, _) => Some(def),
            Self::Outcome(..) => None,
        }
    }

    /// Their names, for an error.
    pub(super) fn expected(&self) -> String {
        listed((0..).map_while(|n| self.get(n)).map(|(name, _)| name))
    }
}

/// Names, for an error: no more of them than fit on a line.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if text.len() > 150 {
            text.push_str(", …");
            break;
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(name);
    }
    if text.is_empty() { "none".to_owned() } else { text }
}

/// The form of a type, as it is written or read.
pub(super) enum Made<'a> {
    Struct(Contents<'a>),
    Enum(Variants<'a>),
}

impl<'a> From<&'a TypeDef> for Made<'a> {
    fn from(def: &'a TypeDef) -> Self {
        match &def.form {
            Form::Struct(fields) => Self::Struct(fields.into()),
            Form::Enum(variants) => Self::Enum(Variants::Described(def, variants)),
        }
    }
}
