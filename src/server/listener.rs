//! Sockets that are listened on.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::ServerError;
use super::gate::{Gate, Place};
#[cfg(all(feature = "unix", unix))]
use super::unix_socket::UnixSocket;
use crate::address::Address;
#[cfg(all(feature = "unix", unix))]
use crate::local::without_idle_timeout;

/// How long accepting rests after an error, doubling from the first to the second: descriptors have run
/// out, and only time brings them back.
const FIRST_REST: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// A bound socket.
#[derive(Debug)]
pub(super) struct Listener {
    address: Address,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    #[cfg(feature = "tcp")]
    Tcp(tokio::net::TcpListener),
    #[cfg(all(feature = "unix", unix))]
    Unix(UnixSocket),
}

/// A connection that was let in.
pub(super) struct Accepted {
    pub(super) connection: Connection,
    pub(super) place: Place,
}

/// A connection before its handshake.
pub(super) struct Connection {
    peer: Peer,
    pipe: Pipe,
}

enum Pipe {
    #[cfg(feature = "tcp")]
    Tcp(tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf),
    #[cfg(all(feature = "unix", unix))]
    Unix(tokio::net::unix::OwnedReadHalf, tokio::net::unix::OwnedWriteHalf),
}

impl Listener {
    pub(super) async fn bind(address: Address) -> Result<Self, ServerError> {
        match address {
            Address::Tcp(_) => Self::bind_tcp(address).await,
            Address::Unix(_) => Self::bind_unix(address).await,
        }
    }

    #[cfg(feature = "tcp")]
    async fn bind_tcp(address: Address) -> Result<Self, ServerError> {
        let Address::Tcp(authority) = &address else { return Err(ServerError::NoListener) };
        let bound = tokio::net::TcpListener::bind(authority).await;
        let bound = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (local, socket) = bound.map_err(|source| ServerError::Io { address, source })?;
        Ok(Self { address: Address::Tcp(local.to_string()), socket: Socket::Tcp(socket) })
    }

    #[cfg(not(feature = "tcp"))]
    async fn bind_tcp(address: Address) -> Result<Self, ServerError> {
        Err(ServerError::Unsupported { address, what: "built without the feature tcp" })
    }

    #[cfg(all(feature = "unix", unix))]
    async fn bind_unix(address: Address) -> Result<Self, ServerError> {
        let Address::Unix(path) = &address else { return Err(ServerError::NoListener) };
        match UnixSocket::bind(path).await {
            Ok(socket) => Ok(Self { address, socket: Socket::Unix(socket) }),
            Err(source) => Err(ServerError::Io { address, source }),
        }
    }

    #[cfg(not(all(feature = "unix", unix)))]
    async fn bind_unix(address: Address) -> Result<Self, ServerError> {
        Err(ServerError::Unsupported { address, what: "no Unix sockets in this build" })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts for ever; ends when nobody wants connections any more.
    pub(super) async fn accept_all(self, gate: Gate, incoming: mpsc::Sender<Accepted>) {
        let mut rest = FIRST_REST;
        loop {
            match self.accept().await {
                Ok((connection, from)) => {
                    rest = FIRST_REST;
                    let place = match gate.enter(from) {
                        Ok(place) => place,
                        Err(full) => {
                            // Dropping it closes it; a farewell would cost what the limit is to save.
                            tracing::warn!(target: "ipfi::server", peer = %connection.peer, %full, "refused");
                            continue;
                        }
                    };
                    if incoming.send(Accepted { connection, place }).await.is_err() {
                        return;
                    }
                }
                // The peer went away between its connecting and our accepting: the next is another.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(target: "ipfi::server", address = %self.address, %error, ?rest, "accept failed");
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(LONGEST_REST);
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<(Connection, Option<IpAddr>)> {
        match &self.socket {
            #[cfg(feature = "tcp")]
            Socket::Tcp(socket) => {
                let (stream, from) = socket.accept().await?;
                let (reader, writer, peer) = crate::connector::tcp_parts(stream, Side::Client)?;
                Ok((Connection { peer, pipe: Pipe::Tcp(reader, writer) }, Some(from.ip())))
            }
            #[cfg(all(feature = "unix", unix))]
            Socket::Unix(socket) => {
                let stream = socket.accept().await?;
                let peer = Peer::new(Side::Client, "unix").with_address(socket.path().display().to_string());
                let (reader, writer) = stream.into_split();
                Ok((Connection { peer, pipe: Pipe::Unix(reader, writer) }, None))
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
    )
}

impl Connection {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Makes a wire of it, which keeps `place` for as long as it keeps the socket: a peer that was told
    /// goodbye and does not go holds both, so that nobody gets more sockets out of a server than places.
    pub(super) async fn handshake(self, place: Place, options: WireOptions) -> Result<Wire, ConnectionError> {
        match self.pipe {
            #[cfg(feature = "tcp")]
            Pipe::Tcp(reader, writer) => {
                let reader = Placed { reader, _place: place };
                ipfi_mux::accept(reader, writer, options.peer(self.peer)).await
            }
            #[cfg(all(feature = "unix", unix))]
            Pipe::Unix(reader, writer) => {
                let reader = Placed { reader, _place: place };
                let limits = without_idle_timeout(options.limits_ref());
                ipfi_mux::accept(reader, writer, options.limits(limits).peer(self.peer)).await
            }
        }
    }
}

/// The reading half of a socket, and the place it takes.
struct Placed<R> {
    reader: R,
    _place: Place,
}

impl<R: AsyncRead + Unpin> AsyncRead for Placed<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}
