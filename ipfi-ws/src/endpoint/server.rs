//! The side that is connected to.

use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};

use super::bounded;
use crate::config::WsOptions;
use crate::handshake::server;
use crate::session::Upgraded;

/// Makes a wire of `stream` as the side that was connected to; otherwise as [`connect`](super::connect). `path` is the one path
/// that is served, whatever query stands behind it; with none, all are. The peer of `options` is given the request's path,
/// query and headers, cookies among them.
///
/// # Errors
///
/// As [`connect`](super::connect). A client that was refused has an HTTP answer with the reason, and up to a second to
/// read it.
pub async fn accept<T>(
    stream: T,
    path: Option<&str>,
    ws: &WsOptions,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    let peer = options.peer_ref().clone();
    let (upgraded, peer) = answer(stream, path, ws, options.limits_ref(), peer).await?;
    upgraded.wire(options.peer(peer), ws).await
}

/// Only the handshake of [`accept`], for a session without calls, or for a program that decides by the request which
/// interface to offer. Gives `peer` with what the request says of it.
///
/// # Errors
///
/// As [`accept`], of the WebSocket's handshake.
///
/// Cancel safe: dropped, it closes the connection.
pub async fn answer<T>(
    mut stream: T,
    path: Option<&str>,
    ws: &WsOptions,
    limits: &Limits,
    peer: Peer,
) -> Result<(Upgraded<T>, Peer), ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (peer, read) = bounded(limits, server::accept(&mut stream, path, ws, peer)).await?;
    Ok((Upgraded::new(stream, read, Side::Server), peer))
}
