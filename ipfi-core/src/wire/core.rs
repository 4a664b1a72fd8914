//! What the handles, the calls and the serving future of one wire share.

use core::fmt;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use super::Handle;
use super::erased::ErasedSession;
use super::options::{Role, WireOptions};
use super::places::Places;
use super::sharing::SharedSession;
use super::waste::Waste;
use crate::close_code::CloseCode;
use crate::codec::CodecId;
use crate::deadlines::Deadlines;
use crate::error::ConnectionError;
use crate::interface::Interface;
use crate::limits::Limits;
use crate::observe::{CallReport, Counters, Observer};
use crate::peer::Peer;
use crate::proto::Settings;
use crate::runtime::Runtime;
use crate::signal::Signal;
use crate::status::Status;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The state of one wire. Handles and tasks hold it; the session knows nothing of it.
pub(crate) struct WireCore {
    session: Box<dyn ErasedSession>,
    runtime: Arc<dyn Runtime>,
    options: WireOptions,
    deadlines: Deadlines,
    counters: Counters,
    reassembly: Reassembly,
    waste: Waste,
    pub(super) peer_settings: PeerSettings,
    /// The user's handles; weak, so that the last one's end is seen.
    pub(super) handle: Mutex<Weak<Handle>>,
    /// Why the connection ended.
    pub(super) closed: Signal<ConnectionError>,
    /// This side accepts no more calls (GOAWAY).
    pub(super) draining: Signal<()>,
    /// The grace period is over: what still runs is cut.
    pub(super) cut: Signal<()>,
    /// Flush what is finished, then close with this.
    pub(super) closing: Signal<(CloseCode, Arc<str>)>,
    pub(super) inbound: Gauge,
    notifications: Gauge,
    /// Calls of the peer that ended with the connection.
    lost: AtomicUsize,
    pub(super) outbound: Gauge,
    outbound_places: Places,
    /// Where small calls go instead, if there is such a place.
    pub(super) shared: SharedSession,
    /// This side's control stream is open: other streams may follow it (`docs/protocol.md` 2.2).
    greeting: Signal<()>,
}

impl WireCore {
    pub(super) fn new(
        session: Box<dyn ErasedSession>,
        runtime: Arc<dyn Runtime>,
        options: WireOptions,
    ) -> Self {
        let reassembly = Reassembly::new(options.limits.max_reassembly_bytes as usize);
        Self {
            session,
            runtime,
            options,
            deadlines: Deadlines::default(),
            counters: Counters::default(),
            reassembly,
            waste: Waste::default(),
            peer_settings: PeerSettings::default(),
            handle: Mutex::new(Weak::new()),
            closed: Signal::new(),
            draining: Signal::new(),
            cut: Signal::new(),
            closing: Signal::new(),
            inbound: Gauge::default(),
            notifications: Gauge::default(),
            lost: AtomicUsize::new(0),
            outbound: Gauge::default(),
            outbound_places: Places::default(),
            shared: SharedSession::default(),
            greeting: Signal::new(),
        }
    }

    pub(crate) fn session(&self) -> &dyn ErasedSession {
        &*self.session
    }

    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    pub(crate) fn interface(&self) -> &Interface {
        &self.options.interface
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    pub(crate) fn role(&self) -> Role {
        self.options.role
    }

    pub(crate) fn codec(&self) -> CodecId {
        self.options.codec
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.options.peer
    }

    pub(super) fn options(&self) -> &WireOptions {
        &self.options
    }

    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn reassembly(&self) -> &Reassembly {
        &self.reassembly
    }

    /// A handler ran in vain because of what its caller sent, which this many times closes the connection.
    pub(crate) fn wasted(&self, what: &'static str) {
        let budget = self.limits().abuse_budget;
        if self.waste.charge(self.runtime.now(), budget) {
            let text = format!(
                "enhance your calm: too many calls that were begun and came to nothing, the last {what} \
                 (abuse_budget = {budget})"
            );
            tracing::warn!(target: "ipfi::connection", peer = %self.peer(), text, "closed");
            self.session.close(CloseCode::RESOURCE_EXHAUSTED, &text);
        }
    }

    /// A call of the peer ran to its end.
    #[inline]
    pub(crate) fn useful(&self) {
        self.waste.earn();
    }

    pub(crate) fn cut(&self) -> &Signal<()> {
        &self.cut
    }

    pub(crate) fn closed(&self) -> &Signal<ConnectionError> {
        &self.closed
    }

    /// Why the connection ended: the session may know before the wire has noticed.
    pub(crate) fn close_reason(&self) -> Option<ConnectionError> {
        self.closed.get().or_else(|| self.session.close_reason())
    }

    pub(crate) fn inbound(&self) -> &Gauge {
        &self.inbound
    }

    /// Notifications of the peer.
    pub(crate) fn notifications(&self) -> &Gauge {
        &self.notifications
    }

    /// Calls of the peer that ended with the connection.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// A call of the peer ended with the connection.
    pub(crate) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn outbound(&self) -> &Gauge {
        &self.outbound
    }

    /// What the peer said of itself.
    pub(super) fn set_peer_settings(&self, settings: &Settings) {
        self.peer_settings.set(settings);
        // It may take more calls than was assumed.
        self.outbound_places.freed();
    }

    /// How many calls of this side may be open: as many as both sides allow.
    #[inline]
    pub(crate) fn outbound_limit(&self) -> usize {
        let ours = self.limits().max_outbound_calls as usize;
        ours.min(self.peer_settings.max_inbound_calls.load(Ordering::Relaxed))
    }

    /// Ready when one more call of this side, which the gauge counts already, may open its stream.
    pub(crate) fn poll_place(&self, cx: &Context<'_>, ticket: &mut Option<u64>) -> Poll<()> {
        self.outbound_places.poll_enter(cx, &self.outbound, || self.outbound_limit(), ticket)
    }

    /// Gives up waiting for a place.
    pub(crate) fn leave_place(&self, ticket: u64) {
        self.outbound_places.leave(ticket);
    }

    /// A call of this side has ended.
    pub(crate) fn outbound_ended(&self) {
        let running = self.outbound.leave();
        if running > self.outbound_limit() {
            self.outbound_places.freed();
        }
    }

    /// Whether other streams may be opened.
    pub(crate) fn is_greeted(&self) -> bool {
        self.greeting.is_set()
    }

    pub(crate) fn greeting(&self) -> &Signal<()> {
        &self.greeting
    }

    /// The control stream is open, or never will be.
    pub(super) fn set_greeted(&self) {
        self.greeting.set(());
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_set()
    }

    pub(crate) fn peer_goes_away(&self) -> bool {
        self.peer_settings.going_away.load(Ordering::Acquire)
    }

    pub(crate) fn peer_serves(&self) -> bool {
        !self.peer_settings.serves_not.load(Ordering::Acquire)
    }

    /// The largest message both sides accept. Until the peer has said what it takes only ours counts: one
    /// that takes more than the default must not be refused it (clause 2.5).
    pub(crate) fn max_message_bytes(&self) -> usize {
        let ours = self.limits().max_message_bytes as usize;
        ours.min(self.peer_settings.max_message_bytes.load(Ordering::Acquire))
    }

    /// The most metadata, and the largest status, that the peer accepts.
    pub(crate) fn peer_max_metadata_bytes(&self) -> u64 {
        self.peer_settings.max_metadata_bytes.load(Ordering::Acquire)
    }

    /// Whether anybody wants to know how long calls take.
    pub(crate) fn is_observed(&self) -> bool {
        self.options.observer.is_some() || tracing::enabled!(target: "ipfi::call", tracing::Level::DEBUG)
    }

    pub(crate) fn report(&self, report: &CallReport) {
        tracing::debug!(
            target: "ipfi::call",
            direction = ?report.direction,
            procedure = %report.procedure,
            code = report.code.map_or("OK", crate::status::Code::name),
            elapsed_us = u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX),
            peer = %self.peer(),
        );
        if let Some(observer) = &self.options.observer {
            let observer: &dyn Observer = &**observer;
            // It runs where calls end, which may be where the connection is read.
            let told = std::panic::catch_unwind(AssertUnwindSafe(|| observer.call_finished(report)));
            if told.is_err() {
                tracing::error!(target: "ipfi::call", "the observer panicked");
            }
        }
    }
}

impl fmt::Debug for WireCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("side", &self.session.side())
            .field("peer", self.peer())
            .field("role", &self.role())
            .field("closed", &self.closed.get())
            .finish_non_exhaustive()
    }
}

/// What the peer said of itself. Until it has, nothing is assumed against it.
#[derive(Debug)]
pub(super) struct PeerSettings {
    max_message_bytes: AtomicUsize,
    max_metadata_bytes: AtomicU64,
    max_inbound_calls: AtomicUsize,
    serves_not: AtomicBool,
    pub(super) going_away: AtomicBool,
    /// We have told the peer that we go away.
    pub(super) told_goaway: AtomicBool,
    /// Procedures whose calls want streams of their own.
    pub(super) isolated: OnceLock<Vec<u64>>,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: AtomicUsize::new(usize::MAX),
            max_metadata_bytes: AtomicU64::new(Settings::default().max_metadata_bytes),
            max_inbound_calls: AtomicUsize::new(to_usize(Settings::default().max_inbound_calls)),
            serves_not: AtomicBool::new(false),
            going_away: AtomicBool::new(false),
            told_goaway: AtomicBool::new(false),
            isolated: OnceLock::new(),
        }
    }
}

/// More than this machine could count is no limit on it.
fn to_usize(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl PeerSettings {
    pub(super) fn set(&self, settings: &Settings) {
        self.max_message_bytes.store(to_usize(settings.max_message_bytes), Ordering::Release);
        self.max_inbound_calls.store(to_usize(settings.max_inbound_calls), Ordering::Relaxed);
        self.max_metadata_bytes.store(settings.max_metadata_bytes, Ordering::Release);
        self.serves_not.store(!settings.serves, Ordering::Release);
        if !settings.isolated.is_empty() {
            // Settings come once.
            let _ = self.isolated.set(settings.isolated.clone());
        }
    }
}

/// The bytes of half-received messages, all calls of the wire together.
#[derive(Debug)]
pub(crate) struct Reassembly {
    held: AtomicUsize,
    limit: usize,
}

impl Reassembly {
    fn new(limit: usize) -> Self {
        Self { held: AtomicUsize::new(0), limit }
    }

    /// Charges `bytes`, or says which limit forbids it: the newest is refused.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Status> {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if held > self.limit {
            self.release(bytes);
            let (limit, seen) = (self.limit as u64, held as u64);
            return Err(Status::limit("max_reassembly_bytes", limit, seen));
        }
        Ok(())
    }

    pub(crate) fn release(&self, bytes: usize) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// How many calls are running, and who waits for none.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Those that run, in the lower half; of these, in the upper, those that [conclude](Self::conclude).
    /// Both are bounded by limits of 32 bits, and change together.
    counts: AtomicU64,
    idle: Mutex<Vec<Waker>>,
    /// Who waits until one of them gives up its place, and whether anybody does.
    room: Mutex<Option<Waker>>,
    wants_room: AtomicBool,
}

/// One that concludes.
const CONCLUDING: u64 = 1 << 32;

/// Those that run, of `counts`.
fn running_of(counts: u64) -> usize {
    (counts & (CONCLUDING - 1)) as usize
}

impl Gauge {
    pub(crate) fn running(&self) -> usize {
        running_of(self.counts.load(Ordering::Acquire))
    }

    /// How many hold a place.
    pub(crate) fn places(&self) -> usize {
        let counts = self.counts.load(Ordering::Acquire);
        running_of(counts) - running_of(counts >> 32)
    }

    pub(crate) fn enter(&self) {
        self.counts.fetch_add(1, Ordering::AcqRel);
    }

    /// One of them has nothing left to do but to hand over its last bytes, with which its carrier may free
    /// its place: it runs, and holds none.
    pub(crate) fn conclude(&self) {
        self.counts.fetch_add(CONCLUDING, Ordering::AcqRel);
        self.wake_for_room();
    }

    /// Ready when fewer than `limit` hold a place. One task waits.
    pub(super) fn poll_room(&self, cx: &Context<'_>, limit: usize) -> Poll<()> {
        if self.places() < limit {
            return Poll::Ready(());
        }
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.wants_room.store(true, Ordering::SeqCst);
        // One may have left before the waker was in its place.
        if self.places() < limit { Poll::Ready(()) } else { Poll::Pending }
    }

    #[inline]
    fn wake_for_room(&self) {
        if self.wants_room.load(Ordering::SeqCst) && self.wants_room.swap(false, Ordering::SeqCst) {
            let waker = self.room.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// One less, which had said that it [concludes](Self::conclude).
    pub(crate) fn leave_concluded(&self) {
        self.subtract(CONCLUDING + 1);
    }

    /// One less; says how many there were.
    pub(crate) fn leave(&self) -> usize {
        self.subtract(1)
    }

    fn subtract(&self, counts: u64) -> usize {
        let running = running_of(self.counts.fetch_sub(counts, Ordering::AcqRel));
        self.wake_for_room();
        if running == 1 {
            let wakers = core::mem::take(&mut *self.lock());
            wakers.into_iter().for_each(Waker::wake);
        }
        running
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        if self.running() == 0 {
            return Poll::Ready(());
        }
        let mut idle = self.lock();
        if !idle.iter().any(|waker| waker.will_wake(cx.waker())) {
            idle.push(cx.waker().clone());
        }
        drop(idle);
        // A call may have ended before the waker was in its place.
        if self.running() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}
