//! The end that is connected to.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::wire::{Wire, WireOptions};

use super::{ALPN, EndpointError, agreed, endpoint, handshake_error, refuse, server_config, wire, wire_over};
use crate::config::QuicOptions;
use crate::session::QuicSession;
use crate::tls::TlsServer;
#[cfg(feature = "webtransport")]
use crate::webtransport;

/// How much longer a handshake with early data may take than a wire waits for its peer's first word.
const WIRES_OWN: Duration = Duration::from_secs(1);

/// A UDP socket that is connected to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QuicServer {
    endpoint: quinn::Endpoint,
    config: Arc<quinn::ServerConfig>,
    protocols: Arc<[Vec<u8>]>,
    options: QuicOptions,
    /// Handshakes of addresses that have not proven to be theirs.
    unproven: Arc<AtomicUsize>,
    asks_clients: bool,
    stopped: Arc<AtomicBool>,
    #[cfg(feature = "webtransport")]
    web: Option<Arc<crate::WebTransportOptions>>,
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
        Self::over(endpoint(address, Some(config), options)?, tls, limits, options)
    }

    /// Takes the connections of an endpoint that exists, which should have [`server_config`]'s settings, for the limits
    /// on handshakes are there. Those of the connections are made here.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] when `tls` is not for QUIC.
    pub fn over(
        endpoint: quinn::Endpoint,
        tls: &TlsServer,
        limits: &Limits,
        options: &QuicOptions,
    ) -> Result<Self, EndpointError> {
        let config = Arc::new(server_config(tls, limits, options)?);
        let protocols = tls.as_rustls().alpn_protocols.clone().into();
        let asks_clients = tls.asks_clients();
        Ok(Self {
            endpoint,
            config,
            protocols,
            options: options.clone(),
            unproven: Arc::default(),
            asks_clients,
            stopped: Arc::default(),
            #[cfg(feature = "webtransport")]
            web: None,
        })
    }

    /// Takes WebTransport too, from clients that chose [`webtransport::ALPN`](crate::webtransport::ALPN), which the settings of
    /// TLS must name beside [`ALPN`].
    #[cfg(feature = "webtransport")]
    #[must_use]
    pub fn with_webtransport(mut self, web: crate::WebTransportOptions) -> Self {
        self.web = Some(Arc::new(web));
        self
    }

    /// The next client that wants to connect, before its handshake; `None` once the endpoint is closed. Clients beyond
    /// the limits of [`QuicOptions`] are asked to prove their address, or refused, and all are refused once the server
    /// is [stopped](Self::stop). Cancel safe.
    pub async fn accept(&self) -> Option<Incoming> {
        loop {
            let incoming = self.endpoint.accept().await?;
            if self.stopped.load(Ordering::Relaxed) {
                incoming.refuse();
                continue;
            }
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
                config: Arc::clone(&self.config),
                protocols: Arc::clone(&self.protocols),
                options: self.options.clone(),
                unproven,
                asks_clients: self.asks_clients,
                #[cfg(feature = "webtransport")]
                web: self.web.clone(),
            });
        }
    }

    /// Takes no more connections; those that are there go on. Until they have ended, whoever comes is refused, where there
    /// is a tokio runtime to do it; after that, and without one, nobody is answered.
    pub fn stop(&self) {
        if self.stopped.swap(true, Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return self.endpoint.set_server_config(None);
        };
        let endpoint = self.endpoint.clone();
        runtime.spawn(async move {
            let mut idle = pin!(endpoint.wait_idle());
            loop {
                tokio::select! {
                    biased;
                    () = &mut idle => break,
                    Some(incoming) = endpoint.accept() => incoming.refuse(),
                    else => break,
                }
            }
            endpoint.set_server_config(None);
        });
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
    config: Arc<quinn::ServerConfig>,
    protocols: Arc<[Vec<u8>]>,
    options: QuicOptions,
    unproven: Option<Unproven>,
    asks_clients: bool,
    #[cfg(feature = "webtransport")]
    web: Option<Arc<crate::WebTransportOptions>>,
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
    /// As [`QuicClient::connect`](super::QuicClient::connect).
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn wire(self, options: impl Into<WireOptions>) -> Result<Wire, ConnectionError> {
        let options = options.into();
        let limits = options.limits_ref().clone();
        let explain = |error| handshake_error(error, &limits, &self.protocols);
        let connecting = self.incoming.accept_with(self.config).map_err(explain)?;
        let after = limits.handshake_timeout;
        if !self.options.early_data {
            let handshake = async {
                let connection = connecting.await.map_err(explain)?;
                #[cfg(feature = "webtransport")]
                if let Some(web) = webtransport::chosen(&connection, self.web.as_deref()) {
                    return webtransport::accept_wire(connection, options, &self.options, web).await;
                }
                agreed(&connection, ALPN)?;
                Ok(wire(connection, options, &self.options))
            };
            let made = tokio::time::timeout(after, handshake).await;
            return made.unwrap_or(Err(ConnectionError::HandshakeTimeout { after }));
        }
        // With early data the connection is there before the handshake is done: calls in it can be answered.
        let Ok((connection, handshake)) = connecting.into_0rtt() else {
            return Err(ConnectionError::lost("QUIC: a server's handshake without early data"));
        };
        #[cfg(feature = "webtransport")]
        if let Some(web) = webtransport::chosen(&connection, self.web.as_deref()) {
            // A request is no idempotent call: it waits for the handshake.
            let handshake = async {
                handshake.await;
                match connection.close_reason() {
                    Some(reason) => Err(explain(reason)),
                    None => webtransport::accept_wire(connection.clone(), options, &self.options, web).await,
                }
            };
            let made = tokio::time::timeout(after, handshake).await;
            return made.unwrap_or(Err(ConnectionError::HandshakeTimeout { after }));
        }
        agreed(&connection, ALPN)?;
        if self.asks_clients && connection.peer_identity().is_none() {
            let handshake = tokio::time::timeout(after, handshake);
            handshake.await.map_err(|_| ConnectionError::HandshakeTimeout { after })?;
            return match connection.close_reason() {
                Some(reason) => Err(explain(reason)),
                None => Ok(wire(connection, options, &self.options)),
            };
        }
        let session = QuicSession::early(connection.clone(), &limits, &self.options);
        let confirmed = session.confirmed();
        // Its address is as unproven as any until the handshake is done. A wire whose peer has said nothing by then says
        // so itself.
        let unproven = self.unproven;
        tokio::spawn(async move {
            match tokio::time::timeout(after + WIRES_OWN, handshake).await {
                Ok(_) => confirmed(),
                Err(_) => refuse(&connection, "the handshake was not completed in time"),
            }
            drop(unproven);
        });
        Ok(wire_over(&session, options, &self.options))
    }
}
