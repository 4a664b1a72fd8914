//! Calls over TLS over any pipe of bytes, TCP above all: the way through where UDP is blocked (`tls://`).
//!
//! Inside of TLS are the same QMux records as on a bare pipe. Both sides must agree on [`PROTOCOL`], so that
//! neither takes a web server for a peer. Early data is neither sent nor taken.
//!
//! *Cost*: beside what a bare pipe costs, up to 64 KiB encrypted and not yet written and 36 KiB read, per
//! connection.

use ipfi_core::error::ConnectionError;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};

use super::client::TlsClient;
use super::fault::{TlsFault, printable};
use super::server::TlsServer;
use super::stream::TlsStream;

/// The application protocol (ALPN) of QMux records within TLS (`docs/protocol.md` 12.3). Build the [`TlsClient`] and the [`TlsServer`] for it.
pub const PROTOCOL: &str = ipfi_core::proto::ALPN_QMUX;

/// Makes a wire of `stream` as the side that connected; the peer uses [`accept`]. `server_name`, a host name or
/// an IP address, is what the server's certificate must be for. `options` may be just an
/// [`Interface`](ipfi_core::Interface); its peer is given the server's certificates. The limit
/// `handshake_timeout` bounds the TLS handshake, and that of the records after it. Must be called within a tokio
/// runtime, whose tasks carry the connection.
///
/// # Errors
///
/// [`ConnectionError::Lost`] with the sentence of a [`TlsFault`] when the handshake fails,
/// [`ConnectionError::HandshakeTimeout`] when it takes too long, and what [`ipfi_mux::connect`] says. A server that
/// refuses this side's certificate is heard there as well.
///
/// Cancel safe: dropped, it closes the connection.
pub async fn connect<T>(
    stream: T,
    server_name: &str,
    tls: &TlsClient,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    speaks(&tls.as_rustls().alpn_protocols)?;
    let after = options.limits_ref().handshake_timeout;
    let stream = tokio::time::timeout(after, TlsStream::connect(stream, server_name, tls))
        .await
        .map_err(|_| ConnectionError::HandshakeTimeout { after })?
        .map_err(lost)?;
    let options = within(&stream, options)?;
    let (reader, writer) = tokio::io::split(stream);
    ipfi_mux::connect(reader, writer, options).await
}

/// Makes a wire of `stream` as the side that was connected to; otherwise as [`connect`]. The peer is given the
/// client's certificates, if it has shown any.
///
/// # Errors
///
/// As [`connect`]. A client that was refused is given up to a second to hear why.
pub async fn accept<T>(
    stream: T,
    tls: &TlsServer,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = options.into();
    speaks(&tls.as_rustls().alpn_protocols)?;
    let after = options.limits_ref().handshake_timeout;
    let accepted = tokio::time::timeout(after, TlsStream::try_accept(stream, tls))
        .await
        .map_err(|_| ConnectionError::HandshakeTimeout { after })?;
    let stream = match accepted {
        Ok(stream) => stream,
        Err(refused) => return Err(lost(refused.linger().await)),
    };
    let options = within(&stream, options)?;
    let (reader, writer) = tokio::io::split(stream);
    ipfi_mux::accept(reader, writer, options).await
}

/// The options with what TLS knows of the peer.
fn within<T>(stream: &TlsStream<T>, options: WireOptions) -> Result<WireOptions, ConnectionError> {
    if stream.protocol() != Some(PROTOCOL.as_bytes()) {
        // They agreed on another that the settings allow too.
        return Err(not_ours(stream.protocol().into_iter()));
    }
    let peer = options.peer_ref().clone().with_certificates(stream.certificates());
    Ok(options.peer(peer))
}

/// Settings for other protocols would fail at every peer, with words about the peer.
fn speaks(protocols: &[Vec<u8>]) -> Result<(), ConnectionError> {
    let mut names = protocols.iter().map(Vec::as_slice);
    if names.clone().any(|name| name == PROTOCOL.as_bytes()) { Ok(()) } else { Err(not_ours(&mut names)) }
}

fn not_ours<'a>(seen: impl Iterator<Item = &'a [u8]>) -> ConnectionError {
    let seen = printable(seen);
    let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    let what =
        format!("the TLS settings are for the protocol (ALPN) {seen}, and calls over a pipe need {PROTOCOL}");
    ConnectionError::Limits { what: what.into() }
}

fn lost(fault: TlsFault) -> ConnectionError {
    ConnectionError::lost(format!("TLS: {fault}"))
}
