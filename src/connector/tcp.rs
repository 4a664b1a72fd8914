//! TCP, bare and under TLS.

use std::io;
use std::net::SocketAddr;

use ipfi_core::Peer;
use ipfi_core::session::Side;
#[cfg(any(feature = "tcp", feature = "tls"))]
use ipfi_core::wire::Wire;
use tokio::net::TcpStream;

#[cfg(any(feature = "tcp", feature = "tls"))]
use super::Connector;
use super::{ConnectError, dial};
use crate::address::Address;

/// What the system holds and has not sent: half a batch of the writer's. Measured on loopback: 32 KiB halves
/// the latency of calls beside bulk against no limit, 128 KiB does a third of that, and neither slows bulk down.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 32 << 10;

#[cfg(any(feature = "tcp", feature = "tls"))]
impl Connector {
    #[cfg(feature = "tcp")]
    pub(super) async fn tcp(&self, address: &Address, authority: &str) -> Result<Wire, ConnectError> {
        let (stream, peer) = reach(address, authority, "tcp").await?;
        let (reader, writer) = stream.into_split();
        super::handshake(address, reader, writer, self.options.clone().peer(peer)).await
    }

    #[cfg(feature = "tls")]
    pub(super) async fn tls(&self, address: &Address, authority: &str) -> Result<Wire, ConnectError> {
        let tls = self.secure.for_pipes(address).await?;
        let (stream, peer) = reach(address, authority, "tls").await?;
        let name = self.secure.name_of(authority);
        ipfi_quic::tls::pipe::connect(stream, name, &tls, self.options.clone().peer(peer))
            .await
            .map_err(|source| ConnectError::Handshake { address: address.clone(), source })
    }
}

/// A connection to `authority`, and who is at its other end.
pub(super) async fn reach(
    address: &Address,
    authority: &str,
    carrier: &'static str,
) -> Result<(TcpStream, Peer), ConnectError> {
    let io = |source| ConnectError::Io { address: address.clone(), source };
    let addresses = dial::resolve(address, authority).await?;
    let stream = dial::first(addresses, TcpStream::connect, |_, _| true).await.map_err(io)?;
    let at = prepare(&stream).map_err(io)?;
    Ok((stream, Peer::new(Side::Server, carrier).with_address(at.to_string())))
}

/// Makes a TCP connection ready for small writes; says where its peer is.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    // The writer makes batches itself: Nagle's algorithm would only delay the last of each.
    stream.set_nodelay(true)?;
    // What has left for the system's buffer cannot be overtaken by a small call, so only what is sent next
    // stands there; what is sent and not acknowledged, which a long path needs much of, does not count.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
        // An old or sandboxed system without it carries bytes as well.
        tracing::debug!(target: "ipfi::connection", %error, "the system does not limit what is unsent");
    }
    stream.peer_addr()
}
