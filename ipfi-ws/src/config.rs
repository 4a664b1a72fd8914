//! What a WebSocket has and other carriers have not. Everything else is in [`Limits`].

use ipfi_core::limits::Limits;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use ipfi_core::origins::Origins;

/// What a WebSocket has and other carriers have not. Everything else is in [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsOptions {
    /// Whose pages may connect, at a server. Default [`Origins::Same`]. *Danger* of more: a browser sends its user's cookies
    /// with the request, whatever page makes it, so that any page could call as that user.
    pub origins: Origins,
    /// The most that the peer's half of the handshake may have, its request line and headers, in bytes. Default 16 KiB. *Cost*:
    /// this, for as long as the handshake lasts. *Danger*: header floods.
    pub max_handshake_bytes: usize,
    /// What is read from the system at once, in bytes. Default 16 KiB. *Cost*: this, for each connection, for as long as it
    /// lives. Less makes idle connections smaller and bulk dearer.
    pub read_buffer_bytes: usize,
    /// What a client sends with its request, as names and values; for `Authorization`, say. Default none. A page's own
    /// requests cannot have any.
    pub headers: Vec<(String, String)>,
}

impl Default for WsOptions {
    fn default() -> Self {
        Self {
            origins: Origins::Same,
            max_handshake_bytes: 16 << 10,
            read_buffer_bytes: 16 << 10,
            headers: Vec::new(),
        }
    }
}

/// A pong, or a close, beside the message that is being written.
const CONTROL_BYTES: usize = 4 << 10;

/// The longest header of a frame (RFC 6455 section 5.2).
const FRAME_HEADER_BYTES: usize = 14;

/// Tungstenite's settings: a message is a record, and one is written at a time.
pub(crate) fn tungstenite(limits: &Limits, ws: &WsOptions) -> WebSocketConfig {
    let record = limits.max_record_bytes as usize;
    // What is fed stays there until the flush: one system call for a message, its header, and a pong before it.
    let buffer = record.max(MIN_RECORD_BYTES) + FRAME_HEADER_BYTES + CONTROL_BYTES;
    WebSocketConfig::default()
        .read_buffer_size(ws.read_buffer_bytes)
        .write_buffer_size(buffer)
        .max_write_buffer_size(buffer + CONTROL_BYTES)
        .max_message_size(Some(record))
        .max_frame_size(Some(record))
}

/// The least `max_record_size` there can be (QMux "max_record_size"): so much is sent whatever is taken.
const MIN_RECORD_BYTES: usize = 16_382;
