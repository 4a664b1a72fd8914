//! Connecting by URL.

use std::fmt;
use std::io;

use ipfi_core::error::ConnectionError;
use ipfi_core::observe::Observer;
use ipfi_core::session::Side;
use ipfi_core::wire::{Role, Wire, WireOptions};
use ipfi_core::{CodecId, Interface, Limits, Peer, Status};

use crate::address::{Address, AddressError};
#[cfg(all(feature = "unix", unix))]
use crate::local::without_idle_timeout;

/// Why no wire could be made.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// This build or this system does not have the carrier.
    #[error("connect {address}: {what}")]
    Unsupported {
        /// Where to.
        address: Address,
        /// What is missing.
        what: &'static str,
    },
    /// The limits contradict each other: no connection could ever be made.
    #[error("the connector's limits cannot be used: {0}")]
    Limits(#[from] ipfi_mux::ConfigError),
    /// The system could not connect.
    #[error("connect {address}: {source}")]
    Io {
        /// Where to.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The peer was reached but no wire came of it.
    #[error("connect {address}: {source}")]
    Handshake {
        /// Where to.
        address: Address,
        /// Why not.
        source: ConnectionError,
    },
}

/// As it reads, not as it is built: `main` prints the `Debug` of the error that it returns.
impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectError({self})")
    }
}

/// Connects to `url`, to call and not to be called. The URL's scheme picks the carrier: `tcp://host:port`
/// or `unix:/path`.
///
/// # Errors
///
/// [`ConnectError`] says where the attempt failed. Cancel safe.
pub async fn connect(url: &str) -> Result<Wire, ConnectError> {
    Connector::new().role(Role::CallerOnly).connect(url).await
}

/// Connects to `url` and offers `interface` to the peer, which may then call back.
///
/// # Errors
///
/// [`ConnectError`] says where the attempt failed. Cancel safe.
pub async fn connect_with<S>(url: &str, interface: Interface<S>) -> Result<Wire, ConnectError> {
    Connector::new().interface(interface).connect(url).await
}

/// Connects with options.
#[derive(Clone, Debug)]
pub struct Connector(WireOptions);

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector {
    /// Offers nothing, with the default limits.
    pub fn new() -> Self {
        Self(Interface::new().into())
    }

    /// Offers `interface` to the peer.
    #[must_use]
    pub fn interface<S>(self, interface: Interface<S>) -> Self {
        Self(self.0.interface(interface))
    }

    /// The limits of the connection.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self(self.0.limits(limits))
    }

    /// Which way calls may go.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        Self(self.0.role(role))
    }

    /// The codec of calls; bincode by default.
    #[must_use]
    pub fn codec(self, codec: CodecId) -> Self {
        Self(self.0.codec(codec))
    }

    /// Is told of every finished call.
    #[must_use]
    pub fn observer(self, observer: impl Observer) -> Self {
        Self(self.0.observer(observer))
    }

    /// Asks `hook` about the peer before anything of it is served: see [`WireOptions::authenticate`]. Calls of
    /// this side do not wait for it.
    #[must_use]
    pub fn authenticate<F, Fut>(self, hook: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Status>> + Send + 'static,
    {
        Self(self.0.authenticate(hook))
    }

    /// Connects to `url`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] says where the attempt failed. Cancel safe.
    pub async fn connect(&self, url: &str) -> Result<Wire, ConnectError> {
        let address: Address = url.parse()?;
        ipfi_mux::check_limits(self.0.limits_ref())?;
        match &address {
            Address::Tcp(authority) => self.tcp(&address, authority).await,
            Address::Unix(path) => self.unix(&address, path).await,
        }
    }

    #[cfg(feature = "tcp")]
    async fn tcp(&self, address: &Address, authority: &str) -> Result<Wire, ConnectError> {
        let io = |source| ConnectError::Io { address: address.clone(), source };
        let stream = tokio::net::TcpStream::connect(authority).await.map_err(io)?;
        let (reader, writer, peer) = tcp_parts(stream, Side::Server).map_err(io)?;
        self.handshake(address, reader, writer, peer).await
    }

    #[cfg(not(feature = "tcp"))]
    async fn tcp(&self, address: &Address, _: &str) -> Result<Wire, ConnectError> {
        Err(ConnectError::Unsupported { address: address.clone(), what: "built without the feature tcp" })
    }

    #[cfg(all(feature = "unix", unix))]
    async fn unix(&self, address: &Address, path: &std::path::Path) -> Result<Wire, ConnectError> {
        let io = |source| ConnectError::Io { address: address.clone(), source };
        let stream = tokio::net::UnixStream::connect(path).await.map_err(io)?;
        let (reader, writer) = stream.into_split();
        let peer = Peer::new(Side::Server, "unix").with_address(path.display().to_string());
        let quiet = Self(self.0.clone().limits(without_idle_timeout(self.0.limits_ref())));
        quiet.handshake(address, reader, writer, peer).await
    }

    #[cfg(not(all(feature = "unix", unix)))]
    async fn unix(&self, address: &Address, _: &std::path::Path) -> Result<Wire, ConnectError> {
        Err(ConnectError::Unsupported { address: address.clone(), what: "no Unix sockets in this build" })
    }

    async fn handshake<R, W>(
        &self,
        address: &Address,
        reader: R,
        writer: W,
        peer: Peer,
    ) -> Result<Wire, ConnectError>
    where
        R: tokio::io::AsyncRead + Send + Unpin + 'static,
        W: tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        ipfi_mux::connect(reader, writer, self.0.clone().peer(peer))
            .await
            .map_err(|source| ConnectError::Handshake { address: address.clone(), source })
    }
}

/// What the system holds and has not sent: half a batch of the writer's. Measured on loopback: 32 KiB halves
/// the latency of calls beside bulk against no limit, 128 KiB does a third of that, and neither slows bulk down.
#[cfg(all(feature = "tcp", any(target_os = "linux", target_os = "android")))]
const UNSENT_BYTES: u32 = 32 << 10;

/// The halves of a TCP connection, ready for small writes, and who is at the other end.
#[cfg(feature = "tcp")]
pub(crate) fn tcp_parts(
    stream: tokio::net::TcpStream,
    side: Side,
) -> io::Result<(tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf, Peer)> {
    // The writer makes batches itself: Nagle's algorithm would only delay the last of each.
    stream.set_nodelay(true)?;
    // What has left for the system's buffer cannot be overtaken by a small call, so only what is sent next
    // stands there; what is sent and not acknowledged, which a long path needs much of, does not count.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
        // An old or sandboxed system without it carries bytes as well.
        tracing::debug!(target: "ipfi::connection", %error, "the system does not limit what is unsent");
    }
    let peer = Peer::new(side, "tcp").with_address(stream.peer_addr()?.to_string());
    let (reader, writer) = stream.into_split();
    Ok((reader, writer, peer))
}
