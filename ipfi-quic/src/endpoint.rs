//! Endpoints: a UDP socket that connects, or that is connected to.
//!
//! A program that uses quinn already keeps its endpoint: it adds [`ALPN`] to its TLS settings and hands the
//! connections that agreed on it to [`wire`], and the others wherever they belong.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::Peer;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::runtime::Runtime;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use rustls::pki_types::CertificateDer;

use crate::config::{QuicOptions, transport, varint};
use crate::error::{self, Ours};
use crate::session::QuicSession;
use crate::shared;
use crate::tls::{TlsClient, TlsFault, TlsServer};

/// The application protocol of native streams (`docs/protocol.md` 12.5). Build the [`TlsClient`] and the
/// [`TlsServer`] for it.
pub const ALPN: &str = "ipfi-1";

/// What one handshake may buffer before it is looked at, and all of them.
const INCOMING_BYTES: u64 = 64 << 10;
const ALL_INCOMING_BYTES: u64 = 16 << 20;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The system refused the socket.
    #[error("UDP socket on {address}: {source}")]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS settings are not for QUIC.
    #[error("the TLS settings cannot be used for QUIC: {what}")]
    Tls {
        /// Why not.
        what: String,
    },
    /// An option has a value that it cannot have.
    #[error("the QUIC options cannot be used: {what}")]
    Options {
        /// Which, its value and why not.
        what: String,
    },
}

/// A UDP socket that connects to servers: any number of connections share it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QuicClient {
    endpoint: quinn::Endpoint,
    config: quinn::ClientConfig,
    protocols: Arc<[Vec<u8>]>,
    options: QuicOptions,
}

impl QuicClient {
    /// Binds a socket of the system's choice, for servers with an address like `server`'s: IPv6 or IPv4. Must be
    /// called within a tokio runtime, whose tasks carry the connections.
    ///
    /// `limits` are those of the connections' transport: give the wires the same.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] says what is wrong.
    pub fn bind(
        server: SocketAddr,
        tls: &TlsClient,
        limits: &Limits,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        Self::over(endpoint(any, None, options)?, tls, limits, options)
    }

    /// Connects with an endpoint that exists. Its own client settings are not used.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] when `tls` is not for QUIC.
    pub fn over(
        endpoint: quinn::Endpoint,
        tls: &TlsClient,
        limits: &Limits,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        let crypto = QuicClientConfig::try_from(Arc::clone(tls.as_rustls()))
            .map_err(|error| EndpointError::Tls { what: error.to_string() })?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport(limits, options)));
        let protocols = tls.as_rustls().alpn_protocols.clone().into();
        Ok(Self { endpoint, config, protocols, options: options.clone() })
    }

    /// Connects to the server at `address` and makes a wire. Its certificate must be for `server_name`, a host name
    /// or an IP address. The limit `handshake_timeout` of `options` bounds it.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Lost`] with the sentence of a [`TlsFault`] when the handshake fails,
    /// [`ConnectionError::HandshakeTimeout`] when nothing answers, as when UDP is blocked or nobody listens.
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn connect(
        &self,
        address: SocketAddr,
        server_name: &str,
        options: impl Into<WireOptions>,
    ) -> Result<Wire, ConnectionError> {
        let options = options.into();
        let limits = options.limits_ref().clone();
        let connection = self.within(&limits, self.connecting(address, server_name)?).await?;
        Ok(wire(connection, options, &self.options))
    }

    /// Connects as [`connect`](Self::connect), and makes the first calls at once, with the handshake, where a
    /// connection before has left a ticket and the server takes early data (0-RTT); otherwise after it. Gives the
    /// wire and what `first` gave.
    ///
    /// A server that refuses early data has processed none of it: then `first` runs once more, with another wire.
    /// *Danger*: what leaves early can be replayed by whoever has seen it, so the server takes only calls of procedures
    /// that it declares idempotent, and fails others with FAILED_PRECONDITION.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn connect_early<F, Fut>(
        &self,
        address: SocketAddr,
        server_name: &str,
        options: impl Into<WireOptions>,
        first: F,
    ) -> Result<(Wire, Fut::Output), ConnectionError>
    where
        F: Fn(Wire) -> Fut,
        Fut: Future,
    {
        let options = options.into();
        let limits = options.limits_ref().clone();
        let connection = match self.connecting(address, server_name)?.into_0rtt() {
            Ok((connection, accepted)) => {
                let session = QuicSession::early(connection.clone(), &limits, &self.options);
                let early = wire_over(&session, options.clone(), &self.options);
                let mut calls = std::pin::pin!(first(early.clone()));
                let mut accepted = std::pin::pin!(accepted);
                let (made, accepted) = tokio::select! {
                    biased;
                    accepted = &mut accepted => (None, accepted),
                    made = &mut calls => (Some(made), accepted.await),
                };
                if accepted {
                    session.confirm();
                    let made = match made {
                        Some(made) => made,
                        None => calls.await,
                    };
                    return Ok((early, made));
                }
                // The connection goes on without anything that was sent early.
                session.let_go();
                drop(early);
                if let Some(reason) = connection.close_reason() {
                    return Err(self.explain(reason, &limits));
                }
                connection
            }
            Err(connecting) => self.within(&limits, connecting).await?,
        };
        let wire = wire(connection, options, &self.options);
        let made = first(wire.clone()).await;
        Ok((wire, made))
    }

    /// Moves all connections to another socket: they go on from a new address, with no call lost
    /// (RFC 9000 section 9).
    ///
    /// # Errors
    ///
    /// What the system says of the socket; then nothing has changed.
    pub fn rebind(&self, socket: std::net::UdpSocket) -> io::Result<()> {
        self.endpoint.rebind(socket)
    }

    /// The address of the socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Quinn's own handle.
    pub fn quinn(&self) -> &quinn::Endpoint {
        &self.endpoint
    }

    /// The settings with which it connects: for programs that call quinn themselves.
    pub fn config(&self) -> &quinn::ClientConfig {
        &self.config
    }

    fn connecting(
        &self,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<quinn::Connecting, ConnectionError> {
        self.endpoint
            .connect_with(self.config.clone(), address, server_name)
            .map_err(|error| ConnectionError::lost(format!("QUIC: {error}")))
    }

    async fn within(
        &self,
        limits: &Limits,
        connecting: quinn::Connecting,
    ) -> Result<quinn::Connection, ConnectionError> {
        let after = limits.handshake_timeout;
        match tokio::time::timeout(after, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            // It heard nothing, for as long as a connection may be silent.
            Ok(Err(quinn::ConnectionError::TimedOut)) => {
                let after = limits.idle_timeout.unwrap_or(after);
                Err(ConnectionError::HandshakeTimeout { after })
            }
            Ok(Err(error)) => Err(self.explain(error, limits)),
            Err(_) => Err(ConnectionError::HandshakeTimeout { after }),
        }
    }

    fn explain(&self, error: quinn::ConnectionError, limits: &Limits) -> ConnectionError {
        handshake_error(error, limits, &self.protocols)
    }
}

/// A UDP socket that is connected to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QuicServer {
    endpoint: quinn::Endpoint,
    protocols: Arc<[Vec<u8>]>,
    options: QuicOptions,
    /// Handshakes of addresses that have not proven to be theirs.
    unproven: Arc<AtomicUsize>,
}

impl QuicServer {
    /// Binds to `address`; port 0 lets the system choose. Must be called within a tokio runtime, whose tasks carry the
    /// connections.
    ///
    /// `limits` are those of the connections' transport: give the wires the same.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] says what is wrong.
    pub fn bind(
        address: SocketAddr,
        tls: &TlsServer,
        limits: &Limits,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        let config = server_config(tls, limits, options)?;
        Self::over(endpoint(address, Some(config), options)?, tls, options)
    }

    /// Takes the connections of an endpoint that exists, which should have [`server_config`]'s settings.
    ///
    /// # Errors
    ///
    /// None now; it may check more later.
    pub fn over(
        endpoint: quinn::Endpoint,
        tls: &TlsServer,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        let protocols = tls.as_rustls().alpn_protocols.clone().into();
        Ok(Self { endpoint, protocols, options: options.clone(), unproven: Arc::default() })
    }

    /// The next client that wants to connect, before its handshake; `None` once the endpoint is closed. Clients beyond
    /// the limits of [`QuicOptions`] are asked to prove their address, or refused. Cancel safe.
    pub async fn accept(&self) -> Option<Incoming> {
        loop {
            let incoming = self.endpoint.accept().await?;
            let proven = incoming.remote_address_validated();
            if !proven && self.unproven.load(Ordering::Relaxed) >= self.options.unproven_handshakes {
                // Costs the server nothing: the client comes back with a token.
                if incoming.may_retry() {
                    // It may retry, as was just asked.
                    let _ = incoming.retry();
                } else {
                    incoming.refuse();
                }
                continue;
            }
            let unproven = (!proven).then(|| Unproven::new(&self.unproven));
            return Some(Incoming {
                incoming,
                protocols: Arc::clone(&self.protocols),
                options: self.options.clone(),
                _unproven: unproven,
            });
        }
    }

    /// Takes no more connections; those that are there go on.
    pub fn stop(&self) {
        self.endpoint.set_server_config(None);
    }

    /// Waits until all connections have ended and their last words have left.
    pub async fn idle(&self) {
        self.endpoint.wait_idle().await;
    }

    /// The address of the socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Quinn's own handle.
    pub fn quinn(&self) -> &quinn::Endpoint {
        &self.endpoint
    }
}

/// Counts one handshake for as long as it lasts.
#[derive(Debug)]
struct Unproven(Arc<AtomicUsize>);

impl Unproven {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client before its handshake. Dropped, it is refused.
#[derive(Debug)]
pub struct Incoming {
    incoming: quinn::Incoming,
    protocols: Arc<[Vec<u8>]>,
    options: QuicOptions,
    _unproven: Option<Unproven>,
}

impl Incoming {
    /// Where it says it is.
    pub fn address(&self) -> SocketAddr {
        self.incoming.remote_address()
    }

    /// Tells it to go away.
    pub fn refuse(self) {
        self.incoming.refuse();
    }

    /// Completes the handshake and makes a wire, whose peer is given the client's certificates, if it has shown any.
    /// The limit `handshake_timeout` of `options` bounds it.
    ///
    /// # Errors
    ///
    /// As [`QuicClient::connect`].
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn wire(self, options: impl Into<WireOptions>) -> Result<Wire, ConnectionError> {
        let options = options.into();
        let limits = options.limits_ref().clone();
        let explain = |error| handshake_error(error, &limits, &self.protocols);
        let connecting = self.incoming.accept().map_err(explain)?;
        let after = limits.handshake_timeout;
        if self.options.early_data {
            // With early data the connection is there before the handshake is done: calls in it can be answered.
            if let Ok((connection, _)) = connecting.into_0rtt() {
                return Ok(wire(connection, options, &self.options));
            }
            return Err(ConnectionError::lost("QUIC: a server's handshake without early data"));
        }
        match tokio::time::timeout(after, connecting).await {
            Ok(connected) => Ok(wire(connected.map_err(explain)?, options, &self.options)),
            Err(_) => Err(ConnectionError::HandshakeTimeout { after }),
        }
    }
}

/// The settings of a server's endpoint: for programs that make their own.
///
/// # Errors
///
/// [`EndpointError::Tls`] when `tls` is not for QUIC.
pub fn server_config(
    tls: &TlsServer,
    limits: &Limits,
    options: &QuicOptions,
) -> Result<quinn::ServerConfig, EndpointError> {
    let crypto = QuicServerConfig::try_from(Arc::clone(tls.as_rustls()))
        .map_err(|error| EndpointError::Tls { what: error.to_string() })?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport(limits, options)))
        .max_incoming(options.max_handshakes)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES);
    Ok(config)
}

/// The settings of any endpoint of ours: for programs that make their own.
///
/// # Errors
///
/// [`EndpointError::Options`] when `max_mtu` is below 1200.
pub fn endpoint_config(options: &QuicOptions) -> Result<quinn::EndpointConfig, EndpointError> {
    let mut config = quinn::EndpointConfig::default();
    let max = options.max_mtu;
    config
        .max_udp_payload_size(max)
        .map_err(|_| EndpointError::Options { what: format!("max_mtu is {max}, at least 1200 must be") })?;
    Ok(config)
}

fn endpoint(
    address: SocketAddr,
    server: Option<quinn::ServerConfig>,
    options: &QuicOptions,
) -> Result<quinn::Endpoint, EndpointError> {
    let config = endpoint_config(options)?;
    std::net::UdpSocket::bind(address)
        .and_then(|socket| quinn::Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime)))
        .map_err(|source| EndpointError::Socket { address, source })
}

/// Makes a wire of a connection whose peer has agreed on [`ALPN`]. Must be called within a tokio runtime, whose tasks
/// carry the wire. The connection's transport should have [`transport`]'s settings for the limits of `options`.
pub fn wire(connection: quinn::Connection, options: impl Into<WireOptions>, quic: &QuicOptions) -> Wire {
    let options = options.into();
    let session = QuicSession::new(connection, options.limits_ref(), quic);
    wire_over(&session, options, quic)
}

fn wire_over(session: &QuicSession, options: WireOptions, quic: &QuicOptions) -> Wire {
    let connection = session.quinn();
    let side = match connection.side() {
        quinn::Side::Client => Side::Server,
        quinn::Side::Server => Side::Client,
    };
    let peer = Peer::new(side, "quic")
        .with_address(connection.remote_address().to_string())
        .with_certificates(certificates(connection));
    let options = options.peer(peer);
    let options = if quic.shared_calls { options.share_small_calls(shared::over) } else { options };
    let runtime = Arc::clone(session.runtime());
    let (wire, serving) = Wire::new(session.clone(), runtime.clone(), options);
    runtime.spawn(Box::pin(async move {
        serving.await;
    }));
    wire
}

/// The certificates that the peer has shown, its own first.
fn certificates(connection: &quinn::Connection) -> Arc<[Bytes]> {
    let chain =
        connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'_>>>().ok());
    chain.map_or_else(Arc::default, |chain| chain.iter().map(|der| Bytes::copy_from_slice(der)).collect())
}

/// The protocol that both sides have agreed on.
pub fn protocol(connection: &quinn::Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

/// Why a handshake failed, in the words of TLS where it was TLS.
fn handshake_error(error: quinn::ConnectionError, limits: &Limits, protocols: &[Vec<u8>]) -> ConnectionError {
    let offered = || protocols.iter().map(Vec::as_slice);
    let fault = match &error {
        quinn::ConnectionError::TransportError(error) => TlsFault::alert_of_quic_code(error.code.into())
            .map(|alert| TlsFault::sent_alert(alert, &error.reason)),
        quinn::ConnectionError::ConnectionClosed(close) => {
            TlsFault::alert_of_quic_code(close.error_code.into()).map(TlsFault::received_alert)
        }
        _ => None,
    };
    match fault {
        Some(fault) => ConnectionError::lost(format!("TLS: {}", fault.with_protocols(offered()))),
        None => {
            let ours = Ours { closed: None, idle_timeout: limits.idle_timeout.unwrap_or(Duration::MAX) };
            error::connection(error, &ours)
        }
    }
}

/// Closes a connection that agreed on another protocol.
pub fn refuse(connection: &quinn::Connection, reason: &str) {
    connection.close(varint(CloseCode::PROTOCOL.0), reason.as_bytes());
}
