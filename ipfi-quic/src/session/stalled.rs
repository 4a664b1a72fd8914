//! Streams that nobody reads, once they fill the connection's window.
//!
//! With quinn a stream's window does not grow by need, so it must be large for a long path; and 256 such windows
//! are more than a connection may hold. Streams that nobody reads could then take all of its credit from those that
//! are read. When the peer says that the connection's window blocks it, and nothing comes any more, the streams
//! that were left unread for longest are given up with RESOURCE_EXHAUSTED: they fail themselves, and the others go on.
//!
//! The peer's word (DATA_BLOCKED, RFC 9000 section 19.12) is only seen in quinn's counters, so a task looks at them,
//! but only while enough streams stand unread to fill the window: on a connection that is read nothing runs. A stream
//! is unread when it was read and nobody waits for more, and also when somebody waited, more came, and he lets it lie.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use ipfi_core::close_code::StreamCode;
use ipfi_core::limits::Limits;
use ipfi_core::status::LimitSeen;
use quinn::VarInt;
use slab::Slab;
use tokio::runtime::Handle;

use super::lock;
use crate::error::Codes;

/// How long the connection must have been full, with nothing coming, until a stream is given up; two round trips at
/// least.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long after that until the next is, if it is full again.
const AGAIN: Duration = Duration::from_millis(50);

/// What is granted to hear whether the peer is blocked.
const ASKED_BYTES: u32 = 1024;

/// How often a peer is asked that takes what is granted and does not say that it is blocked (RFC 9000 section 4.1 wants
/// that it does): then it is taken to be.
const ASKED_TIMES: u32 = 64;

/// The streams of one connection that were read from and may be left unread.
pub(super) struct Stalled {
    connection: quinn::Connection,
    entries: Mutex<Slab<Arc<Entry>>>,
    counts: Arc<Counts>,
    /// The limit `quic_connection_window_bytes`.
    window: u32,
    codes: Codes,
}

/// How many of them nobody waits on. Wakers have this, which quinn wakes under its lock: no handle of the connection
/// may end there.
#[derive(Debug)]
struct Counts {
    stalled: Weak<Stalled>,
    runtime: Handle,
    /// Counts reads, to know which was longest ago.
    reads: AtomicUsize,
    unread: AtomicUsize,
    /// With so many unread streams the window can be full.
    enough: usize,
    /// The task looks.
    watched: AtomicBool,
}

/// A stream that others than its reader may give up.
#[derive(Debug)]
pub(super) struct Entry {
    recv: Mutex<quinn::RecvStream>,
    state: Arc<State>,
    given_up: AtomicBool,
    /// Its key among the entries, and one more.
    key: AtomicUsize,
}

/// Whether anybody waits for what comes on a stream. It is the waker that quinn keeps, and so holds neither the
/// stream nor the connection.
#[derive(Debug)]
struct State {
    counts: Arc<Counts>,
    /// When it was last read, as a count; 0 while somebody waits for it, and [`LEFT`] when nothing more is read.
    unread_since: AtomicUsize,
    reader: AtomicWaker,
}

/// Nobody reads it any more.
const LEFT: usize = usize::MAX;

impl Counts {
    /// Whether enough streams are unread for the window to be full, and nobody looks yet: whoever is told so does.
    fn begin_watch(&self) -> bool {
        self.unread.load(Ordering::SeqCst) >= self.enough && !self.watched.swap(true, Ordering::SeqCst)
    }

    /// Whether the task ends: too few are unread, also after it said that it looks no more.
    fn end_watch(&self) -> bool {
        if self.unread.load(Ordering::SeqCst) >= self.enough {
            return false;
        }
        self.watched.store(false, Ordering::SeqCst);
        !self.begin_watch()
    }
}

impl State {
    /// Somebody waits for what comes on the stream, or nothing will: `now` is 0 or [`LEFT`].
    fn set(&self, now: usize) {
        if !matches!(self.unread_since.swap(now, Ordering::SeqCst), 0 | LEFT) {
            self.counts.unread.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Something was read, or has come, and nobody waits for what follows.
    fn is_unread(&self) {
        let counts = &self.counts;
        let now = counts.reads.fetch_add(1, Ordering::Relaxed);
        // Counted before it says so: whoever undoes it finds it counted.
        counts.unread.fetch_add(1, Ordering::SeqCst);
        if self.unread_since.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            counts.unread.fetch_sub(1, Ordering::SeqCst);
        } else if counts.begin_watch() {
            counts.runtime.spawn(watch(Weak::clone(&counts.stalled)));
        }
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever waited may want no more of it, as where a handler never reads and only its end is waited for.
        self.is_unread();
        self.reader.wake();
    }
}

impl Stalled {
    pub(super) fn new(connection: &quinn::Connection, limits: &Limits, codes: Codes) -> Arc<Self> {
        // Quinn grants nothing anew until an eighth of the window is free: so much of it may be of no use.
        let usable = limits.quic_connection_window_bytes / 8 * 7;
        let windows = usable / limits.quic_stream_window_bytes.max(1);
        Arc::new_cyclic(|stalled| Self {
            connection: connection.clone(),
            window: limits.quic_connection_window_bytes,
            codes,
            entries: Mutex::new(Slab::new()),
            counts: Arc::new(Counts {
                stalled: Weak::clone(stalled),
                runtime: Handle::current(),
                reads: AtomicUsize::new(1),
                unread: AtomicUsize::new(0),
                enough: (windows as usize).max(1),
                watched: AtomicBool::new(false),
            }),
        })
    }

    /// The limit that is reached where a stream is given up.
    fn limit(&self) -> LimitSeen {
        let window = self.window.into();
        LimitSeen { name: "quic_connection_window_bytes".into(), limit: window, seen: window }
    }

    fn enter(&self, recv: quinn::RecvStream) -> Arc<Entry> {
        let state = State {
            counts: Arc::clone(&self.counts),
            unread_since: AtomicUsize::new(0),
            reader: AtomicWaker::new(),
        };
        let entry = Arc::new(Entry {
            recv: Mutex::new(recv),
            state: Arc::new(state),
            given_up: AtomicBool::new(false),
            key: AtomicUsize::new(0),
        });
        let key = lock(&self.entries).insert(Arc::clone(&entry));
        entry.key.store(key + 1, Ordering::Relaxed);
        entry
    }

    fn leave(&self, entry: &Entry) {
        entry.state.set(LEFT);
        let key = entry.key.swap(0, Ordering::Relaxed);
        if key > 0 {
            drop(lock(&self.entries).try_remove(key - 1));
        }
    }

    /// Gives up half of the streams that are too many, those that were left unread for longest: the others may turn out
    /// to hold little.
    fn give_up_half(&self) {
        let since = |entry: &Entry| entry.state.unread_since.load(Ordering::Relaxed);
        let mut unread: Vec<(usize, Arc<Entry>)> = lock(&self.entries)
            .iter()
            .map(|(_, entry)| (since(entry), Arc::clone(entry)))
            .filter(|(since, _)| !matches!(*since, 0 | LEFT))
            .collect();
        unread.sort_by_key(|(since, _)| *since);
        // With one less than `enough` the window cannot be full.
        let half = (unread.len() + 1).saturating_sub(self.counts.enough).div_ceil(2);
        for (_, entry) in unread.into_iter().take(half) {
            self.give_up(&entry);
        }
    }

    /// Grants a little: a peer that is blocked sends that, and says anew that it is.
    fn ask(&self) {
        let more = u64::from(self.window) + u64::from(ASKED_BYTES);
        self.connection.set_receive_window(VarInt::from_u64(more).unwrap_or(VarInt::MAX));
        self.connection.set_receive_window(self.window.into());
    }

    fn give_up(&self, entry: &Entry) {
        let mut recv = lock(&entry.recv);
        tracing::warn!(
            target: "ipfi::connection",
            peer = %self.connection.remote_address(),
            stream = %recv.id(),
            "the connection's window is full (limit quic_connection_window_bytes): of the streams that were left \
             unread, this one for long, it is given up"
        );
        entry.given_up.store(true, Ordering::Relaxed);
        // Its end came just now: then it holds nothing that the peer waits for.
        let _ = recv.stop(self.codes.of_stream(StreamCode::RESOURCE_EXHAUSTED));
        drop(recv);
        entry.state.set(LEFT);
        entry.state.reader.wake();
    }
}

/// Looks until few streams are unread. What it looks at is the connection's; it keeps none alive.
///
/// That the peer was blocked once may be long over, and counters do not tell in what order it said so and was granted
/// more. So when nothing comes any more, it is asked.
async fn watch(stalled: Weak<Stalled>) {
    let mut frames = 0;
    // How often it had said that it is blocked when it was asked.
    let mut asked = None;
    let mut times = 0;
    loop {
        let wait = {
            let Some(stalled) = stalled.upgrade() else { return };
            let received = stalled.connection.stats().frame_rx;
            if stalled.connection.close_reason().is_some() || stalled.counts.end_watch() {
                return;
            }
            let quiet = frames == received.stream;
            frames = received.stream;
            let least = match asked {
                Some(before) if received.data_blocked > before || times >= ASKED_TIMES => {
                    stalled.give_up_half();
                    (asked, times) = (None, 0);
                    AGAIN
                }
                None if quiet && received.data_blocked > 0 => {
                    stalled.ask();
                    asked = Some(received.data_blocked);
                    times += 1;
                    AGAIN
                }
                Some(_) if !quiet => {
                    asked = None;
                    PATIENCE
                }
                _ => PATIENCE,
            };
            least.max(2 * stalled.connection.rtt())
        };
        tokio::time::sleep(wait).await;
    }
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum NotRead {
    Quinn(quinn::ReadError),
    /// The limit that was reached.
    GivenUp(LimitSeen),
}

/// Where a half reads from.
#[derive(Debug)]
pub(super) enum Source {
    /// Nobody else can give it up: nothing of it was left unread so far, and its reader reads at once what comes first.
    Own(quinn::RecvStream),
    /// As long as nobody has waited for it.
    Answer(quinn::RecvStream),
    Shared(Arc<Entry>),
    /// It was read to its end, or stopped.
    Over {
        early: bool,
    },
}

impl Source {
    pub(super) fn own(recv: quinn::RecvStream) -> Self {
        Self::Own(recv)
    }

    /// A stream on which nothing has come, and that nobody may ever read: it is unread once something comes.
    pub(super) fn opened(recv: quinn::RecvStream, stalled: &Stalled) -> Self {
        let entry = stalled.enter(recv);
        let waker = Waker::from(Arc::clone(&entry.state));
        // Whatever it may give, an error, is given again to whoever reads.
        let _ =
            pin!(lock(&entry.recv).read_chunks(&mut [Bytes::new()])).poll(&mut Context::from_waker(&waker));
        Self::Shared(entry)
    }

    /// A stream whose request is finished as it is opened: its answer may be left unread once somebody has waited for it.
    pub(super) fn answer(recv: quinn::RecvStream) -> Self {
        Self::Answer(recv)
    }

    /// The stream's id.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Own(recv) | Self::Answer(recv) => VarInt::from(recv.id()).into_inner(),
            Self::Shared(entry) => VarInt::from(lock(&entry.recv).id()).into_inner(),
            Self::Over { .. } => 0,
        }
    }

    /// Whether it came before the handshake was done.
    pub(super) fn is_early(&self) -> bool {
        match self {
            Self::Own(recv) | Self::Answer(recv) => recv.is_0rtt(),
            Self::Shared(entry) => lock(&entry.recv).is_0rtt(),
            Self::Over { early } => *early,
        }
    }

    /// As quinn's `read_chunks`; after something was read, [`was_read`](Self::was_read) is due.
    pub(super) fn poll_chunks(
        &mut self,
        cx: &mut Context<'_>,
        chunks: &mut [Bytes],
        stalled: &Stalled,
    ) -> Poll<Result<Option<usize>, NotRead>> {
        if let Self::Answer(_) = self {
            self.enter(stalled);
        }
        let polled = match self {
            Self::Own(recv) | Self::Answer(recv) => {
                pin!(recv.read_chunks(chunks)).poll(cx).map_err(NotRead::Quinn)
            }
            Self::Shared(entry) if entry.given_up.load(Ordering::Relaxed) => {
                Poll::Ready(Err(NotRead::GivenUp(stalled.limit())))
            }
            Self::Shared(entry) => {
                // Before the poll: what comes after it counts.
                entry.state.set(0);
                entry.state.reader.register(cx.waker());
                let waker = Waker::from(Arc::clone(&entry.state));
                let polled =
                    pin!(lock(&entry.recv).read_chunks(chunks)).poll(&mut Context::from_waker(&waker));
                polled.map_err(NotRead::Quinn)
            }
            Self::Over { .. } => Poll::Ready(Ok(None)),
        };
        if matches!(polled, Poll::Ready(Ok(None) | Err(_))) {
            drop(self.forget(stalled));
        }
        polled
    }

    /// Something was read, and not the end: what follows may be left unread.
    pub(super) fn was_read(&mut self, stalled: &Stalled) {
        self.enter(stalled);
        if let Self::Shared(entry) = self {
            entry.state.is_unread();
        }
    }

    /// Lets others give it up, too.
    fn enter(&mut self, stalled: &Stalled) {
        // Nearly always it is there already, and nobody takes a lock.
        if let Self::Shared(_) | Self::Over { .. } = self {
            return;
        }
        let over = Self::Over { early: self.is_early() };
        *self = match std::mem::replace(self, over) {
            Self::Own(recv) | Self::Answer(recv) => Self::Shared(stalled.enter(recv)),
            entered => entered,
        };
    }

    /// Stops the peer.
    pub(super) fn stop(&mut self, code: VarInt, stalled: &Stalled) {
        // Over already: then nothing is left to stop.
        let _ = match self {
            Self::Own(recv) | Self::Answer(recv) => recv.stop(code),
            Self::Shared(entry) => lock(&entry.recv).stop(code),
            Self::Over { .. } => Ok(()),
        };
        drop(self.forget(stalled));
    }

    /// Nothing more is read. Gives what was read from.
    pub(super) fn forget(&mut self, stalled: &Stalled) -> Self {
        if let Self::Shared(entry) = self {
            stalled.leave(entry);
        }
        let over = Self::Over { early: self.is_early() };
        std::mem::replace(self, over)
    }
}
