//! Typed interfaces: what `#[ipfi::interface]` makes of a trait is written against this module.
//!
//! A trait becomes three things: a server ([`Serve`], given to [`Interface::serve`]), a client whose methods give
//! the [`Call`](crate::call::Call)s that a wire gives too, and a [`Description`] of both ([`Describe`]). All of them
//! are thin: a typed procedure is registered by the same functions as one with a number, called by the same code, and
//! makes the same bytes. Only its index is not chosen but hashed from two names (`docs/protocol.md` 3.7), so that adding,
//! removing and reordering methods changes no other's.

mod brief;
mod compatible;
mod description;
mod error;
#[doc(hidden)]
pub mod private;
mod reflection;

use std::sync::Arc;

pub use compatible::{Mismatch, compatible};
#[cfg(feature = "json")]
pub use description::to_json;
pub use description::{Description, Method, Parameter};
pub use error::{MethodError, TypedError};
pub(crate) use reflection::Answer as Reflection;
pub use reflection::{CheckError, check, descriptions};

use crate::interface::Interface;

/// An interface that can say what it consists of: the client and the server that are made of a trait.
pub trait Describe {
    /// Its methods, what they take and what they answer.
    fn description() -> Description;
}

/// The server side of a trait: `GreeterServer`, made by `#[ipfi::interface]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served",
    note = "`Interface::serve` takes what `#[ipfi::interface]` makes: `GreeterServer(MyGreeter)`, not `MyGreeter`"
)]
pub trait Serve: Describe + Sized {
    /// What the procedures are methods of.
    type Implementor: Send + Sync + 'static;

    /// The implementor, as all calls share it.
    fn into_shared(self) -> Arc<Self::Implementor>;

    /// Registers every method.
    fn register(interface: Interface<Arc<Self::Implementor>>) -> Interface<Arc<Self::Implementor>>;
}
