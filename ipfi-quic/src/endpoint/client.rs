//! The end that connects.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::wire::{Wire, WireOptions};
use quinn::crypto::rustls::QuicClientConfig;

use super::{ALPN, EndpointError, agreed, check_limits, endpoint, handshake_error, wire, wire_over};
use crate::config::{QuicOptions, transport};
use crate::session::QuicSession;
use crate::tls::TlsClient;

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
    /// [`EndpointError::Tls`] when `tls` is not for QUIC, [`EndpointError::Options`] when the windows of `limits` cannot
    /// be.
    pub fn over(
        endpoint: quinn::Endpoint,
        tls: &TlsClient,
        limits: &Limits,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        check_limits(limits)?;
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
    /// [`ConnectionError::Lost`] with the sentence of a [`TlsFault`](crate::tls::TlsFault) when the handshake fails,
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
        let connection = self.within(&limits, self.connecting(address, server_name)?, ALPN).await?;
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
                let mut made = None;
                let handshake = async {
                    let mut accepted = std::pin::pin!(accepted);
                    tokio::select! {
                        biased;
                        accepted = &mut accepted => accepted,
                        early = &mut calls => {
                            made = Some(early);
                            accepted.await
                        }
                    }
                };
                let after = limits.handshake_timeout;
                let accepted = tokio::time::timeout(after, handshake)
                    .await
                    .map_err(|_| ConnectionError::HandshakeTimeout { after })?;
                if accepted {
                    session.confirmed()();
                    let made = match made {
                        Some(made) => made,
                        None => calls.await,
                    };
                    return Ok((early, made));
                }
                // The connection goes on without anything that was sent early.
                session.abandon();
                drop(early);
                if let Some(reason) = connection.close_reason() {
                    return Err(self.explain(reason, &limits));
                }
                connection
            }
            Err(connecting) => self.within(&limits, connecting, ALPN).await?,
        };
        let wire = wire(connection, options, &self.options);
        let made = first(wire.clone()).await;
        Ok((wire, made))
    }

    /// Connects to the server at `address` by WebTransport, for `url`, as a browser does, and makes a wire. The settings of
    /// TLS must be for [`webtransport::ALPN`](crate::webtransport::ALPN). The limit `handshake_timeout` of `options` bounds the
    /// whole of it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and as [`webtransport::connect`](crate::webtransport::connect).
    ///
    /// Cancel safe: dropped, it closes the connection.
    #[cfg(feature = "webtransport")]
    pub async fn connect_webtransport(
        &self,
        address: SocketAddr,
        server_name: &str,
        url: &str,
        web: &crate::WebTransportOptions,
        options: impl Into<WireOptions>,
    ) -> Result<Wire, ConnectionError> {
        use crate::webtransport;

        let options = options.into();
        let limits = options.limits_ref().clone();
        let after = limits.handshake_timeout;
        let connecting = self.connecting(address, server_name)?;
        let handshake = async {
            let connection = self.within(&limits, connecting, webtransport::ALPN).await?;
            webtransport::connect(connection, url, &limits, &self.options, web).await
        };
        let session = tokio::time::timeout(after, handshake)
            .await
            .map_err(|_| ConnectionError::HandshakeTimeout { after })??;
        let peer = super::peer(session.quinn(), webtransport::CARRIER);
        Ok(super::wire_with(&session, options.peer(peer), &self.options))
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
        protocol: &str,
    ) -> Result<quinn::Connection, ConnectionError> {
        let after = limits.handshake_timeout;
        match tokio::time::timeout(after, connecting).await {
            Ok(Ok(connection)) => agreed(&connection, protocol).map(|()| connection),
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
