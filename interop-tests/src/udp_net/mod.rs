//! A network for UDP datagrams that loses, delays, reorders, doubles and corrupts them as a test asks.
//!
//! - [`UdpNet`]: in memory, on tokio's clock. Where that is paused, minutes pass in milliseconds, and the
//!   same seed gives the same run. Quinn's endpoints run on it by [`UdpNet::socket`] and quinn's own
//!   [`TokioRuntime`](quinn::TokioRuntime), whose time and timers are tokio's and so stand still with it.
//! - [`UdpRelay`]: the same faults, decided by the same code, between real sockets in real time: for programs
//!   that are not ours.
//! - [`TcpRelay`]: delay and bandwidth between real TCP sockets, for what is to be compared.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use interop_tests::udp_net::{Path, UdpNet};
//! use quinn::{Endpoint, EndpointConfig, TokioRuntime};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
//! # runtime.block_on(async {
//! let net = UdpNet::new(7);
//! net.set_default_path(Path { loss: 0.01, ..Path::with_delay(Duration::from_millis(25)) });
//! let socket = net.socket("10.0.0.1:5000".parse()?);
//! let mut config = EndpointConfig::default();
//! // Quinn's own dice: without it lengths differ from run to run, and so does everything after.
//! config.rng_seed(Some([7; 32]));
//! let client = Endpoint::new_with_abstract_socket(config, None, socket, Arc::new(TokioRuntime))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is the same in every run
//! Each direction draws from dice of its own, made of the seed and the two addresses, and each datagram from
//! dice of its own among those: what happens elsewhere, or one parameter more, moves nothing. For whole runs
//! to be alike, those who send must be too: a runtime of one thread whose clock is paused from the start, the
//! seed of quinn's dice given, and a key whose signatures have one length (Ed25519; those of ECDSA vary).
//! [`UdpNet::fingerprint`] then tells two runs apart.
//!
//! # What it is not
//! Addresses are concrete: nothing binds to a wildcard, and nothing is routed. Both ends have the same family
//! of addresses, or the receiver is an IPv6 socket that sees IPv4 as mapped. Sending never waits. Tokio's
//! timers have milliseconds, and what arrives within one arrives at its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use quinn::AsyncUdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::socket::Socket;
use self::state::State;

pub use self::counters::{Counters, Loss, Tally};
pub use self::path::{Burst, Path};
pub use self::relay::UdpRelay;
pub use self::tcp_relay::TcpRelay;

mod counters;
mod dice;
mod link;
mod path;
mod relay;
mod schedule;
mod socket;
mod state;
mod tcp_relay;
#[cfg(test)]
mod tests;

/// A network in memory. A clone is the same one; it lives while one of them or a socket does.
#[derive(Clone, Debug)]
pub struct UdpNet(Arc<Inner>);

struct Inner {
    epoch: Instant,
    state: Mutex<State>,
    /// Apart from the state: a tap may use the net.
    tap: Mutex<Option<Tap>>,
    /// Something arrives sooner than the task that delivers expects, or the net is gone.
    sooner: Arc<Notify>,
}

type Tap = Box<dyn FnMut(SocketAddr, SocketAddr, &[u8]) + Send>;

impl UdpNet {
    /// A net where every path is perfect, until one is set. Starts one task, which delivers and ends with the
    /// net.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time.
    pub fn new(seed: u64) -> Self {
        let sooner = Arc::new(Notify::new());
        let inner = Arc::new(Inner {
            epoch: Instant::now(),
            state: Mutex::new(State::new(seed)),
            tap: Mutex::new(None),
            sooner: Arc::clone(&sooner),
        });
        drop(tokio::spawn(deliver(Arc::downgrade(&inner), sooner, inner.epoch)));
        Self(inner)
    }

    /// A socket at `addr`, for quinn or anyone. Port 0 is replaced by a free one, the same in every run.
    ///
    /// Whoever was bound to that address hears nothing more, as if it had ended: a server that is started
    /// again need not wait until the one before is gone.
    pub fn socket(&self, addr: SocketAddr) -> Arc<dyn AsyncUdpSocket> {
        let (addr, id, before) = self.0.lock().bind(canonical(addr));
        drop(before);
        Arc::new(Socket::new(self.clone(), addr, id))
    }

    /// What every direction does for which nothing else is set, those in use included.
    pub fn set_default_path(&self, path: Path) {
        self.0.lock().set_default_path(path);
    }

    /// What the direction from `from` to `to` does from now on. Both are addresses of sockets, also where a
    /// NAT shows another one.
    pub fn set_path(&self, from: SocketAddr, to: SocketAddr, path: Path) {
        self.change_path(from, to, |present| *present = path);
    }

    /// Changes what the direction from `from` to `to` does; it no longer follows the default.
    pub fn change_path(&self, from: SocketAddr, to: SocketAddr, change: impl FnOnce(&mut Path)) {
        self.0.lock().change_path(canonical(from), canonical(to), change);
    }

    /// Changes both directions between `one` and `other`.
    pub fn change_both(&self, one: SocketAddr, other: SocketAddr, change: impl Fn(&mut Path)) {
        self.change_path(one, other, &change);
        self.change_path(other, one, &change);
    }

    /// A NAT gives the socket at `from` the address `to`: what it sends seems to come from there, and what is
    /// sent there reaches it. The address it had before, its own included, reaches nobody any more; what is
    /// under way to that is lost.
    ///
    /// Paths and counters keep the socket's own address.
    pub fn rewrite(&self, from: SocketAddr, to: SocketAddr) {
        self.0.lock().rewrite(canonical(from), canonical(to));
    }

    /// Takes back what [`rewrite`](Self::rewrite) did to `from`.
    pub fn restore(&self, from: SocketAddr) {
        self.0.lock().restore(canonical(from));
    }

    /// How many datagrams wait for a socket, at most; further ones are lost. Default 1024.
    pub fn set_receive_queue(&self, datagrams: usize) {
        self.0.lock().queue_datagrams = datagrams;
    }

    /// What became of what `from` sent to `to`.
    pub fn counters(&self, from: SocketAddr, to: SocketAddr) -> Counters {
        self.0.lock().counters(canonical(from), canonical(to))
    }

    /// The sum over every direction.
    pub fn total(&self) -> Counters {
        self.0.lock().total()
    }

    /// A number made of everything that happened so far: when what was sent, lost and delivered, from where
    /// to where and how long it was. Not of its bytes, which encryption makes different in every run.
    pub fn fingerprint(&self) -> u64 {
        self.0.lock().fingerprint
    }

    /// Shows each datagram that a socket sends, before anything happens to it: who sent it, to which address,
    /// and what. Replaces the tap before.
    ///
    /// A tap may use the net: what it changes holds for that datagram already, so that it can pick out single
    /// ones. It must not use quinn, which holds locks while it sends. A tap that keeps the net keeps it for
    /// ever, until [`remove_tap`](Self::remove_tap).
    pub fn on_datagram(&self, tap: impl FnMut(SocketAddr, SocketAddr, &[u8]) + Send + 'static) {
        *self.0.tap() = Some(Box::new(tap));
    }

    /// Takes the tap away. Not from within it.
    pub fn remove_tap(&self) {
        let tap = self.0.tap().take();
        // Without the lock: it may hold the last handle of something that uses the net as it goes.
        drop(tap);
    }

    /// Puts in a forged datagram: it arrives at once, and seems to come from `from`, whatever paths and NATs
    /// do. No tap sees it.
    pub fn inject(&self, from: SocketAddr, to: SocketAddr, bytes: impl Into<Bytes>) {
        let now = self.now();
        let woken = self.0.lock().inject(now, canonical(from), canonical(to), bytes.into());
        wake(woken);
    }

    fn now(&self) -> Duration {
        self.0.epoch.elapsed()
    }

    /// A socket sends one datagram.
    fn send(&self, from: SocketAddr, to: SocketAddr, ecn: Option<quinn::udp::EcnCodepoint>, bytes: &[u8]) {
        let to = canonical(to);
        if let Some(tap) = &mut *self.0.tap() {
            tap(from, to, bytes);
        }
        let now = self.now();
        let mut state = self.0.lock();
        state.send(now, from, to, ecn, Bytes::copy_from_slice(bytes));
        let woken = state.deliver(now);
        let sooner = state.is_sooner();
        drop(state);
        wake(woken);
        if sooner {
            self.0.sooner.notify_one();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tap(&self) -> MutexGuard<'_, Option<Tap>> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.sooner.notify_one();
    }
}

/// Delivers what arrives later than it was sent, while the net exists.
async fn deliver(net: Weak<Inner>, sooner: Arc<Notify>, epoch: Instant) {
    loop {
        let next = {
            let Some(net) = net.upgrade() else { return };
            let mut state = net.lock();
            let woken = state.deliver(epoch.elapsed());
            let next = state.await_next();
            drop(state);
            wake(woken);
            next
        };
        let news = sooner.notified();
        match next {
            // No matter which of them comes first: both lead back to the top.
            Some(at) => drop(tokio::time::timeout_at(epoch + at, news).await),
            None => news.await,
        }
    }
}

fn wake(woken: Vec<Waker>) {
    for waker in woken {
        waker.wake();
    }
}

/// The one form of an address: a socket of IPv6 writes those of IPv4 as mapped.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}
