//! Values whose type is known only at run time, by shapes that nobody wrote a type for: clauses 9.3, 15.3. That they make the
//! bytes of Rust's types is shown where those types are derived, in `tests/typed/values.rs` of `ipfi`.
#![cfg(all(feature = "bincode", feature = "postcard", feature = "messagepack", feature = "json"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step is a failed test")]

mod hostile;
mod json;
mod random;
mod roundtrip;

use ipfi_core::codec::{CodecId, DecodeLimits};
use ipfi_core::schema::{Field, Fields, Form, Shape, TypeDef, Types, Variant};
use ipfi_core::typed::{Description, Parameter};
use serde_json::json;

const CODECS: [CodecId; 4] = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

/// A type of a table.
fn def(name: &str, closed: bool, form: Form) -> TypeDef {
    struct It;
    let mut types = Types::default();
    types.define_with::<It>(name, "", closed, |_| form);
    types.finish().remove(0)
}

fn named(name: &str, fields: Vec<Field>) -> TypeDef {
    def(name, false, Form::Struct(Fields::Named(fields)))
}

fn newtype(name: &str, shape: Shape) -> TypeDef {
    def(name, false, Form::Struct(Fields::Newtype(shape)))
}

fn enumeration(name: &str, variants: Vec<Variant>) -> TypeDef {
    def(name, false, Form::Enum(variants))
}

fn ty(name: &str) -> Shape {
    Shape::Type(name.to_owned())
}

/// Parameters with these shapes, which are named as letters are.
fn parameters(shapes: Vec<Shape>) -> Vec<Parameter> {
    let named =
        |(n, shape): (usize, Shape)| json!({ "name": (["id", "limit", "filter"][n % 3]), "shape": shape });
    let parameters: Vec<_> = shapes.into_iter().enumerate().map(named).collect();
    let method = json!({
        "name": "m", "doc": "", "index": 1, "kind": "procedure", "idempotent": false, "datagram": false,
        "timeout_ms": null, "parameters": parameters, "items": null, "answer": "unit", "error": null,
    });
    let description = json!({ "name": "I", "doc": "", "types": [], "methods": [method] });
    let mut description: Description = serde_json::from_value(description).unwrap();
    description.methods.remove(0).parameters
}
