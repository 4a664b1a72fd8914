//! Descriptions as text that reads like Rust.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use ipfi::core::interface::Kind;
use ipfi::schema::{Field, Fields, Form, Shape, TypeDef, Variant};
use ipfi::typed::{Description, Method};

use crate::texts::{clean, one_line};

/// `hello(name: String) -> String`; `stream` stands before what comes any number of times.
pub(crate) fn signature(method: &Method) -> String {
    let named = method.parameters.iter().map(|it| format!("{}: {}", it.name, it.shape));
    let items = method.items.iter().map(|shape| format!("items: stream {shape}"));
    let parameters: Vec<String> = named.chain(items).collect();
    let mut text = format!("{}({})", method.name, parameters.join(", "));
    if let Some(answer) = answer(method) {
        text.push_str(" -> ");
        text.push_str(&answer);
    }
    one_line(&text)
}

fn answer(method: &Method) -> Option<String> {
    let answer = match (&method.answer, &method.error) {
        (Some(answer), Some(error)) => format!("Result<{answer}, {error}>"),
        (Some(Shape::Unit), None) if !method.kind.is_sequence() => return None,
        (Some(answer), None) => answer.to_string(),
        (None, _) => return None,
    };
    Some(if method.kind.is_sequence() { format!("stream {answer}") } else { answer })
}

/// What a signature does not say.
pub(crate) fn remark(method: &Method) -> Option<&'static str> {
    match method.kind {
        Kind::Notification if method.datagram => Some("a notification, perhaps as a datagram"),
        Kind::Notification => Some("a notification"),
        Kind::Raw => Some("bytes in, bytes out"),
        _ => None,
    }
}

/// An interface with its methods; of the types, those that these name.
pub(crate) fn interface(description: &Description, only: Option<&Method>) -> String {
    let mut text = String::new();
    if only.is_none() {
        documentation(&mut text, "", &description.doc);
    }
    // A string takes whatever is written.
    let _ = writeln!(text, "interface {} {{", one_line(&description.name));
    let methods: Vec<&Method> = match only {
        Some(method) => vec![method],
        None => description.methods.iter().collect(),
    };
    for (n, it) in methods.iter().enumerate() {
        if n > 0 {
            text.push('\n');
        }
        method(&mut text, it);
    }
    text.push_str("}\n");
    for def in used(description, &methods) {
        text.push('\n');
        definition(&mut text, def);
    }
    text
}

fn method(text: &mut String, method: &Method) {
    documentation(text, "    ", &method.doc);
    let mut attributes = vec![format!("index {}", method.index)];
    if method.idempotent {
        attributes.push("idempotent".to_owned());
    }
    if let Some(timeout) = method.timeout_ms {
        attributes.push(format!("timeout {}", duration(timeout)));
    }
    attributes.extend(remark(method).map(ToOwned::to_owned));
    let _ = writeln!(text, "    // {}", attributes.join(", "));
    let _ = writeln!(text, "    {};", signature(method));
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        whole if whole.is_multiple_of(1000) => format!("{}s", whole / 1000),
        part => format!("{part}ms"),
    }
}

fn documentation(text: &mut String, indent: &str, doc: &str) {
    for line in clean(doc).lines() {
        let _ = writeln!(text, "{}", format!("{indent}/// {line}").trim_end());
    }
}

/// A type as it would be declared.
fn definition(text: &mut String, def: &TypeDef) {
    documentation(text, "", &def.doc);
    if def.closed {
        text.push_str("#[serde(deny_unknown_fields)]\n");
    }
    match &def.form {
        Form::Struct(fields) => {
            let _ = write!(text, "struct {}", one_line(&def.name));
            held(text, "", fields);
            text.push_str(if matches!(fields, Fields::Named(_)) { "\n" } else { ";\n" });
        }
        Form::Enum(variants) => {
            let _ = writeln!(text, "enum {} {{", one_line(&def.name));
            for Variant { name, doc, fields, .. } in variants {
                documentation(text, "    ", doc);
                let _ = write!(text, "    {}", one_line(name));
                held(text, "    ", fields);
                text.push_str(",\n");
            }
            text.push_str("}\n");
        }
    }
}

/// What a struct or a variant holds.
fn held(text: &mut String, indent: &str, fields: &Fields) {
    match fields {
        Fields::Unit => {}
        Fields::Newtype(shape) => text.push_str(&one_line(&format!("({shape})"))),
        Fields::Tuple(shapes) => {
            let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
            text.push_str(&one_line(&format!("({})", shapes.join(", "))));
        }
        Fields::Named(fields) => {
            text.push_str(" {\n");
            for Field { name, doc, shape, default, .. } in fields {
                documentation(text, &format!("{indent}    "), doc);
                let default = if *default { " // may be left out" } else { "" };
                let _ = writeln!(text, "{indent}    {},{default}", one_line(&format!("{name}: {shape}")));
            }
            let _ = write!(text, "{indent}}}");
        }
    }
}

/// The types that methods name, and those that these name, in the order of the table.
fn used<'a>(description: &'a Description, methods: &[&'a Method]) -> Vec<&'a TypeDef> {
    // A peer's types may be many, and each name another.
    let mut defs: HashMap<&str, Vec<&TypeDef>> = HashMap::new();
    for def in &description.types {
        defs.entry(&def.name).or_default().push(def);
    }
    let mut names = HashSet::new();
    let mut open: Vec<&Shape> = Vec::new();
    for method in methods {
        open.extend(method.parameters.iter().map(|it| &it.shape));
        open.extend([&method.items, &method.answer, &method.error].into_iter().flatten());
    }
    while let Some(shape) = open.pop() {
        match shape {
            Shape::Option(inner) | Shape::Seq(inner) | Shape::Array(inner, _) | Shape::TextOr(inner) => {
                open.push(inner);
            }
            Shape::Map(key, value) => open.extend([&**key, &**value]),
            Shape::Tuple(shapes) => open.extend(shapes),
            // A name that is met again has been followed.
            Shape::Type(name) if names.insert(name) => {
                let defs = defs.get(&**name).into_iter().flatten();
                open.extend(defs.flat_map(|def| shapes(&def.form)));
            }
            _ => {}
        }
    }
    description.types.iter().filter(|def| names.contains(&def.name)).collect()
}

fn shapes(form: &Form) -> Vec<&Shape> {
    match form {
        Form::Struct(fields) => in_fields(fields),
        Form::Enum(variants) => variants.iter().flat_map(|variant| in_fields(&variant.fields)).collect(),
    }
}

fn in_fields(fields: &Fields) -> Vec<&Shape> {
    match fields {
        Fields::Unit => Vec::new(),
        Fields::Newtype(shape) => vec![shape],
        Fields::Tuple(shapes) => shapes.iter().collect(),
        Fields::Named(fields) => fields.iter().map(|field| &field.shape).collect(),
    }
}

#[cfg(test)]
mod tests;
