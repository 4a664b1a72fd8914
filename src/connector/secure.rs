//! What a connector needs for TLS, alone and within QUIC: made once, so that sessions are resumed.

#[cfg(feature = "quic")]
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "quic")]
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "quic")]
use ipfi_core::Limits;
use ipfi_quic::tls::{ReloadableIdentity, TlsClient, TlsClientBuilder, TlsError, Trust};
#[cfg(feature = "quic")]
use ipfi_quic::{QuicClient, QuicOptions};
use tokio::sync::OnceCell;

use super::ConnectError;
use crate::address::Address;

/// Two for each of two runtimes, native and for WebTransport. Those of a runtime that has ended are of no use, and cannot be told from others.
#[cfg(feature = "quic")]
const MAX_SOCKETS: usize = 8;

/// The settings, and what was made of them. A clone shares both until it is changed.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    pub(super) trust: Trust,
    pub(super) identity: Option<ReloadableIdentity>,
    pub(super) server_name: Option<Arc<str>>,
    pub(super) key_log: bool,
    #[cfg(feature = "quic")]
    pub(super) quic: QuicOptions,
    #[cfg(feature = "webtransport")]
    pub(super) web: ipfi_quic::WebTransportOptions,
    made: Arc<Made>,
}

#[derive(Debug, Default)]
struct Made {
    #[cfg(feature = "tls")]
    for_pipes: OnceCell<TlsClient>,
    #[cfg(feature = "wss")]
    for_web: OnceCell<TlsClient>,
    #[cfg(feature = "quic")]
    for_quic: OnceCell<TlsClient>,
    #[cfg(feature = "webtransport")]
    for_webtransport: OnceCell<TlsClient>,
    #[cfg(feature = "quic")]
    sockets: Mutex<Vec<Socket>>,
}

/// A UDP socket: one for each family of addresses, and for each protocol within TLS. Its task lives with the runtime that it was made in, which a
/// connector may outlive.
#[cfg(feature = "quic")]
#[derive(Debug)]
struct Socket {
    runtime: tokio::runtime::Id,
    is_ipv6: bool,
    protocol: &'static str,
    client: QuicClient,
}

impl Default for Secure {
    fn default() -> Self {
        Self {
            trust: Trust::system(),
            identity: None,
            server_name: None,
            key_log: false,
            #[cfg(feature = "quic")]
            quic: QuicOptions::default(),
            #[cfg(feature = "webtransport")]
            web: ipfi_quic::WebTransportOptions::default(),
            made: Arc::default(),
        }
    }
}

impl Secure {
    /// Must be called whenever something is changed: what was made of it before is no longer used.
    pub(super) fn changed(&mut self) {
        self.made = Arc::default();
    }

    /// The name that the server's certificate must have, where the URL has `authority`.
    pub(super) fn name_of<'a>(&'a self, authority: &'a str) -> &'a str {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        self.server_name.as_deref().unwrap_or(bare)
    }

    #[cfg(feature = "tls")]
    pub(super) async fn for_pipes(&self, address: &Address) -> Result<TlsClient, ConnectError> {
        self.client(&self.made.for_pipes, address, Some(ipfi_quic::tls::pipe::PROTOCOL), false).await
    }

    #[cfg(feature = "wss")]
    pub(super) async fn for_web(&self, address: &Address) -> Result<TlsClient, ConnectError> {
        self.client(&self.made.for_web, address, None, false).await
    }

    /// The settings in `cell`, made for `protocol` if nobody has yet; for none where the carrier agrees within TLS.
    async fn client(
        &self,
        cell: &OnceCell<TlsClient>,
        address: &Address,
        protocol: Option<&'static str>,
        early_data: bool,
    ) -> Result<TlsClient, ConnectError> {
        let builder = TlsClient::builder(self.trust.clone()).key_log(self.key_log).early_data(early_data);
        let builder = match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        cell.get_or_try_init(|| build(builder, protocol))
            .await
            .cloned()
            .map_err(|source| ConnectError::Tls { address: address.clone(), source })
    }
}

/// The roots of the system are read from files, which takes milliseconds.
async fn build(builder: TlsClientBuilder, protocol: Option<&'static str>) -> Result<TlsClient, TlsError> {
    let built = tokio::task::spawn_blocking(move || match protocol {
        Some(protocol) => builder.build(&[protocol]),
        None => builder.build_without_protocols(),
    })
    .await;
    // It fails to run only when it panics or the runtime shuts down.
    built.unwrap_or_else(|error| Err(TlsError::Settings { what: error.to_string() }))
}

#[cfg(feature = "quic")]
impl Secure {
    /// A socket to connect to `to` with, for connections within `limits`.
    pub(super) async fn socket(
        &self,
        address: &Address,
        to: SocketAddr,
        limits: &Limits,
    ) -> Result<QuicClient, ConnectError> {
        let early_data = self.quic.early_data;
        let tls = self.client(&self.made.for_quic, address, Some(ipfi_quic::ALPN), early_data).await?;
        self.socket_with(&tls, ipfi_quic::ALPN, address, to, limits)
    }

    /// The same for WebTransport.
    #[cfg(feature = "webtransport")]
    pub(super) async fn socket_for_webtransport(
        &self,
        address: &Address,
        to: SocketAddr,
        limits: &Limits,
    ) -> Result<QuicClient, ConnectError> {
        let protocol = ipfi_quic::webtransport::ALPN;
        let tls = self.client(&self.made.for_webtransport, address, Some(protocol), false).await?;
        self.socket_with(&tls, protocol, address, to, limits)
    }

    fn socket_with(
        &self,
        tls: &TlsClient,
        protocol: &'static str,
        address: &Address,
        to: SocketAddr,
        limits: &Limits,
    ) -> Result<QuicClient, ConnectError> {
        let runtime = tokio::runtime::Handle::current().id();
        let mut sockets = self.sockets();
        let usable = |socket: &&Socket| {
            let same = socket.runtime == runtime && socket.protocol == protocol;
            same && socket.is_ipv6 == to.is_ipv6()
        };
        if let Some(socket) = sockets.iter().find(usable) {
            return Ok(socket.client.clone());
        }
        let client = QuicClient::bind(to, tls, limits, &self.quic)
            .map_err(|source| ConnectError::Endpoint { address: address.clone(), source })?;
        if sockets.len() == MAX_SOCKETS {
            // The connections that it carries keep it.
            sockets.remove(0);
        }
        sockets.push(Socket { runtime, is_ipv6: to.is_ipv6(), protocol, client: client.clone() });
        Ok(client)
    }

    /// Moves all sockets to new ports; gives where they are now.
    pub(super) fn rebind(&self) -> std::io::Result<Vec<SocketAddr>> {
        let mut moved = Vec::new();
        for socket in self.sockets().iter() {
            let mut any = socket.client.local_address()?;
            any.set_port(0);
            socket.client.rebind(std::net::UdpSocket::bind(any)?)?;
            moved.push(socket.client.local_address()?);
        }
        Ok(moved)
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<Socket>> {
        self.made.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
