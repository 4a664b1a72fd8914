//! What values look like: a small tree of serde's data model, as data that travels.
//!
//! A type says its shape by [`Schema`], which `#[derive(ipfi::Schema)]` implements; a [`Shape`] refers to structs and
//! enums by name, so that recursive types have one, and [`Types`] is the table of those. The description of a typed
//! interface is made of them ([`Description`](crate::typed::Description)); [`compatible`](crate::typed::compatible) compares
//! two. The rules, and what each codec makes of a shape, are in `docs/protocol.md` sections 9 and 15.

mod builtin;
mod display;
mod ecosystem;
mod shape;
mod types;
mod value;

pub use shape::{Field, Fields, Form, Shape, TypeDef, Variant};
pub use types::Types;
pub use value::{
    TypeTable, Value, decode, decode_answer, decode_arguments, encode, encode_answer, encode_arguments,
};
#[cfg(feature = "json")]
pub use value::{arguments_from_json, from_json, to_json};

/// A type that says what its values look like. Derive it: `#[derive(ipfi::Schema)]` beside serde's, whose attributes it
/// reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what its values look like",
    label = "has no schema",
    note = "`#[derive(ipfi::Schema)]` beside `serde::Serialize`; for a field of somebody else's type, `#[ipfi(as = \"Type\")]` names one that travels alike"
)]
pub trait Schema: 'static {
    /// The shape of a value; what it refers to is added to `types`.
    fn shape(types: &mut Types) -> Shape;
}

#[cfg(test)]
mod tests;
