//! Two ends of a connection inside one process, without bytes on any wire: the reference
//! implementation of the [session traits](crate::session), and the kit for testing what stands on them.
//!
//! [`pair`] makes a client and a server. Whatever one does arrives at the other before the call that
//! did it returns, so a test needs no runtime, no clock and no luck:
//!
//! ```
//! use ipfi_core::memory::{MemoryOptions, pair};
//! use ipfi_core::session::Session;
//!
//! let (client, server) = pair(MemoryOptions::default());
//! assert_eq!(client.side().peer(), server.side());
//! ```
//!
//! What QUIC promises holds here too, the inconvenient parts included, so that code which works in
//! memory works on a network: a stream stays invisible to the peer until it is used, and using one
//! makes those opened before it visible (RFC 9000 section 3.2); bytes wait for the reader's window;
//! a place for a new stream is free again only when the acceptor has let go of the old one.
//!
//! The kit makes it worse on purpose, and always in the same way: reads of one byte
//! ([`EndpointOptions::max_read_bytes`]), a link that breaks at byte N
//! ([`EndpointOptions::cut_after_bytes`]), and a link that stands still and moves again, one event at
//! a time if need be ([`MemoryControl`]).
//!
//! Bytes are passed on as the [`Bytes`](bytes::Bytes) that were written, without a copy: a small slice
//! keeps its block alive until it is read. Both ends being one program, that is the program's choice
//! and not an attack.
//!
//! ```text
//! options  what each end allows, and its faults
//! session  MemorySession and the futures that open     ┐ handles: lock, act, unlock, wake
//! stream   MemorySendStream, MemoryRecvStream          │
//! control  the switches of the test kit                ┘
//! link     both ends, the two lanes between them, what arriving does, how it ends
//! open     credit for streams, who waits for it, the queues of streams to accept
//! transfer what the halves of a stream do
//! half     the states of a half
//! ```

mod control;
mod half;
mod link;
mod open;
mod options;
mod session;
mod stream;
mod transfer;

pub use control::MemoryControl;
pub use options::{EndpointOptions, MemoryOptions};
pub use session::{MemorySession, OpenBi, OpenUni};
pub use stream::{MemoryRecvStream, MemorySendStream};

/// The two ends of one connection, the client's first.
///
/// An end is closed with [`NO_ERROR`](crate::close_code::CloseCode::NO_ERROR) when its session, its
/// clones, its streams and its opening futures have all been dropped.
pub fn pair(options: MemoryOptions) -> (MemorySession, MemorySession) {
    session::pair(&options)
}

#[cfg(test)]
mod tests;
