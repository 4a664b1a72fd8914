//! A notification of the peer, at this side. Nobody hears of its end: what goes wrong is counted.

use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::arrive::stop_code;
use super::exchange::DeadlineWatch;
use super::inbound::{Inbound, InboundError, Incoming};
use crate::ProcedureIndex;
use crate::codec::{CodecId, DecodeLimits};
use crate::context::{CancelCause, Context};
use crate::deadlines::Deadline;
use crate::metadata::Metadata;
use crate::observe::count;
use crate::proto::RequestHeader;
use crate::status::Status;
use crate::wire::WireCore;

/// A notification whose header has been read.
pub(crate) struct IncomingNotification {
    core: Arc<WireCore>,
    header: RequestHeader,
    source: Source,
    deadline: Option<Deadline>,
    context: Option<Context>,
}

enum Source {
    /// Held while the handler runs, so that the peer's limit on concurrent notifications holds.
    Stream(Box<Inbound>),
    /// Message 0, which is the rest of the datagram.
    Datagram(Bytes),
}

impl IncomingNotification {
    pub(crate) fn on_stream(core: &Arc<WireCore>, header: RequestHeader, inbound: Inbound) -> Self {
        let deadline = header.timeout.map(|timeout| Deadline::after(core.runtime().now(), timeout));
        Self::new(core, header, Source::Stream(Box::new(inbound)), deadline)
    }

    pub(crate) fn in_datagram(core: &Arc<WireCore>, header: RequestHeader, arguments: Bytes) -> Self {
        // A timeout has no meaning in a datagram.
        Self::new(core, header, Source::Datagram(arguments), None)
    }

    fn new(core: &Arc<WireCore>, header: RequestHeader, source: Source, deadline: Option<Deadline>) -> Self {
        core.notifications().enter();
        Self { core: Arc::clone(core), header, source, deadline, context: None }
    }

    pub(crate) fn core(&self) -> &Arc<WireCore> {
        &self.core
    }

    pub(crate) fn is_datagram(&self) -> bool {
        matches!(self.source, Source::Datagram(_))
    }

    pub(crate) fn header(&self) -> &RequestHeader {
        &self.header
    }

    pub(crate) fn procedure(&self) -> ProcedureIndex {
        ProcedureIndex::new(self.header.procedure)
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// Its time was over when the header came (clause 3.3); a datagram has none.
    pub(crate) fn arrived_late(&self) -> bool {
        self.deadline.is_some() && self.header.timeout.is_some_and(|timeout| timeout.is_zero())
    }

    /// Checked before the notification is run.
    pub(crate) fn codec(&self) -> CodecId {
        CodecId::from_u8(self.header.codec).unwrap_or(CodecId::Raw)
    }

    pub(crate) fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits::from(self.core.limits())
    }

    pub(crate) fn context(&mut self) -> Context {
        let procedure = self.procedure();
        let context = self.context.get_or_insert_with(|| {
            Context::new(Arc::clone(&self.core), procedure, self.header.metadata.clone(), self.deadline)
        });
        context.clone()
    }

    /// Message 0, or why it does not come.
    pub(crate) async fn arguments(&mut self) -> Result<Bytes, Status> {
        let limit = self.core.limits().request_timeout;
        let inbound = match &mut self.source {
            Source::Datagram(arguments) => return Ok(core::mem::take(arguments)),
            Source::Stream(inbound) => inbound,
        };
        let mut timeout: Option<DeadlineWatch> = None;
        poll_fn(|cx| {
            loop {
                match inbound.poll_incoming(&self.core, cx) {
                    Poll::Ready(Ok(Incoming::Message(arguments))) => return Poll::Ready(Ok(arguments)),
                    Poll::Ready(Ok(Incoming::Metadata(_))) => {}
                    Poll::Ready(Ok(Incoming::Status(_) | Incoming::End)) => {
                        return Poll::Ready(Err(Status::invalid_argument("it ended before its arguments")));
                    }
                    Poll::Ready(Err(InboundError::Refused(status))) => return Poll::Ready(Err(status)),
                    Poll::Ready(Err(InboundError::Read(error))) => {
                        return Poll::Ready(Err(Status::cancelled(error.to_string())));
                    }
                    Poll::Pending => break,
                }
            }
            let timeout = timeout.get_or_insert_with(|| {
                DeadlineWatch::new(&self.core, Deadline::after(self.core.runtime().now(), limit))
            });
            timeout.poll_passed(cx).map(|()| {
                let text = format!("the arguments did not arrive within request_timeout = {limit:?}");
                Err(Status::deadline_exceeded(text))
            })
        })
        .await
    }

    /// Runs the handler to its end, the deadline, the connection's end, or that of the grace period.
    pub(crate) async fn run(&mut self, handler: impl Future<Output = Result<(), Status>>) {
        count(&self.core.counters().notifications_in);
        let mut handler = pin!(AssertUnwindSafe(handler).catch_unwind());
        let mut watch = None;
        poll_fn(|cx| {
            match handler.as_mut().poll(cx) {
                // Nobody hears of a notification's status.
                Poll::Ready(Ok(_)) => return Poll::Ready(()),
                Poll::Ready(Err(_)) => {
                    self.panicked();
                    return Poll::Ready(());
                }
                Poll::Pending => {}
            }
            let (closed, cut, deadline) = watch.get_or_insert_with(|| {
                let deadline = self.deadline.map(|deadline| DeadlineWatch::new(&self.core, deadline));
                (self.core.closed().wait(), self.core.cut().wait(), deadline)
            });
            let cause = if Pin::new(closed).poll(cx).is_ready() {
                CancelCause::Connection
            } else if Pin::new(cut).poll(cx).is_ready() {
                CancelCause::Shutdown
            } else if deadline.as_mut().is_some_and(|deadline| deadline.poll_passed(cx).is_ready()) {
                CancelCause::Deadline
            } else {
                return Poll::Pending;
            };
            if let Some(context) = &self.context {
                context.cancel(cause);
            }
            Poll::Ready(())
        })
        .await;
    }

    pub(crate) fn panicked(&mut self) {
        count(&self.core.counters().panics);
        tracing::error!(target: "ipfi::call", procedure = %self.procedure(), "the notification panicked");
    }

    /// Counts the notification as dropped, and stops its stream accordingly.
    pub(crate) fn dropped(&mut self, why: &Status) {
        count(&self.core.counters().notifications_in_dropped);
        tracing::debug!(target: "ipfi::call", procedure = %self.procedure(), %why, "notification dropped");
        if let Source::Stream(inbound) = &mut self.source {
            inbound.stop(stop_code(why));
        }
    }
}

impl Drop for IncomingNotification {
    fn drop(&mut self) {
        self.core.notifications().leave();
    }
}

impl fmt::Debug for IncomingNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingNotification").field("header", &self.header).finish_non_exhaustive()
    }
}
