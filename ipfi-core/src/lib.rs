//! The heart of ipfi: any program calls any other program's procedures, over whatever carries bytes
//! between them.
//!
//! Programs use the crate `ipfi`, which re-exports what they need of this one and adds sockets and child processes.
//! Here is what a carrier, a driver or a codec is written against.
//!
//! ```text
//! interface   what I offer: procedures by index                           your handlers
//! wire        my link to one peer: calls out, calls in, their end         your calls
//! call        one call at either end: request, answer, cancellation
//! proto       the bytes of a call: header, items, statuses                docs/protocol.md
//! typed       what `#[ipfi::interface]` makes of a trait                  your traits
//! schema      what values look like
//! codec       values as bytes, under a guard
//! session     what a carrier offers: streams with the semantics of QUIC   ipfi-mux, memory
//! ```
//!
//! **No runtime, no sockets, no clock.** A carrier implements [`session::Session`]; a driver implements
//! [`runtime::Runtime`] and polls the [`Serving`](wire::Serving) future. Nothing above `session` knows
//! what it runs on. [`memory`] is a carrier in this process, for tests.
//!
//! Not goals: finding services, keeping values alive across connections, an interface language of its own.

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

pub mod call;
pub mod close_code;
pub mod codec;
pub mod context;
mod deadlines;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod interface;
pub mod limits;
pub mod memory;
pub mod metadata;
pub mod observe;
pub mod origins;
pub mod peer;
mod procedure_index;
pub mod proto;
pub mod runtime;
pub mod schema;
pub mod session;
mod signal;
pub mod status;
mod sync;
pub mod time;
pub mod typed;
#[doc(hidden)]
pub mod varint;
pub mod wire;

pub use call::{CallError, RawCall, Receiver, Sender, Terminator};
pub use codec::{CodecId, Raw};
pub use context::{CancelCause, Context};
pub use interface::{Interface, State, blocking, spawned};
pub use limits::Limits;
pub use origins::Origins;
pub use peer::Peer;
pub use procedure_index::ProcedureIndex;
pub use status::{Code, Status};
pub use typed::TypedError;
/// What the code that the macros write calls: `ipfi` has it under this name too.
#[doc(hidden)]
pub use typed::private as __private;
pub use wire::{Role, ShutdownReport, Wire, WireOptions};
