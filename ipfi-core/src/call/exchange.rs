//! A call that was sent, at its caller: both directions, the deadline, and the account of its end.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use super::arrive::stop_code;
use super::error::CallError;
use super::inbound::{Inbound, InboundError};
use super::opening::{may_call, open_call, shared_for};
use super::outbound::Outbound;
use super::request::{Outgoing, Ready};
use crate::ProcedureIndex;
use crate::close_code::StreamCode;
use crate::codec::{CodecError, CodecId, Decode, DecodeLimits, Encode};
use crate::deadlines::{Deadline, DeadlineKey};
use crate::error::{ConnectionError, ReadError, WriteError};
use crate::observe::{CallReport, Direction, count};
use crate::proto::item;
use crate::status::{Code, Origin, Status};
use crate::time::Time;
use crate::wire::{Opened, OpenedStream, Wire, WireCore};

/// Wakes a task when a deadline has passed.
#[derive(Debug)]
pub(crate) struct DeadlineWatch {
    core: Arc<WireCore>,
    deadline: Deadline,
    key: Option<DeadlineKey>,
}

impl DeadlineWatch {
    pub(crate) fn new(core: &Arc<WireCore>, deadline: Deadline) -> Self {
        Self { core: Arc::clone(core), deadline, key: None }
    }

    /// How long the deadline left in all.
    pub(crate) fn timeout(&self) -> Duration {
        self.deadline.timeout()
    }

    /// Ready when the deadline has passed. The clock is read only once the watch was woken or moved.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.key.is_some() && self.core.runtime().now() >= self.deadline.at() {
            return Poll::Ready(());
        }
        self.core.deadlines().watch(self.deadline, &mut self.key, cx.waker());
        Poll::Pending
    }
}

impl Drop for DeadlineWatch {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.core.deadlines().clear(key);
        }
    }
}

/// Accounts for one call of this side, from its start to its end, however it ends.
#[derive(Debug)]
pub(crate) struct Tracker {
    wire: Wire,
    procedure: ProcedureIndex,
    /// Set when somebody wants to know how long calls take.
    started: Option<Time>,
    ended: bool,
}

impl Tracker {
    fn new(wire: Wire, procedure: ProcedureIndex) -> Self {
        let core = wire.core();
        count(&core.counters().calls_out);
        core.outbound().enter();
        let started = core.is_observed().then(|| core.runtime().now());
        Self { wire, procedure, started, ended: false }
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) fn procedure(&self) -> ProcedureIndex {
        self.procedure
    }

    /// The call is over; only the first end counts.
    pub(crate) fn end(&mut self, code: Option<Code>) {
        if core::mem::replace(&mut self.ended, true) {
            return;
        }
        let core = self.wire.core();
        core.outbound_ended();
        if code.is_some() {
            count(&core.counters().calls_out_failed);
        }
        if let Some(started) = self.started {
            core.report(&CallReport {
                direction: Direction::Outbound,
                procedure: self.procedure,
                code,
                elapsed: core.runtime().now().saturating_since(started),
            });
        }
    }

    /// Ends the call with `error`, which is given back.
    pub(crate) fn fail(&mut self, error: CallError) -> CallError {
        self.end(Some(error.code()));
        error
    }

    pub(crate) fn deadline_error(&self, timeout: Duration) -> CallError {
        let text = format!("the deadline passed before the answer came (timeout {timeout:?})");
        let status = Status::deadline_exceeded(text);
        CallError::new(self.procedure, status.with_origin(Origin::Caller))
    }

    /// The connection ended; `sent` says whether any byte of the call had reached the transport. The
    /// wire's own cause says more than the stream's, where there are both.
    pub(crate) fn lost(&self, cause: ConnectionError, sent: bool) -> CallError {
        CallError::connection(self.procedure, self.wire.core().close_reason().unwrap_or(cause), sent)
    }

    pub(crate) fn inbound_error(&self, error: InboundError, sent: bool) -> CallError {
        match error {
            InboundError::Read(ReadError::Connection(cause)) => self.lost(cause, sent),
            InboundError::Read(error) => CallError::read(self.procedure, error),
            InboundError::Refused(status) => {
                CallError::new(self.procedure, status.with_origin(Origin::Caller))
            }
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.end(Some(Code::Cancelled));
    }
}

/// What became of an attempt to send a call at once.
// Neither is kept.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Sending {
    /// It is open; with `waits` it was sent whole, and the task is woken by the first bytes of its answer.
    Sent { exchange: Exchange, waits: bool },
    /// It has to wait, or is not of the kind that can be sent at once.
    Waits { outgoing: Outgoing, tracker: Tracker },
}

/// Opens the stream of a call.
async fn opened(
    mut outgoing: Outgoing,
    tracker: &Tracker,
    unary: bool,
) -> Result<(Outbound, Inbound, Option<DeadlineWatch>, CodecId), CallError> {
    let procedure = outgoing.procedure();
    let core = tracker.wire().core();
    let not_sent = |status| CallError::not_sent(procedure, status);
    may_call(core).map_err(not_sent)?;
    let deadline = outgoing.timeout().map(|timeout| Deadline::after(core.runtime().now(), timeout));
    let ((send, recv), waited) = open_call(core, deadline, procedure, outgoing.shares(unary)).await?;
    if waited {
        // The peer may have said meanwhile that it goes away.
        may_call(core).map_err(not_sent)?;
    }
    let remaining = match deadline {
        Some(deadline) if waited => Some(deadline.at().saturating_since(core.runtime().now())),
        _ => outgoing.timeout(),
    };
    let head = outgoing.take_head(remaining);
    let mut outbound = Outbound::with_head(send, head);
    outbound.release_at_finish();
    if outgoing.priority() != 0 {
        outbound.set_priority(outgoing.priority());
    }
    if let Some(payload) = &outgoing.payload {
        outbound.stage_bytes(core, payload, item::ItemKind::LastFragment).map_err(not_sent)?;
    }
    let inbound = Inbound::new(core.limits(), recv, item::Direction::Response);
    let deadline = deadline.map(|deadline| DeadlineWatch::new(core, deadline));
    Ok((outbound, inbound, deadline, outgoing.codec))
}

/// Opens a stream for a whole request where such calls go, if that is possible at once.
fn open_whole(
    core: &WireCore,
    outgoing: &Outgoing,
    cx: &mut Context<'_>,
    head: &[u8],
) -> Option<Opened<OpenedStream>> {
    if let Some(shared) = shared_for(core, outgoing.procedure())
        && outgoing.shares(true)
    {
        let opened = shared.try_open_whole(cx, head)?;
        count(&core.counters().calls_out_shared);
        return Some(opened);
    }
    core.session().try_open_whole(cx, head)
}

/// A call that was sent.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) tracker: Tracker,
    pub(crate) outbound: Outbound,
    pub(crate) inbound: Inbound,
    pub(crate) deadline: Option<DeadlineWatch>,
    pub(crate) codec: CodecId,
    /// The callee needs no more of the request; its answer says the rest.
    pub(crate) stopped: bool,
}

impl Exchange {
    /// Opens a stream for a request and stages what it has; nothing is written yet. Waits for a place and
    /// the peer's credit, up to the deadline.
    pub(crate) async fn open(ready: Ready) -> Result<Self, CallError> {
        let tracker = Tracker::new(ready.wire, ready.outgoing.procedure());
        Self::open_for(ready.outgoing, tracker, false).await
    }

    /// As [`open`](Self::open), for a unary call that is accounted for.
    pub(crate) async fn open_unary(outgoing: Outgoing, tracker: Tracker) -> Result<Self, CallError> {
        Self::open_for(outgoing, tracker, true).await
    }

    async fn open_for(outgoing: Outgoing, mut tracker: Tracker, unary: bool) -> Result<Self, CallError> {
        match opened(outgoing, &tracker, unary).await {
            Ok((outbound, inbound, deadline, codec)) => {
                Ok(Self { tracker, outbound, inbound, deadline, codec, stopped: false })
            }
            Err(error) => Err(tracker.fail(error)),
        }
    }

    /// Opens a stream for a whole request and hands all of it over, in one step, if it is small and nothing
    /// has to be waited for.
    pub(crate) fn try_send(ready: Ready, cx: &mut Context<'_>) -> Result<Sending, CallError> {
        let Ready { wire, mut outgoing } = ready;
        let procedure = outgoing.procedure();
        let tracker = Tracker::new(wire, procedure);
        let core = tracker.wire().core();
        let has_place = core.outbound().running() <= core.outbound_limit();
        if !has_place || !core.is_greeted() {
            return Ok(Sending::Waits { outgoing, tracker });
        }
        let Some(head) = outgoing.take_small_head() else {
            return Ok(Sending::Waits { outgoing, tracker });
        };
        if let Err(status) = may_call(core) {
            let mut tracker = tracker;
            return Err(tracker.fail(CallError::not_sent(procedure, status)));
        }
        // Before the call is sent: its time runs from here.
        let deadline = outgoing.timeout().map(|timeout| Deadline::after(core.runtime().now(), timeout));
        let Some(opened) = open_whole(core, &outgoing, cx, head.as_slice()) else {
            outgoing.put_back(head);
            return Ok(Sending::Waits { outgoing, tracker });
        };
        let OpenedStream { send, recv, waits } = match opened {
            Ok(opened) => opened,
            Err(cause) => {
                let mut tracker = tracker;
                let error = tracker.lost(cause, false);
                return Err(tracker.fail(error));
            }
        };
        let waits = waits && send.is_none();
        let outbound = match send {
            None => Outbound::sent(head),
            Some(send) => {
                let mut outbound = Outbound::with_head(send, head);
                outbound.release_at_finish();
                outbound
            }
        };
        let inbound = Inbound::new(core.limits(), recv, item::Direction::Response);
        let deadline = deadline.map(|deadline| DeadlineWatch::new(core, deadline));
        let codec = outgoing.codec;
        let exchange = Self { tracker, outbound, inbound, deadline, codec, stopped: false };
        Ok(Sending::Sent { exchange, waits })
    }

    /// Hands what is staged to the stream. A callee that stops the request because its answer is
    /// already there is no failure: the answer says what happened.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, fin: bool) -> Poll<Result<(), CallError>> {
        if self.stopped {
            return Poll::Ready(Ok(()));
        }
        match self.outbound.poll_flush(cx, fin) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(WriteError::Connection(cause))) => {
                Poll::Ready(Err(self.tracker.lost(cause, self.outbound.is_handed())))
            }
            // The stream was stopped, with whatever code: the response direction tells why.
            Poll::Ready(Err(WriteError::Stopped(_) | WriteError::Finished)) => {
                self.stopped = true;
                Poll::Ready(Ok(()))
            }
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    /// Ready only with the error of a passed deadline.
    pub(crate) fn poll_deadline<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError>> {
        match &mut self.deadline {
            Some(deadline) => {
                deadline.poll_passed(cx).map(|()| Err(self.tracker.deadline_error(deadline.timeout())))
            }
            None => Poll::Pending,
        }
    }

    /// [`Outbound::stage_message`] in the codec of the call.
    pub(crate) fn stage_message(&mut self, value: &impl Encode) -> Result<(), Status> {
        self.outbound.stage_message(self.tracker.wire().core(), value, self.codec)
    }

    /// [`Outbound::stage_bytes`].
    pub(crate) fn stage_bytes(&mut self, bytes: &Bytes, kind: item::ItemKind) -> Result<(), Status> {
        self.outbound.stage_bytes(self.tracker.wire().core(), bytes, kind)
    }

    /// Hands everything staged to the stream.
    pub(crate) async fn flush(&mut self, fin: bool) -> Result<(), CallError> {
        let flushed = poll_fn(|cx| self.poll_flush(cx, fin)).await;
        flushed.map_err(|error| self.fail(error))
    }

    /// What went wrong with the answer.
    pub(crate) fn inbound_error(&self, error: InboundError) -> CallError {
        self.tracker.inbound_error(error, self.outbound.is_handed())
    }

    /// Ends the call with `error`, which is given back, and tells the callee why nobody reads on
    /// (`docs/protocol.md` 5.4, 13.1).
    pub(crate) fn fail(&mut self, error: CallError) -> CallError {
        let code = stop_code(error.status());
        if !self.outbound.is_finished() {
            self.outbound.reset(code);
        }
        self.inbound.stop(code);
        self.tracker.fail(error)
    }

    /// Ends the request, once all of it is handed over, and leaves the call, which runs on
    /// (`docs/protocol.md` 5.6). Dropped before it is ready, it cancels the call.
    pub(crate) async fn detach(mut self) -> Result<(), CallError> {
        self.flush(true).await?;
        self.inbound.stop(StreamCode::DETACHED);
        self.tracker.end(None);
        Ok(())
    }

    /// Ends the call as its answer says.
    pub(crate) fn end<T>(&mut self, answer: Result<T, CallError>) -> Result<T, CallError> {
        match answer {
            Ok(value) => {
                self.tracker.end(None);
                Ok(value)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The value of a message of the answer.
    pub(crate) fn decode<R: Decode>(&self, message: Bytes) -> Result<R, CallError> {
        let limits = DecodeLimits::from(self.tracker.wire().core().limits());
        R::decode(self.codec, message, &limits)
            .map_err(|error| CallError::new(self.tracker.procedure(), undecodable("answer", &error)))
    }
}

/// A value of the callee that cannot be decoded: its fault, or a limit of ours.
pub(super) fn undecodable(what: &str, error: &CodecError) -> Status {
    let status = match error.limit() {
        Some((name, limit, seen)) => Status::limit(name, limit, seen),
        None => Status::internal(format!("the {what} cannot be decoded: {error}")),
    };
    status.with_origin(Origin::Caller)
}
