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

mod pipe;
mod runtime;

use std::sync::Arc;

use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};

pub use runtime::TokioRuntime;

use self::pipe::Pipe;
use crate::config::Config;
use crate::connection::Connection;

/// Makes a wire over a pipe, as the side that connected, or that started the process at the other end;
/// the peer uses [`accept`]. `reader` is what the peer writes, `writer` what it reads; `options` may be
/// just an [`Interface`](ipfi_core::Interface). Waits for the peer's transport parameters, up to the
/// limit `handshake_timeout`. Must be called within a tokio runtime, whose tasks carry the connection.
///
/// # Errors
///
/// [`ConnectionError::NotIpfi`] when the peer prints text, [`ConnectionError::HandshakeTimeout`] when it
/// says nothing, [`ConnectionError::Lost`] when the pipe ends. Limits that contradict each other are
/// [`ConnectionError::Lost`] with the reason, before anything is sent.
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
    drive(reader, writer, Side::Client, options.into()).await
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
    drive(reader, writer, Side::Server, options.into()).await
}

async fn drive<R, W>(reader: R, writer: W, side: Side, options: WireOptions) -> Result<Wire, ConnectionError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let runtime = Arc::new(TokioRuntime::current());
    let config = Config { limits: options.limits_ref().clone(), ..Config::new(side) };
    let connection =
        Connection::new(config, runtime.time()).map_err(|error| ConnectionError::lost(error.to_string()))?;
    let pipe = Pipe::new(connection, writer, Arc::clone(&runtime));
    let session = pipe.session();
    let (wire, serving) = Wire::new(session.clone(), runtime, options);
    tokio::spawn(Arc::clone(&pipe).write());
    tokio::spawn(pipe.read(reader, serving));
    session.established().await?;
    Ok(wire)
}
