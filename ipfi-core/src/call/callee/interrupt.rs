//! What ends a call of the peer before its handler does: the caller, a breach in the rest of its request, a deadline,
//! a shutdown, the end of the connection.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};

use super::{Failure, IncomingCall};
use crate::call::exchange::DeadlineWatch;
use crate::call::inbound::InboundError;
use crate::close_code::StreamCode;
use crate::context::CancelCause;
use crate::deadlines::Deadline;
use crate::error::{ConnectionError, ReadError};
use crate::proto::Part;
use crate::signal::Wait;
use crate::status::Status;
use crate::wire::LONG_RUN;

/// What may cancel a running handler.
#[derive(Default)]
pub(super) struct Watch {
    /// Boxed, as `closed` is: every call that waits for long holds this, and few of those have a deadline or are
    /// detached. One that waits with a deadline pays for it with an allocation.
    deadline: Option<Box<DeadlineWatch>>,
    cut: Option<Wait<()>>,
    closed: Option<Box<Wait<ConnectionError>>>,
    detached: bool,
    /// With what the caller stopped its answer, for good.
    pub(super) stopped_with: Option<StreamCode>,
    /// When the header and the arguments must be here, once they were waited for.
    pub(super) due: Option<Deadline>,
}

impl IncomingCall {
    pub(super) fn inbound_failure(&mut self, error: InboundError) -> Failure {
        match error {
            InboundError::Refused(status) => Failure::Status(status),
            InboundError::Read(ReadError::Reset(code)) => self.cancelled(CancelCause::of(code)),
            InboundError::Read(ReadError::Connection(_)) => self.cancelled(CancelCause::Connection),
            InboundError::Read(ReadError::Limit(limit)) => {
                // The context learns the cause first, as of every other end.
                let _ = self.cancelled(CancelCause::Limit);
                Failure::Status(limit.into())
            }
            InboundError::Read(ReadError::Stopped) => {
                Failure::Status(Status::internal("the request was given up by this side"))
            }
        }
    }

    /// Ready when the handler should be dropped. The context learns the cause first, so that the
    /// handler's destructors can ask for it.
    pub(crate) fn poll_interrupted(&mut self, cx: &mut TaskContext<'_>) -> Poll<Failure> {
        if let Poll::Ready(cause) = self.poll_cause(cx) {
            if cause == CancelCause::Deadline {
                self.in_vain("a timeout in which nothing was answered");
            }
            return Poll::Ready(self.cancelled(cause));
        }
        let Some(inbound) = self.inbound.as_mut().filter(|inbound| !inbound.is_over()) else {
            return Poll::Pending;
        };
        // Nothing more is expected of the request but its end.
        match inbound.poll_part(cx) {
            Poll::Ready(Ok(Part::Data { .. })) => {
                let kind = self.kind.map_or_else(String::new, |kind| format!(": it is {kind}"));
                let text = format!("called with a stream of items, but the procedure takes none{kind}");
                self.in_vain("a request with more than its procedure takes");
                Poll::Ready(Failure::Status(Status::unimplemented(text)))
            }
            // `docs/protocol.md` 5.6: the caller leaves, the call runs on.
            Poll::Ready(Err(InboundError::Read(ReadError::Reset(StreamCode::DETACHED)))) => {
                self.watch.get_or_insert_default().detached = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Ok(_)) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Err(error)) => {
                if matches!(error, InboundError::Refused(_)) {
                    self.in_vain("a request that breaks a rule behind its arguments");
                }
                Poll::Ready(self.inbound_failure(error))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The handler runs and is dropped because of what its caller sent: clause 13.4. What the caller gives up itself, the
    /// carrier charges.
    fn in_vain(&self, what: &'static str) {
        let gave_up = self.watch.as_ref().is_some_and(|watch| watch.stopped_with.is_some() || watch.detached);
        if gave_up || self.replied || self.concluding {
            return;
        }
        let asked = self.deadline.map_or(LONG_RUN, |deadline| deadline.timeout());
        let open = self.core.runtime().now().saturating_since(self.arrived);
        if open.min(asked) < LONG_RUN {
            self.core.wasted(what);
        }
    }

    pub(super) fn cancelled(&self, cause: CancelCause) -> Failure {
        if let Some(context) = &self.context {
            context.cancel(cause);
        }
        Failure::Cancelled(cause)
    }

    pub(super) fn poll_cause(&mut self, cx: &mut TaskContext<'_>) -> Poll<CancelCause> {
        let watch = &mut **self.watch.get_or_insert_default();
        if !watch.detached {
            match self.outbound.poll_stopped(cx) {
                Poll::Ready(Ok(StreamCode::DETACHED)) => watch.detached = true,
                Poll::Ready(Ok(code)) => {
                    watch.stopped_with = Some(code);
                    return Poll::Ready(CancelCause::of(code));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(CancelCause::Connection),
                Poll::Pending => {}
            }
        }
        if watch.detached {
            let closed = watch.closed.get_or_insert_with(|| Box::new(self.core.closed().wait()));
            if Pin::new(closed).poll(cx).is_ready() {
                return Poll::Ready(CancelCause::Connection);
            }
        }
        if let Some(deadline) = self.deadline {
            let watching = || Box::new(DeadlineWatch::new(&self.core, deadline));
            let passed = watch.deadline.get_or_insert_with(watching);
            if passed.poll_passed(cx).is_ready() {
                return Poll::Ready(CancelCause::Deadline);
            }
        }
        let cut = watch.cut.get_or_insert_with(|| self.core.cut().wait());
        Pin::new(cut).poll(cx).map(|()| CancelCause::Shutdown)
    }
}
