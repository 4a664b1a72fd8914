//! `wss://`: the same within TLS 1.3, with the identities and the trust of [`ipfi_quic::tls`].

use ipfi_core::error::ConnectionError;
use ipfi_core::wire::{Wire, WireOptions};
use ipfi_quic::tls::{TlsClient, TlsFault, TlsServer, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::WsOptions;

/// [`connect`](super::connect) within TLS. `server_name`, a host name or an IP address, is what the server's certificate must be
/// for. Build `tls` for no protocol: the two sides agree by the WebSocket's subprotocol. The limit `handshake_timeout` bounds
/// each handshake: of TLS, of the WebSocket, of the records.
///
/// # Errors
///
/// As [`connect`](super::connect), and [`ConnectionError::Lost`] with the sentence of a [`TlsFault`].
///
/// Cancel safe: dropped, it closes the connection.
pub async fn connect_tls<T>(
    stream: T,
    server_name: &str,
    tls: &TlsClient,
    host: &str,
    target: &str,
    ws: &WsOptions,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    let after = options.limits_ref().handshake_timeout;
    let stream = tokio::time::timeout(after, TlsStream::connect(stream, server_name, tls))
        .await
        .map_err(|_| ConnectionError::HandshakeTimeout { after })?
        .map_err(|fault| lost(&fault))?;
    let options = shown(&stream, options);
    super::connect(stream, host, target, ws, options).await
}

/// [`accept`](super::accept) within TLS; otherwise as [`connect_tls`]. The peer is given the client's certificates, if it has
/// shown any.
///
/// # Errors
///
/// As [`connect_tls`].
pub async fn accept_tls<T>(
    stream: T,
    tls: &TlsServer,
    path: Option<&str>,
    ws: &WsOptions,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    let after = options.limits_ref().handshake_timeout;
    let stream = tokio::time::timeout(after, TlsStream::accept(stream, tls))
        .await
        .map_err(|_| ConnectionError::HandshakeTimeout { after })?
        .map_err(|fault| lost(&fault))?;
    let options = shown(&stream, options);
    super::accept(stream, path, ws, options).await
}

/// The options with the certificates that the peer has shown.
fn shown<T>(stream: &TlsStream<T>, options: WireOptions) -> WireOptions {
    let peer = options.peer_ref().clone().with_certificates(stream.certificates());
    options.peer(peer)
}

fn lost(fault: &TlsFault) -> ConnectionError {
    ConnectionError::lost(format!("TLS: {fault}"))
}
