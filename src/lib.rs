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
//! The same, typed: a trait is the server and the client. The rules are on the page of `interface`.
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod typed {
//! # use futures::{Stream, stream};
//! # use ipfi::{Interface, Server};
//! #[ipfi::interface]
//! pub trait Greeter {
//!     /// Greets somebody by name.
//!     async fn hello(&self, name: String) -> String;
//!     /// Counts up to `limit`.
//!     fn count(&self, limit: u64) -> impl Stream<Item = u64>;
//! }
//!
//! struct Polite;
//!
//! impl Greeter for Polite {
//!     async fn hello(&self, name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//!
//!     fn count(&self, limit: u64) -> impl Stream<Item = u64> {
//!         stream::iter(0..limit)
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let interface = Interface::new().serve(GreeterServer(Polite));
//! # tokio::spawn(Server::new(interface).listen("tcp://127.0.0.1:4000").run());
//! let wire = ipfi::connect("tcp://127.0.0.1:4000").await?;
//! let greeter = GreeterClient::new(&wire);
//! println!("{}", greeter.hello("Ada".into()).await?);
//! # Ok(()) } }
//! ```
//!
//! | to | use | feature |
//! | --- | --- | --- |
//! | offer procedures | [`Interface`] | |
//! | offer and call the methods of a trait | `interface`, [`Interface::serve`], [`typed`] | `macros` |
//! | say what values look like, compare versions | [`Schema`], [`typed::check`], [`typed::descriptions`] | `macros` |
//! | test against a wire without sockets | `in_process` | `tokio` |
//! | call a peer | [`connect`], [`connect_with`], [`Connector`], then [`Wire`] | `quic`, `tls`, `tcp`, `ws`, `wss`, `unix` |
//! | serve many peers | [`Server`] | `quic`, `tls`, `tcp`, `ws`, `wss`, `unix`, `stdio` |
//! | serve on a route of an application's own web server | `ws::upgrade` | `hyper` |
//! | run a module as a child process, or be one | [`spawn`], [`stdio`](fn@stdio) | `stdio` |
//! | use any pipe | [`mux::connect`], [`mux::accept`] | `tokio` |
#![cfg_attr(feature = "blocking", doc = "| do without a runtime | [`blocking`](mod@blocking) | `blocking` |")]
#![cfg_attr(not(feature = "blocking"), doc = "| do without a runtime | `blocking` | `blocking` |")]
//! | go byte by byte, also in wasm | [`mux::bytewise`](ipfi_mux::driver::bytewise) | |
//!
//! The kinds of procedures, and how each is called:
//!
//! | offered with | called with | |
//! | --- | --- | --- |
//! | [`Interface::procedure`] | [`Wire::call`] | one value in, one out |
//! | [`Interface::sequence`] | [`Wire::stream`] | a `Stream` out, no faster than it is read |
//! | [`Interface::procedure_with_items`] | [`Wire::upload`] | a `Stream` in, one value out |
//! | [`Interface::sequence_with_items`] | [`Wire::duplex`] | both at once |
//! | [`Interface::notification`] | [`Wire::notify`] | nobody answers |
//! | [`Interface::raw`] | [`Wire::call`] with [`Raw`], [`Wire::start`] | bytes, whole or in pieces |
//!
//! What a call can be given before it is awaited (a timeout, metadata, a codec) is on the page of
//! [`call::Call`]; what a handler may take and answer with, on that of [`core::interface`]; what every
//! limit costs, at [`Limits`]; how values become bytes and what not to rely on, at [`core::codec`].
//! [`mux`] is the wire format over one pipe.
//!
//! QUIC and TLS need a certificate at the server ([`Identity`]) and somebody to believe it ([`Trust`]); client
//! certificates are [`ClientAuth`]. The feature `aws-lc-rs` or `ring` gives their cryptography, `platform-verifier`
//! the trust of the operating system, and `development` certificates made on the spot. [`QuicOptions`] is what QUIC
//! alone has, and [`WsOptions`] what WebSockets have: whose pages may connect, above all.
//!
//! Further features: `postcard`, `messagepack` and `json` are codecs beside the default `bincode`; `chrono`, `jiff`, `url` and
//! `uuid` describe the types of those crates ([`Schema`]). Off by default are `postcard`, `hyper`, `ring`,
//! `blocking` and those four.

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

mod address;
#[cfg(any(feature = "quic", feature = "tls", feature = "tcp", feature = "ws", all(feature = "unix", unix)))]
mod connector;
#[cfg(feature = "tokio")]
mod in_process;
#[cfg(any(all(feature = "unix", unix), feature = "stdio"))]
mod local;
#[cfg(any(
    feature = "quic",
    feature = "tls",
    feature = "tcp",
    feature = "ws",
    feature = "stdio",
    all(feature = "unix", unix)
))]
mod server;
#[cfg(feature = "stdio")]
mod stdio;

pub use ipfi_core as core;
pub use ipfi_core::call::{self, CallError, Fragment, Isolation, RawCall, Receiver, Sender, Terminator};
pub use ipfi_core::close_code::CloseCode;
pub use ipfi_core::codec::{CodecId, Raw};
pub use ipfi_core::error::ConnectionError;
pub use ipfi_core::interface::CallInfo;
pub use ipfi_core::metadata::Metadata;
pub use ipfi_core::observe::{CallReport, Observer, Stats};
pub use ipfi_core::schema::{self, Schema};
pub use ipfi_core::session::PathStats;
/// What the code that `interface` writes calls.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub use ipfi_core::typed::private as __private;
pub use ipfi_core::typed::{self, CheckError, Describe, Serve, TypedError};
pub use ipfi_core::wire::{Role, ShutdownReport, Wire, WireOptions};
pub use ipfi_core::{
    CancelCause, Code, Context, Interface, Limits, Origins, Peer, ProcedureIndex, State, Status, blocking,
    spawned,
};
#[cfg(feature = "macros")]
pub use ipfi_macros::Schema;
#[cfg(feature = "macros")]
#[cfg_attr(feature = "tokio", doc = include_str!("typed.md"))]
pub use ipfi_macros::interface;

// The module; the function of the same name wraps a procedure that blocks.
/// QMux over one pipe, and its drivers.
pub use ipfi_mux as mux;
#[cfg(feature = "blocking")]
pub use ipfi_mux::driver::blocking;

/// QUIC and TLS below the facade: endpoints of one's own, and what the words of TLS mean.
#[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
pub use ipfi_quic as quic;
#[cfg(feature = "quic")]
pub use ipfi_quic::QuicOptions;
#[cfg(feature = "webtransport")]
pub use ipfi_quic::WebTransportOptions;
#[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
pub use ipfi_quic::tls::{
    CertificateHash, ClientAuth, ClientRoots, Identity, ReloadableIdentity, TlsError, Trust,
};
/// WebSocket below the facade: any byte stream, and routes of an application's own server.
#[cfg(feature = "ws")]
pub use ipfi_ws as ws;
#[cfg(feature = "ws")]
pub use ipfi_ws::WsOptions;

pub use address::{Address, AddressError, WebAddress};
#[cfg(any(
    feature = "quic",
    feature = "tls",
    feature = "tcp",
    feature = "ws",
    all(feature = "unix", unix)
))]
pub use connector::{ConnectError, Connector, connect, connect_with};
#[cfg(feature = "tokio")]
pub use in_process::in_process;
#[cfg(any(
    feature = "quic",
    feature = "tls",
    feature = "tcp",
    feature = "ws",
    feature = "stdio",
    all(feature = "unix", unix)
))]
pub use server::{Bound, Server, ServerError};
#[cfg(feature = "stdio")]
pub use stdio::{Module, ModuleError, spawn, stdio};

/// The code of the README is compiled like any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
