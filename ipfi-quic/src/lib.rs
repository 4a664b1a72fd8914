//! ipfi over QUIC: every call a native stream, and TLS for the carriers that have none of their own.
//!
//! ```text
//!  ipfi-core        calls: items on streams                    (knows nothing of what is below)
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  session/         Session over quinn::Connection             shared.rs: a QMux session (ipfi-mux) on one of
//!                   a stream for each call that wants one      its streams, for small calls together
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  endpoint/        UDP sockets: connect, accept, wire()       tls/pipe.rs: TLS on a byte pipe, with the
//!  config.rs        limits as quinn's transport settings       QMux records of ipfi-mux inside
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  tls/             identities, trust, client certificates: rustls, TLS 1.3
//! ```
//!
//! Nothing of ours is around a native stream: its bytes are a call's header and items, its FIN is the call's, and
//! RESET_STREAM and STOP_SENDING carry ipfi's codes. A program that uses quinn already adds ipfi beside its own
//! protocols, by ALPN: see [`endpoint`].
//!
//! **Small calls together, big ones apart.** A stream for a small call costs many times what the call costs on a stream
//! that is open. So a connection has one stream that small calls share; every streaming, large, prioritized or isolated
//! call has its own. [`Isolation`](ipfi_core::call::Isolation) has the rule and what it costs:
//! calls that share a stream wait for each other's lost packets.
//!
//! # What it does not do
//!
//! No reconnecting; of HTTP/3 no more than one WebTransport session of a connection needs. No congestion control and
//! no loss recovery of its own: those are quinn's.
//!
//! # Modules
//!
//! | module | what |
//! |---|---|
//! | [`endpoint`] | [`QuicClient`], [`QuicServer`], and [`wire`](endpoint::wire) for connections that exist |
//! | [`config`] | [`QuicOptions`], and the limits as quinn has them |
//! | [`session`] | `Session` over a connection; its page lists what quinn does not do by itself |
//! | [`tls`] | who this side is, whom it trusts, what went wrong; TLS over byte pipes |
//! | `webtransport` | the same for browsers: HTTP/3's handshake before it |
//! | `shared` | the stream that small calls share |
//! | `congestion` | how a close gets out although the window is full |
//! | `error` | quinn's errors in the words of ipfi |
//!
//! # Features
//!
//! `quic` (native streams), `webtransport` (the same for browsers), `tls` (TLS over a byte pipe), and one of `aws-lc-rs` and `ring` for the cryptography;
//! `platform-verifier` and `development` add to [`tls`].

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

// The features of a provider are asked for at every module: without one nothing could be compiled, and this is to
// be the one error.
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "QUIC and TLS need cryptography: turn on the feature `aws-lc-rs` or `ring`, of ipfi or of ipfi-quic"
);

#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod config;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
mod congestion;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod endpoint;
#[cfg(feature = "quic")]
mod error;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod session;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
mod shared;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub mod tls;
#[cfg(all(feature = "webtransport", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod webtransport;

#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use config::QuicOptions;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use endpoint::{ALPN, QuicClient, QuicServer};
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use session::QuicSession;
#[cfg(all(feature = "webtransport", any(feature = "aws-lc-rs", feature = "ring")))]
pub use webtransport::WebTransportOptions;
