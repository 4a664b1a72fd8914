//! Serving many peers on several listeners.

mod connection;
mod error;
mod gate;
mod listener;
#[cfg(any(feature = "tcp", feature = "tls", feature = "ws", feature = "stdio", all(feature = "unix", unix)))]
mod placed;
#[cfg(feature = "quic")]
mod quic;
#[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
mod secure;
#[cfg(all(feature = "unix", unix))]
mod unix_socket;
#[cfg(feature = "ws")]
mod ws;

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ipfi_core::close_code::CloseCode;
use ipfi_core::codec::CodecId;
use ipfi_core::error::ConnectionError;
use ipfi_core::observe::Observer;
use ipfi_core::wire::{ShutdownReport, Wire, WireOptions};
use ipfi_core::{Interface, Limits, Peer, Status};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::connection::Accepted;
pub use self::error::ServerError;
use self::gate::{Gate, Place};
use self::listener::Listener;
use crate::address::Address;

type OnConnect = Arc<dyn Fn(Wire) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Serves an interface to many peers. Nothing happens until [`bind`](Self::bind) or one of the `run`
/// methods.
#[derive(Clone)]
#[must_use = "a server does nothing until it is run"]
pub struct Server {
    options: WireOptions,
    urls: Vec<String>,
    on_connect: Option<OnConnect>,
    max_connections: usize,
    max_connections_per_address: usize,
    grace: Duration,
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    secure: secure::Secure,
    #[cfg(feature = "ws")]
    ws: ipfi_ws::WsOptions,
}

impl Server {
    /// A server of `interface`, with the default limits.
    pub fn new<S>(interface: Interface<S>) -> Self {
        Self {
            options: interface.into(),
            urls: Vec::new(),
            on_connect: None,
            max_connections: 1024,
            max_connections_per_address: 64,
            grace: Duration::from_secs(10),
            #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
            secure: secure::Secure::default(),
            #[cfg(feature = "ws")]
            ws: ipfi_ws::WsOptions::default(),
        }
    }

    /// Lets pages of these origins connect, written as browsers do: `http://localhost:8000`, `https://app.example`. For
    /// WebSocket and WebTransport alike, whose own options ([`ws_options`](Self::ws_options),
    /// [`webtransport_options`](Self::webtransport_options)) say more where that is needed; a later call takes the place of an
    /// earlier one. Without it, pages of the server's own origin alone.
    #[cfg(any(feature = "ws", feature = "webtransport"))]
    pub fn allow_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        let origins = ipfi_core::Origins::These(origins.into_iter().map(Into::into).collect());
        #[cfg(feature = "ws")]
        self.ws.origins.clone_from(&origins);
        #[cfg(feature = "webtransport")]
        {
            self.secure.web.origins = origins;
        }
        self
    }

    /// Listens on `url` too:
    ///
    /// - `quic://host:port` and `tls://host:port`, which need an `identity`. QUIC's ports are those of UDP, so that
    ///   both may have the same number. With the feature `webtransport`, browsers connect to the same port as
    ///   `https://host:port/path`, from pages of the same origin unless `webtransport_options` say otherwise;
    /// - `tcp://host:port`, for trusted networks: nothing is encrypted. Port 0 lets the system choose, here and above;
    /// - `wss://host:port/path` and `ws://host:port/path`: WebSockets at that path, of pages of the same origin and of programs
    ///   ([`ws_options`](Self::ws_options)); at every path where the URL has none. `wss` needs an `identity`;
    /// - `unix:/path`. A socket left behind by a dead server is replaced;
    /// - `stdio:`, once: the process that has started this one and is its client, over the standard input and output,
    ///   guarded as by [`stdio`](fn@crate::stdio). They are taken when the server is bound.
    pub fn listen(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// The limits of each connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options = self.options.limits(limits);
        self
    }

    /// The codec of calls that the server itself makes; bincode by default.
    pub fn codec(mut self, codec: CodecId) -> Self {
        self.options = self.options.codec(codec);
        self
    }

    /// Is told of every finished call, of every connection.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.options = self.options.observer(observer);
        self
    }

    /// Connections at once, all listeners together; more are closed as they come. Default 1024. *Cost*:
    /// each may hold [`Limits::memory_bound_bytes`], over QUIC
    /// [`Limits::quic_memory_bound_bytes`]. *Danger*: a flood of connections.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Connections at once from one IP address; more are closed as they come. Default 64. *Danger*: one
    /// peer takes all places. IPv6 addresses of one /64 prefix count as one, since a single host has them
    /// all; an IPv4-mapped IPv6 address is the IPv4 address. Peers behind one NAT share an address.
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.max_connections_per_address = connections;
        self
    }

    /// How long running calls may go on once the server shuts down. Default 10 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Asks `hook` about each peer before anything of it is served: see
    /// [`WireOptions::authenticate`].
    pub fn authenticate<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.options = self.options.authenticate(hook);
        self
    }

    /// Runs `hook` for each connection, in a task of its own: to call the peer back. The connection does
    /// not wait for it, nor end with it.
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Wire) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_connect = Some(Arc::new(move |wire| Box::pin(hook(wire))));
        self
    }

    /// Begins to listen. Connections wait in the system's queue until the result runs.
    ///
    /// # Errors
    ///
    /// [`ServerError`] says which address or which limits, and why; then nothing is bound.
    pub async fn bind(self) -> Result<Bound, ServerError> {
        if self.urls.is_empty() {
            return Err(ServerError::NoListener);
        }
        ipfi_mux::check_limits(self.options.limits_ref())?;
        let parsed = self.urls.iter().map(|url| url.parse());
        let mut addresses: Vec<(usize, Address)> = parsed
            .enumerate()
            .map(|(n, parsed)| parsed.map(|address| (n, address)))
            .collect::<Result<_, _>>()?;
        // Standard input and output cannot be given back, so that nothing may fail after them.
        addresses.sort_by_key(|(_, address)| *address == Address::Stdio);
        let mut listeners = Vec::with_capacity(addresses.len());
        for (n, address) in addresses {
            listeners.push((n, Listener::bind(address, &self).await?));
        }
        listeners.sort_by_key(|(n, _)| *n);
        Ok(Bound { server: self, listeners: listeners.into_iter().map(|(_, listener)| listener).collect() })
    }

    /// Binds and runs until `stop` is ready, then shuts down in order: see [`Bound::run_until`].
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn run_until(self, stop: impl Future) -> Result<ShutdownReport, ServerError> {
        Ok(self.bind().await?.run_until(stop).await)
    }

    /// Binds and runs for ever.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn run(self) -> Result<(), ServerError> {
        self.bind().await?.run().await;
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("urls", &self.urls)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A server that listens and has not begun to accept.
#[derive(Debug)]
#[must_use = "nothing is accepted until it runs"]
pub struct Bound {
    server: Server,
    listeners: Vec<Listener>,
}

impl Bound {
    /// Where it listens, as URLs to connect to; a port of 0 has become the one the system chose.
    pub fn addresses(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.address().to_string()).collect()
    }

    /// Runs for ever.
    pub async fn run(self) {
        self.run_until(pending::<()>()).await;
    }

    /// Runs until `stop` is ready. Then it accepts no more, tells every peer to go elsewhere, gives
    /// running calls the grace period, cuts what is left, and reports.
    ///
    /// A server that listens on `stdio:` alone stops by itself when its one peer has gone.
    ///
    /// Dropping the future closes every connection at once.
    pub async fn run_until(self, stop: impl Future) -> ShutdownReport {
        let Self { server, listeners } = self;
        let gate = Gate::new(server.max_connections, server.max_connections_per_address);
        let (draining, drain) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut accepting = JoinSet::new();
        let (incoming, mut accepted) = tokio::sync::mpsc::channel(1);
        #[cfg(feature = "quic")]
        let sockets = quic::Sockets(listeners.iter().filter_map(Listener::quic).collect());
        for listener in listeners {
            accepting.spawn(listener.accept_all(gate.clone(), incoming.clone()));
        }
        drop(incoming);
        let mut stop = std::pin::pin!(stop);
        let mut report = ShutdownReport::default();
        let mut more_may_come = true;
        while more_may_come || !connections.is_empty() {
            tokio::select! {
                _ = &mut stop => break,
                connection = accepted.recv(), if more_may_come => match connection {
                    Some(connection) => {
                        connections.spawn(serve(server.clone(), connection, drain.clone()));
                    }
                    None => more_may_come = false,
                },
                // Finished connections are let go of as they end; their reports are empty.
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        accepting.shutdown().await;
        #[cfg(feature = "quic")]
        let refusing = sockets.refuse();
        // Whoever had just been let in is not to wait for its handshake until all others are done.
        drop(accepted);
        drop(drain);
        drop(draining);
        while let Some(ended) = connections.join_next().await {
            // A connection's task does not panic: handlers' panics are caught in their calls.
            report = report.and(ended.unwrap_or_default());
        }
        #[cfg(feature = "quic")]
        {
            sockets.idle().await;
            drop(refusing);
        }
        report
    }
}

/// One connection, from its handshake to its end.
async fn serve(server: Server, accepted: Accepted, mut drain: watch::Receiver<()>) -> ShutdownReport {
    let Accepted { connection, place } = accepted;
    let peer = connection.peer().clone();
    let handshake = connection.handshake(place, server.options.clone());
    let wire = tokio::select! {
        wire = handshake => wire,
        // Whoever has not finished the handshake has no calls to lose.
        _ = drain.changed() => return ShutdownReport::default(),
    };
    let (wire, place) = match wire {
        Ok(made) => made,
        Err(error) => {
            tracing::debug!(target: "ipfi::server", %peer, %error, "handshake failed");
            return ShutdownReport::default();
        }
    };
    tracing::debug!(target: "ipfi::server", %peer, "connected");
    let hook = server.on_connect.map(|hook| tokio::spawn(hook(wire.clone())));
    let Connected { wire, .. } = &Connected { wire, hook, _place: place };
    tokio::select! {
        reason = wire.closed() => {
            log_end(&peer, &reason);
            ShutdownReport::default()
        }
        // The sender is dropped, never used: any change is the end.
        _ = drain.changed() => wire.shutdown(server.grace).await,
    }
}

/// A connection that is served. Dropped with its server, it is closed, whatever else holds handles to it:
/// the hook, or handlers that call back.
struct Connected {
    wire: Wire,
    hook: Option<JoinHandle<()>>,
    _place: Option<Place>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        // Does nothing to one that has ended in order.
        self.wire.close(CloseCode::SHUTDOWN, "the server was dropped");
        if let Some(hook) = &self.hook {
            hook.abort();
        }
    }
}

fn log_end(peer: &Peer, reason: &ConnectionError) {
    if reason.is_orderly() {
        tracing::debug!(target: "ipfi::server", %peer, %reason, "disconnected");
    } else {
        tracing::info!(target: "ipfi::server", %peer, %reason, "disconnected");
    }
}
