//! The driver on threads: wires without an async runtime in the program.
//!
//! ```no_run
//! use std::net::TcpStream;
//!
//! use ipfi_core::Interface;
//! use ipfi_mux::driver::blocking;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wire = blocking::connect_tcp(TcpStream::connect("127.0.0.1:4000")?, Interface::new())?;
//! let greeting: String = wire.call(0, ("Ada",))?;
//! # Ok(()) }
//! ```
//!
//! # Threads
//!
//! | thread | how many | does |
//! | --- | --- | --- |
//! | `ipfi-read` | one per connection | reads, and begins the calls that have arrived; **never writes** |
//! | `ipfi-write` | one per connection | writes what has gathered; yields once before, so that much does |
//! | `ipfi-task` | as many as cores, at least 2 | handlers that wait for something |
//! | `ipfi-blocking` | as needed | one for each [`blocking`](ipfi_core::blocking) handler that runs, and one for the clock |
//!
//! The last two kinds are shared by all connections of the process, and go when there has been nothing to
//! do for 10 s. A thread that waits for its call, the only one in flight, writes it itself; if that blocks,
//! the call's deadline is noticed when it returns, `write_stall_timeout` later at most.
//!
//! The reader never writes: with both pipes full, two readers that write would wait for each other for
//! ever. Blocking handlers have a thread each, so that any number of them may call each other in turn: the
//! bound is what connections admit, `max_inbound_calls` and `max_inbound_notifications`.
//!
//! # Where a program may block
//!
//! On its own threads, and in [`blocking`](ipfi_core::blocking) handlers, but not in async handlers: those
//! run where the connection is read, and would wait for what they keep from arriving. A call from there
//! through a [`BlockingWire`] panics, which says so and fails that call alone.

mod calls;
mod doorbell;
mod pipe;
mod pool;
mod runtime;
mod sockets;
mod wire;

use std::io::{Read, Write};
use std::sync::Arc;

use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};

pub use calls::{BlockingExchange, BlockingSender, Items};
pub use sockets::{accept_tcp, connect_tcp};
#[cfg(unix)]
pub use sockets::{accept_unix, connect_unix};
pub use wire::{BlockingWire, block_on};

use self::pipe::Pipe;
use self::runtime::Threads;
use crate::config::Config;
use crate::connection::Connection;
use crate::driver::timers::Clock;

/// Makes a wire over a pipe, as the side that connected, or that started the process at the other end;
/// the peer uses [`accept`]. `reader` is what the peer writes, `writer` what it reads; `options` may be
/// just an [`Interface`](ipfi_core::Interface). Waits for the peer's transport parameters, up to the
/// limit `handshake_timeout`.
///
/// `writer` is dropped when nothing more will be written, and dropping it should end its direction, as it
/// does for a pipe. `close` is called once, when the connection is over: it must make a thread that still
/// reads or writes return, as [`TcpStream::shutdown`](std::net::TcpStream::shutdown) does, and must not
/// block. Where nothing can (a terminal), the reading thread stays until there is input.
///
/// # Errors
///
/// [`ConnectionError::NotIpfi`] when the peer prints text, [`ConnectionError::HandshakeTimeout`] when it
/// says nothing, [`ConnectionError::Lost`] when the pipe ends. Limits that contradict each other are
/// [`ConnectionError::Limits`], threads that cannot be had [`ConnectionError::Lost`] with the reason, before
/// anything is sent.
pub fn connect<R, W, C>(
    reader: R,
    writer: W,
    close: C,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
    C: Fn() + Send + Sync + 'static,
{
    drive(reader, writer, close, Side::Client, options.into())
}

/// Makes a wire over a pipe, as the side that was connected to; otherwise as [`connect`].
///
/// # Errors
///
/// As [`connect`].
pub fn accept<R, W, C>(
    reader: R,
    writer: W,
    close: C,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
    C: Fn() + Send + Sync + 'static,
{
    drive(reader, writer, close, Side::Server, options.into())
}

fn drive<R, W, C>(
    reader: R,
    writer: W,
    close: C,
    side: Side,
    options: WireOptions,
) -> Result<BlockingWire, ConnectionError>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
    C: Fn() + Send + Sync + 'static,
{
    let threads = Threads::shared();
    let config = Config { limits: options.limits_ref().clone(), ..Config::new(side) };
    let connection = Connection::new(config, threads.now())?;
    let pipe = Pipe::new(connection, Arc::clone(&threads), writer, Box::new(close));
    let session = pipe.session();
    let (wire, serving) = Wire::new(session.clone(), threads, options);
    pipe.start(reader, serving)?;
    block_on(session.established())?;
    Ok(BlockingWire::driven(wire, pipe.written()))
}
