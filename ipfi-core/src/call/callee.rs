//! A call of the peer, at this side: from its header to its end, whatever its procedure does.
//!
//! | what happens                | the handler           | the caller sees                         |
//! |-----------------------------|-----------------------|-----------------------------------------|
//! | it returns                  | done                  | its answer, FIN                         |
//! | it fails, panics            | done                  | a status, FIN                           |
//! | the caller resets or stops  | dropped, `Caller`     | (it is gone)                            |
//! | the caller stops, DETACHED  | runs on               | (it is gone)                            |
//! | the deadline passes         | dropped, `Deadline`   | DEADLINE_EXCEEDED                       |
//! | the grace period is over    | dropped, `Shutdown`   | reset SHUTDOWN                          |
//! | the connection ends         | dropped, `Connection` | (it has its own error)                  |
//!
//! The place among the peer's concurrent calls is free again when the handler is gone, not before:
//! the stream's halves live here.

mod interrupt;

use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::{Context as TaskContext, Poll};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use self::interrupt::Watch;
use super::arrive::Arrival;
use super::exchange::DeadlineWatch;
use super::inbound::{Inbound, Incoming};
use super::outbound::Outbound;
use crate::ProcedureIndex;
use crate::close_code::StreamCode;
use crate::codec::{CodecId, DecodeLimits, Encode};
use crate::context::{CancelCause, Context};
use crate::deadlines::Deadline;
use crate::interface::Kind;
use crate::metadata::Metadata;
use crate::observe::{CallReport, Direction, count};
use crate::proto::{ItemKind, RequestHeader};
use crate::runtime::Task;
use crate::status::{Code, Origin, Status};
use crate::time::Time;
use crate::wire::WireCore;

/// Why a handler's result does not reach the caller as a value.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The call failed with a status.
    Status(Status),
    /// The handler was dropped.
    Cancelled(CancelCause),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// A call of the peer whose header has been read.
pub(crate) struct IncomingCall {
    core: Arc<WireCore>,
    procedure: ProcedureIndex,
    codec: CodecId,
    metadata: Metadata,
    deadline: Option<Deadline>,
    /// Made when the handler asks for it.
    context: Option<Context>,
    outbound: Outbound,
    /// `None` when the handler has the items, and when nothing more than the arguments is to be expected.
    inbound: Option<Box<Inbound>>,
    /// Made when something is waited for: a call that is answered at once needs none.
    watch: Option<Box<Watch>>,
    arrived: Time,
    /// Somebody wants to know how long it takes.
    observed: bool,
    kind: Option<Kind>,
    /// A message of the answer has been staged: no metadata can follow.
    replied: bool,
    /// The call is being answered although its handler, which cannot be interrupted, still runs.
    runs_on: bool,
    /// Only the last bytes are still to be handed over.
    concluding: bool,
    ended: bool,
}

impl IncomingCall {
    pub(crate) fn new(
        core: &Arc<WireCore>,
        header: RequestHeader,
        codec: CodecId,
        mut outbound: Outbound,
        now: Time,
    ) -> Self {
        count(&core.counters().calls_in);
        core.inbound().enter();
        if header.priority != 0 {
            outbound.set_priority(header.priority);
        }
        // Clause 5.7.
        let deadline = header.timeout.map(|timeout| Deadline::after(now, timeout));
        let observed = core.is_observed();
        Self {
            core: Arc::clone(core),
            procedure: ProcedureIndex::new(header.procedure),
            codec,
            metadata: header.metadata,
            deadline,
            context: None,
            outbound,
            inbound: None,
            watch: None,
            arrived: now,
            observed,
            kind: None,
            replied: false,
            runs_on: false,
            concluding: false,
            ended: false,
        }
    }

    /// What follows the header.
    pub(crate) fn set_inbound(&mut self, inbound: Box<Inbound>) {
        self.inbound = Some(inbound);
    }

    /// When the arguments must be here: the header was waited for, and both share `request_timeout`.
    pub(crate) fn set_due(&mut self, due: Deadline) {
        self.watch.get_or_insert_default().due = Some(due);
    }

    /// How the procedure is offered, for the statuses that name it.
    pub(crate) fn set_kind(&mut self, kind: Kind) {
        self.kind = Some(kind);
    }

    pub(crate) fn core(&self) -> &Arc<WireCore> {
        &self.core
    }

    pub(crate) fn codec(&self) -> CodecId {
        self.codec
    }

    pub(crate) fn procedure(&self) -> ProcedureIndex {
        self.procedure
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits::from(self.core.limits())
    }

    pub(crate) fn outbound_mut(&mut self) -> &mut Outbound {
        &mut self.outbound
    }

    /// Stages one message of the answer, after the metadata that the handler set, if it is the first.
    pub(crate) fn stage_reply(&mut self, value: &impl Encode) -> Result<(), Status> {
        self.stage_reply_metadata()?;
        self.outbound.stage_message(&self.core, value, self.codec)
    }

    /// [`Outbound::stage_bytes`].
    pub(crate) fn stage_bytes(&mut self, bytes: &Bytes, kind: ItemKind) -> Result<(), Status> {
        self.outbound.stage_bytes(&self.core, bytes, kind)
    }

    /// Stages the metadata that the handler set, unless something of the answer went before.
    pub(crate) fn stage_reply_metadata(&mut self) -> Result<(), Status> {
        if core::mem::replace(&mut self.replied, true) {
            return Ok(());
        }
        let metadata = self.context.as_ref().and_then(Context::take_reply_metadata);
        match metadata {
            Some(metadata) if !metadata.is_empty() => {
                let limits = self.core.limits();
                let max_bytes = self.core.peer_max_metadata_bytes().min(limits.max_metadata_bytes.into());
                metadata.check(max_bytes, limits.max_metadata_entries.into())?;
                self.outbound.stage_metadata(&metadata);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Gives the handler the items that follow the arguments.
    pub(crate) fn take_inbound(&mut self) -> Option<Inbound> {
        self.inbound.take().map(|inbound| *inbound)
    }

    pub(crate) fn context(&mut self) -> Context {
        let context = self.context.get_or_insert_with(|| {
            let metadata = self.metadata.clone();
            Context::new(Arc::clone(&self.core), self.procedure, metadata, self.deadline)
        });
        context.clone()
    }

    /// Message 0. The caller has `request_timeout` to get it here, its header included.
    pub(crate) async fn arguments(&mut self) -> Result<Bytes, Failure> {
        let mut timeout: Option<DeadlineWatch> = None;
        let arguments = poll_fn(|cx| {
            loop {
                let Some(inbound) = &mut self.inbound else {
                    return Poll::Ready(Err(Status::internal("the arguments were taken before").into()));
                };
                match inbound.poll_incoming(&self.core, cx) {
                    Poll::Ready(Ok(Incoming::Message(arguments))) => return Poll::Ready(Ok(arguments)),
                    Poll::Ready(Ok(Incoming::Metadata(_))) => {}
                    Poll::Ready(Ok(Incoming::End | Incoming::Status(_))) => {
                        let text = "the request ended before its arguments (message 0)";
                        return Poll::Ready(Err(Status::invalid_argument(text).into()));
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(self.inbound_failure(error))),
                    Poll::Pending => break,
                }
            }
            let limit = self.core.limits().request_timeout;
            let timeout = timeout.get_or_insert_with(|| {
                let due = self.watch.as_ref().and_then(|watch| watch.due);
                let due = due.unwrap_or_else(|| Deadline::after(self.core.runtime().now(), limit));
                DeadlineWatch::new(&self.core, due)
            });
            if timeout.poll_passed(cx).is_ready() {
                let text = format!("the arguments did not arrive within request_timeout = {limit:?}");
                return Poll::Ready(Err(Status::deadline_exceeded(text).into()));
            }
            self.poll_cause(cx).map(|cause| Err(self.cancelled(cause)))
        })
        .await?;
        // `docs/protocol.md` 3.3: a call whose time is over is not started. The clock is read only where the
        // deadline may have passed since the header came: while the arguments were waited for.
        let waited = timeout.is_some();
        match self.deadline {
            Some(deadline) if waited && self.core.runtime().now() >= deadline.at() => {
                Err(self.cancelled(CancelCause::Deadline))
            }
            _ => Ok(arguments),
        }
    }

    /// Runs the handler's future until it is done or the call is cancelled, whichever is first. A
    /// panic is the call's failure, nobody else's.
    pub(crate) async fn run<F: Future>(&mut self, handler: F) -> Result<F::Output, Failure> {
        let mut handler = pin!(AssertUnwindSafe(handler).catch_unwind());
        poll_fn(|cx| match handler.as_mut().poll(cx) {
            Poll::Ready(Ok(output)) => Poll::Ready(Ok(output)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(self.panicked())),
            Poll::Pending => self.poll_interrupted(cx).map(Err),
        })
        .await
    }

    /// As [`run`](Self::run) for a handler that cannot be interrupted: a cancelled call is answered at
    /// once, and its place is held until the handler has returned.
    pub(crate) async fn run_to_its_end<F: Future>(&mut self, handler: F) -> Result<F::Output, Failure> {
        let mut handler = pin!(AssertUnwindSafe(handler).catch_unwind());
        let interrupted = poll_fn(|cx| match handler.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_interrupted(cx).map(Err),
        });
        match interrupted.await {
            Ok(output) => output.map_err(|_| self.panicked()),
            Err(failure) => {
                self.runs_on = true;
                self.conclude(Err(failure.clone())).await;
                let _ = handler.await;
                Err(failure)
            }
        }
    }

    /// The panic's message stays at this side: it may say what the caller should not know. The panic
    /// hook has already printed it.
    pub(crate) fn panicked(&self) -> Failure {
        count(&self.core.counters().panics);
        tracing::error!(target: "ipfi::call", procedure = %self.procedure, "the procedure panicked");
        Failure::Status(Status::internal("the procedure panicked"))
    }

    /// Hands what is staged to the stream, or learns that the call is cancelled.
    pub(crate) async fn flush(&mut self, fin: bool) -> Result<(), Failure> {
        poll_fn(|cx| match self.outbound.poll_flush(cx, fin) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            // The caller stopped, or the connection ended: which of them, the watch knows; one that
            // is detached wants no answer.
            Poll::Ready(Err(_)) => Poll::Ready(match self.poll_cause(cx) {
                Poll::Ready(cause) => Err(self.cancelled(cause)),
                Poll::Pending => Ok(()),
            }),
            Poll::Pending => self.poll_interrupted(cx).map(Err),
        })
        .await
    }

    /// Ends a call that was answered, or failed, here and now; the task that does the rest if that has to
    /// wait.
    pub(crate) fn conclude_here(mut self, result: Result<(), Failure>, cx: &mut TaskContext<'_>) -> Arrival {
        let result = result.and_then(|()| self.stage_reply_metadata().map_err(Failure::Status));
        if result.is_ok() {
            self.concludes();
            if let Poll::Ready(Ok(())) = self.outbound.poll_flush(cx, true) {
                self.end(None);
                return Arrival::DONE;
            }
        }
        Arrival::inline(Box::pin(async move { self.conclude(result).await }))
    }

    /// Ends the call as its handler left it, once: what comes later finds it ended. Borrows the call: a
    /// future that owned it would have room for it twice, and be moved with it.
    pub(crate) async fn conclude(&mut self, result: Result<(), Failure>) {
        if self.ended {
            return;
        }
        // An answer without a message may have metadata all the same.
        let result = match result.and_then(|()| self.stage_reply_metadata().map_err(Failure::Status)) {
            Ok(()) => {
                self.concludes();
                self.flush(true).await
            }
            Err(failure) => Err(failure),
        };
        let code = match result {
            Ok(()) => None,
            Err(Failure::Status(status)) => Some(self.fail(status).await),
            Err(Failure::Cancelled(CancelCause::Deadline)) => {
                let mut text = "the deadline passed before the procedure had answered".to_owned();
                if let Some(deadline) = self.deadline {
                    text += &format!(" (timeout {:?})", deadline.timeout());
                }
                Some(self.fail(Status::deadline_exceeded(text)).await)
            }
            Err(Failure::Cancelled(CancelCause::Shutdown)) => {
                self.outbound.reset(StreamCode::SHUTDOWN);
                Some(Code::Unavailable)
            }
            Err(Failure::Cancelled(CancelCause::Limit)) => {
                self.outbound.reset(StreamCode::RESOURCE_EXHAUSTED);
                Some(Code::ResourceExhausted)
            }
            Err(Failure::Cancelled(cause @ (CancelCause::Caller | CancelCause::Connection))) => {
                if cause == CancelCause::Connection {
                    self.core.count_lost();
                }
                // Clause 5.5: with the code of the stop, if it was one.
                let stopped = self.watch.as_ref().and_then(|watch| watch.stopped_with);
                self.outbound.reset(stopped.unwrap_or(StreamCode::CANCELLED));
                Some(Code::Cancelled)
            }
        };
        self.end(code);
    }

    /// Gets the status out within the grace period, or resets with the code that comes nearest (clause 5.9).
    async fn fail(&mut self, status: Status) -> Code {
        let code = status.code();
        let status = status.with_origin(Origin::Callee);
        let mut sent = false;
        self.concludes();
        if !self.outbound.is_finished() {
            self.outbound.discard_staged();
            self.outbound.stage_status(&self.core, &status);
            let grace = Deadline::after(self.core.runtime().now(), self.core.limits().status_grace);
            let mut grace = DeadlineWatch::new(&self.core, grace);
            sent = poll_fn(|cx| match self.outbound.poll_flush(cx, true) {
                Poll::Ready(flushed) => Poll::Ready(flushed.is_ok()),
                Poll::Pending => grace.poll_passed(cx).map(|()| false),
            })
            .await;
        }
        if !sent {
            self.outbound.reset(code.to_stream_code());
        }
        code
    }

    /// The handler is gone: with the last bytes the carrier may forget the stream, and with it the call's
    /// place.
    fn concludes(&mut self) {
        if !self.runs_on && !core::mem::replace(&mut self.concluding, true) {
            self.core.inbound().conclude();
            self.outbound.release_at_finish();
        }
    }

    /// The call is over; only the first end counts.
    fn end(&mut self, code: Option<Code>) {
        if core::mem::replace(&mut self.ended, true) {
            return;
        }
        match code {
            Some(_) => count(&self.core.counters().calls_in_failed),
            None => self.core.useful(),
        }
        if self.observed {
            self.core.report(&CallReport {
                direction: Direction::Inbound,
                procedure: self.procedure,
                code,
                elapsed: self.core.runtime().now().saturating_since(self.arrived),
            });
        }
    }

    /// The task of a call that fails before its procedure is asked.
    pub(crate) fn refuse(mut self, failure: impl Into<Failure>) -> Task {
        let failure = failure.into();
        Box::pin(async move { self.conclude(Err(failure)).await })
    }

    /// Answers a call whose time was over when it came.
    pub(crate) fn refuse_late(self) -> Task {
        let failure = self.cancelled(CancelCause::Deadline);
        self.refuse(failure)
    }
}

impl Drop for IncomingCall {
    /// A task that a runtime drops half way: the caller must not wait for an answer (clause 5.2). Only now is a
    /// handler certainly gone that could not be interrupted.
    fn drop(&mut self) {
        if !self.ended {
            if let Some(context) = &self.context {
                context.cancel(CancelCause::Shutdown);
            }
            self.outbound.reset(StreamCode::SHUTDOWN);
            self.end(Some(Code::Unavailable));
        }
        if self.concluding {
            self.core.inbound().leave_concluded();
        } else {
            self.core.inbound().leave();
        }
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("procedure", &self.procedure)
            .field("codec", &self.codec)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
