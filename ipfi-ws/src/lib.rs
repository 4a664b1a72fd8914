//! ipfi over WebSocket: every call of a connection on one WebSocket, to servers behind proxies and to browsers.
//!
//! ```text
//!  ipfi-core        calls: items on streams                    (knows nothing of what is below)
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  ipfi-mux         QMux: many streams, here one record for each message (clause 12.4)
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  socket/          a WebSocket of tokio-tungstenite as the driver's two directions
//!  handshake/       the HTTP request and its answer, bounded, each refusal in a sentence
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  endpoint/        client and server over any byte stream, TLS, and requests that hyper has read
//! ```
//!
//! A binary message is one QMux record, with as many frames as there are to send, so that many calls share a message; it is
//! flushed before the next is made. The subprotocol is [`SUBPROTOCOL`]; a server or a client that does not
//! agree on it is refused, and nothing weaker is tried. Compression is neither offered nor taken.
//!
//! # What it does not do
//!
//! No HTTP server: it answers upgrades, and whatever else comes to an address of its own gets a sentence. No HTTP/2 (RFC
//! 8441): proxies that speak it to browsers speak HTTP/1.1 to servers. No reconnecting.
//!
//! # Is the peer still there?
//!
//! Each side's machine asks by QX_PING after the limit `ping_interval`, which is traffic that proxies count too, and a server
//! sends a WebSocket ping with it. Either answer will do: a browser answers the second one while its page stands at a
//! breakpoint, and a program answers the first behind a proxy that keeps pings to itself. A peer of which nothing
//! has come for `idle_timeout` is dead.
//!
//! # Modules
//!
//! | module | what |
//! |---|---|
//! | [`endpoint`] | [`connect`](endpoint::connect) and [`accept`](endpoint::accept) over any byte stream, TLS included |
//! | [`config`] | [`WsOptions`] and [`Origins`] |
//! | [`session`] | a WebSocket after its handshake: wires, and sessions without calls |
#![cfg_attr(feature = "hyper", doc = "| [`upgrade`] | a route of an application on hyper, axum for one |")]
#![cfg_attr(
    not(feature = "hyper"),
    doc = "| `upgrade` | a route of an application on hyper, axum for one (feature `hyper`) |"
)]
//! | [`foreign`] | a WebSocket that a framework has made |
//! | [`error`] | what went wrong in a handshake, and whose fault it was |

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

pub mod config;
#[doc(hidden)]
pub mod echo;
pub mod endpoint;
pub mod error;
pub mod foreign;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod session;
mod socket;
#[cfg(feature = "hyper")]
pub mod upgrade;

pub use config::{Origins, WsOptions};
pub use error::WsFault;

/// The subprotocol of QMux records in WebSocket messages (`docs/protocol.md` 12.4).
pub const SUBPROTOCOL: &str = ipfi_core::proto::ALPN_QMUX;
