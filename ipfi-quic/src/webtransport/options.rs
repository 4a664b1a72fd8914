//! What WebTransport has and native QUIC has not.

use ipfi_core::origins::Origins;

/// What WebTransport has and native QUIC has not. Everything else is in [`Limits`](ipfi_core::Limits) and
/// [`QuicOptions`](crate::QuicOptions).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebTransportOptions {
    /// Whose pages may connect, at a server. Default [`Origins::Same`]: those from the same host and port. *Danger* of more: any
    /// page that the user opens could call, from where the user is.
    pub origins: Origins,
    /// The one path that a server serves; default none, which stands for all. A query is the client's to add.
    pub path: Option<String>,
    /// The most that the peer's settings may have, and then its request or answer, in bytes. Default 16 KiB, which is also
    /// the most that headers may have. *Cost*: this, for as long as the handshake lasts. *Danger*: header floods.
    pub max_handshake_bytes: usize,
    /// What a client sends with its request, as names and values; for `Authorization`, say. Default none. A page's own
    /// requests cannot have any.
    pub headers: Vec<(String, String)>,
}

impl Default for WebTransportOptions {
    fn default() -> Self {
        Self { origins: Origins::Same, path: None, max_handshake_bytes: 16 << 10, headers: Vec::new() }
    }
}
