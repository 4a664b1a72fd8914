//! TLS over any pair of byte directions.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use super::client::TlsClient;
use super::fault::{TlsFault, printable};
use super::server::TlsServer;

/// How long a client that was refused has to hear why.
const LINGER: Duration = Duration::from_secs(1);

/// What is read of it meanwhile.
const LINGER_BYTES: u64 = 64 << 10;

/// A byte stream within TLS: for carriers of one's own. Calls need only [`pipe`](super::pipe).
///
/// Errors of reading and writing hold a [`TlsFault`] where TLS is at fault. What was written leaves with
/// [`flush`](AsyncWrite::poll_flush); [`shutdown`](AsyncWrite::poll_shutdown) sends close_notify, without which
/// the peer takes the end for a cut.
pub struct TlsStream<T>(tokio_rustls::TlsStream<T>);

impl<T: AsyncRead + AsyncWrite + Unpin> TlsStream<T> {
    /// Makes TLS of `stream` as the side that connected. `server_name`, a host name or an IP address, is what the
    /// server's certificate must be for. Takes as long as the server does: bound it.
    ///
    /// # Errors
    ///
    /// [`TlsFault`]. A server that refuses this side's certificate says so only when the stream is first read.
    ///
    /// Cancel safe: dropped, it closes `stream`.
    pub async fn connect(stream: T, server_name: &str, tls: &TlsClient) -> Result<Self, TlsFault> {
        let config = tls.as_rustls();
        // A URL has IPv6 addresses between brackets, a certificate has not.
        let bare =
            server_name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(server_name);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| TlsFault::BadServerName { name: server_name.to_owned() })?;
        let offered = config.alpn_protocols.iter().map(Vec::as_slice);
        let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        let stream = connected.map_err(|error| handshake_fault(&error).with_protocols(offered.clone()))?;
        Self(stream.into()).agreed(offered, None).await
    }

    /// Makes TLS of `stream` as the side that was connected to. Takes as long as the client does: bound it.
    ///
    /// # Errors
    ///
    /// [`TlsFault`], up to a second after the client was told, so that it can hear it.
    ///
    /// Cancel safe: dropped, it closes `stream`.
    pub async fn accept(stream: T, tls: &TlsServer) -> Result<Self, TlsFault> {
        match Self::try_accept(stream, tls).await {
            Ok(stream) => Ok(stream),
            Err(refused) => Err(refused.linger().await),
        }
    }

    pub(super) async fn try_accept(stream: T, tls: &TlsServer) -> Result<Self, Refused<T>> {
        let mut config = Arc::clone(tls.as_rustls());
        if config.max_early_data_size != 0 {
            // Only QUIC says which bytes came early, and here rustls would hold what nobody reads.
            Arc::make_mut(&mut config).max_early_data_size = 0;
        }
        let taken: Vec<Vec<u8>> = config.alpn_protocols.clone();
        let taken = taken.iter().map(Vec::as_slice);
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let start = match (&mut hello).await {
            Ok(start) => start,
            Err(error) => return Err(Refused { fault: handshake_fault(&error), stream: hello.take_io() }),
        };
        // Taken down first: rustls' error does not say what the client has.
        let theirs = start.client_hello().alpn().map(printable).unwrap_or_default();
        match start.into_stream(config).into_fallible().await {
            Ok(stream) => {
                let agreed = Self(stream.into()).agreed(taken, Some(theirs)).await;
                agreed.map_err(|fault| Refused { fault, stream: None })
            }
            Err((error, stream)) => {
                let fault = match handshake_fault(&error) {
                    TlsFault::NoCommonProtocol { .. } => {
                        TlsFault::NoCommonProtocol { ours: printable(taken), theirs: Some(theirs) }
                    }
                    fault => fault,
                };
                Err(Refused { fault, stream: Some(stream) })
            }
        }
    }

    /// A peer without ALPN agrees to nothing, and TLS lets it pass.
    async fn agreed<'a>(
        mut self,
        ours: impl ExactSizeIterator<Item = &'a [u8]>,
        theirs: Option<Vec<String>>,
    ) -> Result<Self, TlsFault> {
        if self.protocol().is_some() || ours.len() == 0 {
            return Ok(self);
        }
        // It has no alert for this, so that it only learns that this side has nothing more to say.
        let _ = self.shutdown().await;
        Err(TlsFault::NoCommonProtocol { ours: printable(ours), theirs: Some(theirs.unwrap_or_default()) })
    }
}

impl<T> TlsStream<T> {
    /// The peer's certificates as DER, its own first; empty for a client that showed none.
    pub fn certificates(&self) -> Arc<[Bytes]> {
        let chain = self.0.get_ref().1.peer_certificates().unwrap_or_default();
        chain.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect()
    }

    /// The application protocol (ALPN) the two sides agreed upon.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.0.get_ref().1.alpn_protocol()
    }

    /// Whether this connection resumed the session of an earlier one.
    pub fn is_resumed(&self) -> bool {
        self.0.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// What TLS runs over.
    pub fn stream(&self) -> &T {
        self.0.get_ref().0
    }
}

/// A handshake that failed at the server, and the stream on which the client may still be speaking.
pub(super) struct Refused<T> {
    pub(super) fault: TlsFault,
    stream: Option<T>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Refused<T> {
    /// Waits for the client to hear why. With TLS 1.3 a client takes the handshake for done and speaks before its
    /// certificate is looked at, and a socket that is closed on unread bytes throws away the alert on its way.
    pub(super) async fn linger(self) -> TlsFault {
        if let Some(mut stream) = self.stream {
            let drained = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
            };
            // Whatever comes of it, the fault is known.
            let _ = tokio::time::timeout(LINGER, drained).await;
        }
        self.fault
    }
}

fn handshake_fault(error: &io::Error) -> TlsFault {
    match TlsFault::from_io(error) {
        TlsFault::Other { .. } if error.kind() == io::ErrorKind::UnexpectedEof => TlsFault::Ended,
        fault => fault,
    }
}

/// The same error with a sentence of ours in it.
fn explained(error: io::Error) -> io::Error {
    let fault = match TlsFault::from_io(&error) {
        // Rustls' own text is an address of its documentation.
        TlsFault::Other { .. } if error.kind() == io::ErrorKind::UnexpectedEof => TlsFault::Cut,
        TlsFault::Other { .. } => return error,
        fault => fault,
    };
    io::Error::new(error.kind(), fault)
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf).map_err(explained)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf).map_err(explained)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs).map_err(explained)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(explained)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx).map_err(explained)
    }
}

impl<T> fmt::Debug for TlsStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("protocol", &self.protocol().map(String::from_utf8_lossy))
            .field("certificates", &self.certificates().len())
            .field("resumed", &self.is_resumed())
            .finish_non_exhaustive()
    }
}
