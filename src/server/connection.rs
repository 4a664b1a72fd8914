//! A connection that was let in, before its handshake.

use std::fmt;
#[cfg(any(feature = "tcp", feature = "tls", feature = "ws", feature = "stdio"))]
use std::io;

use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};

use super::gate::Place;
#[cfg(any(
    feature = "tcp",
    feature = "tls",
    feature = "ws",
    feature = "stdio",
    all(feature = "unix", unix)
))]
use super::placed::Placed;
#[cfg(any(feature = "stdio", all(feature = "unix", unix)))]
use crate::local::without_idle_timeout;

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
    Tcp(tokio::net::TcpStream),
    #[cfg(feature = "tls")]
    Tls(tokio::net::TcpStream, ipfi_quic::tls::TlsServer),
    #[cfg(feature = "ws")]
    Ws(tokio::net::TcpStream, super::ws::Web),
    #[cfg(feature = "quic")]
    Quic(Box<ipfi_quic::endpoint::Incoming>),
    #[cfg(all(feature = "unix", unix))]
    Unix(tokio::net::UnixStream),
    #[cfg(feature = "stdio")]
    Stdio(crate::stdio::Reader, crate::stdio::Writer),
}

impl Connection {
    #[cfg(feature = "tcp")]
    pub(super) fn tcp(stream: tokio::net::TcpStream) -> io::Result<Self> {
        let at = crate::connector::tcp::prepare(&stream)?;
        let peer = Peer::new(Side::Client, "tcp").with_address(at.to_string());
        Ok(Self { peer, pipe: Pipe::Tcp(stream) })
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(stream: tokio::net::TcpStream, tls: ipfi_quic::tls::TlsServer) -> io::Result<Self> {
        let at = crate::connector::tcp::prepare(&stream)?;
        let peer = Peer::new(Side::Client, "tls").with_address(at.to_string());
        Ok(Self { peer, pipe: Pipe::Tls(stream, tls) })
    }

    #[cfg(feature = "ws")]
    pub(super) fn ws(stream: tokio::net::TcpStream, web: super::ws::Web) -> io::Result<Self> {
        let at = crate::connector::tcp::prepare(&stream)?;
        let peer = Peer::new(Side::Client, web.carrier()).with_address(at.to_string());
        Ok(Self { peer, pipe: Pipe::Ws(stream, web) })
    }

    #[cfg(feature = "quic")]
    pub(super) fn quic(incoming: ipfi_quic::endpoint::Incoming) -> Self {
        let peer = Peer::new(Side::Client, "quic").with_address(incoming.address().to_string());
        Self { peer, pipe: Pipe::Quic(Box::new(incoming)) }
    }

    #[cfg(all(feature = "unix", unix))]
    pub(super) fn unix(stream: tokio::net::UnixStream, path: &std::path::Path) -> Self {
        let peer = Peer::new(Side::Client, "unix").with_address(path.display().to_string());
        Self { peer, pipe: Pipe::Unix(stream) }
    }

    /// Takes the standard streams of this process.
    #[cfg(feature = "stdio")]
    pub(super) fn stdio() -> io::Result<Self> {
        let (reader, writer) = crate::stdio::take()?;
        Ok(Self { peer: Peer::new(Side::Client, "stdio"), pipe: Pipe::Stdio(reader, writer) })
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Makes a wire of it. A pipe keeps `place` for as long as it lives; where there is none, it is given back, to be
    /// kept for as long as the wire is open.
    pub(super) async fn handshake(
        self,
        place: Place,
        options: WireOptions,
    ) -> Result<(Wire, Option<Place>), ConnectionError> {
        match self.pipe {
            #[cfg(feature = "tcp")]
            Pipe::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                let options = options.peer(self.peer);
                let wire = ipfi_mux::accept(Placed::new(reader, place), writer, options).await?;
                Ok((wire, None))
            }
            #[cfg(feature = "tls")]
            Pipe::Tls(stream, tls) => {
                let stream = Placed::new(stream, place);
                let wire = ipfi_quic::tls::pipe::accept(stream, &tls, options.peer(self.peer)).await?;
                Ok((wire, None))
            }
            #[cfg(feature = "ws")]
            Pipe::Ws(stream, web) => {
                let wire = web.accept(Placed::new(stream, place), options.peer(self.peer)).await?;
                Ok((wire, None))
            }
            #[cfg(feature = "quic")]
            Pipe::Quic(incoming) => Ok((incoming.wire(options).await?, Some(place))),
            #[cfg(all(feature = "unix", unix))]
            Pipe::Unix(stream) => {
                let (reader, writer) = stream.into_split();
                let limits = without_idle_timeout(options.limits_ref());
                let options = options.limits(limits).peer(self.peer);
                let wire = ipfi_mux::accept(Placed::new(reader, place), writer, options).await?;
                Ok((wire, None))
            }
            #[cfg(feature = "stdio")]
            Pipe::Stdio(reader, writer) => {
                let limits = without_idle_timeout(options.limits_ref());
                let options = options.limits(limits).peer(self.peer);
                let wire = ipfi_mux::accept(Placed::new(reader, place), writer, options).await?;
                Ok((wire, None))
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}
