//! WebSocket, over TCP and over TLS.

use ipfi_core::wire::Wire;
use ipfi_ws::{WsOptions, endpoint};

use super::tcp::reach;
use super::{ConnectError, Connector};
use crate::address::{Address, WebAddress};

/// The options, and headers that were given one by one: neither takes the other's place.
#[derive(Clone, Debug, Default)]
pub(super) struct Web {
    options: WsOptions,
    headers: Vec<(String, String)>,
}

impl Web {
    /// What was given one by one.
    #[cfg(feature = "webtransport")]
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    fn options(&self) -> WsOptions {
        let mut options = self.options.clone();
        options.headers.extend_from_slice(&self.headers);
        options
    }
}

impl Connector {
    /// What a WebSocket has and other carriers have not; see [`WsOptions`].
    #[must_use]
    pub fn ws_options(mut self, options: WsOptions) -> Self {
        self.ws.options = options;
        self
    }

    /// Sends this header with the request of a WebSocket or of WebTransport, which the server finds in
    /// [`Peer::headers`](ipfi_core::Peer::headers); for `Authorization`, say. A header that HTTP does not allow fails the connection.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ws.headers.push((name.into(), value.into()));
        self
    }

    pub(super) async fn ws(&self, address: &Address, web: &WebAddress) -> Result<Wire, ConnectError> {
        let (stream, peer) = reach(address, web.authority(), "ws").await?;
        let (host, options) = (web.host("80"), self.options.clone().peer(peer));
        endpoint::connect(stream, host, web.target(), &self.ws.options(), options)
            .await
            .map_err(|source| ConnectError::Handshake { address: address.clone(), source })
    }

    #[cfg(feature = "wss")]
    pub(super) async fn wss(&self, address: &Address, web: &WebAddress) -> Result<Wire, ConnectError> {
        let tls = self.secure.for_web(address).await?;
        let (stream, peer) = reach(address, web.authority(), "wss").await?;
        let name = self.secure.name_of(web.authority());
        let (host, options) = (web.host("443"), self.options.clone().peer(peer));
        endpoint::connect_tls(stream, name, &tls, host, web.target(), &self.ws.options(), options)
            .await
            .map_err(|source| ConnectError::Handshake { address: address.clone(), source })
    }
}
