//! The states of the two ends of one direction of a stream, after RFC 9000 section 3.
//!
//! ```text
//! SendState                                        RecvState
//! Open ── FIN accepted ──> Finishing               Open ── FIN arrived ──> Whole ── end read ──> Read
//!  │                        │    └ arrived ──> Finished    │                       │
//!  ├── reset() or drop ─────┴──> Reset             ├── reset arrived ──> Reset(code)
//!  ├── stop arrived ────────┴──> Stopped(code)     ├── stop() or drop ─────┴──> Stopped
//!  └── connection ended ────┴──> Cut               └── connection ended ──> Cut
//! ```
//!
//! The first state that is not `Open` decides what the handle sees for ever after; nothing leads back.
//! `Cut` says that the endpoint's cause applies. A stream that had arrived whole is not cut when the
//! *peer* ends the connection: that is what makes closing after
//! [`poll_flushed`](crate::session::Session::poll_flushed) lose nothing.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::Bytes;

use crate::close_code::StreamCode;
use crate::session::Side;

/// What must wait until the lock is released: waking and dropping both run code of others, which may
/// come back for the same lock.
#[derive(Debug, Default)]
pub(super) struct After {
    wake: Vec<Waker>,
    replaced: Vec<Waker>,
    discarded: Vec<Bytes>,
}

impl After {
    /// Does it. The lock must not be held.
    pub(super) fn run(self) {
        for waker in self.wake {
            waker.wake();
        }
    }

    /// Wakes those who stay in their queue.
    pub(super) fn wake_also<'a>(&mut self, wakers: impl Iterator<Item = &'a Waker>) {
        self.wake.extend(wakers.cloned());
    }

    pub(super) fn drop_later(&mut self, waker: Option<Waker>) {
        self.replaced.extend(waker);
    }

    pub(super) fn discard(&mut self, bytes: impl IntoIterator<Item = Bytes>) {
        self.discarded.extend(bytes);
    }
}

/// The waker of the last poll that found nothing, if there was one.
#[derive(Debug, Default)]
pub(super) struct WakerSlot(Option<Waker>);

impl WakerSlot {
    pub(super) fn register(&mut self, cx: &Context<'_>, after: &mut After) {
        if self.0.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            after.replaced.extend(self.0.replace(cx.waker().clone()));
        }
    }

    pub(super) fn wake(&mut self, after: &mut After) {
        after.wake.extend(self.0.take());
    }

    /// Forgets whoever waited.
    pub(super) fn clear(&mut self, after: &mut After) {
        after.replaced.extend(self.0.take());
    }
}

/// Where a sending half is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendState {
    Open,
    /// The FIN was accepted and has not arrived yet.
    Finishing,
    Finished,
    Reset,
    Stopped(StreamCode),
    Cut,
}

impl SendState {
    /// Whether nothing more will leave.
    pub(super) const fn is_over(self) -> bool {
        !matches!(self, Self::Open | Self::Finishing)
    }
}

/// The end of a direction that writes.
#[derive(Debug)]
pub(super) struct SendHalf {
    pub(super) state: SendState,
    /// Bytes that may still be written before the reader has read some.
    pub(super) window: usize,
    pub(super) priority: i8,
    pub(super) writable: WakerSlot,
    pub(super) stopped: WakerSlot,
}

impl SendHalf {
    /// Leaves `Open` or `Finishing` for good and tells whoever waits; says what the state was.
    pub(super) fn end(&mut self, state: SendState, after: &mut After) -> SendState {
        let before = core::mem::replace(&mut self.state, state);
        self.writable.wake(after);
        self.stopped.wake(after);
        before
    }
}

/// Where a receiving half is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvState {
    Open,
    /// All bytes and the FIN have arrived and are not all read.
    Whole,
    /// The end was read.
    Read,
    Reset(StreamCode),
    /// This side gave it up; `over` once the peer's FIN or reset has come.
    Stopped {
        over: bool,
    },
    Cut,
}

impl RecvState {
    /// Whether nothing more will come.
    pub(super) const fn is_over(self) -> bool {
        !matches!(self, Self::Open | Self::Stopped { over: false })
    }
}

/// The end of a direction that reads.
#[derive(Debug)]
pub(super) struct RecvHalf {
    pub(super) state: RecvState,
    pub(super) buffer: VecDeque<Bytes>,
    pub(super) readable: WakerSlot,
}

impl RecvHalf {
    /// Leaves the present state for good, throws away what is buffered, tells whoever waits.
    pub(super) fn end(&mut self, state: RecvState, after: &mut After) {
        self.state = state;
        after.discard(self.buffer.drain(..));
        self.readable.wake(after);
    }
}

/// One direction of a stream.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) send: SendHalf,
    pub(super) recv: RecvHalf,
}

impl Pipe {
    pub(super) fn new(window: usize) -> Self {
        Self {
            send: SendHalf {
                state: SendState::Open,
                window,
                priority: 0,
                writable: WakerSlot::default(),
                stopped: WakerSlot::default(),
            },
            recv: RecvHalf {
                state: RecvState::Open,
                buffer: VecDeque::new(),
                readable: WakerSlot::default(),
            },
        }
    }
}

/// The two kinds of stream, RFC 9000 section 2.1; the discriminants index tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bi = 0,
    Uni = 1,
}

/// The id of the `index`th stream of a kind (RFC 9000 section 2.1): bit 0 is set for the server's,
/// bit 1 for unidirectional ones.
pub(super) const fn stream_id(opener: Side, kind: Kind, index: u64) -> u64 {
    index << 2 | (kind as u64) << 1 | side_index(opener) as u64
}

/// Where the table of a side keeps it.
pub(super) const fn side_index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

/// One stream, as both ends see it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) opener: Side,
    /// From the opener to the acceptor.
    pub(super) forward: Pipe,
    /// The way back, on a bidirectional stream.
    pub(super) backward: Option<Pipe>,
    /// Halves held by each side.
    pub(super) handles: [u8; 2],
    /// Not accepted yet, and still may be.
    pub(super) acceptable: bool,
    /// Whether its place was given back to the opener.
    pub(super) credited: bool,
    /// Events on their way that name this stream.
    pub(super) in_flight: usize,
}

impl Stream {
    /// The direction in which `from` sends, if there is one.
    pub(super) fn pipe_from(&mut self, from: Side) -> Option<&mut Pipe> {
        if from == self.opener { Some(&mut self.forward) } else { self.backward.as_mut() }
    }

    /// Whether `side` has neither handles nor anything to come in either direction.
    pub(super) fn is_over_for_acceptor(&self) -> bool {
        let acceptor = self.opener.peer();
        !self.acceptable
            && self.handles[side_index(acceptor)] == 0
            && self.forward.recv.state.is_over()
            && self.backward.as_ref().is_none_or(|back| back.send.state.is_over())
    }

    /// Whether nobody can reach it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.handles == [0, 0] && self.in_flight == 0 && !self.acceptable
    }
}
