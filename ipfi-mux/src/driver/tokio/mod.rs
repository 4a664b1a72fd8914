//! The driver over tokio: two tasks per connection, and callers that write for themselves when alone.
//!
//! * The **reader** takes in what has arrived, then polls the wire's [`Serving`] in the same task: every
//!   request of the batch is begun, those that are ready at once are answered, and the answers leave in
//!   one write.
//! * The **writer** sleeps until there is output. Woken, it yields once before it pulls a batch, so that
//!   everybody who is about to call gets into it: one write per batch instead of one per call. A full
//!   batch does not wait. It also keeps the connection's clock.
//! * A **caller** whose call is the only one in flight, on an idle pipe, writes at once: it would only
//!   wait for that yield.
//!
//! Reading never waits for writing, nor either for a handler.
//!
//! What they read and write is a pipe of bytes, or [`messages`].

mod bytes;
mod carrier;
pub mod messages;
mod pipe;
mod runtime;

use std::sync::Arc;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::wire::{Serving, Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};

pub use runtime::TokioRuntime;

use self::bytes::{ByteInlet, ByteOutlet};
use self::carrier::{Inlet, Outlet};
use self::pipe::Pipe;
use crate::config::{Config, ConfigError};
use crate::connection::Connection;
use crate::record::RecordFraming;
use crate::session::MuxSession;

/// Makes a wire over a pipe, as the side that connected, or that started the process at the other end;
/// the peer uses [`accept`]. `reader` is what the peer writes, `writer` what it reads; `options` may be
/// just an [`Interface`](ipfi_core::Interface). Waits for the peer's transport parameters, up to the
/// limit `handshake_timeout`. Must be called within a tokio runtime, whose tasks carry the connection.
///
/// `writer` is shut down and dropped once the last word is written, while the peer may still be heard: one
/// or the other should end its direction, as both do for a socket and only the drop for a system's pipe.
///
/// # Errors
///
/// [`ConnectionError::NotIpfi`] when the peer prints text, [`ConnectionError::HandshakeTimeout`] when it
/// says nothing, [`ConnectionError::Lost`] when the pipe ends. Limits that contradict each other are
/// [`ConnectionError::Limits`], before anything is sent.
///
/// Cancel safe: dropped, it closes the connection.
pub async fn connect<R, W>(
    reader: R,
    writer: W,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = (ByteInlet::new(reader), ByteOutlet::new(writer));
    drive(reader, writer, Side::Client, RecordFraming::Sized, options.into()).await
}

/// Makes a wire over a pipe, as the side that was connected to; otherwise as [`connect`].
///
/// # Errors
///
/// As [`connect`].
pub async fn accept<R, W>(
    reader: R,
    writer: W,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = (ByteInlet::new(reader), ByteOutlet::new(writer));
    drive(reader, writer, Side::Server, RecordFraming::Sized, options.into()).await
}

/// Makes a bare session over a pipe, for programs that want streams without calls. `side` is
/// [`Side::Client`] at the end that connected. Nothing is waited for: streams that are opened wait for the
/// peer's transport parameters, as [`MuxSession::established`] does. Must be called within a tokio
/// runtime, whose tasks carry the connection while the session, a clone of it or a stream lives.
///
/// # Errors
///
/// [`ConfigError`] when the limits contradict each other; then nothing is sent.
pub fn session<R, W>(reader: R, writer: W, side: Side, limits: Limits) -> Result<MuxSession, ConfigError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let runtime = Arc::new(TokioRuntime::current());
    let pipe = open(ByteOutlet::new(writer), side, limits, RecordFraming::Sized, &runtime)?;
    let session = pipe.session();
    run(pipe, ByteInlet::new(reader), None);
    Ok(session)
}

async fn drive(
    reader: impl Inlet,
    writer: impl Outlet,
    side: Side,
    framing: RecordFraming,
    options: WireOptions,
) -> Result<Wire, ConnectionError> {
    let runtime = Arc::new(TokioRuntime::current());
    let pipe = open(writer, side, options.limits_ref().clone(), framing, &runtime)?;
    let session = pipe.session();
    let (wire, serving) = Wire::new(session.clone(), runtime, options);
    run(pipe, reader, Some(serving));
    match session.established().await {
        Ok(()) => Ok(wire),
        // The wire may have closed the session, and knows the cause that the session only has words for.
        Err(_) => Err(wire.closed().await),
    }
}

fn open<W: Outlet>(
    writer: W,
    side: Side,
    limits: Limits,
    framing: RecordFraming,
    runtime: &Arc<TokioRuntime>,
) -> Result<Arc<Pipe<W>>, ConfigError> {
    let connection = Connection::new(Config { limits, framing, ..Config::new(side) }, runtime.time())?;
    Ok(Pipe::new(connection, writer, Arc::clone(runtime)))
}

/// Starts the two tasks.
fn run(pipe: Arc<Pipe<impl Outlet>>, reader: impl Inlet, serving: Option<Serving>) {
    let runtime = pipe.runtime();
    runtime.start(Arc::clone(&pipe).write());
    runtime.start(pipe.read(reader, serving));
}
