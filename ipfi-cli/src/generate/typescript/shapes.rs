//! What each shape is in TypeScript: the type of its values, and the table by which the runtime reads and writes them. All of it
//! is here, and `docs/typescript.md` has it as a table.

use std::collections::BTreeSet;

use ipfi::schema::{Field, Fields, Shape};

use super::imports::{Imports, Module};
use super::names;
use super::types::{Types, parts};

/// So many elements of a simple type are a tuple, of which each is checked; others are an array.
const TUPLE: u32 = 8;

/// A type and its table.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) ty: String,
    pub(super) table: String,
    /// Whether the type is several, which must be held together where it is part of another.
    union: bool,
}

/// Writes shapes, in one file.
#[derive(Debug)]
pub(super) struct Shapes<'a> {
    pub(super) types: &'a Types<'a>,
    pub(super) imports: &'a Imports,
    /// Names of tables that stand above what is written.
    pub(super) above: BTreeSet<String>,
}

impl Shapes<'_> {
    pub(super) fn bincode(&self, name: &'static str) -> &'static str {
        self.imports.value(Module::Bincode, name)
    }

    pub(super) fn typed(&self, name: &'static str) -> &'static str {
        self.imports.value(Module::Typed, name)
    }

    fn leaf(&self, ty: &str, table: &'static str) -> Code {
        Code { ty: ty.to_owned(), table: self.bincode(table).to_owned(), union: false }
    }

    /// What a value of `shape` is.
    pub(super) fn code(&self, shape: &Shape) -> Code {
        match shape {
            Shape::Bool => self.leaf("boolean", "bool"),
            Shape::U8 => self.leaf("number", "u8"),
            Shape::U16 => self.leaf("number", "u16"),
            Shape::U32 => self.leaf("number", "u32"),
            Shape::U64 => self.leaf("bigint", "u64"),
            Shape::U128 => self.leaf("bigint", "u128"),
            Shape::I8 => self.leaf("number", "i8"),
            Shape::I16 => self.leaf("number", "i16"),
            Shape::I32 => self.leaf("number", "i32"),
            Shape::I64 => self.leaf("bigint", "i64"),
            Shape::I128 => self.leaf("bigint", "i128"),
            Shape::F32 => self.leaf("number", "f32"),
            Shape::F64 => self.leaf("number", "f64"),
            Shape::Char => self.leaf("string", "char"),
            Shape::String => self.leaf("string", "string"),
            Shape::Bytes => self.leaf("Uint8Array", "bytes"),
            Shape::Unit => self.leaf("undefined", "unit"),
            Shape::Raw => self.plain("Uint8Array", self.typed("raw").to_owned()),
            Shape::Option(inner) => self.option(inner),
            Shape::Seq(inner) if **inner == Shape::U8 => {
                self.plain("Uint8Array", self.typed("octets").to_owned())
            }
            Shape::Seq(inner) => {
                let Code { ty, table, union } = self.code(inner);
                self.plain(&elements(&ty, union), format!("{}({table})", self.bincode("seq")))
            }
            Shape::Array(inner, length) if **inner == Shape::U8 => {
                self.plain("Uint8Array", format!("{}({length})", self.typed("octetArray")))
            }
            // Not of what is several itself: each level of it would be written so many times.
            Shape::Array(inner, length) if *length <= TUPLE && parts(inner).is_empty() => {
                self.tuple(&vec![(**inner).clone(); *length as usize])
            }
            Shape::Array(inner, length) => {
                let Code { ty, table, union } = self.code(inner);
                self.plain(&elements(&ty, union), format!("{}({table}, {length})", self.typed("array")))
            }
            Shape::Tuple(elements) => self.tuple(elements),
            Shape::Map(key, value) => {
                let (key, value) = (self.code(key), self.code(value));
                let table = format!("{}({}, {})", self.bincode("map"), key.table, value.table);
                self.plain(&format!("Map<{}, {}>", key.ty, value.ty), table)
            }
            // In bincode it is never text.
            Shape::TextOr(inner) => self.code(inner),
            Shape::Type(name) => self.reference(self.types.name(name)),
            // Refused before anything is written.
            Shape::Opaque(_) => self.plain("never", "undefined".to_owned()),
        }
    }

    fn plain(&self, ty: &str, table: String) -> Code {
        Code { ty: ty.to_owned(), table, union: false }
    }

    fn option(&self, inner: &Shape) -> Code {
        let Code { ty, table, .. } = self.code(inner);
        if self.types.is_nothing(inner) {
            let table = format!("{}({table})", self.typed("some"));
            return Code { ty: format!("{{ Some: {ty} }} | null"), table, union: true };
        }
        Code {
            ty: format!("{ty} | null"),
            table: format!("{}({table})", self.bincode("option")),
            union: true,
        }
    }

    fn tuple(&self, elements: &[Shape]) -> Code {
        let (types, tables): (Vec<_>, Vec<_>) =
            elements.iter().map(|shape| self.code(shape)).map(|code| (code.ty, code.table)).unzip();
        self.plain(
            &format!("[{}]", types.join(", ")),
            format!("{}({})", self.bincode("tuple"), tables.join(", ")),
        )
    }

    fn reference(&self, name: &str) -> Code {
        if self.above.contains(name) {
            self.plain(name, name.to_owned())
        } else {
            self.plain(name, format!("{}(() => {name})", self.bincode("lazy")))
        }
    }

    /// The table of fields with names, in their order.
    pub(super) fn struct_table(&self, fields: &[Field], indent: &str) -> String {
        let tables = fields.iter().map(|field| (&*field.name, self.code(&field.shape).table)).collect();
        self.entries("struct", tables, indent)
    }

    /// A table of names: an object, or pairs where JavaScript would put names in an order of its own.
    pub(super) fn entries(&self, table: &'static str, entries: Vec<(&str, String)>, indent: &str) -> String {
        let table = self.bincode(table);
        if entries.iter().any(|(name, _)| names::is_number(name)) {
            let pair = |(name, table): &(&str, String)| format!("[{}, {table}]", super::text::quoted(name));
            let pairs: Vec<_> = entries.iter().map(pair).collect();
            return super::list(&format!("{table}(["), &pairs, "])", indent);
        }
        if entries.is_empty() {
            return format!("{table}({{}})");
        }
        let property = |(name, table): &(&str, String)| match names::property(name) {
            short if short == *table => short,
            name => format!("{name}: {table}"),
        };
        let properties: Vec<_> = entries.iter().map(property).collect();
        super::list(&format!("{table}({{ "), &properties, " })", indent)
    }

    /// What a variant holds, as its table; that it is a tuple or nothing is told from one that holds a tuple or nothing.
    pub(super) fn variant_table(&self, fields: &Fields, indent: &str) -> String {
        match fields {
            Fields::Unit => self.bincode("unit").to_owned(),
            Fields::Newtype(shape @ (Shape::Unit | Shape::Tuple(_) | Shape::Array(..))) => {
                format!("{}(() => {})", self.bincode("lazy"), self.code(shape).table)
            }
            Fields::Newtype(shape) => self.code(shape).table,
            Fields::Tuple(elements) => self.tuple(elements).table,
            Fields::Named(fields) => self.struct_table(fields, indent),
        }
    }

    /// The type of several values without names.
    pub(super) fn tuple_type(&self, elements: &[Shape]) -> String {
        self.tuple(elements).ty
    }
}

fn elements(ty: &str, union: bool) -> String {
    if union { format!("({ty})[]") } else { format!("{ty}[]") }
}
