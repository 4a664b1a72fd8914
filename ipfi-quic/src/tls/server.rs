//! TLS as the side that is connected to.

use std::sync::Arc;

use rustls::server::ServerSessionMemoryCache;
use rustls::{KeyLogFile, ServerConfig};

use super::client_auth::ClientAuth;
use super::error::TlsError;
use super::protocols;
use super::provider::provider;
use super::reload::{ReloadableIdentity, Resolver};

/// Sessions a server remembers, two for each handshake; the oldest go first. Each is below 1 KiB, so 1 MiB in all,
/// and with client certificates as long as the client's chain in addition, which is at most 64 KiB and was
/// verified.
const REMEMBERED_SESSIONS: usize = 1024;

/// How to speak TLS 1.3 as the side that is connected to, with its protocols. Cheap to clone; clones share the
/// memory of sessions.
#[derive(Clone, Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    /// Clients may show a certificate, or it is not known whether they may.
    asks_clients: bool,
}

impl TlsServer {
    /// Begins with the identity that clients are shown. Keep a clone of the [`ReloadableIdentity`] to change it
    /// later.
    pub fn builder(identity: impl Into<ReloadableIdentity>) -> TlsServerBuilder {
        TlsServerBuilder {
            identity: identity.into(),
            client_auth: ClientAuth::none(),
            key_log: false,
            early_data: false,
        }
    }

    /// Takes settings that rustls' own builder made, for what this crate has no option for.
    ///
    /// *Danger*: nothing of them is checked.
    pub fn from_rustls(config: Arc<ServerConfig>) -> Self {
        Self { config, asks_clients: true }
    }

    /// Says that clients show no certificates, which rustls' settings do not tell: then early data need not wait for
    /// the handshake to know whose it is.
    ///
    /// *Danger*: where they do, [`Peer::certificates`](ipfi_core::Peer::certificates) is empty for all that send early.
    #[must_use]
    pub fn of_anonymous_clients(mut self) -> Self {
        self.asks_clients = false;
        self
    }

    /// The settings as rustls has them.
    pub fn as_rustls(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether who the client is may be known only once its handshake is done.
    pub fn asks_clients(&self) -> bool {
        self.asks_clients
    }
}

/// What a [`TlsServer`] is made of. One builder makes as many as there are carriers, each with its protocols.
#[derive(Clone, Debug)]
#[must_use]
pub struct TlsServerBuilder {
    identity: ReloadableIdentity,
    client_auth: ClientAuth,
    key_log: bool,
    early_data: bool,
}

impl TlsServerBuilder {
    /// Which clients get in; all by default. A session that is resumed brings the certificate of its first
    /// handshake, which is not verified again: for at most a day, a client may come back after it has expired.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
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

    /// Takes what QUIC clients send before the handshake is done (0-RTT). Off by default, and byte pipes never
    /// do it. The limit for it is then QUIC's, which knows only none and any (RFC 9001 section 4.6.1). Where clients may
    /// show certificates, those of one that comes back are known from its session; what others send waits for the
    /// handshake.
    ///
    /// *Danger*: whoever recorded it may send it again. A session is resumed once in one process, so that replays
    /// come through only where several share an address. Only for calls that may run twice.
    pub fn early_data(mut self, on: bool) -> Self {
        self.early_data = on;
        self
    }

    /// Makes the server for these protocols (ALPN), the preferred first. Clients that offer others are refused.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when no client could be let in, or a protocol has no name.
    pub fn build(&self, protocols: &[&str]) -> Result<TlsServer, TlsError> {
        self.with_protocols(protocols::checked(protocols)?)
    }

    /// Makes the server for a carrier that agrees on its protocol within TLS, as a WebSocket does by its subprotocol. What
    /// clients offer by ALPN is not looked at.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when no client could be let in.
    pub fn build_without_protocols(&self) -> Result<TlsServer, TlsError> {
        self.with_protocols(Vec::new())
    }

    fn with_protocols(&self, protocols: Vec<Vec<u8>>) -> Result<TlsServer, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| TlsError::Settings { what: error.to_string() })?
            .with_client_cert_verifier(self.client_auth.verifier()?)
            .with_cert_resolver(Arc::new(Resolver(self.identity.clone())));
        config.alpn_protocols = protocols;
        config.session_storage = ServerSessionMemoryCache::new(REMEMBERED_SESSIONS);
        // 0 or everything: QUIC has no value between.
        config.max_early_data_size = if self.early_data { u32::MAX } else { 0 };
        if self.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(TlsServer { config: Arc::new(config), asks_clients: self.client_auth.asks() })
    }
}
