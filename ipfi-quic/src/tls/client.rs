//! TLS as the side that connects.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{ClientConfig, KeyLogFile};

use super::error::TlsError;
use super::protocols;
use super::provider::provider;
use super::reload::{ReloadableIdentity, Resolver};
use super::trust::Trust;

/// Servers whose sessions a client remembers, to come back to them with less work. Each costs up to 8 tickets of
/// about 1 KiB with the server's certificates, so some 2 MiB at most; the oldest go first.
const REMEMBERED_SERVERS: usize = 256;

/// How to speak TLS 1.3 as the side that connects, with its protocols. Cheap to clone; clones share the memory of
/// sessions. Made once, not per connection: a session is resumed only by the `TlsClient` that made it. A server
/// that resumes one is not verified again, for as long as its ticket is good: a week at most.
#[derive(Clone, Debug)]
pub struct TlsClient(Arc<ClientConfig>);

impl TlsClient {
    /// Begins with whom to trust.
    pub fn builder(trust: Trust) -> TlsClientBuilder {
        TlsClientBuilder { trust, identity: None, key_log: false, early_data: false }
    }

    /// Takes settings that rustls' own builder made, for what this crate has no option for.
    ///
    /// *Danger*: nothing of them is checked, verification included.
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }

    /// The settings as rustls has them.
    pub fn as_rustls(&self) -> &Arc<ClientConfig> {
        &self.0
    }
}

/// What a [`TlsClient`] is made of. One builder makes as many as there are carriers, each with its protocols.
#[derive(Clone, Debug)]
#[must_use]
pub struct TlsClientBuilder {
    trust: Trust,
    identity: Option<ReloadableIdentity>,
    key_log: bool,
    early_data: bool,
}

impl TlsClientBuilder {
    /// Shows `identity` to servers that ask for a certificate; none by default.
    pub fn identity(mut self, identity: impl Into<ReloadableIdentity>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Writes the secrets of every connection to the file that the environment variable `SSLKEYLOGFILE` names,
    /// for Wireshark. Off by default, and nothing happens where the variable is not set.
    ///
    /// *Danger*: whoever has the file can read all that was recorded.
    pub fn key_log(mut self, on: bool) -> Self {
        self.key_log = on;
        self
    }

    /// Lets QUIC send before the handshake is done, to servers whose session is remembered (0-RTT). Off by default,
    /// and byte pipes never do it.
    ///
    /// *Danger*: what is sent so can be replayed by whoever recorded it. Only for calls that may run twice.
    pub fn early_data(mut self, on: bool) -> Self {
        self.early_data = on;
        self
    }

    /// Makes the client for these protocols (ALPN), the preferred first.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the system's roots cannot be used, nobody would be trusted, or a protocol has no name.
    pub fn build(&self, protocols: &[&str]) -> Result<TlsClient, TlsError> {
        self.with_protocols(protocols::checked(protocols)?)
    }

    /// Makes the client for a carrier that agrees on its protocol within TLS, as a WebSocket does by its subprotocol.
    /// None is offered by ALPN, which web servers take for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the system's roots cannot be used, or nobody would be trusted.
    pub fn build_without_protocols(&self) -> Result<TlsClient, TlsError> {
        self.with_protocols(Vec::new())
    }

    fn with_protocols(&self, protocols: Vec<Vec<u8>>) -> Result<TlsClient, TlsError> {
        let verifier = self.trust.verifier()?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| TlsError::Settings { what: error.to_string() })?
            // So rustls calls any verifier from outside. `Trust` makes one that is, under a name that says so.
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(Resolver(identity.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols;
        config.resumption = Resumption::in_memory_sessions(REMEMBERED_SERVERS);
        config.enable_early_data = self.early_data;
        if self.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(TlsClient(Arc::new(config)))
    }
}
