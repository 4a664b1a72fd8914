//! The structs and enums: each a type, and a table of the same name.

use ipfi::schema::{Field, Fields, Form, TypeDef, Variant};

use super::shapes::Shapes;
use super::text::{documentation, lines};
use super::well_known::WellKnown;
use super::{Kind, WIDTH, names};

/// A type and its table, as a file of `kind` has them.
pub(super) fn declaration(shapes: &mut Shapes<'_>, def: &TypeDef, kind: Kind) -> String {
    let name = shapes.types.name(&def.name).to_owned();
    let mut text = String::new();
    if kind != Kind::JavaScript {
        let mut doc = lines(&def.doc);
        if doc.is_empty() {
            doc.extend(WellKnown::of(def).map(|known| known.doc.to_owned()));
        }
        text += &documentation("", &doc);
        text += &type_of(shapes, def, &name);
        text += "\n";
    }
    text += &match kind {
        Kind::TypeScript => {
            let of_type = shapes.imports.of_type("Type");
            format!("export const {name}: {of_type}<{name}> = {};\n", table(shapes, def))
        }
        Kind::JavaScript => format!("export const {name} = {};\n", table(shapes, def)),
        Kind::Declarations => {
            let of_type = shapes.imports.of_type("Type");
            format!("export declare const {name}: {of_type}<{name}>;\n")
        }
    };
    shapes.above.insert(name);
    text
}

fn type_of(shapes: &Shapes<'_>, def: &TypeDef, name: &str) -> String {
    let alias = |ty: &str| format!("export type {name} = {ty};\n");
    if WellKnown::of(def).is_some() {
        return alias("string");
    }
    match &def.form {
        Form::Struct(Fields::Unit) => alias("undefined"),
        Form::Struct(Fields::Newtype(shape)) => alias(&shapes.code(shape).ty),
        Form::Struct(Fields::Tuple(elements)) => alias(&shapes.tuple_type(elements)),
        Form::Struct(Fields::Named(fields)) if fields.is_empty() => format!("export interface {name} {{}}\n"),
        Form::Struct(Fields::Named(fields)) => {
            format!("export interface {name} {{\n{}}}\n", members(shapes, fields, "  "))
        }
        Form::Enum(variants) => union(shapes, variants, name),
    }
}

fn members(shapes: &Shapes<'_>, fields: &[Field], indent: &str) -> String {
    let member = |field: &Field| {
        let (property, ty) = (names::property(&field.name), shapes.code(&field.shape).ty);
        format!("{}{indent}{property}: {ty};\n", documentation(indent, &lines(&field.doc)))
    };
    fields.iter().map(member).collect()
}

fn union(shapes: &Shapes<'_>, variants: &[Variant], name: &str) -> String {
    if variants.is_empty() {
        return format!("export type {name} = never;\n");
    }
    let has_docs =
        variants.iter().any(|variant| !variant.doc.is_empty() || has_documented_fields(&variant.fields));
    let types: Vec<_> = variants.iter().map(|variant| variant_type(shapes, variant)).collect();
    let line = format!("export type {name} = {};\n", types.join(" | "));
    if !has_docs && line.len() <= WIDTH {
        return line;
    }
    let members = variants
        .iter()
        .zip(&types)
        .map(|(variant, ty)| format!("{}  | {ty}\n", documentation("  ", &lines(&variant.doc))));
    let members: String = members.collect();
    format!("export type {name} =\n{};\n", members.trim_end())
}

fn has_documented_fields(fields: &Fields) -> bool {
    matches!(fields, Fields::Named(fields) if fields.iter().any(|field| !field.doc.is_empty()))
}

fn variant_type(shapes: &Shapes<'_>, variant: &Variant) -> String {
    let name = names::property(&variant.name);
    let of = |ty: &str| format!("{{ {name}: {ty} }}");
    match &variant.fields {
        Fields::Unit => super::text::quoted(&variant.name),
        Fields::Newtype(shape) => of(&shapes.code(shape).ty),
        Fields::Tuple(elements) => of(&shapes.tuple_type(elements)),
        Fields::Named(fields) if fields.is_empty() => of("{}"),
        Fields::Named(fields) if has_documented_fields(&variant.fields) => {
            of(&format!("{{\n{}    }}", members(shapes, fields, "      ")))
        }
        Fields::Named(fields) => {
            let member =
                |field: &Field| format!("{}: {}", names::property(&field.name), shapes.code(&field.shape).ty);
            of(&format!("{{ {} }}", fields.iter().map(member).collect::<Vec<_>>().join("; ")))
        }
    }
}

fn table(shapes: &Shapes<'_>, def: &TypeDef) -> String {
    if let Some(known) = WellKnown::of(def) {
        return shapes.typed(known.table).to_owned();
    }
    match &def.form {
        Form::Struct(Fields::Unit) => format!("{}()", shapes.typed("nothing")),
        Form::Struct(Fields::Newtype(shape)) => {
            format!("{}({})", shapes.typed("newtype"), shapes.code(shape).table)
        }
        Form::Struct(Fields::Tuple(elements)) => {
            let elements = ipfi::schema::Shape::Tuple(elements.clone());
            shapes.code(&elements).table
        }
        Form::Struct(Fields::Named(fields)) => shapes.struct_table(fields, ""),
        Form::Enum(variants) => {
            let entry = |variant: &Variant| -> (String, String) {
                (variant.name.clone(), shapes.variant_table(&variant.fields, "  "))
            };
            let entries: Vec<_> = variants.iter().map(entry).collect();
            let entries = entries.iter().map(|(name, table)| (&**name, table.clone())).collect();
            shapes.entries("enumeration", entries, "")
        }
    }
}
