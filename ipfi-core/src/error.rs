//! Why a connection or a stream ended, and whose doing it was.
//!
//! Three families: what this side did wrong ([`ConnectionError::Limits`], [`WriteError::Finished`],
//! [`DatagramError`]), what the
//! peer did wrong ([`ConnectionError::Violation`]), and what nobody did ([`ConnectionError::Lost`]).
//! An orderly end is told apart from all of them by [`ConnectionError::is_orderly`].

use core::time::Duration;
use std::sync::Arc;

use crate::close_code::{CloseCode, StreamCode, TransportCode};
use crate::status::LimitSeen;

/// The one cause with which a connection ended, given to everything that waited on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed the connection.
    #[error("closed by this side: {}", Reason(.code.name(), .code.0, .reason))]
    LocallyClosed {
        /// The code the peer was told.
        code: CloseCode,
        /// The text the peer was told.
        reason: Arc<str>,
    },
    /// The peer's application closed the connection.
    #[error("closed by the peer: {}", Reason(.code.name(), .code.0, .reason))]
    PeerClosed {
        /// The code the peer gave.
        code: CloseCode,
        /// The text the peer gave, at most 256 bytes of it.
        reason: Arc<str>,
    },
    /// The peer's transport closed the connection: it says this side broke the protocol.
    #[error("closed by the peer's transport: {}", Reason(.code.name(), .code.0, .reason))]
    PeerTransport {
        /// The transport error code.
        code: TransportCode,
        /// The text the peer gave, at most 256 bytes of it.
        reason: Arc<str>,
    },
    /// The peer broke the protocol; the connection was closed with `code`.
    #[error("the peer broke the protocol: {what} ({code})")]
    Violation {
        /// The transport error code that the peer was told.
        code: TransportCode,
        /// What it did.
        what: Arc<str>,
    },
    /// The peer does not speak this protocol: these were its first bytes.
    #[error("the peer printed text before the handshake: {seen:?}")]
    NotIpfi {
        /// The beginning of what it sent, made printable.
        seen: Arc<str>,
    },
    /// The peer speaks another version of the call protocol.
    #[error("version mismatch: this side speaks ipfi-{ours}, the peer ipfi-{theirs}")]
    Version {
        /// The version of this side.
        ours: u64,
        /// The version of the peer.
        theirs: u64,
    },
    /// The peer did not complete the handshake in time.
    #[error("handshake timeout: the peer did not complete its handshake within {after:?}")]
    HandshakeTimeout {
        /// The limit `handshake_timeout`.
        after: Duration,
    },
    /// Nothing was heard from the peer for too long.
    #[error("idle timeout: nothing received from the peer for {after:?}")]
    IdleTimeout {
        /// How long the silence lasted.
        after: Duration,
    },
    /// The peer took no bytes for too long.
    #[error("write stall: the peer took no bytes for {after:?} (limit write_stall_timeout)")]
    WriteStall {
        /// The limit `write_stall_timeout`.
        after: Duration,
    },
    /// The peer's pipe ended without a close, or could not be read or written.
    #[error("connection lost: {detail}")]
    Lost {
        /// What the operating system or the carrier said.
        detail: Arc<str>,
    },
    /// This side has opened as many streams as there are ids, 2^60 of each kind. What is open goes on.
    #[error("all 2^60 stream ids of this connection have been used: make a new connection")]
    StreamIdsExhausted,
    /// This side's own limits cannot work, so that nothing was sent: a mistake of this program, which no
    /// peer and no network can mend.
    #[error("this side's limits cannot be used: {what}")]
    Limits {
        /// Which of them, with their values, and why not.
        what: Arc<str>,
    },
    /// The driver of this connection went away (its task was aborted, its runtime shut down).
    #[error("the connection's driver was dropped")]
    DriverDropped,
}

/// Prints `NAME` or the number of a code, and the reason if there is one.
struct Reason<'a>(Option<&'static str>, u64, &'a str);

impl core::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(name) => f.write_str(name)?,
            None => write!(f, "code {:#x}", self.1)?,
        }
        if !self.2.is_empty() {
            write!(f, ": {}", self.2)?;
        }
        Ok(())
    }
}

impl ConnectionError {
    /// The pipe broke or ended: `detail` is what the system said.
    pub fn lost(detail: impl Into<Arc<str>>) -> Self {
        Self::Lost { detail: detail.into() }
    }

    /// Whether this is an orderly end rather than a fault: either side closed with NO_ERROR or
    /// because it shuts down.
    pub fn is_orderly(&self) -> bool {
        match self {
            Self::LocallyClosed { code, .. } | Self::PeerClosed { code, .. } => {
                matches!(*code, CloseCode::NO_ERROR | CloseCode::SHUTDOWN)
            }
            Self::PeerTransport { code, .. } => *code == TransportCode::NO_ERROR,
            _ => false,
        }
    }
}

/// Why bytes could not be sent on a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The peer asked for no more (STOP_SENDING).
    #[error("the peer stopped the stream: {0}")]
    Stopped(StreamCode),
    /// The stream was already finished or reset by this side.
    #[error("the stream was already finished or reset by this side")]
    Finished,
    /// The connection ended.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// Why no more bytes can be read from a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The peer gave the stream up (RESET_STREAM).
    #[error("the peer reset the stream: {0}")]
    Reset(StreamCode),
    /// This side stopped the stream before.
    #[error("the stream was already stopped by this side")]
    Stopped,
    /// This side gave the stream up, because a limit of its connection was reached.
    #[error("this side gave the stream up: limit {} = {} reached", .0.name, .0.limit)]
    Limit(LimitSeen),
    /// The connection ended.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// Why a datagram was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatagramError {
    /// It is larger than the connection carries.
    #[error("datagram too large: {seen} bytes seen, limit max_datagram_bytes = {limit}")]
    TooLarge {
        /// The payload's size in bytes.
        seen: usize,
        /// The largest that can be sent now.
        limit: usize,
    },
    /// The carrier or the peer takes no datagrams.
    #[error("datagrams are not supported on this connection")]
    Unsupported,
    /// The queue of datagrams is full; this one was dropped.
    #[error("datagram dropped: the send queue is full")]
    QueueFull,
    /// The connection ended.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}
