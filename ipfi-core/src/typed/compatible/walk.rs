//! Whether what one side writes is what the other reads: two shapes walked together. One of them is a peer's, hence of any
//! form: a name may be missing from its table, lead back to itself, or lead on through as many types as a message holds.

use core::fmt;
use std::collections::{HashMap, HashSet};

use super::Budget;
use crate::codec::CodecId;
use crate::schema::{Field, Fields, Form, Shape, TypeDef, Variant};
use crate::typed::brief::brief;

/// So deep are shapes compared: values that are nested deeper are not taken (clause 9.2).
const MAX_DEPTH: usize = 64;

/// Where, what is written there, what is read.
type Difference = (String, String, String);

/// The types of a description by their names.
pub(super) type Table<'a> = HashMap<&'a str, &'a TypeDef>;

pub(super) fn table(types: &[TypeDef]) -> Table<'_> {
    types.iter().map(|def| (&*def.name, def)).collect()
}

/// A type of either side, told apart by where it lies: a name may be as long as a message.
pub(super) type Pair = (*const TypeDef, *const TypeDef);

pub(super) struct Walk<'w, 'a> {
    codec: CodecId,
    written: &'w Table<'a>,
    read: &'w Table<'a>,
    budget: &'w mut Budget,
    /// Pairs in which earlier walks found nothing: so a type that many methods share is compared once.
    alike: &'w mut HashSet<Pair>,
    /// Pairs that were met: whoever meets one again has nothing to add.
    seen: HashSet<Pair>,
    /// They are walked one after another, in the order in which they were met: so each is met where it is least deep,
    /// and none lies on the stack.
    met: Vec<Met<'a>>,
    depth: usize,
    /// Whether the deepest was met, and something left out.
    left_out: bool,
    /// Which of those that were met is walked, and where in it.
    at: Option<usize>,
    path: Vec<Step<'a>>,
    found: Vec<Difference>,
}

/// A pair of types, and where it was met.
struct Met<'a> {
    written: &'a Shape,
    read: &'a Shape,
    depth: usize,
    within: Option<usize>,
    path: Box<[Step<'a>]>,
}

/// One step into a value. Written out only for what is told.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Variant(&'a str),
    Element(usize),
    Item,
    Key,
    Inside,
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Variant(name) => write!(f, "::{name}"),
            Self::Element(n) => write!(f, ".{n}"),
            Self::Item => f.write_str("[]"),
            Self::Key => f.write_str("[key]"),
            Self::Inside => Ok(()),
        }
    }
}

/// A place in a value: in a type that was met in another.
struct Path<'p, 'a> {
    met: &'p [Met<'a>],
    at: Option<usize>,
    path: &'p [Step<'a>],
}

impl fmt::Display for Path<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths = vec![self.path];
        let mut at = self.at;
        // At most as many as values are deep.
        while let Some(met) = at.and_then(|at| self.met.get(at)) {
            paths.push(&met.path);
            at = met.within;
        }
        paths.into_iter().rev().flatten().try_for_each(|step| step.fmt(f))
    }
}

/// A shape without the names around it.
enum Resolved<'a> {
    Plain(&'a Shape),
    Def(&'a TypeDef),
    /// A name that leads nowhere.
    Unknown,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(
        codec: CodecId,
        written: &'w Table<'a>,
        read: &'w Table<'a>,
        budget: &'w mut Budget,
        alike: &'w mut HashSet<Pair>,
    ) -> Self {
        Self {
            codec,
            written,
            read,
            budget,
            alike,
            seen: HashSet::new(),
            met: Vec::new(),
            depth: 0,
            left_out: false,
            at: None,
            path: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn run(mut self, written: &'a Shape, read: &'a Shape) -> Vec<Difference> {
        self.shapes(written, read);
        let mut next = 0;
        while let Some(Met { written, read, depth, .. }) = self.met.get(next) {
            (self.depth, self.at) = (*depth, Some(next));
            self.deeper(written, read);
            next += 1;
        }
        if self.found.is_empty() && !self.left_out {
            self.alike.extend(self.seen);
        }
        self.found
    }

    /// Whether fields and variants go by name.
    fn names(&self) -> bool {
        matches!(self.codec, CodecId::MessagePack | CodecId::Json)
    }

    fn differ(&mut self, written: impl fmt::Display, read: impl fmt::Display) {
        if self.budget.tell() {
            let path = Path { met: &self.met, at: self.at, path: &self.path };
            self.found.push((brief(path), brief(written), brief(read)));
        }
    }

    fn inside(&mut self, step: Step<'a>, walk: impl FnOnce(&mut Self)) {
        self.path.push(step);
        walk(self);
        self.path.pop();
    }

    /// The type that a shape names.
    fn named(&mut self, mut shape: &'a Shape, types: &Table<'a>) -> Option<&'a TypeDef> {
        loop {
            match shape {
                Shape::TextOr(inner) if self.codec != CodecId::Json => shape = inner,
                Shape::Type(name) => {
                    // To find a name is to read it.
                    self.budget.spend(name.len() / 32);
                    return types.get(&**name).copied();
                }
                _ => return None,
            }
        }
    }

    fn resolve(&mut self, mut shape: &'a Shape, types: &Table<'a>) -> Resolved<'a> {
        // Each name leads to another type, or in a circle.
        for _ in 0..MAX_DEPTH {
            match shape {
                Shape::TextOr(_) if self.codec == CodecId::Json => return Resolved::Plain(&Shape::String),
                Shape::TextOr(inner) => shape = inner,
                Shape::Type(_) => match self.named(shape, types) {
                    Some(TypeDef { form: Form::Struct(Fields::Newtype(inner)), .. }) => shape = inner,
                    Some(def) => return Resolved::Def(def),
                    None => return Resolved::Unknown,
                },
                shape => return Resolved::Plain(shape),
            }
        }
        Resolved::Unknown
    }

    fn shapes(&mut self, written: &'a Shape, read: &'a Shape) {
        if !self.budget.spend(1) {
            return;
        }
        if self.depth == MAX_DEPTH {
            self.left_out = true;
            return;
        }
        let (written_types, read_types) = (self.written, self.read);
        let pair = self.named(written, written_types).zip(self.named(read, read_types));
        let Some((one, other)) = pair else { return self.deeper(written, read) };
        let pair: Pair = (one, other);
        // What is kept of a pair costs more than to look at it.
        if self.alike.contains(&pair) || !self.seen.insert(pair) || !self.budget.spend(16) {
            return;
        }
        let path = self.path.as_slice().into();
        self.met.push(Met { written, read, depth: self.depth, within: self.at, path });
    }

    fn deeper(&mut self, written: &'a Shape, read: &'a Shape) {
        self.depth += 1;
        self.resolved(written, read);
        self.depth -= 1;
    }

    fn resolved(&mut self, written: &'a Shape, read: &'a Shape) {
        let (written_types, read_types) = (self.written, self.read);
        match (self.resolve(written, written_types), self.resolve(read, read_types)) {
            (Resolved::Plain(Shape::Opaque(_)), _) | (_, Resolved::Plain(Shape::Opaque(_))) => {}
            (Resolved::Plain(one), Resolved::Plain(other)) => self.plain(one, other),
            (Resolved::Def(one), Resolved::Def(other)) => self.defs(one, other),
            (Resolved::Unknown, Resolved::Unknown) => self.differ(Undescribed(written), Undescribed(read)),
            (Resolved::Unknown, _) => self.differ(Undescribed(written), read),
            (_, Resolved::Unknown) => self.differ(written, Undescribed(read)),
            // A missing value is one that may be there: `Some(x)` is `x` where fields have names.
            (_, Resolved::Plain(Shape::Option(inner))) if self.names() => self.shapes(written, inner),
            (Resolved::Def(def), Resolved::Plain(shape)) => {
                self.def_and_plain(def, shape, written, read, true)
            }
            (Resolved::Plain(shape), Resolved::Def(def)) => {
                self.def_and_plain(def, shape, written, read, false)
            }
        }
    }

    /// A tuple struct is the tuple of its fields; nothing else of the table looks like a shape outside of it.
    fn def_and_plain(
        &mut self,
        def: &'a TypeDef,
        shape: &'a Shape,
        written: &'a Shape,
        read: &'a Shape,
        def_is_written: bool,
    ) {
        match &def.form {
            // A length alone may be a lie, and is compared before there are so many elements.
            Form::Struct(Fields::Tuple(fields)) if lengths(shape) == Some(fields.len()) => {
                self.budget.spend(fields.len());
                let (fields, elements) = (fields.iter().collect(), elements(shape));
                if def_is_written {
                    self.tuples(fields, elements);
                } else {
                    self.tuples(elements, fields);
                }
            }
            _ => self.differ(written, read),
        }
    }

    fn plain(&mut self, written: &'a Shape, read: &'a Shape) {
        match (written, read) {
            (Shape::Option(one), Shape::Option(other)) | (Shape::Seq(one), Shape::Seq(other)) => {
                let step = if matches!(written, Shape::Seq(_)) { Step::Item } else { Step::Inside };
                self.inside(step, |walk| walk.shapes(one, other));
            }
            (_, Shape::Option(inner)) if self.names() => self.shapes(written, inner),
            (Shape::Map(key, value), Shape::Map(other_key, other_value)) => {
                self.inside(Step::Key, |walk| walk.shapes(key, other_key));
                self.inside(Step::Item, |walk| walk.shapes(value, other_value));
            }
            // Equal ones are walked once, however many they are.
            (Shape::Array(one, len), Shape::Array(other, other_len)) if len == other_len => {
                self.inside(Step::Item, |walk| walk.shapes(one, other));
            }
            (Shape::Tuple(_) | Shape::Array(..), Shape::Tuple(_) | Shape::Array(..)) => {
                if lengths(written) == lengths(read) {
                    self.budget.spend(lengths(written).unwrap_or_default());
                    self.tuples(elements(written), elements(read));
                } else {
                    self.differ(written, read);
                }
            }
            (one, other) if one == other || (self.names() && self.widens(one, other)) => {}
            _ => self.differ(written, read),
        }
    }

    fn tuples(&mut self, written: Vec<&'a Shape>, read: Vec<&'a Shape>) {
        if written.len() != read.len() {
            return self
                .differ(format_args!("{} elements", written.len()), format_args!("{} elements", read.len()));
        }
        for (n, (one, other)) in written.into_iter().zip(read).enumerate() {
            self.inside(Step::Element(n), |walk| walk.shapes(one, other));
        }
    }

    /// Whether every integer of `written` is one of `read`, in a codec where the width does not show.
    fn widens(&self, written: &Shape, read: &Shape) -> bool {
        let (Some((signed, bits)), Some((wide_signed, wide_bits))) = (integer(written), integer(read)) else {
            return false;
        };
        // MessagePack has no integers of 128 bits, and writes bytes for them.
        let alike = self.codec == CodecId::Json || (bits == 128) == (wide_bits == 128);
        alike
            && match (signed, wide_signed) {
                (false, true) => wide_bits > bits,
                (true, false) => false,
                _ => wide_bits >= bits,
            }
    }

    fn defs(&mut self, written: &'a TypeDef, read: &'a TypeDef) {
        match (&written.form, &read.form) {
            (Form::Struct(one), Form::Struct(other)) => {
                self.fields(one, other, read.closed, (&written.name, &read.name))
            }
            (Form::Enum(one), Form::Enum(other)) => self.variants(one, other, read),
            (Form::Struct(_), Form::Enum(_)) => {
                self.differ(
                    format_args!("the struct {}", written.name),
                    format_args!("the enum {}", read.name),
                );
            }
            (Form::Enum(_), Form::Struct(_)) => {
                self.differ(
                    format_args!("the enum {}", written.name),
                    format_args!("the struct {}", read.name),
                );
            }
        }
    }

    /// The fields of a struct or a variant; `whole` is what it is called at both sides.
    fn fields(&mut self, written: &'a Fields, read: &'a Fields, closed: bool, whole: (&str, &str)) {
        match (written, read) {
            (Fields::Unit, Fields::Unit) => {}
            (Fields::Newtype(one), Fields::Newtype(other)) => self.shapes(one, other),
            (Fields::Tuple(one), Fields::Tuple(other)) => {
                self.tuples(one.iter().collect(), other.iter().collect())
            }
            (Fields::Named(one), Fields::Named(other)) if self.names() => self.by_name(one, other, closed),
            (Fields::Named(one), Fields::Named(other)) => self.by_place(one, other),
            _ => self.differ(
                format_args!("{} {}", whole.0, form(written)),
                format_args!("{} {}", whole.1, form(read)),
            ),
        }
    }

    fn by_name(&mut self, written: &'a [Field], read: &'a [Field], closed: bool) {
        for field in read {
            if !self.budget.spend(1 + written.len() / 4) {
                return;
            }
            let step = Step::Field(&field.name);
            match written.iter().find(|sent| sent.name == field.name) {
                Some(sent) => self.inside(step, |walk| walk.shapes(&sent.shape, &field.shape)),
                // What serde makes of a missing field: a newtype of an optional value is not optional.
                None if field.default || matches!(field.shape, Shape::Option(_)) => {}
                None => self.inside(step, |walk| {
                    walk.differ("no such field", format_args!("{} without a default", field.shape));
                }),
            }
        }
        if closed {
            for sent in written {
                if !self.budget.spend(1 + read.len() / 4) {
                    return;
                }
                if read.iter().all(|field| field.name != sent.name) {
                    let step = Step::Field(&sent.name);
                    self.inside(step, |walk| {
                        walk.differ(&sent.shape, "no such field, and refuses unknown ones");
                    });
                }
            }
        }
    }

    /// Nothing in the bytes says which field is which.
    fn by_place(&mut self, written: &'a [Field], read: &'a [Field]) {
        for n in 0..written.len().max(read.len()) {
            match (written.get(n), read.get(n)) {
                (Some(one), Some(other)) if one.name == other.name => {
                    self.inside(Step::Field(&one.name), |walk| walk.shapes(&one.shape, &other.shape));
                }
                (one, other) => {
                    let name = one.or(other).map(|field| &*field.name).unwrap_or_default();
                    // All that follow are moved as well.
                    return self.inside(Step::Field(name), |walk| walk.differ(At(one, n), At(other, n)));
                }
            }
        }
    }

    /// The reader may know more variants; those that are written it must know, and where variants go by number, under the
    /// same.
    fn variants(&mut self, written: &'a [Variant], read: &'a [Variant], def: &TypeDef) {
        for (n, variant) in written.iter().enumerate() {
            let names = self.names();
            if !self.budget.spend(1 + if names { read.len() / 4 } else { 0 }) {
                return;
            }
            let other = if names { read.iter().find(|it| it.name == variant.name) } else { read.get(n) };
            let step = Step::Variant(&variant.name);
            match other {
                Some(other) if other.name == variant.name => self.inside(step, |walk| {
                    walk.fields(&variant.fields, &other.fields, def.closed, (&variant.name, &other.name));
                }),
                Some(other) => self.inside(step, |walk| {
                    let one = format_args!("{} as variant {n}", variant.name);
                    walk.differ(one, format_args!("{} as that", other.name));
                }),
                None => self.inside(step, |walk| {
                    walk.differ(format_args!("variant {n}"), format_args!("no such variant of {}", def.name));
                }),
            }
        }
    }
}

/// A field where there is one.
struct At<'a>(Option<&'a Field>, usize);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(field) => write!(f, "{}: {} in place {}", field.name, field.shape, self.1),
            None => write!(f, "no field in place {}", self.1),
        }
    }
}

/// A name that is not in its table, or leads nowhere.
struct Undescribed<'a>(&'a Shape);

impl fmt::Display for Undescribed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (not described)", self.0)
    }
}

fn form(fields: &Fields) -> &'static str {
    match fields {
        Fields::Unit => "without fields",
        Fields::Newtype(_) => "of one field without a name",
        Fields::Tuple(_) => "of fields without names",
        Fields::Named(_) => "of named fields",
    }
}

fn lengths(shape: &Shape) -> Option<usize> {
    match shape {
        Shape::Tuple(shapes) => Some(shapes.len()),
        Shape::Array(_, len) => Some(*len as usize),
        _ => None,
    }
}

/// The elements of a tuple, or of an array that was found to be as long as one.
fn elements(shape: &Shape) -> Vec<&Shape> {
    match shape {
        Shape::Tuple(shapes) => shapes.iter().collect(),
        Shape::Array(shape, len) => core::iter::repeat_n(&**shape, *len as usize).collect(),
        _ => Vec::new(),
    }
}

/// Whether it is signed, and its bits.
fn integer(shape: &Shape) -> Option<(bool, u32)> {
    Some(match shape {
        Shape::U8 => (false, 8),
        Shape::U16 => (false, 16),
        Shape::U32 => (false, 32),
        Shape::U64 => (false, 64),
        Shape::U128 => (false, 128),
        Shape::I8 => (true, 8),
        Shape::I16 => (true, 16),
        Shape::I32 => (true, 32),
        Shape::I64 => (true, 64),
        Shape::I128 => (true, 128),
        _ => return None,
    })
}
