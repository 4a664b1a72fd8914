//! One value in, one value out.

use core::fmt;
use core::future::{Future, IntoFuture, poll_fn};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;

use super::error::CallError;
use super::exchange::{Exchange, Sending};
use super::inbound::Incoming;
use super::request::{Call, Ready};
use crate::codec::{Decode, EncodeArguments};
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

/// A unary call being made: what awaiting a [`Call`] awaits. Dropped, it cancels the call.
///
/// The usual call, which is small and finds a place and credit, is sent in one step of its first poll and
/// then waits for nothing but its answer.
#[must_use = "futures do nothing unless polled"]
pub struct Calling<R> {
    stage: Stage,
    answer: PhantomData<fn() -> R>,
}

/// How far a unary call is.
// One that is open is the rule; a box around it would cost each call an allocation.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// Nothing has happened.
    Ready(Result<Ready, CallError>),
    /// It waits for a place and for credit.
    Opening(Pin<Box<dyn Future<Output = Result<Exchange, CallError>> + Send>>),
    /// Its request is on its way, and its answer is waited for.
    Open(Exchange, Reply),
    /// It has ended.
    Over,
}

impl<R> Calling<R> {
    fn new(ready: Result<Ready, CallError>) -> Self {
        Self { stage: Stage::Ready(ready), answer: PhantomData }
    }
}

impl Stage {
    /// Opens the call. `Ready(Ok(true))` when it is open, has been sent whole, and the task will be woken by
    /// its answer.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, CallError>> {
        if let Self::Ready(_) = self
            && let Self::Ready(ready) = core::mem::replace(self, Self::Over)
        {
            match Exchange::try_send(ready?, cx)? {
                Sending::Sent { exchange, waits } => {
                    *self = Self::Open(exchange, Reply::default());
                    return Poll::Ready(Ok(waits));
                }
                Sending::Waits { outgoing, tracker } => {
                    *self = Self::Opening(Box::pin(Exchange::open_unary(outgoing, tracker)));
                }
            }
        }
        let Self::Opening(opening) = self else { return Poll::Ready(Ok(false)) };
        let opened = ready!(opening.as_mut().poll(cx));
        *self = Self::Over;
        *self = Self::Open(opened?, Reply::default());
        Poll::Ready(Ok(false))
    }

    /// The whole of the answer, as `take` makes it of the message.
    fn poll_answer<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&Exchange, Bytes) -> Result<T, CallError>,
    ) -> Poll<Result<(T, Metadata), CallError>> {
        if !matches!(self, Self::Open(..)) && ready!(self.poll_open(cx))? {
            let Self::Open(exchange, _) = self else { return Poll::Pending };
            let passed = ready!(exchange.poll_deadline(cx));
            return Poll::Ready(exchange.end(passed));
        }
        // `poll_open` leaves an open call or an error, so that only one who was answered gets no further.
        #[allow(clippy::panic)]
        let Self::Open(exchange, reply) = self else { panic!("a call is polled after its end") };
        let received = ready!(reply.poll(cx, exchange));
        let taken = received.and_then(|message| take(exchange, message));
        let answer = exchange.end(taken).map(|value| (value, core::mem::take(&mut reply.metadata)));
        *self = Self::Over;
        Poll::Ready(answer)
    }
}

impl<R: Decode> Future for Calling<R> {
    type Output = Result<R, CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().stage.poll_answer(cx, Exchange::decode).map_ok(|(value, _)| value)
    }
}

impl<R> fmt::Debug for Calling<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Ready(_) => "ready",
            Stage::Opening(_) => "opening",
            Stage::Open(..) => "open",
            Stage::Over => "over",
        };
        f.debug_struct("Calling").field("stage", &stage).finish_non_exhaustive()
    }
}

impl<R: Decode, A: EncodeArguments> IntoFuture for Call<Unary<R>, A> {
    type Output = Result<R, CallError>;
    type IntoFuture = Calling<R>;

    fn into_future(self) -> Calling<R> {
        let timeout = self.default_timeout();
        Calling::new(self.prepare(timeout))
    }
}

impl<R: Decode, A: EncodeArguments> Call<Unary<R>, A> {
    /// Makes the call and gives the metadata of the answer too. Dropping the future cancels the call.
    pub fn answer(self) -> UnaryFuture<Answer<R>> {
        let timeout = self.default_timeout();
        let mut stage = Stage::Ready(self.prepare(timeout));
        Box::pin(async move {
            let answer = poll_fn(|cx| stage.poll_answer(cx, Exchange::decode)).await;
            answer.map(|(value, metadata)| Answer { value, metadata })
        })
    }

    /// Sends the call and leaves it: it runs on at the peer, and nobody hears of its end. Its deadline
    /// holds, and it does not outlive the connection. Ready when this side has taken the bytes; dropped
    /// before, the call is cancelled.
    pub fn detached(self) -> UnaryFuture<()> {
        let timeout = self.default_timeout();
        let ready = self.prepare(timeout);
        Box::pin(async move { Exchange::open(ready?).await?.detach().await })
    }
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
            let incoming = match exchange.inbound.poll_incoming(exchange.tracker.wire().core(), cx) {
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
