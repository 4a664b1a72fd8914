//! The call protocol `ipfi-1` as bytes: what a stream of any carrier says. `docs/protocol.md` is the
//! specification and wins over this code; `docs/vectors/` are its golden bytes.
//!
//! ```text
//! bidirectional stream    request:   header, item, item, …, FIN        header.rs, item.rs
//!                         response:  item, item, …, FIN                decoder.rs
//! unidirectional stream   type 0:    "ipfi", version, control messages control.rs
//!                         type 1:    a request without a response
//! ```
//!
//! Encoders append to a buffer. Decoders are incremental: they take bytes as these arrive, cut
//! anywhere, refuse a length before the bytes it announces, and never allocate by one. No decoder
//! panics on any input, and none knows where the bytes come from.

pub mod control;
pub mod decoder;
pub mod header;
pub mod item;
pub(crate) mod status_body;

pub use control::{ControlDecoder, ControlError, ControlMessage, Settings, StreamType};
pub(crate) use decoder::only_message;
pub use decoder::{ItemDecoder, Part};
pub use header::{HeaderDecoder, HeaderError, RequestHeader};
pub use item::{
    Direction, ItemError, ItemFault, ItemKind, put_item_header, put_message, put_metadata, put_status,
};

/// The version of the call protocol that this side speaks.
pub const VERSION: u64 = 1;

/// The protocol's name where every channel is a native QUIC stream (clause 12.1): the ALPN on QUIC, the
/// protocol of a WebTransport session.
pub const ALPN_QUIC: &str = "ipfi-1";

/// The protocol's name over QMux: the ALPN on TLS over TCP, the subprotocol of a WebSocket.
pub const ALPN_QMUX: &str = "qmux-02.ipfi-1";

/// The first procedure index that belongs to ipfi itself: this and all above are not for users
/// (`docs/protocol.md` 3.6).
pub const FIRST_RESERVED_PROCEDURE: u64 = 1 << 30;

/// The procedure whose call is the stream that small calls share (clause 3.6).
pub const SHARED_STREAM_PROCEDURE: u64 = FIRST_RESERVED_PROCEDURE;

/// The procedure that answers with the descriptions of the typed interfaces that are served (clauses 3.6 and 15.2).
pub const REFLECTION_PROCEDURE: u64 = FIRST_RESERVED_PROCEDURE + 1;

/// The index of a typed method: a hash of 30 bits, the same in every language
/// (`docs/protocol.md` 3.7).
///
/// FNV-1a of 32 bits over `interface`, a dot and `method`, folded to 30 bits. A value that would be
/// shorter than a four-byte integer gets bit 29, and so stays clear of the small indices that users
/// choose themselves. Two methods of one interface table with the same index are refused where they
/// are registered.
pub const fn typed_procedure(interface: &str, method: &str) -> u64 {
    let hash = fnv1a(fnv1a(fnv1a(0x811c_9dc5, interface.as_bytes()), b"."), method.as_bytes());
    let folded = (hash >> 30) ^ (hash & 0x3fff_ffff);
    (if folded < 1 << 14 { folded | 1 << 29 } else { folded }) as u64
}

const fn fnv1a(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

#[cfg(test)]
mod tests;
