//! What went wrong in a handshake, in one sentence that says who did what.

use ipfi_core::error::ConnectionError;

/// Why no WebSocket came of a connection.
///
/// A [`ConnectionError::Lost`] has it in its text; here it can be matched on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WsFault {
    /// This server refused the client's request, and told it so.
    #[error("the client was refused with {status}: {why}")]
    Refused {
        /// The status of the answer, with its name.
        status: String,
        /// The text of the answer.
        why: String,
    },
    /// The server refused this client's request, or is no WebSocket server at all.
    #[error("the server answered {status} in place of 101 Switching Protocols{}", said(.text))]
    Answered {
        /// The status of its answer, with its name.
        status: String,
        /// The beginning of the text that came with it.
        text: String,
    },
    /// The server took the request, and does not speak ipfi.
    #[error(
        "the server opened a WebSocket and agreed on {}, not on the subprotocol {}: it is not an ipfi server",
        .agreed.as_deref().unwrap_or("no subprotocol"), crate::SUBPROTOCOL
    )]
    NotAgreed {
        /// The subprotocol it named.
        agreed: Option<String>,
    },
    /// The server's answer breaks RFC 6455.
    #[error("the server's answer is no WebSocket's: {what}")]
    BadAnswer {
        /// In which way.
        what: String,
    },
    /// What came is not HTTP.
    #[error("the peer does not speak HTTP, its first bytes are {seen:?}")]
    NotHttp {
        /// The beginning of what came, made printable.
        seen: String,
    },
    /// The peer's half of the handshake is too long. Servers answer 431.
    #[error("handshake too large: more than {limit} bytes seen, limit max_handshake_bytes = {limit}")]
    TooLarge {
        /// The limit [`max_handshake_bytes`](crate::WsOptions::max_handshake_bytes).
        limit: usize,
    },
    /// The peer went away before the handshake was done.
    #[error("the peer closed the connection during the WebSocket handshake")]
    Ended,
    /// The connection broke during the handshake.
    #[error("the connection broke during the WebSocket handshake: {what}")]
    Broken {
        /// What the system said.
        what: String,
    },
    /// A header that this client is to send cannot be sent: a mistake of this program.
    #[error("the option headers has one that HTTP does not allow: {name}")]
    BadHeader {
        /// Its name.
        name: String,
    },
}

/// What the server said beside the status.
fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl From<WsFault> for ConnectionError {
    fn from(fault: WsFault) -> Self {
        Self::lost(format!("WebSocket: {fault}"))
    }
}

impl From<std::io::Error> for WsFault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Broken { what: error.to_string() },
        }
    }
}
