//! The streams of a connection: their halves, their states, and the table that holds them.

use core::num::NonZeroU32;
use core::task::Waker;

use ipfi_core::close_code::StreamCode;
use ipfi_core::time::Time;

use crate::abuse::COMPLETED;
use crate::byte_queue::ByteQueue;
use crate::flow::{SendCredit, StreamCredit};
use crate::schedule::Turn;
use crate::stream_id::StreamId;

pub(crate) mod by_id;
pub(crate) mod list;
pub(crate) mod state;
pub(crate) mod table;

use list::Link;
use state::{RecvEvent, RecvState, SendEvent, SendState, StateCell, Step};

/// Names a stream of one connection for as long as a handle to it is held: its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey(
    /// One more than the slot, so that an optional key takes no more: each stream has four, its neighbours.
    NonZeroU32,
);

impl StreamKey {
    /// The key of slot `index`. Slots are bounded by the stream limits, which are `u32`.
    #[inline]
    pub(crate) fn new(index: usize) -> Self {
        let number = u32::try_from(index).ok().and_then(|index| NonZeroU32::MIN.checked_add(index));
        Self(number.expect("streams take more memory than there is long before their slots take 32 bits"))
    }

    /// The slot.
    #[inline]
    pub(crate) fn index(self) -> usize {
        (self.0.get() - 1) as usize
    }
}

/// Control frames that a stream owes, one bit each. There is no queue of frames: however often a
/// reason recurs, it is one bit of a live stream (CVE-2019-9514).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed(u8);

impl Owed {
    /// RESET_STREAM.
    pub(crate) const RESET: Self = Self(1);
    /// STOP_SENDING.
    pub(crate) const STOP: Self = Self(2);
    /// MAX_STREAM_DATA.
    pub(crate) const CREDIT: Self = Self(4);
    /// STREAM_DATA_BLOCKED.
    pub(crate) const BLOCKED: Self = Self(8);
    /// An empty STREAM frame with FIN: it needs no credit, so it does not wait in the schedule.
    pub(crate) const FIN: Self = Self(16);

    /// Adds `bits`.
    pub(crate) fn add(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    /// Takes `bits` away.
    pub(crate) fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }

    /// Whether any of `bits` is owed.
    pub(crate) fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// Whether nothing is owed.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::ops::BitOr for Owed {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its id.
    pub(crate) id: StreamId,
    /// How urgent its bytes are.
    pub(crate) priority: i8,
    /// The sending half, unless the peer's unidirectional stream.
    pub(crate) send: Option<SendHalf>,
    /// The receiving half, unless our unidirectional stream.
    pub(crate) recv: Option<RecvHalf>,
    /// Control frames to send.
    pub(crate) owed: Owed,
    /// Handles of this side that are still held (a stream in the accept queue counts as held).
    pub(crate) handles: u8,
    /// In the accept queue.
    pub(crate) unaccepted: bool,
    /// When the peer opened it.
    pub(crate) opened: Time,
    /// Tokens that its end returns to the abuse budget.
    pub(crate) earns: u8,
    /// A writer waits for room in the connection's send buffer.
    pub(crate) waits_for_room: bool,
    pub(crate) control_link: Link,
    pub(crate) data_link: Link,
    /// In the control list.
    pub(crate) in_control: bool,
    /// Place in the schedule.
    pub(crate) turn: Turn,
}

impl Stream {
    /// A stream with the given halves.
    #[inline]
    pub(crate) fn new(id: StreamId, send: Option<SendHalf>, recv: Option<RecvHalf>) -> Self {
        let handles = u8::from(send.is_some()) + u8::from(recv.is_some());
        Self {
            id,
            priority: 0,
            send,
            recv,
            owed: Owed::default(),
            handles,
            unaccepted: false,
            opened: Time::ZERO,
            earns: COMPLETED,
            waits_for_room: false,
            control_link: Link::default(),
            data_link: Link::default(),
            in_control: false,
            turn: Turn::default(),
        }
    }

    /// Both halves are at their ends, the handles are gone and nothing is owed: only now the slot
    /// goes, and with it the peer's place (CVE-2023-44487).
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.handles == 0
            && self.owed.is_empty()
            && self.send.as_ref().is_none_or(|half| half.state().is_terminal())
            && self.recv.as_ref().is_none_or(|half| half.state().is_terminal())
    }
}

/// The sending half of a stream.
#[derive(Debug)]
pub(crate) struct SendHalf {
    state: StateCell<SendState>,
    /// Bytes accepted that have not left.
    pub(crate) queue: ByteQueue,
    /// The peer's credit for this stream, and how much has left.
    pub(crate) credit: SendCredit,
    /// The peer's code, if it asked us to stop before the end.
    pub(crate) stopped: Option<StreamCode>,
    /// Woken when a write may go on.
    pub(crate) writer: Option<Waker>,
    /// Woken when the peer stops the stream.
    pub(crate) stop_listener: Option<Waker>,
}

impl SendHalf {
    /// A half on which the peer takes `max` bytes at first.
    #[inline]
    pub(crate) fn new(max: u64) -> Self {
        Self {
            state: StateCell::sending(),
            queue: ByteQueue::default(),
            credit: SendCredit::new(max),
            stopped: None,
            writer: None,
            stop_listener: None,
        }
    }

    /// The state now.
    #[inline]
    pub(crate) fn state(&self) -> SendState {
        self.state.get()
    }

    /// Takes the step that `event` asks for.
    #[inline]
    pub(crate) fn apply(&mut self, event: SendEvent) -> Step<SendState> {
        self.state.apply(event)
    }

    /// Whether bytes can leave as far as this stream is concerned.
    #[inline]
    pub(crate) fn can_send(&self) -> bool {
        !self.queue.is_empty() && self.credit.available() > 0
    }
}

/// The receiving half of a stream.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    state: StateCell<RecvState>,
    /// Bytes that came and were not read.
    pub(crate) queue: ByteQueue,
    /// The credit we granted.
    pub(crate) credit: StreamCredit,
    /// The code of the STOP_SENDING that is owed or was sent.
    pub(crate) stop_code: StreamCode,
    /// Woken when there is something to read or hear.
    pub(crate) reader: Option<Waker>,
    /// The stream was opened by this side, and its window still adds to the connection's.
    pub(crate) local_window: u64,
}

impl RecvHalf {
    /// A half with a window of `window` bytes.
    #[inline]
    pub(crate) fn new(window: u64) -> Self {
        Self {
            state: StateCell::receiving(),
            queue: ByteQueue::default(),
            credit: StreamCredit::new(window),
            stop_code: StreamCode::CANCELLED,
            reader: None,
            local_window: 0,
        }
    }

    /// The state now.
    #[inline]
    pub(crate) fn state(&self) -> RecvState {
        self.state.get()
    }

    /// Takes the step that `event` asks for.
    #[inline]
    pub(crate) fn apply(&mut self, event: RecvEvent) -> Step<RecvState> {
        self.state.apply(event)
    }

    /// Bytes that came and were not read.
    #[inline]
    pub(crate) fn unread(&self) -> u64 {
        self.queue.len() as u64
    }

    /// Whether the peer should be told that it may send more: never once the final size is known, and
    /// not on a stream that we stopped.
    #[inline]
    pub(crate) fn wants_update(&self, ceiling: u64) -> bool {
        self.state() == RecvState::Recv && self.credit.wants_update(self.unread(), ceiling)
    }
}
