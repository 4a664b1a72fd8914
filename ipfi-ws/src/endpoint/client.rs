//! The side that connects.

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};

use super::bounded;
use crate::config::WsOptions;
use crate::handshake::client;
use crate::session::Upgraded;

/// Makes a wire of `stream` as the side that connected; the peer uses [`accept`](super::accept). `host` is what the URL calls the
/// server, with its port if that is not the usual one; `target` the path, and a query if there is one. `options` may be just an
/// [`Interface`](ipfi_core::Interface). The limit `handshake_timeout` bounds the WebSocket's handshake, and that of the records after
/// it. Must be called within a tokio runtime, whose tasks carry the connection.
///
/// # Errors
///
/// [`ConnectionError::Lost`] with the sentence of a [`WsFault`](crate::WsFault) when the handshake fails,
/// [`ConnectionError::HandshakeTimeout`] when it takes too long, and what [`Upgraded::wire`] says.
///
/// Cancel safe: dropped, it closes the connection.
pub async fn connect<T>(
    stream: T,
    host: &str,
    target: &str,
    ws: &WsOptions,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    let upgraded = ask(stream, host, target, ws, options.limits_ref()).await?;
    upgraded.wire(options, ws).await
}

/// Only the handshake of [`connect`], for a session without calls.
///
/// # Errors
///
/// As [`connect`], of the WebSocket's handshake.
///
/// Cancel safe: dropped, it closes the connection.
pub async fn ask<T>(
    mut stream: T,
    host: &str,
    target: &str,
    ws: &WsOptions,
    limits: &Limits,
) -> Result<Upgraded<T>, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let read = bounded(limits, client::connect(&mut stream, host, target, ws)).await?;
    Ok(Upgraded::new(stream, read, Side::Client))
}
