//! A notification of the peer, at this side. Nobody hears of its end: what goes wrong is counted.

use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::exchange::DeadlineWatch;
use super::inbound::{Inbound, Incoming};
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
        Self::new(core, header, Source::Stream(Box::new(inbound)))
    }

    pub(crate) fn in_datagram(core: &Arc<WireCore>, header: RequestHeader, arguments: Bytes) -> Self {
        Self::new(core, header, Source::Datagram(arguments))
    }

    fn new(core: &Arc<WireCore>, header: RequestHeader, source: Source) -> Self {
        core.inbound().enter();
        Self { core: Arc::clone(core), header, source, context: None }
    }

    pub(crate) fn core(&self) -> &Arc<WireCore> {
        &self.core
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
            Context::new(Arc::clone(&self.core), procedure, self.header.metadata.clone(), None)
        });
        context.clone()
    }

    /// Message 0; `None` (counted) when it does not come, in time or at all.
    pub(crate) async fn arguments(&mut self) -> Option<Bytes> {
        let limit = self.core.limits().request_timeout;
        let arguments = match &mut self.source {
            Source::Datagram(arguments) => Some(core::mem::take(arguments)),
            Source::Stream(inbound) => {
                let mut timeout: Option<DeadlineWatch> = None;
                poll_fn(|cx| {
                    loop {
                        match inbound.poll_incoming(cx) {
                            Poll::Ready(Ok(Incoming::Message(arguments))) => {
                                return Poll::Ready(Some(arguments));
                            }
                            Poll::Ready(Ok(Incoming::Metadata(_))) => {}
                            Poll::Ready(_) => return Poll::Ready(None),
                            Poll::Pending => break,
                        }
                    }
                    let timeout = timeout.get_or_insert_with(|| {
                        DeadlineWatch::new(&self.core, Deadline::after(self.core.runtime().now(), limit))
                    });
                    timeout.poll_passed(cx).map(|()| None)
                })
                .await
            }
        };
        if arguments.is_none() {
            count(&self.core.counters().notifications_in_dropped);
        }
        arguments
    }

    /// Runs the handler to its end, the connection's, or that of the grace period.
    pub(crate) async fn run(mut self, handler: impl Future<Output = Result<(), Status>>) {
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
            let (closed, cut) =
                watch.get_or_insert_with(|| (self.core.closed().wait(), self.core.cut().wait()));
            let cause = if Pin::new(closed).poll(cx).is_ready() {
                CancelCause::Connection
            } else if Pin::new(cut).poll(cx).is_ready() {
                CancelCause::Shutdown
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

    /// Counts the notification as dropped.
    pub(crate) fn dropped(&self, why: &str) {
        count(&self.core.counters().notifications_in_dropped);
        tracing::debug!(target: "ipfi::call", procedure = %self.procedure(), why, "notification dropped");
    }
}

impl Drop for IncomingNotification {
    fn drop(&mut self) {
        self.core.inbound().leave();
    }
}

impl fmt::Debug for IncomingNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingNotification").field("header", &self.header).finish_non_exhaustive()
    }
}
