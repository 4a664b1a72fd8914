//! QMux (draft-ietf-quic-qmux-02) over one ordered byte pipe: many streams with exactly QUIC's
//! semantics (RFC 9000 sections 2 to 4) on TCP, a Unix socket, stdio, a WebSocket, a byte at a time
//! (clause 12.2 of `docs/protocol.md`).
//!
//! The protocol is one state machine, [`Connection`], that knows no sockets, no clock and no runtime:
//!
//! ```text
//!                 bytes from the pipe, the time               open, write, read, stop, reset, close
//!                              │                                             │
//!                              ▼                                             ▼
//!   ┌─ Connection ─────────────────────────────────────────────────────────────────────────────┐
//!   │ record ─▶ frame ─▶ input ─▶ streams (two states each) ─▶ accept queue, unread bytes       │
//!   │                       │          ▲                                                       │
//!   │                       ▼          │ credit (flow), abuse budget                           │
//!   │ batch ◀─ transmit ◀─ control bits · schedule (priority, fresh before ring) ◀─ sent bytes  │
//!   └──────────────────────────────────────────────────────────────────────────────────────────┘
//!                              │                                             │
//!                              ▼                                             ▼
//!                bytes to the pipe, the next deadline                 wakers to be fired
//! ```
//!
//! [`Shared`](session::Shared) puts it behind one short lock, [`MuxSession`]
//! implements [`ipfi_core::session::Session`] on that, and drivers are thin loops around it.
//!
//! # What it promises
//!
//! - No peer can make it panic, allocate by an announced length, or hold more than its
//!   [`Limits`](ipfi_core::limits::Limits) add up to.
//! - Reading never waits: not for the application, not for the writer. Control frames are bits of state,
//!   never a queue, so they neither pile up nor stand behind data.
//! - Streams that nobody reads never take the credit of those that are read: the connection's window covers
//!   every stream's.
//! - When the connection ends, everything that waits on it ends with the one cause.
//!
//! # What it does not do
//!
//! No reconnecting, no encryption, no calls: those are the driver's, the carrier's and `ipfi-core`'s.
//!
//! # Modules
//!
//! | module | what |
//! |---|---|
//! | [`connection`] | the state machine; its page has the contract for drivers |
//! | [`session`] | `Session` over it, and what a driver drives |
//! | [`driver`] | the loops: tokio, threads, byte at a time |
//! | [`config`] | limits checked as a whole |
//! | [`frame`], [`record`], [`params`], [`stream_id`] | the bytes |
//! | [`violation`] | what the peer did wrong |
//! | `streams` | the two halves' states (the table to read first), the stream table |
//! | `flow` | credit, and why the sum of windows holds |
//! | `schedule` | whose bytes leave next |
//! | [`abuse`] | the token budget |
//! | `byte_queue` | buffers that do not pin what they do not hold |

// Standard output may be the wire.
#![warn(clippy::print_stdout)]

pub mod abuse;
pub mod config;
pub mod connection;
pub mod driver;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod params;
pub mod record;
pub mod session;
pub mod stream_id;
pub mod violation;

mod byte_queue;
mod flow;
mod schedule;
mod streams;
mod sync;

pub use config::{Config, ConfigError, check_limits};
pub use connection::Connection;
pub use driver::bytewise;
#[cfg(feature = "tokio")]
pub use driver::tokio::{TokioRuntime, accept, connect};
pub use session::MuxSession;
pub use streams::StreamKey;
