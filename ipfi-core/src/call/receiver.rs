//! Items as they come: the answer of a sequence at the caller, the stream of items at the callee.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, ready};
use std::sync::Arc;

use futures_core::Stream;

use super::arrive::stop_code;
use super::error::CallError;
use super::exchange::{DeadlineWatch, Tracker, undecodable};
use super::inbound::{Inbound, InboundError, Incoming};
use crate::ProcedureIndex;
use crate::close_code::StreamCode;
use crate::codec::{CodecError, CodecId, Decode, DecodeLimits};
use crate::context::Context;
use crate::error::ReadError;
use crate::metadata::Metadata;
use crate::status::{Origin, Status};
use crate::wire::WireCore;

/// A stream of items. Reading returns credit to the sender: who does not read is not sent more than a
/// window. Ends after the last item, or with an error as its last.
///
/// At the caller, dropping it before the end cancels the call at the peer; [`detach`](Self::detach)
/// lets it run on. At the callee, dropping it tells the caller that no more items are needed.
///
/// A [`Stream`], for whoever has the combinators of the crate `futures` in scope; else [`try_next`](Self::try_next) is enough.
/// Both are cancel safe.
pub struct Receiver<T> {
    inbound: Inbound,
    codec: CodecId,
    limits: DecodeLimits,
    end: End,
    over: bool,
    metadata: Metadata,
    item: PhantomData<fn() -> T>,
}

/// What the end of the items means.
enum End {
    /// At the caller: the end of the call.
    Call { tracker: Tracker, deadline: Option<DeadlineWatch> },
    /// At the callee: the end of the caller's items.
    Items { context: Context },
}

impl End {
    fn core(&self) -> &Arc<WireCore> {
        match self {
            Self::Call { tracker, .. } => tracker.wire().core(),
            Self::Items { context } => context.core(),
        }
    }
}

impl<T> Receiver<T> {
    pub(crate) fn of_call(
        inbound: Inbound,
        codec: CodecId,
        tracker: Tracker,
        deadline: Option<DeadlineWatch>,
    ) -> Self {
        let limits = DecodeLimits::from(tracker.wire().core().limits());
        Self::new(inbound, codec, limits, End::Call { tracker, deadline })
    }

    pub(crate) fn of_items(inbound: Inbound, codec: CodecId, limits: DecodeLimits, context: Context) -> Self {
        Self::new(inbound, codec, limits, End::Items { context })
    }

    fn new(inbound: Inbound, codec: CodecId, limits: DecodeLimits, end: End) -> Self {
        Self { inbound, codec, limits, end, over: false, metadata: Metadata::default(), item: PhantomData }
    }

    /// The metadata that came last, if any has: at the caller, what the callee sent before its first item.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// At the caller: gives the answer up but lets the call run on at the peer, within its deadline and at
    /// most to the end of the connection. Where the call takes items, its
    /// [`Sender`](crate::call::Sender) goes on and is to be finished; dropped, it still cancels the call.
    /// At the callee: the same as dropping.
    pub fn detach(mut self) {
        if let End::Call { tracker, .. } = &mut self.end {
            tracker.end(None);
            self.inbound.stop(StreamCode::DETACHED);
        }
    }

    fn procedure(&self) -> ProcedureIndex {
        match &self.end {
            End::Call { tracker, .. } => tracker.procedure(),
            End::Items { context } => context.procedure(),
        }
    }

    fn finish(&mut self, error: Option<&CallError>) {
        self.over = true;
        if let End::Call { tracker, .. } = &mut self.end {
            tracker.end(error.map(CallError::code));
        }
    }

    fn fail(&mut self, error: CallError) -> Poll<Option<Result<T, CallError>>> {
        self.finish(Some(&error));
        self.inbound.stop(match self.end {
            End::Call { .. } => stop_code(error.status()),
            // The callee's answer will say why.
            End::Items { .. } => StreamCode::NO_ERROR,
        });
        Poll::Ready(Some(Err(error)))
    }

    /// An item that cannot be decoded: the sender's fault, or a limit of this side.
    fn undecodable(&self, error: CodecError) -> CallError {
        let status = match self.end {
            End::Call { .. } => undecodable("item", &error),
            End::Items { .. } if error.limit().is_some() => Status::from(error),
            End::Items { .. } => Status::invalid_argument(format!("an item cannot be decoded: {error}")),
        };
        CallError::new(self.procedure(), status)
    }

    fn inbound_error(&self, error: InboundError) -> CallError {
        let context = match &self.end {
            End::Call { tracker, .. } => return tracker.inbound_error(error, true),
            End::Items { context } => context,
        };
        let procedure = context.procedure();
        if let InboundError::Read(error) = &error {
            context.broken_off(error);
        }
        match error {
            InboundError::Refused(status) => CallError::new(procedure, status.with_origin(Origin::Callee)),
            InboundError::Read(ReadError::Reset(code)) => {
                let status = Status::cancelled(format!("the caller broke off its items: {code}"));
                CallError::new(procedure, status.with_origin(Origin::Callee))
            }
            InboundError::Read(ReadError::Limit(limit)) => {
                CallError::new(procedure, Status::from(limit).with_origin(Origin::Callee))
            }
            InboundError::Read(error) => CallError::read(procedure, error),
        }
    }
}

impl<T: Decode> Receiver<T> {
    /// The next item, or `None` after the last. Cancel safe.
    ///
    /// # Errors
    ///
    /// At the caller, why the call ended without a success; at the callee, why there are no more items, or that one
    /// cannot be decoded. Nothing comes after an error.
    pub async fn try_next(&mut self) -> Result<Option<T>, CallError> {
        core::future::poll_fn(|task| Pin::new(&mut *self).poll_next(task)).await.transpose()
    }
}

impl<T: Decode> Stream for Receiver<T> {
    type Item = Result<T, CallError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        if let Some((message, end)) = this.inbound.peek_message() {
            match T::decode_in_place(this.codec, message, &this.limits) {
                Some(Ok(item)) => {
                    this.inbound.skip_message(end);
                    return Poll::Ready(Some(Ok(item)));
                }
                Some(Err(error)) => {
                    let error = this.undecodable(error);
                    return this.fail(error);
                }
                None => {}
            }
        }
        loop {
            let Poll::Ready(incoming) = this.inbound.poll_incoming(this.end.core(), cx) else {
                if let End::Call { tracker, deadline: Some(deadline) } = &mut this.end {
                    ready!(deadline.poll_passed(cx));
                    let error = tracker.deadline_error(deadline.timeout());
                    return this.fail(error);
                }
                return Poll::Pending;
            };
            match incoming {
                Ok(Incoming::Message(message)) => match T::decode(this.codec, message, &this.limits) {
                    Ok(item) => return Poll::Ready(Some(Ok(item))),
                    Err(error) => {
                        let error = this.undecodable(error);
                        return this.fail(error);
                    }
                },
                Ok(Incoming::Metadata(metadata)) => this.metadata = metadata,
                Ok(Incoming::Status(status)) => {
                    let error = CallError::new(this.procedure(), status);
                    return this.fail(error);
                }
                Ok(Incoming::End) => {
                    this.finish(None);
                    return Poll::Ready(None);
                }
                Err(error) => {
                    let error = this.inbound_error(error);
                    return this.fail(error);
                }
            }
        }
    }
}

impl<T> Unpin for Receiver<T> {}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("procedure", &self.procedure())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
