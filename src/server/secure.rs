//! What a server needs for TLS, alone and within QUIC.

#[cfg(feature = "quic")]
use ipfi_quic::QuicOptions;
use ipfi_quic::tls::{ClientAuth, ReloadableIdentity, TlsServer};

use super::{Server, ServerError};
use crate::address::Address;

#[derive(Clone, Debug, Default)]
pub(super) struct Secure {
    identity: Option<ReloadableIdentity>,
    client_auth: ClientAuth,
    key_log: bool,
    #[cfg(feature = "quic")]
    pub(super) quic: QuicOptions,
    #[cfg(feature = "webtransport")]
    pub(super) web: ipfi_quic::WebTransportOptions,
}

impl Secure {
    /// The settings for `protocols`; for none where the carrier agrees within TLS.
    pub(super) fn tls(
        &self,
        address: &Address,
        protocols: &[&str],
        early_data: bool,
    ) -> Result<TlsServer, ServerError> {
        let Some(identity) = &self.identity else {
            return Err(ServerError::NoIdentity { address: address.clone() });
        };
        let builder = TlsServer::builder(identity.clone())
            .client_auth(self.client_auth.clone())
            .key_log(self.key_log)
            .early_data(early_data);
        let built = match protocols {
            [] => builder.build_without_protocols(),
            protocols => builder.build(protocols),
        };
        built.map_err(|source| ServerError::Tls { address: address.clone(), source })
    }
}

impl Server {
    /// The certificate that clients are shown over QUIC and TLS, and its key. Keep a clone of a
    /// [`ReloadableIdentity`] to change it while the server runs: new connections see the new one, old ones go on.
    pub fn identity(mut self, identity: impl Into<ReloadableIdentity>) -> Self {
        self.secure.identity = Some(identity.into());
        self
    }

    /// Which clients get in, over QUIC and TLS, by their certificates (mutual TLS). All by default. What they have
    /// shown is in [`Peer::certificates`](ipfi_core::Peer::certificates).
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.secure.client_auth = client_auth;
        self
    }

    /// Writes the secrets of every connection to the file that the environment variable `SSLKEYLOGFILE` names, for
    /// Wireshark. Off by default, and nothing happens where the variable is not set.
    ///
    /// *Danger*: whoever has the file can read all that was recorded.
    pub fn key_log(mut self, on: bool) -> Self {
        self.secure.key_log = on;
        self
    }

    /// What QUIC has and other carriers have not; see [`QuicOptions`].
    #[cfg(feature = "quic")]
    pub fn quic_options(mut self, options: QuicOptions) -> Self {
        self.secure.quic = options;
        self
    }

    /// What WebTransport has and native QUIC has not; whose pages may connect above all. See
    /// [`WebTransportOptions`](ipfi_quic::WebTransportOptions).
    #[cfg(feature = "webtransport")]
    pub fn webtransport_options(mut self, options: ipfi_quic::WebTransportOptions) -> Self {
        self.secure.web = options;
        self
    }
}
