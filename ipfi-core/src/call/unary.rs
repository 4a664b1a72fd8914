//! One value in, one value out.

use core::future::{Future, IntoFuture, poll_fn};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;

use super::error::CallError;
use super::exchange::Exchange;
use super::inbound::Incoming;
use super::request::{Call, Request};
use crate::codec::Decode;
use crate::metadata::Metadata;
use crate::status::{Origin, Status};

/// The kind of a call that is answered with one value of type `R`.
#[derive(Debug)]
pub struct Unary<R>(PhantomData<fn() -> R>);

/// A value and the metadata that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<R> {
    /// The value.
    pub value: R,
    /// What the callee sent beside it.
    pub metadata: Metadata,
}

type UnaryFuture<R> = Pin<Box<dyn Future<Output = Result<R, CallError>> + Send>>;

impl<R: Decode> IntoFuture for Call<Unary<R>> {
    type Output = Result<R, CallError>;
    type IntoFuture = UnaryFuture<R>;

    fn into_future(self) -> UnaryFuture<R> {
        Box::pin(async move { unary(self.request).await.map(|answer| answer.value) })
    }
}

impl<R: Decode> Call<Unary<R>> {
    /// Makes the call and gives the metadata of the answer too. Cancel safe in that dropping it
    /// cancels the call.
    pub async fn answer(self) -> Result<Answer<R>, CallError> {
        unary(self.request).await
    }

    /// Sends the call and leaves it: it runs on at the peer when this is dropped, and nobody hears of
    /// its end. It does not outlive the connection. Ready when this side has taken the bytes.
    pub async fn detached(self) -> Result<(), CallError> {
        let timeout = self.request.default_timeout();
        let mut exchange = Exchange::open(self.request, timeout).await?;
        exchange.flush(true).await?;
        exchange.inbound.stop(crate::close_code::StreamCode::DETACHED);
        exchange.tracker.end(None);
        Ok(())
    }
}

async fn unary<R: Decode>(request: Request) -> Result<Answer<R>, CallError> {
    let timeout = request.default_timeout();
    let mut exchange = Exchange::open(request, timeout).await?;
    let mut reply = Reply::default();
    let value = reply.value(&mut exchange).await?;
    Ok(Answer { value, metadata: reply.metadata })
}

/// Collects the one message of a unary answer (clause 4.4); none or a second one is an error (clause 5.12).
#[derive(Debug, Default)]
pub(super) struct Reply {
    message: Option<Bytes>,
    pub(super) metadata: Metadata,
}

impl Reply {
    /// Sends the rest of the request, takes the answer, and ends the call.
    pub(super) async fn value<R: Decode>(&mut self, exchange: &mut Exchange) -> Result<R, CallError> {
        let received = poll_fn(|cx| self.poll(cx, exchange)).await;
        let decoded = received.and_then(|message| exchange.decode(message));
        exchange.end(decoded)
    }

    /// Keeps the request flowing and waits for exactly one message and the end.
    fn poll(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<Result<Bytes, CallError>> {
        // Clause 5.1: a callee may answer before it has read the request. Neither direction waits for the other,
        // and an answer that is here wins over whatever became of the request.
        let flushed = exchange.poll_flush(cx, true);
        loop {
            let incoming = match exchange.inbound.poll_incoming(cx) {
                Poll::Ready(Ok(incoming)) => incoming,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(exchange.inbound_error(error))),
                Poll::Pending => {
                    return match flushed {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        Poll::Ready(Ok(())) => exchange.poll_deadline(cx),
                        Poll::Pending => Poll::Pending,
                    };
                }
            };
            let procedure = exchange.tracker.procedure();
            let refused = |text: &str| {
                let status = Status::unimplemented(text).with_origin(Origin::Caller);
                Poll::Ready(Err(CallError::new(procedure, status)))
            };
            match incoming {
                Incoming::Message(message) if self.message.is_none() => self.message = Some(message),
                Incoming::Message(_) => {
                    return refused(
                        "called as a procedure (one value), answered as a sequence (more than one item)",
                    );
                }
                Incoming::Metadata(metadata) => self.metadata = metadata,
                Incoming::Status(status) => return Poll::Ready(Err(CallError::new(procedure, status))),
                Incoming::End => {
                    return match self.message.take() {
                        Some(message) => Poll::Ready(Ok(message)),
                        None => {
                            refused("called as a procedure (one value), answered as a sequence (no item)")
                        }
                    };
                }
            }
        }
    }
}

impl Request {
    /// The deadline of a unary call that sets none.
    pub(super) fn default_timeout(&self) -> Option<core::time::Duration> {
        self.wire().core().limits().default_timeout
    }
}
