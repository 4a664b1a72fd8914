//! Sockets that are listened on: what all of them have in common.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::connection::{Accepted, Connection};
use super::gate::Gate;
#[cfg(all(feature = "unix", unix))]
use super::unix_socket::UnixSocket;
use super::{Server, ServerError};
use crate::address::Address;

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
    #[cfg(feature = "tls")]
    Tls(tokio::net::TcpListener, ipfi_quic::tls::TlsServer),
    #[cfg(feature = "ws")]
    Ws(tokio::net::TcpListener, super::ws::Web),
    #[cfg(feature = "quic")]
    Quic(ipfi_quic::QuicServer),
    #[cfg(all(feature = "unix", unix))]
    Unix(UnixSocket),
    /// The one peer that it has, until it is accepted.
    #[cfg(feature = "stdio")]
    Stdio(Option<Box<Connection>>),
}

impl Listener {
    pub(super) async fn bind(address: Address, server: &Server) -> Result<Self, ServerError> {
        // Not every build has settings to look at.
        let _ = server;
        match &address {
            #[cfg(feature = "tcp")]
            Address::Tcp(authority) => {
                let (local, socket) = bind_tcp(&address, authority).await?;
                Ok(Self { address: Address::Tcp(local), socket: Socket::Tcp(socket) })
            }
            #[cfg(feature = "tls")]
            Address::Tls(authority) => {
                let tls = server.secure.tls(&address, &[ipfi_quic::tls::pipe::PROTOCOL], false)?;
                let (local, socket) = bind_tcp(&address, authority).await?;
                Ok(Self { address: Address::Tls(local), socket: Socket::Tls(socket, tls) })
            }
            #[cfg(feature = "ws")]
            Address::Ws(web) => {
                let taken = super::ws::Web::plain(&address, web, server)?;
                let (local, socket) = bind_tcp(&address, web.authority()).await?;
                Ok(Self { address: Address::Ws(web.bound(&local)), socket: Socket::Ws(socket, taken) })
            }
            #[cfg(feature = "wss")]
            Address::Wss(web) => {
                let taken = super::ws::Web::secure(&address, web, server)?;
                let (local, socket) = bind_tcp(&address, web.authority()).await?;
                Ok(Self { address: Address::Wss(web.bound(&local)), socket: Socket::Ws(socket, taken) })
            }
            #[cfg(feature = "quic")]
            Address::Quic(authority) => {
                let socket = super::quic::bind(&address, authority, server).await?;
                let local = socket.local_address().map_err(|source| ServerError::Io { address, source })?;
                Ok(Self { address: Address::Quic(local.to_string()), socket: Socket::Quic(socket) })
            }
            #[cfg(all(feature = "unix", unix))]
            Address::Unix(path) => match UnixSocket::bind(path).await {
                Ok(socket) => Ok(Self { address, socket: Socket::Unix(socket) }),
                Err(source) => Err(ServerError::Io { address, source }),
            },
            #[cfg(feature = "stdio")]
            Address::Stdio => {
                let connection = Connection::stdio().map_err(|source| ServerError::Stdio { source })?;
                Ok(Self { address, socket: Socket::Stdio(Some(Box::new(connection))) })
            }
            #[cfg(feature = "webtransport")]
            Address::Https(_) => {
                let what = "WebTransport is taken where quic://host:port is listened on";
                Err(ServerError::Unsupported { address, what })
            }
            #[allow(unreachable_patterns, reason = "a build may have all carriers")]
            _ => Err(ServerError::Unsupported { what: address.missing(), address }),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The UDP socket, which has connections to look after when it is no longer listened on.
    #[cfg(feature = "quic")]
    pub(super) fn quic(&self) -> Option<ipfi_quic::QuicServer> {
        match &self.socket {
            Socket::Quic(socket) => Some(socket.clone()),
            #[allow(unreachable_patterns, reason = "QUIC may be the only carrier of this build")]
            _ => None,
        }
    }

    /// Accepts until no more can come, or nobody wants connections any more.
    pub(super) async fn accept_all(mut self, gate: Gate, incoming: mpsc::Sender<Accepted>) {
        let mut rest = FIRST_REST;
        loop {
            match self.accept().await {
                Ok(Some((connection, from))) => {
                    rest = FIRST_REST;
                    let place = match gate.enter(from) {
                        Ok(place) => place,
                        Err(full) => {
                            // Dropping it closes it, and refuses it where that is one packet; a farewell would
                            // cost what the limit is to save.
                            tracing::warn!(target: "ipfi::server", peer = %connection.peer(), %full, "refused");
                            continue;
                        }
                    };
                    if incoming.send(Accepted { connection, place }).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
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

    async fn accept(&mut self) -> io::Result<Option<(Connection, Option<IpAddr>)>> {
        match &mut self.socket {
            #[cfg(feature = "tcp")]
            Socket::Tcp(socket) => {
                let (stream, from) = socket.accept().await?;
                Ok(Some((Connection::tcp(stream)?, Some(from.ip()))))
            }
            #[cfg(feature = "tls")]
            Socket::Tls(socket, tls) => {
                let (stream, from) = socket.accept().await?;
                Ok(Some((Connection::tls(stream, tls.clone())?, Some(from.ip()))))
            }
            #[cfg(feature = "ws")]
            Socket::Ws(socket, web) => {
                let (stream, from) = socket.accept().await?;
                Ok(Some((Connection::ws(stream, web.clone())?, Some(from.ip()))))
            }
            #[cfg(feature = "quic")]
            Socket::Quic(socket) => Ok(socket.accept().await.map(|incoming| {
                let from = incoming.address().ip();
                (Connection::quic(incoming), Some(from))
            })),
            #[cfg(all(feature = "unix", unix))]
            Socket::Unix(socket) => {
                let stream = socket.accept().await?;
                Ok(Some((Connection::unix(stream, socket.path()), None)))
            }
            #[cfg(feature = "stdio")]
            Socket::Stdio(connection) => Ok(connection.take().map(|connection| (*connection, None))),
        }
    }
}

#[cfg(any(feature = "tcp", feature = "tls", feature = "ws"))]
async fn bind_tcp(
    address: &Address,
    authority: &str,
) -> Result<(String, tokio::net::TcpListener), ServerError> {
    let bound = tokio::net::TcpListener::bind(authority).await;
    let bound = bound.and_then(|socket| Ok((socket.local_addr()?.to_string(), socket)));
    bound.map_err(|source| ServerError::Io { address: address.clone(), source })
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
