//! The [`Session`] over a [`Connection`]: one short lock, and nothing but state changes under it.
//!
//! ```text
//!   tasks ── MuxSession, MuxSendStream, MuxRecvStream ──▶ Shared { Mutex<Connection> } ◀── driver
//!                                                            │ after the lock is released:
//!                                                            ├─▶ wakers of other tasks
//!                                                            └─▶ Notify::output_ready ──▶ driver
//! ```
//!
//! # Driving a [`Shared`]
//!
//! *Reading*, never paused: read into a `BytesMut` (reserve
//! [`READ_BLOCK_BYTES`](crate::connection::READ_BLOCK_BYTES)), [`Shared::handle_input`], until the pipe
//! ends ([`Shared::handle_end_of_input`]) or fails ([`Shared::handle_lost`]) or the connection
//! [`is_finished`](Connection::is_finished).
//!
//! *Writing*: wait for [`Notify::output_ready`]; then append with [`Shared::poll_transmit`] and write, again
//! and again, **until it says [`Transmit::Idle`]**, or [`Shared::pending_output`] that there is none: only then is
//! `output_ready` called anew. Report with [`Shared::handle_write_progress`] and
//! [`Shared::handle_transmitted`]. When the connection [`is_write_closed`](Connection::is_write_closed), shut
//! the sending side.
//!
//! *Time*: sleep until [`Shared::poll_timeout`], then [`Shared::handle_timeout`]. Deadlines move: ask again
//! after each wake-up; one that has moved later costs an idle wake-up, and none moves earlier without
//! `output_ready` being called or the driver itself having caused it.
//!
//! *Going away* without having been told to: [`Shared::handle_driver_dropped`].

use core::fmt;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, PoisonError};

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::{ConnectionError, DatagramError};
use ipfi_core::session::{News, Opened, Session, Side};
use ipfi_core::time::Time;

use crate::connection::{Connection, Output, Transmit, Wakes};
use crate::stream_id::Dir;
use crate::sync::Mutex;

mod open;
mod streams;

pub use open::{MuxOpenBi, MuxOpenUni};
pub use streams::{MuxRecvStream, MuxSendStream};

/// A stream that has come whole is read with its acceptance up to this size: small requests.
const WHOLE_BYTES: usize = 4 << 10;

/// How a driver hears that there is something to do. Called with no lock held, from whatever task or
/// thread caused it.
pub trait Notify: Send + Sync {
    /// There is output, or the sending side is to be shut; not called again before a
    /// [`Shared::poll_transmit`] has said [`Transmit::Idle`], or a [`Shared::pending_output`] that there is none.
    ///
    /// `lone` is a hint: nothing is being written and at most one call is in flight, so that writing right
    /// here, from the caller, saves a wake-up and costs nobody a batch. Otherwise a driver does well to let
    /// other tasks run once before it collects a batch (one yield decides small-call throughput).
    fn output_ready(&self, lone: bool);
}

/// What a read has left in the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Nothing, or nobody knows.
    Empty,
    /// More, because the read filled its buffer ([`Connection::expect_more`]).
    More,
}

/// A connection shared between its driver and its handles.
pub struct Shared {
    locked: Mutex<Locked>,
    notify: Box<dyn Notify>,
}

/// There is output, and whether it is a lone call's.
struct Lone(bool);

struct Locked {
    connection: Connection,
    /// The driver was told of output and has not found it exhausted since.
    told_output: bool,
    /// The driver was told that the sending side is to be shut.
    told_closed: bool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Shares `connection`; `notify` is told of its output.
    pub fn new(connection: Connection, notify: Box<dyn Notify>) -> Arc<Self> {
        let locked = Locked { connection, told_output: false, told_closed: false };
        Arc::new(Self { locked: Mutex::new(locked), notify })
    }

    /// Runs `act` on the connection under the lock, then fires wakers and tells the driver of new output.
    /// `act` must not wait for anything.
    pub fn with<R>(&self, act: impl FnOnce(&mut Connection) -> R) -> R {
        let (result, wakes, news) = self.act(act);
        wakes.fire();
        self.tell(news);
        result
    }

    /// The part of [`with`](Self::with) under the lock: whom to wake then, and what to tell the driver.
    #[inline]
    fn act<R>(&self, act: impl FnOnce(&mut Connection) -> R) -> (R, Wakes, Option<Lone>) {
        // A panic under the lock is a bug of ours in one operation; the state it leaves is checked by the
        // invariants, and refusing every later call would turn it into a bug of all streams.
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut locked.connection);
        let wakes = locked.connection.take_wakes();
        let output = !locked.told_output && locked.connection.has_pending_output();
        let closed = !locked.told_closed && locked.connection.is_write_closed();
        let news = output || closed;
        let lone = news && locked.connection.is_lone();
        if news {
            locked.told_output |= output;
            locked.told_closed |= closed;
        }
        drop(locked);
        (result, wakes, news.then_some(Lone(lone)))
    }

    #[inline]
    fn tell(&self, news: Option<Lone>) {
        if let Some(Lone(lone)) = news {
            self.notify.output_ready(lone);
        }
    }

    /// Looks at the connection under the lock. `look` causes no output and wakes nobody, so that nothing has to
    /// be found out afterwards.
    pub fn look<R>(&self, look: impl FnOnce(&mut Connection) -> R) -> R {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let result = look(&mut locked.connection);
        debug_assert!(locked.connection.take_wakes().is_empty(), "a look woke somebody");
        result
    }

    /// [`Connection::handle_input`] of one read, which took all that had come or not.
    pub fn handle_input(&self, now: Time, input: &mut BytesMut, backlog: Backlog) {
        let (wakes, news) = self.take_in(now, input, backlog);
        wakes.fire();
        self.tell(news);
    }

    /// [`handle_input`](Self::handle_input) by a task, whose waker is `own`, that polls the wire's
    /// [`Serving`](ipfi_core::wire::Serving) next: what has come for that is no reason to wake the task, which
    /// would be scheduled once more, and on a runtime of many threads another thread with it.
    pub fn handle_input_within(&self, now: Time, input: &mut BytesMut, backlog: Backlog, own: &Waker) {
        let (wakes, news) = self.take_in(now, input, backlog);
        wakes.fire_but(own);
        self.tell(news);
    }

    fn take_in(&self, now: Time, input: &mut BytesMut, backlog: Backlog) -> (Wakes, Option<Lone>) {
        let ((), wakes, news) = self.act(|connection| {
            if backlog == Backlog::More {
                connection.expect_more();
            }
            connection.handle_input(now, input);
        });
        (wakes, news)
    }

    /// [`Connection::handle_end_of_input`].
    pub fn handle_end_of_input(&self, now: Time) {
        self.with(|connection| connection.handle_end_of_input(now));
    }

    /// [`Connection::handle_lost`].
    pub fn handle_lost(&self, detail: &str) {
        self.with(|connection| connection.handle_lost(detail));
    }

    /// [`Connection::handle_driver_dropped`].
    pub fn handle_driver_dropped(&self) {
        self.with(Connection::handle_driver_dropped);
    }

    /// [`Connection::handle_transmitted`].
    pub fn handle_transmitted(&self, now: Time) {
        self.with(|connection| connection.handle_transmitted(now));
    }

    /// [`Connection::handle_write_progress`].
    pub fn handle_write_progress(&self, now: Time) {
        self.with(|connection| connection.handle_write_progress(now));
    }

    /// [`Connection::handle_timeout`].
    pub fn handle_timeout(&self, now: Time) {
        self.with(|connection| connection.handle_timeout(now));
    }

    /// [`Connection::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Time> {
        self.look(|connection| connection.poll_timeout())
    }

    /// [`Connection::has_pending_output`], and about how many bytes that is. `None` re-arms
    /// [`Notify::output_ready`] as `Idle` does: output that the driver was told of may be gone before it looks
    /// (a STREAMS_BLOCKED that the peer's MAX_STREAMS has overtaken), and who finds none asks no further.
    pub fn pending_output(&self) -> Option<usize> {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = locked.connection.has_pending_output();
        locked.told_output &= pending;
        pending.then(|| locked.connection.pending_output_hint())
    }

    /// [`Connection::is_write_closed`].
    pub fn is_write_closed(&self) -> bool {
        self.look(|connection| connection.is_write_closed())
    }

    /// [`Connection::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.look(|connection| connection.is_finished())
    }

    /// [`Connection::poll_transmit`]; `Idle` re-arms [`Notify::output_ready`].
    pub fn poll_transmit(&self, now: Time, out: &mut BytesMut, max: usize) -> Transmit {
        self.transmit(|connection| connection.poll_transmit(now, out, max))
    }

    /// [`Connection::poll_transmit_pieces`]; `Idle` re-arms [`Notify::output_ready`].
    pub fn poll_transmit_pieces(&self, now: Time, out: &mut Output, max: usize) -> Transmit {
        self.transmit(|connection| connection.poll_transmit_pieces(now, out, max))
    }

    fn transmit(&self, act: impl FnOnce(&mut Connection) -> Transmit) -> Transmit {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let transmit = act(&mut locked.connection);
        locked.told_output = transmit != Transmit::Idle;
        let wakes = locked.connection.take_wakes();
        drop(locked);
        wakes.fire();
        transmit
    }

    /// The first session on this connection. Once it, its clones and all streams are gone, the connection
    /// closes with NO_ERROR as soon as everything that was finished has been written.
    pub fn session(self: &Arc<Self>) -> MuxSession {
        let side = self.with(|connection| connection.side());
        MuxSession { held: Arc::new(Held(Arc::clone(self))), side }
    }
}

/// Keeps the connection wanted: held by sessions, streams and those who open.
#[derive(Debug)]
pub(crate) struct Held(Arc<Shared>);

impl Held {
    /// [`Shared::with`].
    fn with<R>(&self, act: impl FnOnce(&mut Connection) -> R) -> R {
        self.0.with(act)
    }

    /// [`Shared::look`].
    fn look<R>(&self, look: impl FnOnce(&mut Connection) -> R) -> R {
        self.0.look(look)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.with(Connection::abandon);
    }
}

/// A QMux connection as a [`Session`]. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct MuxSession {
    held: Arc<Held>,
    side: Side,
}

impl MuxSession {
    /// Waits for the peer's transport parameters, before which no stream can be opened. Cancel safe; one
    /// task waits.
    ///
    /// # Errors
    ///
    /// Why the connection ended before.
    pub async fn established(&self) -> Result<(), ConnectionError> {
        core::future::poll_fn(|cx| self.held.with(|connection| connection.poll_established(cx.waker()))).await
    }
}

impl Session for MuxSession {
    type SendStream = MuxSendStream;
    type RecvStream = MuxRecvStream;
    type OpenBi = MuxOpenBi;
    type OpenUni = MuxOpenUni;

    fn side(&self) -> Side {
        self.side
    }

    fn open_bi(&self) -> MuxOpenBi {
        MuxOpenBi::new(Arc::clone(&self.held))
    }

    fn try_open_whole(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Option<Result<Opened<MuxSendStream, MuxRecvStream>, ConnectionError>> {
        let held = &self.held;
        let opened = held.with(|connection| connection.try_open_whole(cx.waker(), data))?;
        Some(opened.map(|(key, id, taken)| {
            let send = if taken { None } else { Some(MuxSendStream::new(held, key, id)) };
            Opened { send, recv: MuxRecvStream::new(held, key, id), waits: true }
        }))
    }

    fn open_uni(&self) -> MuxOpenUni {
        MuxOpenUni::new(Arc::clone(&self.held))
    }

    fn poll_accept_bi(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(MuxSendStream, MuxRecvStream), ConnectionError>> {
        let held = &self.held;
        let accepted = held.with(|connection| connection.poll_accept_bi(cx.waker(), WHOLE_BYTES));
        accepted.map_ok(|(key, id, whole)| {
            let recv = match whole {
                Some(bytes) => MuxRecvStream::whole(held, key, id, bytes),
                None => MuxRecvStream::new(held, key, id),
            };
            (MuxSendStream::new(held, key, id), recv)
        })
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<MuxRecvStream, ConnectionError>> {
        let accepted = self.held.look(|connection| connection.poll_accept(Dir::Uni, cx.waker()));
        accepted.map_ok(|(key, id)| MuxRecvStream::new(&self.held, key, id))
    }

    fn poll_news(&self, cx: &mut Context<'_>) -> News {
        self.held.look(|connection| connection.poll_news(cx.waker()))
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        self.held.with(|connection| connection.send_datagram(payload))
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>> {
        self.held.look(|connection| connection.poll_recv_datagram(cx.waker()))
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        self.held.look(|connection| connection.max_datagram_bytes())
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.held.look(|connection| connection.poll_flushed(cx.waker()))
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.held.with(|connection| connection.close(code, reason));
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        self.held.look(|connection| connection.close_reason().cloned())
    }
}
