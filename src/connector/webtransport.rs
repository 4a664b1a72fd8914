//! WebTransport, over UDP: what a browser does, from Rust.

use ipfi_core::wire::Wire;
use ipfi_quic::WebTransportOptions;

use super::quic::is_better;
use super::{ConnectError, Connector, dial};
use crate::address::{Address, WebAddress};

impl Connector {
    /// What WebTransport has and native QUIC has not; see [`WebTransportOptions`].
    #[must_use]
    pub fn webtransport_options(mut self, options: WebTransportOptions) -> Self {
        self.secure.web = options;
        self
    }

    pub(super) async fn webtransport(
        &self,
        address: &Address,
        web: &WebAddress,
    ) -> Result<Wire, ConnectError> {
        let addresses = dial::resolve(address, web.authority()).await?;
        let limits = self.options.limits_ref();
        let name = self.secure.name_of(web.authority());
        let url = format!("https://{}{}", web.host("443"), web.target());
        let options = &self.web_options();
        let attempt = |to| {
            let url = &url;
            async move {
                let socket = self.secure.socket_for_webtransport(address, to, limits).await?;
                let connected = socket.connect_webtransport(to, name, url, options, self.options.clone());
                connected.await.map_err(|source| ConnectError::Handshake { address: address.clone(), source })
            }
        };
        dial::first(addresses, attempt, is_better).await
    }

    /// The options, with the headers that were given one by one.
    fn web_options(&self) -> WebTransportOptions {
        let options = self.secure.web.clone();
        #[cfg(feature = "ws")]
        let options = {
            let mut options = options;
            options.headers.extend_from_slice(self.ws.headers());
            options
        };
        options
    }
}
