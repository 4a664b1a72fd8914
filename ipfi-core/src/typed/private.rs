//! What the code that `#[ipfi::interface]` writes calls. No part of the interface of this crate: it changes as that code
//! does.

pub use core::time::Duration;
pub use std::sync::Arc;

pub use futures_core::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use super::description::{Describing, MethodDescribing};
use crate::ProcedureIndex;
use crate::call::{Call, Receiver};
use crate::codec::{Decode, Encode};
use crate::context::Context;
use crate::interface::IntoReply;
pub use crate::interface::{Answer, Kind};
pub use crate::proto::typed_procedure;
pub use crate::schema::{Field, Fields, Form, Schema, Shape, Types, Variant};
use crate::status::Status;
use crate::typed::MethodError;
use crate::wire::Wire;

/// The items of a method that streams `Result<T, E>`, as they travel.
pub type ItemOf<T, E> = <E as MethodError<T>>::Wire;

/// What a method has answered, as it leaves.
pub fn reply<R: IntoReply<K>, K>(answer: R) -> Result<R::Value, Status> {
    answer.into_reply()
}

/// A call of the method `name`; its kind is that of the client's method.
pub fn call<K, A>(wire: &Wire, procedure: u64, name: &'static &'static str, arguments: A) -> Call<K, A> {
    Call::new(wire, ProcedureIndex::named(procedure, name), arguments)
}

/// What may be an item or an answer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel: it is no argument, item or answer of a method",
    label = "is not `Serialize + Deserialize`, `Send` and owning its data",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it; text and bytes are owned (`String`, `Vec<u8>`, `bytes::Bytes`)"
)]
pub trait Value: Encode + Decode + Send + 'static {}

impl<T: Encode + Decode + Send + 'static> Value for T {}

/// What may be an argument: an element of a tuple, hence no [`Raw`](crate::codec::Raw).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel as an argument of a method",
    label = "is not `Serialize + Deserialize`, `Send` and owning its data",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it; text and bytes are owned (`String`, `Vec<u8>`, `bytes::Bytes`)",
    note = "bytes that are a whole message, `Raw`, may be items and answers; among arguments they are `bytes::Bytes`"
)]
pub trait Argument: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Argument for T {}

/// What a method may take as `&Context`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of a call",
    label = "is another type of that name",
    note = "the context of a call is `&ipfi::Context`; a method takes no other reference"
)]
pub trait IsContext {}

impl IsContext for Context {}

/// What a method may take as `Receiver<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of the caller's items",
    label = "is another type of that name",
    note = "the stream of the caller's items is `ipfi::Receiver<T>`"
)]
pub trait IsReceiver {}

impl<T> IsReceiver for Receiver<T> {}

/// Fails to compile for another type that is called `Context`, at the type.
pub const fn assert_context<T: IsContext>() {}

/// Fails to compile for another type that is called `Receiver`, at the type.
pub const fn assert_receiver<T: IsReceiver>() {}

/// Fails to compile for a type that cannot travel, at the type.
pub const fn assert_value<T: Value>() {}

/// Fails to compile for a type that cannot travel among arguments, at the type.
pub const fn assert_argument<T: Argument>() {}

/// Fails to compile for an error that cannot travel, at its type.
pub const fn assert_error<T, E: MethodError<T>>() {}

/// Stops the compilation of a method whose index another of its interface has, or which is reserved: clause 3.7.
/// `indices` are those of all of them.
pub const fn assert_index(indices: &[u64], index: u64, fault: &str) {
    let (mut n, mut found) = (0, 0);
    while n < indices.len() {
        if indices[n] == index {
            found += 1;
        }
        n += 1;
    }
    refuse(found > 1 || index >= crate::proto::FIRST_RESERVED_PROCEDURE, fault);
}

#[allow(clippy::panic)] // of the compiler
const fn refuse(refused: bool, fault: &str) {
    if refused {
        panic!("{}", fault);
    }
}

/// Asks a type for its shape whether or not it has one: `(&Probe::<T>::NEW).shape(types)`, with both of the traits below
/// in scope, takes the first that fits.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: ?Sized> Probe<T> {
    /// The one there is.
    pub const NEW: Self = Self(core::marker::PhantomData);
}

/// Of a type that has a shape.
pub trait BySchema {
    /// Its shape.
    fn shape(&self, types: &mut Types) -> Shape;
}

impl<T: Schema + ?Sized> BySchema for Probe<T> {
    fn shape(&self, types: &mut Types) -> Shape {
        T::shape(types)
    }
}

/// Of any other.
pub trait ByName {
    /// A shape that says nothing but the type's name.
    fn shape(&self, types: &mut Types) -> Shape;
}

impl<T: ?Sized> ByName for &Probe<T> {
    fn shape(&self, _: &mut Types) -> Shape {
        Shape::Opaque(core::any::type_name::<T>().to_owned())
    }
}

/// The name of a type in a table: its own, and those of its parameters, `Page<User>`.
pub fn generic_name(name: &str, parameters: &[Shape]) -> String {
    if parameters.is_empty() {
        return name.to_owned();
    }
    let parameters: Vec<String> = parameters.iter().map(ToString::to_string).collect();
    format!("{name}<{}>", parameters.join(", "))
}
