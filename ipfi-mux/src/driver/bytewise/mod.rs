//! The driver that is handed every byte: a wasm guest, a serial line, a telegraph.
//!
//! ```
//! use ipfi_core::Interface;
//! use ipfi_mux::bytewise::Peer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let greeter = Interface::new()
//!     .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") });
//! let (mut client, mut server) = (Peer::client(Interface::new()), Peer::server(greeter));
//!
//! let wire = client.wire().clone();
//! let job = client.spawn(async move { wire.call::<String>(0, ("Ada",)).await });
//! let greeting = loop {
//!     if let Some(answer) = job.take() {
//!         break answer?;
//!     }
//!     while let Some(byte) = client.pull() {
//!         server.push(byte)?;
//!     }
//!     while let Some(byte) = server.pull() {
//!         client.push(byte)?;
//!     }
//! };
//! assert_eq!(greeting, "Hello, Ada!");
//! # Ok(()) }
//! ```
//!
//! There are no threads, no runtime and no sockets: everything happens within [`push`](Peer::push),
//! [`pull`](Peer::pull), [`tick`](Peer::tick) and [`spawn`](Peer::spawn), on the caller's thread. Handlers
//! run there too, [`blocking`](ipfi_core::blocking) ones in place, until nothing more can go on; a handler
//! that never yields never returns from `push`.
//!
//! # Time
//!
//! There is no clock (`std::time::Instant` panics on wasm32-unknown-unknown and is not touched here), only
//! what the program tells: [`tick`](Peer::tick) and [`push_at`](Peer::push_at). A peer that is never told
//! the time has **no deadlines** of its own: a call that is not answered waits for ever, a shutdown waits
//! for what runs. Deadlines are still sent, and a callee with a clock keeps them.
//!
//! Told or not, there are no pings and no idle timeout, whatever the limits say: a telegraph may be silent
//! for a week. Whoever owns the pipe says when it has ended: [`end_of_input`](Peer::end_of_input).
//!
//! # Panics
//!
//! A handler that panics fails its own call where panics unwind. On wasm and with `panic = "abort"` they
//! do not: there the whole guest ends.

mod runtime;

use core::fmt;
use core::future::Future;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use ipfi_core::Interface;
use ipfi_core::error::ConnectionError;
use ipfi_core::runtime::Task;
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_core::wire::{Wire, WireOptions};

use self::runtime::{Flag, Steps};
use super::timers::Clock;
use crate::config::{Config, ConfigError};
use crate::connection::{Connection, Transmit};
use crate::session::{Notify, Shared};

/// What is taken from the machine at once. A record may make it more: this only keeps small output small.
const BATCH_BYTES: usize = 1 << 10;

/// One end of a connection, moved by hand. See the [module](self).
///
/// After each call that changes something there may be output: [`pull`](Self::pull) until it gives `None`.
pub struct Peer {
    shared: Arc<Shared>,
    wire: Wire,
    steps: Arc<Steps>,
    /// The wire's own task, handlers that wait, and what was spawned here.
    tasks: FuturesUnordered<Task>,
    woken: Arc<Flag>,
    waker: Waker,
    /// The beginning of a record.
    input: BytesMut,
    /// The rest of a batch.
    output: BytesMut,
    /// When the pipe last took a byte of the batch.
    taken_at: Time,
}

/// Output is found by asking: nobody waits to be told.
struct Unheard;

impl Notify for Unheard {
    fn output_ready(&self, _lone: bool) {}
}

impl Peer {
    /// The side that begins, offering `interface`, with default limits. The peer is a
    /// [`server`](Self::server).
    pub fn client<S>(interface: Interface<S>) -> Self {
        Self::new(Side::Client, interface).expect("the default limits agree with each other")
    }

    /// The other side, offering `interface`, with default limits.
    pub fn server<S>(interface: Interface<S>) -> Self {
        Self::new(Side::Server, interface).expect("the default limits agree with each other")
    }

    /// Either side, with options, which may be just an [`Interface`]. The limits `ping_interval` and
    /// `idle_timeout` are not used.
    ///
    /// # Errors
    ///
    /// Limits that contradict each other.
    pub fn new(side: Side, options: impl Into<WireOptions>) -> Result<Self, ConfigError> {
        let options = options.into();
        let mut limits = options.limits_ref().clone();
        limits.ping_interval = None;
        limits.idle_timeout = None;
        let config = Config { limits: limits.clone(), ..Config::new(side) };
        let steps = Steps::new();
        let connection = Connection::new(config, steps.now())?;
        let shared = Shared::new(connection, Box::new(Unheard));
        let (wire, serving) = Wire::new(shared.session(), steps.clone(), options.limits(limits));
        let woken = Arc::<Flag>::default();
        let mut peer = Self {
            shared,
            wire,
            steps,
            tasks: FuturesUnordered::new(),
            waker: Waker::from(Arc::clone(&woken)),
            woken,
            input: BytesMut::new(),
            output: BytesMut::new(),
            taken_at: Time::ZERO,
        };
        peer.tasks.push(Box::pin(serving.map(drop)));
        peer.woken.raise();
        peer.run();
        Ok(peer)
    }

    /// The handle to the other end. The connection lives as long as this peer, or until it is closed.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Takes a byte that arrived. Procedures run here.
    ///
    /// # Errors
    ///
    /// Why the connection has ended, if it has: bytes that come later are discarded. What
    /// [`pull`](Self::pull) still gives tells the peer.
    pub fn push(&mut self, byte: u8) -> Result<(), ConnectionError> {
        self.push_slice(&[byte])
    }

    /// Takes a byte that arrived, and when it did: a [`tick`](Self::tick) and a [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_at(&mut self, byte: u8, now: Time) -> Result<(), ConnectionError> {
        self.tell(now);
        self.push(byte)
    }

    /// Takes bytes that arrived, however many, cut anywhere.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_slice(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.input.extend_from_slice(bytes);
        let (now, input) = (self.steps.now(), &mut self.input);
        let ended = self.shared.with(|connection| {
            connection.handle_input(now, input);
            connection.close_reason().is_some()
        });
        // Most bytes change nothing, and are not worth another look.
        if self.run() || ended { self.close_reason().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// No more bytes will arrive: the pipe has ended.
    pub fn end_of_input(&mut self) {
        self.shared.handle_end_of_input(self.steps.now());
        self.run();
    }

    /// The next byte to send, `None` when there is none now.
    pub fn pull(&mut self) -> Option<u8> {
        if self.output.is_empty() {
            self.run();
            if let Transmit::Idle = self.shared.poll_transmit(self.steps.now(), &mut self.output, BATCH_BYTES)
            {
                return None;
            }
        }
        let byte = self.output.get_u8();
        let now = self.steps.now();
        if self.output.is_empty() {
            self.output.clear();
            self.shared.handle_transmitted(now);
        } else if now > self.taken_at {
            // Without a clock nothing stalls, and the lock is not taken for each byte.
            self.taken_at = now;
            self.shared.handle_write_progress(now);
        }
        Some(byte)
    }

    /// Tells the time, and does what is due: deadlines pass. `now` counts from any origin; the first time
    /// told is the one at which the connection began. It does not go back: an earlier time is ignored.
    pub fn tick(&mut self, now: Time) {
        self.tell(now);
        self.run();
    }

    /// When the next [`tick`](Self::tick) is worth while; `None` when nothing waits for a time, or no time
    /// was ever told. It may change with every call of any other method.
    pub fn next_tick(&self) -> Option<Time> {
        let timers = self.steps.with_timers(|timers| timers.next());
        let next = [timers, self.shared.poll_timeout()].into_iter().flatten().min()?;
        self.steps.told_as(next)
    }

    /// Runs `future`, which may call the peer, whenever something is pushed, pulled or told. The first
    /// part runs at once.
    pub fn spawn<T: Send + 'static>(&mut self, future: impl Future<Output = T> + Send + 'static) -> Job<T> {
        let result = Arc::new(Mutex::new(None));
        let job = Job(Arc::clone(&result));
        self.tasks.push(Box::pin(future.map(move |value| {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        })));
        self.woken.raise();
        self.run();
        job
    }

    /// Why the connection ended, if it has. When [`pull`](Self::pull) then gives nothing any more, the
    /// pipe can be closed.
    pub fn close_reason(&self) -> Option<ConnectionError> {
        self.wire.close_reason()
    }

    fn tell(&mut self, now: Time) {
        let now = self.steps.tell(now);
        if self.shared.poll_timeout().is_some_and(|at| at <= now) {
            self.shared.handle_timeout(now);
        }
    }

    /// Polls every task that was woken, and those that they wake, until nothing more can go on. Says
    /// whether there was any.
    fn run(&mut self) -> bool {
        let cx = &mut Context::from_waker(&self.waker);
        let mut ran = false;
        loop {
            let mut again = self.woken.lower();
            for task in self.steps.take_spawned() {
                self.tasks.push(task);
                again = true;
            }
            if !again {
                return ran;
            }
            ran = true;
            while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(cx) {}
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Handles that are held elsewhere learn that nobody moves the bytes any more.
        self.shared.handle_driver_dropped();
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("wire", &self.wire)
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// The result of a future that a [`Peer`] runs. Dropping it does not stop the future.
#[must_use = "the result is taken from it"]
pub struct Job<T>(Arc<Mutex<Option<T>>>);

impl<T> Job<T> {
    /// Takes the result, once it is there.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}
