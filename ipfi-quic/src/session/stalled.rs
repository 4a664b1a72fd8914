//! Streams that nobody reads, once they fill the connection's window.
//!
//! With quinn a stream's window does not grow by need, so it must be large for a long path; and 256 such windows
//! are more than a connection may hold. Streams that nobody reads could then take all of its credit from those that
//! are read. When the peer says that the connection's window blocks it, and nothing comes any more, the stream
//! that was left unread for longest is given up with RESOURCE_EXHAUSTED: it fails itself, and the others go on.
//!
//! The peer's word (DATA_BLOCKED, RFC 9000 section 19.12) is only seen in quinn's counters, so a task looks at them,
//! but only while enough streams stand unread to fill the window: on a connection that is read nothing runs.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::limits::Limits;
use quinn::VarInt;
use slab::Slab;

use super::lock;
use crate::config::varint;

/// How long the connection must have been full, with nothing coming, until a stream is given up; two round trips at
/// least.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long after that until the next is, if it is full again.
const AGAIN: Duration = Duration::from_millis(50);

/// The streams of one connection that were read from and may be left unread.
pub(super) struct Stalled {
    connection: quinn::Connection,
    entries: Mutex<Slab<Arc<Entry>>>,
    /// Counts reads, to know which was longest ago.
    reads: AtomicUsize,
    /// Streams that nobody waits on.
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
    /// When it was last read, as a count; 0 while somebody waits for it.
    unread_since: AtomicUsize,
    given_up: AtomicBool,
    /// Its key among the entries, and one more.
    key: AtomicUsize,
}

impl Stalled {
    pub(super) fn new(connection: &quinn::Connection, limits: &Limits) -> Arc<Self> {
        // Quinn grants nothing anew until an eighth of the window is free: so much of it may be of no use.
        let usable = limits.quic_connection_window_bytes / 8 * 7;
        let windows = usable / limits.quic_stream_window_bytes.max(1);
        Arc::new(Self {
            connection: connection.clone(),
            entries: Mutex::new(Slab::new()),
            reads: AtomicUsize::new(1),
            unread: AtomicUsize::new(0),
            enough: (windows as usize).max(1),
            watched: AtomicBool::new(false),
        })
    }

    fn enter(&self, recv: quinn::RecvStream) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            recv: Mutex::new(recv),
            unread_since: AtomicUsize::new(0),
            given_up: AtomicBool::new(false),
            key: AtomicUsize::new(0),
        });
        let key = lock(&self.entries).insert(Arc::clone(&entry));
        entry.key.store(key + 1, Ordering::Relaxed);
        entry
    }

    fn leave(&self, entry: &Entry) {
        self.waited_for(entry);
        let key = entry.key.swap(0, Ordering::Relaxed);
        if key > 0 {
            drop(lock(&self.entries).try_remove(key - 1));
        }
    }

    /// Somebody waits for what comes on the stream, or nothing will.
    fn waited_for(&self, entry: &Entry) {
        if entry.unread_since.swap(0, Ordering::Relaxed) > 0 {
            self.unread.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Something was read, and nobody waits for what follows.
    fn was_read(self: &Arc<Self>, entry: &Entry) {
        let now = self.reads.fetch_add(1, Ordering::Relaxed);
        if entry.unread_since.swap(now, Ordering::Relaxed) == 0 {
            let unread = self.unread.fetch_add(1, Ordering::Relaxed) + 1;
            if unread >= self.enough && !self.watched.swap(true, Ordering::Relaxed) {
                tokio::spawn(watch(Arc::downgrade(self)));
            }
        }
    }

    /// Gives up the stream that was left unread for longest.
    fn give_one_up(&self) {
        let longest = {
            let entries = lock(&self.entries);
            let unread = entries.iter().filter(|(_, entry)| entry.unread_since.load(Ordering::Relaxed) > 0);
            unread
                .min_by_key(|(_, entry)| entry.unread_since.load(Ordering::Relaxed))
                .map(|(_, entry)| Arc::clone(entry))
        };
        if let Some(entry) = longest {
            let mut recv = lock(&entry.recv);
            tracing::warn!(
                target: "ipfi::connection",
                peer = %self.connection.remote_address(),
                stream = %recv.id(),
                "the connection's window is full (limit quic_connection_window_bytes): the stream that was left \
                 unread for longest is given up"
            );
            entry.given_up.store(true, Ordering::Relaxed);
            // Its end came just now: then it holds nothing that the peer waits for.
            let _ = recv.stop(varint(StreamCode::RESOURCE_EXHAUSTED.0));
            drop(recv);
            self.waited_for(&entry);
        }
    }
}

/// Looks until few streams are unread. What it looks at is the connection's; it keeps none alive.
async fn watch(stalled: Weak<Stalled>) {
    // What was seen last, and whether the peer had said by then that it is blocked.
    let mut before = ((0, 0), false);
    let mut gave_up = false;
    loop {
        let wait = {
            let Some(stalled) = stalled.upgrade() else { return };
            let received = stalled.connection.stats().frame_rx;
            let seen = (received.data_blocked, received.stream);
            let ended = stalled.connection.close_reason().is_some();
            if ended || stalled.unread.load(Ordering::Relaxed) < stalled.enough {
                stalled.watched.store(false, Ordering::Relaxed);
                return;
            }
            let (last, blocked) = before;
            // It stays blocked while nothing comes. What was given up lets something come, and then it says so anew.
            let still = blocked && (seen == last || gave_up);
            gave_up = still;
            if still {
                stalled.give_one_up();
            }
            before = (seen, blocked && seen.1 == last.1 || seen.0 > last.0);
            let least = if still { AGAIN } else { PATIENCE };
            least.max(2 * stalled.connection.rtt())
        };
        tokio::time::sleep(wait).await;
    }
}

/// Where a half reads from.
#[derive(Debug)]
pub(super) enum Source {
    /// Nobody else can give it up: nothing of it was left unread so far.
    Own(Box<quinn::RecvStream>),
    Shared(Arc<Entry>),
    /// It was read to its end, or stopped.
    Over {
        early: bool,
    },
}

impl Source {
    pub(super) fn own(recv: quinn::RecvStream) -> Self {
        Self::Own(Box::new(recv))
    }

    /// A stream that is to stay open, and that nobody reads yet.
    pub(super) fn unread(recv: quinn::RecvStream, stalled: &Arc<Stalled>) -> Self {
        let entry = stalled.enter(recv);
        stalled.was_read(&entry);
        Self::Shared(entry)
    }

    /// The stream's id.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Own(recv) => VarInt::from(recv.id()).into_inner(),
            Self::Shared(entry) => VarInt::from(lock(&entry.recv).id()).into_inner(),
            Self::Over { .. } => 0,
        }
    }

    /// Whether it came before the handshake was done.
    pub(super) fn is_early(&self) -> bool {
        match self {
            Self::Own(recv) => recv.is_0rtt(),
            Self::Shared(entry) => lock(&entry.recv).is_0rtt(),
            Self::Over { early } => *early,
        }
    }

    /// As quinn's `read_chunks`.
    pub(super) fn poll_chunks(
        &mut self,
        cx: &mut Context<'_>,
        chunks: &mut [Bytes],
        stalled: &Arc<Stalled>,
    ) -> Poll<Result<Option<usize>, quinn::ReadError>> {
        let polled = match self {
            Self::Own(recv) => pin!(recv.read_chunks(chunks)).poll(cx),
            Self::Shared(entry) if entry.given_up.load(Ordering::Relaxed) => {
                let code = varint(StreamCode::RESOURCE_EXHAUSTED.0);
                Poll::Ready(Err(quinn::ReadError::Reset(code)))
            }
            Self::Shared(entry) => pin!(lock(&entry.recv).read_chunks(chunks)).poll(cx),
            Self::Over { .. } => Poll::Ready(Ok(None)),
        };
        match &polled {
            Poll::Pending => {
                if let Self::Shared(entry) = self {
                    stalled.waited_for(entry);
                }
            }
            Poll::Ready(Ok(Some(_))) => self.was_read(stalled),
            Poll::Ready(_) => self.forget(stalled),
        }
        polled
    }

    fn was_read(&mut self, stalled: &Arc<Stalled>) {
        if let Self::Own(_) = self
            && let Self::Own(recv) = std::mem::replace(self, Self::Over { early: self.is_early() })
        {
            *self = Self::Shared(stalled.enter(*recv));
        }
        if let Self::Shared(entry) = self {
            stalled.was_read(entry);
        }
    }

    /// Stops the peer.
    pub(super) fn stop(&mut self, code: VarInt, stalled: &Arc<Stalled>) {
        // Over already: then nothing is left to stop.
        let _ = match self {
            Self::Own(recv) => recv.stop(code),
            Self::Shared(entry) => lock(&entry.recv).stop(code),
            Self::Over { .. } => Ok(()),
        };
        self.forget(stalled);
    }

    /// Nothing more is read.
    pub(super) fn forget(&mut self, stalled: &Arc<Stalled>) {
        if let Self::Shared(entry) = self {
            stalled.leave(entry);
        }
        *self = Self::Over { early: self.is_early() };
    }
}
