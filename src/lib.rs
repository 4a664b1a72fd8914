//! Any program calls any other program's procedures, one value, a stream, both ways, many at once, over
//! whatever carries bytes between them.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use ipfi::{Interface, Server};
//!
//! let interface = Interface::new()
//!     .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") });
//! let server = Server::new(interface).listen("tcp://127.0.0.1:4000").bind().await?;
//! tokio::spawn(server.run());
//!
//! let wire = ipfi::connect("tcp://127.0.0.1:4000").await?;
//! let greeting: String = wire.call(0, ("Ada",)).await?;
//! # Ok(()) }
//! ```
//!
//! | to | use | feature |
//! | --- | --- | --- |
//! | offer procedures | [`Interface`] | |
//! | call a peer | [`connect`], [`connect_with`], [`Connector`], then [`Wire`] | `tcp`, `unix` |
//! | serve many peers | [`Server`] | `tcp`, `unix` |
//! | run a module as a child process, or be one | [`spawn`], [`stdio`](fn@stdio) | `stdio` |
//! | use any pipe | [`mux::connect`], [`mux::accept`] | `tokio` |
//! | do without a runtime | [`blocking`](mod@blocking) | `blocking` |
//! | go byte by byte, also in wasm | [`mux::bytewise`](ipfi_mux::driver::bytewise) | |
//!
//! What is behind the names is documented where it lives: [`core`] for interfaces, wires and calls,
//! [`mux`] for the wire format over one pipe.

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

mod address;
#[cfg(any(feature = "tcp", all(feature = "unix", unix)))]
mod connector;
#[cfg(all(unix, any(feature = "unix", feature = "stdio")))]
mod local;
#[cfg(any(feature = "tcp", all(feature = "unix", unix)))]
mod server;
#[cfg(feature = "stdio")]
mod stdio;

pub use ipfi_core as core;
pub use ipfi_core::call::{self, CallError, Fragment, RawCall, Receiver, Sender, Terminator};
pub use ipfi_core::codec::{CodecId, Raw};
pub use ipfi_core::error::ConnectionError;
pub use ipfi_core::metadata::Metadata;
pub use ipfi_core::wire::{Role, ShutdownReport, Wire, WireOptions};
pub use ipfi_core::{
    CancelCause, Code, Context, Interface, Limits, Peer, ProcedureIndex, State, Status, blocking, spawned,
};
// The module; the function of the same name wraps a procedure that blocks.
/// QMux over one pipe, and its drivers.
pub use ipfi_mux as mux;
#[cfg(feature = "blocking")]
pub use ipfi_mux::driver::blocking;

pub use address::{Address, AddressError};
#[cfg(any(feature = "tcp", all(feature = "unix", unix)))]
pub use connector::{ConnectError, Connector, connect, connect_with};
#[cfg(any(feature = "tcp", all(feature = "unix", unix)))]
pub use server::{Bound, Server, ServerError};
#[cfg(feature = "stdio")]
pub use stdio::{Module, ModuleError, spawn, stdio};

/// The code of the README is compiled like any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
