//! Whether what one side writes is what the other reads: two shapes walked together. One of them is a peer's, hence of any
//! form: a name may be missing from its table, lead back to itself, or lead on through as many types as a message holds.

use std::collections::{HashMap, HashSet};

use crate::codec::CodecId;
use crate::schema::{Field, Fields, Form, Shape, TypeDef, Variant};

/// So deep are shapes compared: values that are nested deeper are not taken (clause 9.2). Without this a peer's types, each of which
/// holds the next, would be followed down to the end of the stack by one that holds itself.
const MAX_DEPTH: usize = 64;

/// Where, what is written there, what is read.
type Difference = (String, String, String);

/// The types of a description by their names.
pub(super) type Table<'a> = HashMap<&'a str, &'a TypeDef>;

pub(super) fn table(types: &[TypeDef]) -> Table<'_> {
    types.iter().map(|def| (&*def.name, def)).collect()
}

pub(super) struct Walk<'w, 'a> {
    codec: CodecId,
    written: &'w Table<'a>,
    read: &'w Table<'a>,
    /// Pairs of names that were begun: whoever meets one again has nothing to add.
    seen: HashSet<(&'a str, &'a str)>,
    depth: usize,
    path: Vec<String>,
    found: Vec<Difference>,
}

/// A shape without the names around it.
enum Resolved<'a> {
    Plain(&'a Shape),
    Def(&'a TypeDef),
    /// A name that leads nowhere.
    Unknown,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(codec: CodecId, written: &'w Table<'a>, read: &'w Table<'a>) -> Self {
        Self { codec, written, read, seen: HashSet::new(), depth: 0, path: Vec::new(), found: Vec::new() }
    }

    pub(super) fn run(mut self, written: &'a Shape, read: &'a Shape) -> Vec<Difference> {
        self.shapes(written, read);
        self.found
    }

    /// Whether fields and variants go by name.
    fn names(&self) -> bool {
        matches!(self.codec, CodecId::MessagePack | CodecId::Json)
    }

    fn differ(&mut self, written: impl ToString, read: impl ToString) {
        let path = self.path.concat();
        self.found.push((path, written.to_string(), read.to_string()));
    }

    fn inside(&mut self, step: String, walk: impl FnOnce(&mut Self)) {
        self.path.push(step);
        walk(self);
        self.path.pop();
    }

    fn resolve(&self, mut shape: &'a Shape, types: &Table<'a>) -> Resolved<'a> {
        // Each name leads to another type, or in a circle.
        let mut names = types.len();
        loop {
            match shape {
                Shape::TextOr(_) if self.codec == CodecId::Json => return Resolved::Plain(&Shape::String),
                Shape::TextOr(inner) => shape = inner,
                Shape::Type(name) => match types.get(&**name) {
                    Some(TypeDef { form: Form::Struct(Fields::Newtype(_)), .. }) if names == 0 => {
                        return Resolved::Unknown;
                    }
                    Some(TypeDef { form: Form::Struct(Fields::Newtype(inner)), .. }) => {
                        names -= 1;
                        shape = inner;
                    }
                    Some(def) => return Resolved::Def(def),
                    None => return Resolved::Unknown,
                },
                shape => return Resolved::Plain(shape),
            }
        }
    }

    fn shapes(&mut self, written: &'a Shape, read: &'a Shape) {
        if let (Shape::Type(written), Shape::Type(read)) = (written, read)
            && !self.seen.insert((written, read))
        {
            return;
        }
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            self.resolved(written, read);
            self.depth -= 1;
        }
    }

    fn resolved(&mut self, written: &'a Shape, read: &'a Shape) {
        match (self.resolve(written, self.written), self.resolve(read, self.read)) {
            (Resolved::Plain(Shape::Opaque(_)), _) | (_, Resolved::Plain(Shape::Opaque(_))) => {}
            (Resolved::Plain(one), Resolved::Plain(other)) => self.plain(one, other),
            (Resolved::Def(one), Resolved::Def(other)) => self.defs(one, other),
            (Resolved::Unknown, Resolved::Unknown) => self.differ(unknown(written), unknown(read)),
            (Resolved::Unknown, _) => self.differ(unknown(written), read),
            (_, Resolved::Unknown) => self.differ(written, unknown(read)),
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
                let step = if matches!(written, Shape::Seq(_)) { "[]" } else { "" };
                self.inside(step.to_owned(), |walk| walk.shapes(one, other));
            }
            (_, Shape::Option(inner)) if self.names() => self.shapes(written, inner),
            (Shape::Map(key, value), Shape::Map(other_key, other_value)) => {
                self.inside("[key]".to_owned(), |walk| walk.shapes(key, other_key));
                self.inside("[]".to_owned(), |walk| walk.shapes(value, other_value));
            }
            // Equal ones are walked once, however many they are.
            (Shape::Array(one, len), Shape::Array(other, other_len)) if len == other_len => {
                self.inside("[]".to_owned(), |walk| walk.shapes(one, other));
            }
            (Shape::Tuple(_) | Shape::Array(..), Shape::Tuple(_) | Shape::Array(..)) => {
                if lengths(written) == lengths(read) {
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
            return self.differ(format!("{} elements", written.len()), format!("{} elements", read.len()));
        }
        for (n, (one, other)) in written.into_iter().zip(read).enumerate() {
            self.inside(format!(".{n}"), |walk| walk.shapes(one, other));
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
                self.differ(named("the struct", written), named("the enum", read))
            }
            (Form::Enum(_), Form::Struct(_)) => {
                self.differ(named("the enum", written), named("the struct", read))
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
            _ => self.differ(format!("{} {}", whole.0, form(written)), format!("{} {}", whole.1, form(read))),
        }
    }

    fn by_name(&mut self, written: &'a [Field], read: &'a [Field], closed: bool) {
        for field in read {
            let step = format!(".{}", field.name);
            match written.iter().find(|sent| sent.name == field.name) {
                Some(sent) => self.inside(step, |walk| walk.shapes(&sent.shape, &field.shape)),
                None if field.default || self.may_be_missing(&field.shape) => {}
                None => self.inside(step, |walk| {
                    walk.differ("no such field", format!("{} without a default", field.shape));
                }),
            }
        }
        if closed {
            for sent in written.iter().filter(|sent| read.iter().all(|field| field.name != sent.name)) {
                let step = format!(".{}", sent.name);
                self.inside(step, |walk| walk.differ(&sent.shape, "no such field, and refuses unknown ones"));
            }
        }
    }

    fn may_be_missing(&self, shape: &'a Shape) -> bool {
        matches!(self.resolve(shape, self.read), Resolved::Plain(Shape::Option(_)))
    }

    /// Nothing in the bytes says which field is which.
    fn by_place(&mut self, written: &'a [Field], read: &'a [Field]) {
        for n in 0..written.len().max(read.len()) {
            match (written.get(n), read.get(n)) {
                (Some(one), Some(other)) if one.name == other.name => {
                    self.inside(format!(".{}", one.name), |walk| walk.shapes(&one.shape, &other.shape));
                }
                (one, other) => {
                    let text = |field: Option<&Field>| match field {
                        Some(field) => format!("{}: {} in place {n}", field.name, field.shape),
                        None => format!("no field in place {n}"),
                    };
                    let name = one.or(other).map(|field| field.name.clone()).unwrap_or_default();
                    // All that follow are moved as well.
                    return self.inside(format!(".{name}"), |walk| walk.differ(text(one), text(other)));
                }
            }
        }
    }

    /// The reader may know more variants; those that are written it must know, and where variants go by number, under the
    /// same.
    fn variants(&mut self, written: &'a [Variant], read: &'a [Variant], def: &TypeDef) {
        for (n, variant) in written.iter().enumerate() {
            let other =
                if self.names() { read.iter().find(|it| it.name == variant.name) } else { read.get(n) };
            let step = format!("::{}", variant.name);
            match other {
                Some(other) if other.name == variant.name => self.inside(step, |walk| {
                    walk.fields(&variant.fields, &other.fields, def.closed, (&variant.name, &other.name));
                }),
                Some(other) => {
                    let (one, other) =
                        (format!("{} as variant {n}", variant.name), format!("{} as that", other.name));
                    self.inside(step, |walk| walk.differ(one, other));
                }
                None => {
                    let text = format!("no such variant of {}", def.name);
                    self.inside(step, |walk| walk.differ(format!("variant {n}"), text));
                }
            }
        }
    }
}

/// A name that is not in its table, or leads nowhere.
fn unknown(shape: &Shape) -> String {
    format!("{shape} (not described)")
}

fn named(what: &str, def: &TypeDef) -> String {
    format!("{what} {}", def.name)
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
