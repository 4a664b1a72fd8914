//! WebTransport (draft-ietf-webtrans-http3): QUIC as browsers have it, on the same UDP port as native QUIC.
//!
//! ```text
//!  ALPN ipfi-1 ──────────────────────────────────────────────► QuicSession: streams of the connection
//!  ALPN h3 ────► SETTINGS, CONNECT, its answer (this module) ─► QuicSession: the same, each with a header
//! ```
//!
//! Which of the two it is the client chooses by ALPN. After the handshake everything is native: every call is a stream of
//! the session, which is a stream of the connection with a few bytes before it, so that
//! [`QuicSession`](crate::session::QuicSession) is the same type with the same promises; `session/tunnel.rs` has the differences. The protocol that both sides name (`docs/protocol.md` 12.1, 12.6)
//! is `ipfi-1`, in `WT-Available-Protocols` and `WT-Protocol`: a page gives it in the option `protocols`. Browsers that do not
//! have that option are let in without it.
//!
//! **The codec is `web-transport-proto`, the endpoint is ours.** `web-transport-quinn`, which is made of that codec, hides
//! quinn's streams and takes all that the peer opens, so that a place could not be withheld, a stop not be answered and a
//! flood not be charged; it answers no refusal with a reason; and its requests are bounded in parts, not as a whole. Two
//! hundred lines of handshake are less than a second session would be.
//!
//! **One session a connection.** Browsers pool sessions only where a page asks for it (`allowPooling`); another request
//! on the connection is stopped with H3_REQUEST_REJECTED. Of QPACK there is the static table alone.

mod client;
mod h3;
mod options;
mod server;

pub use self::client::connect;
pub use self::options::WebTransportOptions;
pub use self::server::accept;
pub(crate) use self::server::{accept_wire, chosen};

use ipfi_core::error::ConnectionError;

/// The application protocol of HTTP/3 (RFC 9114 section 3.1), within which WebTransport is asked for.
pub const ALPN: &str = "h3";

/// The protocol within WebTransport (`docs/protocol.md` 12.6).
pub const PROTOCOL: &str = crate::ALPN;

/// What [`Peer::carrier`](ipfi_core::Peer::carrier) says.
pub(crate) const CARRIER: &str = "webtransport";

/// What went wrong in the handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebTransportFault {
    /// This side did not let the client in.
    #[error("refused with {status}: {why}")]
    Refused {
        /// The status of the answer.
        status: String,
        /// What the client was told.
        why: String,
    },
    /// The server did not let this side in.
    #[error("the server refused with {status}: {why}")]
    ByServer {
        /// The status of the answer.
        status: String,
        /// What the server said of it, at most 1 KiB; or that it said nothing.
        why: String,
    },
    /// The server speaks HTTP/3 and no WebTransport.
    #[error("the server speaks HTTP/3, and its settings do not offer WebTransport")]
    NotOffered,
    /// The server has taken none of the protocols that it was offered.
    #[error("the server names the protocol {seen}, and {PROTOCOL} is needed")]
    Protocol {
        /// What it named, or that it named none.
        seen: String,
    },
    /// What the peer sent is no such handshake.
    #[error("the peer's {part}: {what}")]
    Invalid {
        /// Which part of the handshake.
        part: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// What this side would ask with cannot be sent.
    #[error("the request cannot be made: {what}")]
    Request {
        /// What is wrong with it.
        what: String,
    },
    /// The connection ended in the middle of it.
    #[error("the connection ended in the handshake: {0}")]
    Connection(ConnectionError),
}

impl From<WebTransportFault> for ConnectionError {
    fn from(fault: WebTransportFault) -> Self {
        match fault {
            WebTransportFault::Connection(cause) => cause,
            fault => Self::lost(format!("WebTransport: {fault}")),
        }
    }
}

/// A status with its name.
fn named(status: web_transport_proto::http::StatusCode) -> String {
    match status.canonical_reason() {
        Some(name) => format!("{} {name}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}
