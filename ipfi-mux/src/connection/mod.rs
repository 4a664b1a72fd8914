//! The QMux connection: a state machine that is given bytes and the time and gives bytes and deadlines.
//!
//! # The contract for a driver
//!
//! Methods come in four groups, in this order: *getters*; `handle_*`, what happened outside; *commands*,
//! what the application wants; `poll_*`, what is to be done outside. A driver
//!
//! 1. reads into a buffer and gives it to [`handle_input`](Connection::handle_input), which takes whole
//!    records from its front and leaves the rest; it **never stops reading** because of anything that
//!    waits to be sent or to be read by the application ("Forward Progress and Flow Control"), and where it
//!    cannot keep up may say so ([`expect_more`](Connection::expect_more));
//! 2. while [`has_pending_output`](Connection::has_pending_output) and nothing is being written, appends a
//!    batch with [`poll_transmit`](Connection::poll_transmit), or
//!    [`poll_transmit_pieces`](Connection::poll_transmit_pieces), and writes it whole, telling of progress with
//!    [`handle_write_progress`](Connection::handle_write_progress) and of the end with
//!    [`handle_transmitted`](Connection::handle_transmitted);
//! 3. calls [`handle_timeout`](Connection::handle_timeout) when [`poll_timeout`](Connection::poll_timeout)
//!    has passed, and asks for the deadline again after each call of the other groups;
//! 4. shuts its sending side down once [`is_write_closed`](Connection::is_write_closed), goes on reading
//!    (what comes is discarded) and goes away once [`is_finished`](Connection::is_finished);
//! 5. after each call takes the wakers with [`take_wakes`](Connection::take_wakes) and fires them once its
//!    lock is released.
//!
//! A driver that breaks 2 (keeps output) starves its peer of credit; one that breaks 5 leaves tasks asleep.
//! No method fails: what the peer does wrong ends the connection, and [`close_reason`](Connection::close_reason)
//! says why. Time may stand still (a driver without a clock): then there are no deadlines. It is not
//! expected to go backwards; if it does, the latest that was told counts.
//!
//! # Where things are
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the machine, getters |
//! | `input.rs`, `input_streams.rs` | `handle_*`: records, frames of the connection, frames of streams |
//! | `close.rs` | how a connection ends |
//! | `opening.rs`, `open.rs` | credit for streams; opening and accepting |
//! | `write.rs`, `read.rs` | commands on the halves of a stream |
//! | `datagrams.rs` | datagrams |
//! | `batch.rs`, `output.rs`, `transmit.rs` | `poll_transmit` |
//! | `outbox.rs` | the frames of small writes, made where they are written |
//! | `queueing.rs` | how large windows are of use, and do not only make queues longer |
//! | `timers.rs` | deadlines |

use core::task::Waker;
use std::collections::{BTreeMap, VecDeque};

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use rustc_hash::FxHashMap;

use crate::abuse::AbuseBudget;
use crate::byte_queue::ByteQueue;
use crate::config::{self, Config, ConfigError, Windows};
use crate::flow::{ConnectionCredit, SendCredit};
use crate::params::TransportParameters;
use crate::record::{RecordFraming, RecordReader};
use crate::stream_id::{Dir, StreamId};
use crate::streams::StreamKey;
use crate::streams::table::StreamTable;

mod batch;
mod close;
mod datagrams;
mod input;
mod input_streams;
mod open;
mod opening;
mod outbox;
mod output;
mod queueing;
mod read;
mod timers;
mod transmit;
mod write;

pub use opening::OpenTicket;
pub use output::Output;
pub use transmit::Transmit;

use close::Shutdown;
use datagrams::Datagrams;
use opening::{LocalStreams, PerDir, RemoteStreams};
use outbox::Outbox;
use queueing::Queueing;
use timers::Timers;

/// The share of its block that a received slice must be, at least, to be kept without copying: a
/// quarter. What is smaller is copied together, so that no byte ever keeps more than four alive.
const KEEP_SHARE: usize = 4;

/// The share of all windows that may wait to be read as slices, at most: a sixteenth. Who reads what
/// comes stays below it and is handed slices; who lets more wait is sent copies, so that what waits for
/// long keeps nothing alive but itself. So slices keep at most 3/16 of the windows alive beside their own
/// bytes, which is part of what [`Limits::memory_bound_bytes`] promises.
const KEEP_BACKLOG_SHARE: u64 = 16;

/// Below this many bytes a received slice is always copied: bookkeeping would cost more than it.
const KEEP_BYTES: usize = 1024;

/// What a driver should reserve for one read. A full STREAM frame of 16 KiB less the headers is then
/// just over a quarter of the block that it lies in, so that bulk is handed on without copying.
pub const READ_BLOCK_BYTES: usize = KEEP_SHARE * ((16 << 10) - 64);

/// Wakers to be fired once no lock is held.
///
/// Nearly all visits of the lock wake nobody, which is then one comparison, or one task, which needs no
/// list. A list is made where a batch of input wakes many, and then with room for many.
#[derive(Debug, Default)]
#[must_use = "tasks stay asleep until their wakers are fired"]
pub struct Wakes(Wakers);

#[derive(Debug, Default)]
enum Wakers {
    #[default]
    None,
    One(Waker),
    Many(Vec<Waker>),
}

/// Wakers that a list has room for at once.
const MANY_WAKERS: usize = 32;

impl Wakes {
    /// Wakes them all, in the order in which they came.
    #[inline]
    pub fn fire(self) {
        if !self.is_empty() {
            self.fire_all();
        }
    }

    /// Wakes them all but those that wake the same task as `own`, which is about to look for itself.
    pub(crate) fn fire_but(self, own: &Waker) {
        match self.0 {
            Wakers::None => {}
            Wakers::One(waker) if waker.will_wake(own) => {}
            Wakers::One(waker) => waker.wake(),
            Wakers::Many(wakers) => {
                wakers.into_iter().filter(|waker| !waker.will_wake(own)).for_each(Waker::wake);
            }
        }
    }

    #[inline(never)]
    fn fire_all(self) {
        match self.0 {
            Wakers::None => {}
            Wakers::One(waker) => waker.wake(),
            Wakers::Many(wakers) => wakers.into_iter().for_each(Waker::wake),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Wakers::None)
    }

    fn push(&mut self, waker: Waker) {
        match &mut self.0 {
            Wakers::Many(wakers) => wakers.push(waker),
            few => {
                *few = match core::mem::take(few) {
                    Wakers::One(first) => {
                        let mut wakers = Vec::with_capacity(MANY_WAKERS);
                        wakers.extend([first, waker]);
                        Wakers::Many(wakers)
                    }
                    _ => Wakers::One(waker),
                };
            }
        }
    }

    /// Takes the waker in `slot`, if there is one.
    #[inline]
    fn take_from(&mut self, slot: &mut Option<Waker>) {
        if let Some(waker) = slot.take() {
            self.push(waker);
        }
    }

    /// Heap in bytes.
    fn memory(&self) -> usize {
        match &self.0 {
            Wakers::None | Wakers::One(_) => 0,
            Wakers::Many(wakers) => wakers.capacity() * size_of::<Waker>(),
        }
    }
}

/// Finished streams whose ends have not been written.
#[derive(Debug, Default)]
struct Flush {
    /// Streams that were finished and whose FIN is in no batch.
    finishing: usize,
    /// A FIN is in the batch that is being written.
    in_batch: bool,
    /// Woken when neither holds.
    waiter: Option<Waker>,
}

/// The pings of both directions (qmux-02 "QX_PING Frames").
#[derive(Debug, Default)]
struct Pings {
    /// A ping is to be sent.
    due: bool,
    /// The number of the last one sent; numbers start at 1.
    sent: u64,
    /// The number of the last one answered.
    answered: u64,
    /// The number of the last one of the peer.
    received: Option<u64>,
    /// The one to answer: the largest, whatever came before it.
    pong: Option<u64>,
}

/// One end of a QMux connection. See the [module](self) for how to drive it.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    windows: Windows,
    /// The latest time that was told.
    now: Time,

    reader: RecordReader,
    /// The largest block that input has come in.
    block: usize,
    /// Bytes of a record that is not whole yet.
    partial: usize,
    /// The peer's transport parameters, once they came.
    peer: Option<TransportParameters>,

    streams: StreamTable,
    local: PerDir<LocalStreams>,
    remote: PerDir<RemoteStreams>,
    credit: ConnectionCredit,
    send_credit: SendCredit,
    /// The last limit at which the peer said, truly, that the connection's credit blocks it.
    data_blocked_at: Option<u64>,
    /// Bytes in all send buffers.
    queued: usize,
    /// Streams whose writers wait for room in the connection's send buffer.
    room_waiters: VecDeque<StreamKey>,
    /// The room there was when they were last looked at.
    room_seen: usize,
    budget: AbuseBudget,
    datagrams: Datagrams,
    /// How much of their windows streams use.
    queueing: Queueing,
    /// Frames of small writes.
    outbox: Outbox,
    /// Something has come on a unidirectional stream since the news were last asked for.
    uni_data: bool,
    flush: Flush,

    parameters_sent: bool,
    pings: Pings,
    timers: Timers,
    wakes: Wakes,
    /// Why the connection ended.
    end: Option<ConnectionError>,
    shutdown: Shutdown,
    /// What is left to read of streams that the peer had finished when the connection ended.
    finished: FxHashMap<StreamKey, ByteQueue>,
    /// Unidirectional streams among them that were not accepted when the connection ended, by id.
    late_accept: BTreeMap<StreamId, StreamKey>,
    /// Woken when the peer's transport parameters came.
    established: Option<Waker>,
    /// Nobody holds the connection any more: it closes once everything finished was written.
    abandoned: bool,
}

impl Connection {
    /// A connection whose pipe has just become usable. Refuses limits that cannot work, naming them.
    pub fn new(config: Config, now: Time) -> Result<Self, ConfigError> {
        let windows = config::check(&config.limits)?;
        let limits = &config.limits;
        let committed = u64::from(limits.max_inbound_calls) * u64::from(limits.stream_window_bytes)
            + u64::from(limits.max_inbound_notifications) * u64::from(limits.notification_window_bytes);
        Ok(Self {
            now,
            reader: RecordReader::new(config.framing, u64::from(limits.max_record_bytes)),
            block: 0,
            partial: 0,
            peer: None,
            streams: StreamTable::default(),
            // Our own cap holds for notifications too: a runaway loop is one whatever it opens.
            local: PerDir {
                bi: LocalStreams::new(limits.max_outbound_calls),
                uni: LocalStreams::new(limits.max_outbound_calls),
            },
            remote: PerDir {
                bi: RemoteStreams::new(limits.max_inbound_calls),
                uni: RemoteStreams::new(limits.max_inbound_notifications),
            },
            credit: ConnectionCredit::new(windows.base, committed, windows.pool),
            send_credit: SendCredit::default(),
            data_blocked_at: None,
            queued: 0,
            room_waiters: VecDeque::new(),
            room_seen: 0,
            budget: AbuseBudget::new(limits.abuse_budget, now),
            datagrams: Datagrams::default(),
            queueing: Queueing::new(
                u64::from(limits.stream_window_bytes.max(limits.notification_window_bytes)),
                u64::from(limits.max_stream_window_bytes),
            ),
            outbox: Outbox::default(),
            uni_data: false,
            flush: Flush::default(),
            parameters_sent: false,
            pings: Pings::default(),
            timers: Timers::new(limits, now),
            wakes: Wakes::default(),
            end: None,
            shutdown: Shutdown::Open,
            finished: FxHashMap::default(),
            late_accept: BTreeMap::new(),
            established: None,
            abandoned: false,
            windows,
            config,
        })
    }

    // --- Getters ---

    /// Which end this is.
    pub fn side(&self) -> Side {
        self.config.side
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// How records are told apart on its carrier.
    pub fn framing(&self) -> RecordFraming {
        self.config.framing
    }

    /// The peer's transport parameters, once they came.
    pub fn peer_parameters(&self) -> Option<&TransportParameters> {
        self.peer.as_ref()
    }

    /// Why the connection ended, if it has.
    pub fn close_reason(&self) -> Option<&ConnectionError> {
        self.end.as_ref()
    }

    /// Streams that are not over, of both sides and both kinds, held handles included.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Streams of one kind that the peer has open.
    pub fn peer_streams(&self, dir: Dir) -> u64 {
        self.remote.get(dir).live()
    }

    /// Bytes received that the application has not read.
    pub fn unread_bytes(&self) -> u64 {
        match self.end {
            None => self.credit.unread(),
            Some(_) => self.finished.values().map(|queue| queue.len() as u64).sum(),
        }
    }

    /// Bytes written that have not left.
    pub fn queued_bytes(&self) -> usize {
        self.queued
    }

    /// Tokens left of the abuse budget.
    pub fn abuse_tokens(&self) -> u32 {
        self.budget.tokens()
    }

    /// Pings sent so far: what carries the records may ask in its own way where this grows.
    pub fn pings_sent(&self) -> u64 {
        self.pings.sent
    }

    /// Credit of this side at rest, for tests of conservation: what streams hold beyond the limits'
    /// own sums. All zero when every stream is over and every credit has come back.
    #[doc(hidden)]
    pub fn credit_out(&self) -> [i128; 4] {
        let limits = &self.config.limits;
        let places = |dir: Dir, window: u32| {
            let remote = self.remote.get(dir);
            i128::from(remote.granted() - remote.opened) * i128::from(window)
        };
        let potential =
            places(Dir::Bi, limits.stream_window_bytes) + places(Dir::Uni, limits.notification_window_bytes);
        [
            i128::from(self.credit.unread()),
            i128::from(self.credit.committed()) - potential,
            i128::from(self.credit.window()) - i128::from(self.windows.base),
            i128::from(self.windows.pool) - i128::from(self.credit.pool),
        ]
    }

    /// Heap that this connection holds or keeps alive, in bytes: tables and buffers by their real
    /// capacities, kept slices by the block that they may pin. The driver's own buffers are not in it.
    pub fn memory_used(&self) -> usize {
        let buffers: usize = self
            .streams
            .iter()
            .map(|(_, stream)| {
                stream.send.as_ref().map_or(0, |half| half.queue.memory(1))
                    + stream.recv.as_ref().map_or(0, |half| half.queue.memory(KEEP_SHARE))
            })
            .chain(self.finished.values().map(|queue| queue.memory(KEEP_SHARE)))
            .sum();
        size_of::<Self>()
            + buffers
            + self.streams.memory()
            + self.datagrams.memory()
            + self.outbox.memory()
            + self.local.bi.memory()
            + self.local.uni.memory()
            + (self.remote.bi.accept.capacity()
                + self.remote.uni.accept.capacity()
                + self.room_waiters.capacity())
                * size_of::<StreamKey>()
            + self.wakes.memory()
    }

    /// Takes the latest time that is known.
    #[inline]
    fn tell_time(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Takes the wakers collected since the last call. Fire them after releasing the lock.
    #[inline]
    pub fn take_wakes(&mut self) -> Wakes {
        core::mem::take(&mut self.wakes)
    }
}

/// Keeps `waker` in `slot`, without cloning one that is there already.
#[inline]
fn register(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(held) => held.clone_from(waker),
        None => *slot = Some(waker.clone()),
    }
}

#[cfg(test)]
mod tests;
