//! Connecting by URL.

#[cfg(any(feature = "tcp", feature = "tls", feature = "ws", feature = "quic"))]
mod dial;
mod error;
#[cfg(feature = "quic")]
mod quic;
#[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
mod secure;
#[cfg(any(feature = "tcp", feature = "tls", feature = "ws"))]
pub(crate) mod tcp;
#[cfg(feature = "webtransport")]
mod webtransport;
#[cfg(feature = "ws")]
mod ws;

use ipfi_core::observe::Observer;
use ipfi_core::wire::{Role, Wire, WireOptions};
use ipfi_core::{CodecId, Interface, Limits, Peer, Status};
#[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
use ipfi_quic::tls::{ReloadableIdentity, Trust};

pub use self::error::ConnectError;
use crate::address::Address;
#[cfg(all(feature = "unix", unix))]
use crate::local::without_idle_timeout;

/// Connects to `url`, to call and not to be called. The URL's scheme picks the carrier:
/// `quic://host:port`, `https://host/path` (WebTransport), `tls://host:port`, `tcp://host:port`, `wss://host/path`, `ws://host/path` or `unix:/path`. Over QUIC and TLS the server must have
/// a certificate that this system trusts; [`Connector::trust`] is for others.
///
/// Each use makes a new [`Connector`]: keep one for several connections.
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

/// Connects with options. One connector makes any number of connections; with QUIC they share a UDP socket, and over
/// QUIC and TLS a later connection to the same server resumes the session of an earlier one, which saves both sides
/// the certificates. Clones share both until one of them is given other settings.
///
/// The addresses of a host are tried in the order of the system's preference, each when the one before has failed or
/// said nothing for 250 ms, and the first that connects is taken.
#[derive(Clone, Debug)]
pub struct Connector {
    options: WireOptions,
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    secure: secure::Secure,
    #[cfg(feature = "ws")]
    ws: ws::Web,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector {
    /// Offers nothing, with the default limits.
    pub fn new() -> Self {
        Self {
            options: Interface::new().into(),
            #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
            secure: secure::Secure::default(),
            #[cfg(feature = "ws")]
            ws: ws::Web::default(),
        }
    }

    /// Offers `interface` to the peer.
    #[must_use]
    pub fn interface<S>(mut self, interface: Interface<S>) -> Self {
        self.options = self.options.interface(interface);
        self
    }

    /// The limits of the connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options = self.options.limits(limits);
        // QUIC's are those of the sockets too.
        #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
        self.secure.changed();
        self
    }

    /// Which way calls may go.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.options = self.options.role(role);
        self
    }

    /// The codec of calls; bincode by default.
    #[must_use]
    pub fn codec(mut self, codec: CodecId) -> Self {
        self.options = self.options.codec(codec);
        self
    }

    /// Is told of every finished call.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.options = self.options.observer(observer);
        self
    }

    /// Asks `hook` about the peer before anything of it is served: see [`WireOptions::authenticate`]. Calls of
    /// this side do not wait for it.
    #[must_use]
    pub fn authenticate<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.options = self.options.authenticate(hook);
        self
    }

    /// Which servers to believe, over QUIC and TLS. By default [`Trust::system`]: those with a public certificate.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.secure.trust = trust;
        self.secure.changed();
        self
    }

    /// Shows this certificate to servers that ask for one (mutual TLS). None by default. Keep a clone of a
    /// [`ReloadableIdentity`] to change it later.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[must_use]
    pub fn identity(mut self, identity: impl Into<ReloadableIdentity>) -> Self {
        self.secure.identity = Some(identity.into());
        self.secure.changed();
        self
    }

    /// The name, or IP address, that the server's certificate must have. By default that in the URL.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.secure.server_name = Some(name.into().into());
        self
    }

    /// Writes the secrets of every connection to the file that the environment variable `SSLKEYLOGFILE` names, for
    /// Wireshark. Off by default, and nothing happens where the variable is not set.
    ///
    /// *Danger*: whoever has the file can read all that was recorded.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[must_use]
    pub fn key_log(mut self, on: bool) -> Self {
        self.secure.key_log = on;
        self.secure.changed();
        self
    }

    /// Connects to `url`. The limit `handshake_timeout` bounds each handshake: that of TLS, that of a WebSocket,
    /// and that of ipfi.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] says where the attempt failed. Cancel safe.
    pub async fn connect(&self, url: &str) -> Result<Wire, ConnectError> {
        let address: Address = url.parse()?;
        ipfi_mux::check_limits(self.options.limits_ref())?;
        match &address {
            #[cfg(feature = "tcp")]
            Address::Tcp(authority) => self.tcp(&address, authority).await,
            #[cfg(feature = "tls")]
            Address::Tls(authority) => self.tls(&address, authority).await,
            #[cfg(feature = "quic")]
            Address::Quic(authority) => self.quic(&address, authority).await,
            #[cfg(feature = "webtransport")]
            Address::Https(web) => self.webtransport(&address, web).await,
            #[cfg(feature = "ws")]
            Address::Ws(web) => self.ws(&address, web).await,
            #[cfg(feature = "wss")]
            Address::Wss(web) => self.wss(&address, web).await,
            #[cfg(all(feature = "unix", unix))]
            Address::Unix(path) => self.unix(&address, path).await,
            Address::Stdio => {
                let what = "only a server listens there; its host starts it with ipfi::spawn";
                Err(ConnectError::Unsupported { address, what })
            }
            #[allow(unreachable_patterns, reason = "a build may have all carriers")]
            _ => Err(ConnectError::Unsupported { what: address.missing(), address }),
        }
    }

    #[cfg(all(feature = "unix", unix))]
    async fn unix(&self, address: &Address, path: &std::path::Path) -> Result<Wire, ConnectError> {
        let io = |source| ConnectError::Io { address: address.clone(), source };
        let stream = tokio::net::UnixStream::connect(path).await.map_err(io)?;
        let (reader, writer) = stream.into_split();
        let peer =
            Peer::new(ipfi_core::session::Side::Server, "unix").with_address(path.display().to_string());
        let quiet = self.options.clone().limits(without_idle_timeout(self.options.limits_ref()));
        handshake(address, reader, writer, quiet.peer(peer)).await
    }
}

#[cfg(any(feature = "tcp", all(feature = "unix", unix)))]
async fn handshake<R, W>(
    address: &Address,
    reader: R,
    writer: W,
    options: WireOptions,
) -> Result<Wire, ConnectError>
where
    R: tokio::io::AsyncRead + Send + Unpin + 'static,
    W: tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    ipfi_mux::connect(reader, writer, options)
        .await
        .map_err(|source| ConnectError::Handshake { address: address.clone(), source })
}
