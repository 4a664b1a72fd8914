//! A QUIC connection as a [`Session`]: a call is a native stream, and nothing of ours is around it.
//!
//! What the traits promise and quinn does not do by itself is here:
//!
//! | promise | how it is kept |
//! |---|---|
//! | a dropped half resets or stops with CANCELLED | quinn would finish, or stop with 0: `streams` says it first |
//! | a place is free when the acceptor's handles are gone | QUIC frees it when both halves are over: `places` withholds it |
//! | whoever waits for credit is served in order | quinn wakes all who wait: `open` lets one at a time ask |
//! | what was finished is handed over before a close | quinn forgets what is not acknowledged: `finished` waits |
//! | a stream that the peer stops is reset | quinn leaves it to the program: `stops` does it |
//! | streams that nobody reads hurt no other | quinn's windows do not grow by need: `stalled` gives one up |
//! | a flood of calls that are given up ends | quinn does not count them: the [`AbuseBudget`] does |
//!
//! Within WebTransport all of this is the same: `tunnel` has the differences.

pub(crate) mod finished;
mod open;
mod places;
mod stalled;
mod stops;
mod streams;
mod tunnel;

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use futures_util::task::AtomicWaker;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::{ConnectionError, DatagramError};
use ipfi_core::limits::Limits;
use ipfi_core::runtime::Runtime;
use ipfi_core::session::{Opened, PathStats, Session, Side};
use ipfi_core::time::Time;
use ipfi_mux::TokioRuntime;
use ipfi_mux::abuse::AbuseBudget;
use quinn::SendDatagramError;
use tokio::sync::watch;

pub use self::open::{QuicOpenBi, QuicOpenUni};
pub use self::streams::{QuicRecvStream, QuicSendStream};

use self::finished::Finished;
use self::open::Turnstile;
use self::places::{Others, Places};
use self::stalled::Stalled;
use self::stops::Stops;
#[cfg_attr(not(feature = "webtransport"), allow(unused_imports, reason = "only WebTransport makes one"))]
pub(crate) use self::tunnel::{Ended, Established, H3_NO_ERROR, QPACK};
use self::tunnel::{Tunnel, UniKind};
use crate::config::{QuicOptions, varint};
use crate::congestion;
use crate::error::{self, Codes, Ours};

/// What waits for the peer: quinn's own futures, kept between polls.
type Incoming<T> = Mutex<Pin<Box<dyn Stream<Item = Result<T, quinn::ConnectionError>> + Send>>>;

/// A QUIC connection as a [`Session`]. Clones are handles to the same one. Once all of them and all streams are
/// gone, the connection closes with NO_ERROR as soon as the peer has acknowledged what was finished.
#[derive(Clone, Debug)]
pub struct QuicSession {
    held: Arc<Held>,
}

/// Keeps the connection wanted: held by sessions and streams.
pub(crate) struct Held {
    shared: Arc<Shared>,
}

/// What a connection has beside quinn's own state.
pub(crate) struct Shared {
    connection: quinn::Connection,
    runtime: Arc<TokioRuntime>,
    side: Side,
    ours: Mutex<Ours>,
    codes: Codes,
    /// The WebTransport session that the streams are of, if they are of one.
    tunnel: Option<Tunnel>,
    bi: Incoming<(quinn::SendStream, quinn::RecvStream)>,
    uni: Incoming<(quinn::RecvStream, UniKind)>,
    datagrams: Incoming<Bytes>,
    open_bi: Turnstile,
    open_uni: Turnstile,
    places: Places,
    finished: Finished,
    stalled: Arc<Stalled>,
    stops: Stops,
    /// The handshake is done: what is sent is not early data.
    confirmed: watch::Sender<bool>,
    /// The server has refused what was sent early, and the connection goes on without this session.
    abandoned: AtomicBool,
    /// Who waits for what the peer opens, to hear of either.
    accepting: AtomicWaker,
    /// Who waits for datagrams until then.
    datagram_waits: AtomicWaker,
    /// The limit `max_datagram_frame_bytes`.
    max_datagram_bytes: usize,
    budget: Mutex<AbuseBudget>,
    /// Nothing can be earned.
    budget_full: AtomicBool,
}

impl QuicSession {
    /// A session over a connection whose transport has the given limits and options, as
    /// [`transport`](crate::config::transport) makes them. Must be called within a tokio runtime.
    pub fn new(connection: quinn::Connection, limits: &Limits, options: &QuicOptions) -> Self {
        Self::made(connection, limits, options, true, None)
    }

    /// As [`new`](Self::new), where the handshake is not done: what the client sends is early data, until
    /// [`confirmed`](Self::confirmed) is called.
    pub(crate) fn early(connection: quinn::Connection, limits: &Limits, options: &QuicOptions) -> Self {
        Self::made(connection, limits, options, false, None)
    }

    /// A session over the streams of a WebTransport session, whose end `ended` is.
    #[cfg_attr(not(feature = "webtransport"), allow(dead_code, reason = "only WebTransport makes one"))]
    pub(crate) fn within(
        connection: quinn::Connection,
        limits: &Limits,
        options: &QuicOptions,
        established: Established,
        ended: Pin<Box<dyn Future<Output = Ended> + Send>>,
    ) -> Self {
        let Established { session, connect, control: (control, peers_control), qpack } = established;
        let tunnel = Tunnel::new(session, connect, control, qpack);
        let this = Self::made(connection, limits, options, true, Some(tunnel));
        tunnel::watch(&this.held.shared, ended, peers_control);
        this
    }

    /// To be called when the handshake is done and the server has taken what was sent early. Keeps no connection.
    pub(crate) fn confirmed(&self) -> impl FnOnce() + Send + use<> {
        let shared = Arc::clone(&self.held.shared);
        move || {
            shared.confirmed.send_replace(true);
            shared.accepting.wake();
            shared.datagram_waits.wake();
        }
    }

    /// Leaves the connection to another session: this one has ended, and neither closes the connection nor takes
    /// anything from it.
    pub(crate) fn abandon(&self) {
        let shared = &self.held.shared;
        let reason = "the server refused early data";
        lock(&shared.ours).closed = Some((CloseCode::NO_ERROR, reason.into()));
        shared.abandoned.store(true, Ordering::SeqCst);
        shared.accepting.wake();
    }

    fn made(
        connection: quinn::Connection,
        limits: &Limits,
        options: &QuicOptions,
        confirmed: bool,
        tunnel: Option<Tunnel>,
    ) -> Self {
        let runtime = Arc::new(TokioRuntime::current());
        let side = match connection.side() {
            quinn::Side::Client => Side::Client,
            quinn::Side::Server => Side::Server,
        };
        let idle_timeout = limits.idle_timeout.unwrap_or(Duration::MAX);
        let codes = if tunnel.is_some() { Codes::WebTransport } else { Codes::Native };
        // HTTP/3's control stream is each side's, and the session's own a client's.
        let others = match (&tunnel, side) {
            (None, _) => Others::default(),
            (Some(tunnel), Side::Server) => Others { bi: 1, uni: tunnel.peers_uni() },
            (Some(tunnel), Side::Client) => Others { bi: 0, uni: tunnel.peers_uni() },
        };
        let uni = match &tunnel {
            None => incoming(&connection, |connection| async move {
                connection.accept_uni().await.map(|recv| (recv, UniKind::Ours))
            }),
            Some(tunnel) => tunnel::unidirectional(&connection, tunnel, limits.handshake_timeout),
        };
        let shared = Shared {
            side,
            ours: Mutex::new(Ours { codes, closed: None, peers_end: None, idle_timeout }),
            codes,
            tunnel,
            bi: incoming(&connection, |connection| async move { connection.accept_bi().await }),
            uni,
            datagrams: incoming(&connection, |connection| async move { connection.read_datagram().await }),
            open_bi: Turnstile::default(),
            open_uni: Turnstile::default(),
            places: Places::new(&connection, limits, options, others),
            finished: Finished::default(),
            stalled: Stalled::new(&connection, limits, codes),
            stops: Stops::new(codes),
            max_datagram_bytes: limits.max_datagram_frame_bytes as usize,
            confirmed: watch::Sender::new(confirmed),
            abandoned: AtomicBool::new(false),
            accepting: AtomicWaker::new(),
            datagram_waits: AtomicWaker::new(),
            budget: Mutex::new(AbuseBudget::new(limits.abuse_budget, runtime.now())),
            budget_full: AtomicBool::new(true),
            runtime,
            connection,
        };
        Self { held: Arc::new(Held { shared: Arc::new(shared) }) }
    }

    /// Quinn's own handle, for what this crate does not show. Streams that are opened or accepted with it are the
    /// program's own; those that the peer opens for ipfi must not be taken with it.
    pub fn quinn(&self) -> &quinn::Connection {
        &self.held.shared.connection
    }

    pub(crate) fn runtime(&self) -> &Arc<TokioRuntime> {
        &self.held.shared.runtime
    }
}

fn incoming<T, F>(connection: &quinn::Connection, next: fn(quinn::Connection) -> F) -> Incoming<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, quinn::ConnectionError>> + Send + 'static,
{
    Mutex::new(Box::pin(stream::unfold(connection.clone(), move |connection| async move {
        Some((next(connection.clone()).await, connection))
    })))
}

impl Shared {
    /// The next of what the peer sends or opens.
    fn poll_incoming<T>(
        &self,
        incoming: &Incoming<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, ConnectionError>> {
        if let Some(cause) = self.closing() {
            return Poll::Ready(Err(cause));
        }
        if !*self.confirmed.borrow() {
            self.accepting.register(cx.waker());
            if self.abandoned.load(Ordering::SeqCst) {
                return Poll::Ready(Err(error::early_rejected()));
            }
            // What the server opens is for the session that stays.
            if self.side == Side::Client && !*self.confirmed.borrow() {
                return Poll::Pending;
            }
        }
        let mut incoming = lock(incoming);
        match incoming.as_mut().poll_next(cx) {
            Poll::Ready(Some(next)) => Poll::Ready(next.map_err(|error| self.cause(error))),
            // It is a loop without an end.
            Poll::Ready(None) => Poll::Ready(Err(ConnectionError::DriverDropped)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn ours(&self) -> Ours {
        lock(&self.ours).clone()
    }

    fn cause(&self, error: quinn::ConnectionError) -> ConnectionError {
        error::connection(error, &self.ours())
    }

    fn close(&self, code: CloseCode, reason: &str) {
        let mut ours = lock(&self.ours);
        if ours.closed.is_none() && ours.peers_end.is_none() && self.connection.close_reason().is_none() {
            ours.closed = Some((code, reason.into()));
            drop(ours);
            congestion::open(&self.connection);
            match &self.tunnel {
                None => self.connection.close(varint(code.0), reason.as_bytes()),
                Some(tunnel) => tunnel.close(&self.connection, &self.runtime, code, reason),
            }
        }
    }

    fn now(&self) -> Time {
        self.runtime.now()
    }

    /// Charges the peer `tokens` for `what`; at the end of its budget the connection is closed.
    fn charge(&self, tokens: u8, what: &'static str) {
        let spent = {
            let mut budget = lock(&self.budget);
            budget.time(self.now());
            let spent = budget.spend(tokens.into(), what);
            self.budget_full.store(false, Ordering::Relaxed);
            spent
        };
        if let Err(violation) = spent {
            tracing::warn!(target: "ipfi::connection", peer = %self.connection.remote_address(), %violation, "closed");
            // QUIC lets an application close with its own codes alone.
            self.close(CloseCode::RESOURCE_EXHAUSTED, &violation.what);
        }
    }

    /// Rewards the peer. Nearly always the budget is full, and nobody takes its lock.
    #[inline]
    fn reward(&self, earn: impl FnOnce(&mut AbuseBudget)) {
        if !self.budget_full.load(Ordering::Relaxed) {
            let mut budget = lock(&self.budget);
            budget.time(self.now());
            earn(&mut budget);
            self.budget_full.store(budget.is_full(), Ordering::Relaxed);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        if lock(&shared.ours).closed.is_some() || shared.connection.close_reason().is_some() {
            return;
        }
        // Nobody is left to wait for it, and it is bounded by the idle timeout.
        self.shared.runtime.spawn(Box::pin(async move {
            std::future::poll_fn(|cx| shared.finished.poll_flushed(cx)).await;
            shared.close(CloseCode::NO_ERROR, "");
        }));
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quic")
            .field("side", &self.shared.side)
            .field("peer", &self.shared.connection.remote_address())
            .finish_non_exhaustive()
    }
}

impl Session for QuicSession {
    type SendStream = QuicSendStream;
    type RecvStream = QuicRecvStream;
    type OpenBi = QuicOpenBi;
    type OpenUni = QuicOpenUni;

    fn side(&self) -> Side {
        self.held.shared.side
    }

    fn open_bi(&self) -> QuicOpenBi {
        QuicOpenBi::new(Arc::clone(&self.held))
    }

    fn try_open_whole(
        &self,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Option<Result<Opened<QuicSendStream, QuicRecvStream>, ConnectionError>> {
        // What is written at once needs no watch for the peer's stop.
        let opened = open::now(&self.held)?;
        Some(opened.map(|(send, recv)| Opened { send: Some(send), recv, waits: false }))
    }

    fn open_shared(&self) -> QuicOpenBi {
        QuicOpenBi::confirmed(Arc::clone(&self.held))
    }

    fn open_uni(&self) -> QuicOpenUni {
        QuicOpenUni::new(Arc::clone(&self.held))
    }

    fn poll_accept_bi(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(QuicSendStream, QuicRecvStream), ConnectionError>> {
        let shared = &self.held.shared;
        shared.poll_incoming(&shared.bi, cx).map_ok(|(send, recv)| {
            shared.places.accepted();
            streams::accepted_bi(&self.held, send, recv)
        })
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<QuicRecvStream, ConnectionError>> {
        let shared = &self.held.shared;
        loop {
            match ready!(shared.poll_incoming(&shared.uni, cx))? {
                (recv, UniKind::Ours) => return Poll::Ready(Ok(streams::accepted_uni(&self.held, recv))),
                (recv, kind) => shared.sort_out(recv, kind),
            }
        }
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        let shared = &self.held.shared;
        let seen = payload.len();
        if let Some(limit) = self.max_datagram_bytes().filter(|limit| seen > *limit) {
            return Err(DatagramError::TooLarge { seen, limit });
        }
        if let Some(cause) = shared.closing() {
            return Err(DatagramError::Connection(cause));
        }
        let payload = match &shared.tunnel {
            None => payload,
            Some(tunnel) => Bytes::from([&tunnel.datagram[..], &payload].concat()),
        };
        shared.connection.send_datagram(payload).map_err(|error| match error {
            SendDatagramError::UnsupportedByPeer | SendDatagramError::Disabled => DatagramError::Unsupported,
            SendDatagramError::TooLarge => {
                DatagramError::TooLarge { seen, limit: self.max_datagram_bytes().unwrap_or(0) }
            }
            SendDatagramError::ConnectionLost(error) => DatagramError::Connection(shared.cause(error)),
        })
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>> {
        let shared = &self.held.shared;
        // Clause 12.5: nothing says of a datagram whether it came early. Who replays one never completes a handshake.
        if !*shared.confirmed.borrow() {
            shared.datagram_waits.register(cx.waker());
            if !*shared.confirmed.borrow() && shared.connection.close_reason().is_none() {
                return Poll::Pending;
            }
        }
        loop {
            let datagram = ready!(shared.poll_incoming(&shared.datagrams, cx));
            match (&shared.tunnel, datagram) {
                (Some(tunnel), Ok(datagram)) => {
                    // One of another session is nobody's.
                    if let Some(payload) = tunnel.open_datagram(datagram) {
                        return Poll::Ready(Ok(payload));
                    }
                }
                (_, datagram) => return Poll::Ready(datagram),
            }
        }
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        let shared = &self.held.shared;
        let before = shared.tunnel.as_ref().map_or(0, |tunnel| tunnel.datagram.len());
        let max = shared.connection.max_datagram_size()?.saturating_sub(before);
        Some(max.min(shared.max_datagram_bytes))
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.held.shared.finished.poll_flushed(cx)
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.held.shared.close(code, reason);
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        let shared = &self.held.shared;
        if shared.abandoned.load(Ordering::SeqCst) {
            return Some(error::early_rejected());
        }
        shared.closing().or_else(|| shared.connection.close_reason().map(|error| shared.cause(error)))
    }

    fn path_stats(&self) -> Option<PathStats> {
        let connection = &self.held.shared.connection;
        let stats = connection.stats();
        let mut path = PathStats::new(stats.path.rtt);
        path.least_round_trip = Some(connection.min_rtt());
        path.congestion_window_bytes = stats.path.cwnd;
        path.mtu_bytes = stats.path.current_mtu;
        path.sent_packets = stats.path.sent_packets;
        path.lost_packets = stats.path.lost_packets;
        path.congestion_events = stats.path.congestion_events;
        path.sent_bytes = stats.udp_tx.bytes;
        path.received_bytes = stats.udp_rx.bytes;
        Some(path)
    }
}

/// A lock that nobody panics under, or whose state holds whatever happened.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
