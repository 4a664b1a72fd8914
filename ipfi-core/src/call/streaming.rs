//! Calls with items in one or both directions.

use core::fmt;
use core::future::{Future, IntoFuture, poll_fn};
use core::marker::PhantomData;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use futures_core::Stream;

use super::error::CallError;
use super::exchange::Exchange;
use super::receiver::Receiver;
use super::request::{Call, Ready};
use super::sender::{Sender, yield_once};
use super::unary::Reply;
use crate::codec::{Decode, Encode, EncodeArguments};
use crate::status::Origin;

type Started<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// The kind of a call that is answered with a sequence of `T`.
#[derive(Debug)]
pub struct StreamCall<T>(PhantomData<fn() -> T>);

impl<T: Decode + 'static, A: EncodeArguments> IntoFuture for Call<StreamCall<T>, A> {
    type Output = Result<Receiver<T>, CallError>;
    type IntoFuture = Started<'static, Receiver<T>>;

    fn into_future(self) -> Started<'static, Receiver<T>> {
        let ready = self.prepare(None);
        Box::pin(async move {
            let mut exchange = Exchange::open(ready?).await?;
            exchange.flush(true).await?;
            let Exchange { tracker, inbound, deadline, codec, .. } = exchange;
            Ok(Receiver::of_call(inbound, codec, tracker, deadline))
        })
    }
}

impl<T: Decode + 'static, A: EncodeArguments> Call<StreamCall<T>, A> {
    /// Sends the call and leaves it: it runs on at the peer, and nobody takes its items. Its deadline
    /// holds, and it does not outlive the connection. Ready when this side has taken the bytes; dropped
    /// before, the call is cancelled. [`Receiver::detach`] leaves later.
    pub fn detached(self) -> Started<'static, ()> {
        let ready = self.prepare(None);
        Box::pin(async move { Exchange::open(ready?).await?.detach().await })
    }
}

/// The kind of a call that takes items of `T` and is answered with one `R`.
#[derive(Debug)]
pub struct Upload<T, R>(PhantomData<fn(T) -> R>);

impl<T: Encode + 'static, R: Decode + 'static, A: EncodeArguments> IntoFuture for Call<Upload<T, R>, A> {
    type Output = Result<Uploading<T, R>, CallError>;
    type IntoFuture = Started<'static, Uploading<T, R>>;

    fn into_future(self) -> Started<'static, Uploading<T, R>> {
        let ready = self.prepare(None);
        Box::pin(async move { Uploading::start(ready?).await })
    }
}

impl<T: Encode + Send + 'static, R: Decode + 'static, A: EncodeArguments> Call<Upload<T, R>, A> {
    /// Sends every item of `items` and waits for the answer. Stops reading `items` when the callee
    /// needs no more.
    pub fn items<'a>(self, items: impl Stream<Item = T> + Send + 'a) -> Started<'a, R> {
        let ready = self.prepare(None);
        Box::pin(async move {
            let mut uploading = Uploading::start(ready?).await?;
            uploading.send_all(items).await?;
            uploading.finish().await
        })
    }
}

/// A call that is being sent items: send them, then [`finish`](Self::finish) for the answer, or
/// [`detach`](Self::detach) to do without. Dropped before, it cancels the call at the peer.
pub struct Uploading<T, R> {
    exchange: Exchange,
    kind: PhantomData<fn(T) -> R>,
}

impl<T: Encode, R: Decode> Uploading<T, R> {
    /// Sends `item` and waits until this side has taken it. An item that cannot be encoded or is too
    /// large fails alone. When the callee needs no more items they are discarded and
    /// [`finish`](Self::finish) gives its answer. Cancel safe.
    pub async fn send(&mut self, item: T) -> Result<(), CallError> {
        if self.exchange.stopped {
            // Whoever sends without end must not keep from running what would end it.
            yield_once().await;
            return Ok(());
        }
        let staged = self.exchange.stage_message(&item);
        let procedure = self.exchange.tracker.procedure();
        staged.map_err(|status| CallError::new(procedure, status.with_origin(Origin::Caller)))?;
        self.exchange.flush(false).await
    }

    /// Whether the callee needs no more items.
    pub fn is_stopped(&self) -> bool {
        self.exchange.stopped
    }

    /// Ends the items and leaves the call: it runs on at the peer, and nobody hears of its end. Its
    /// deadline holds, and it does not outlive the connection. Ready when this side has taken the items;
    /// dropped before, the call is cancelled.
    pub async fn detach(self) -> Result<(), CallError> {
        self.exchange.detach().await
    }

    /// Ends the items and waits for the answer. Dropping the future cancels the call.
    pub async fn finish(mut self) -> Result<R, CallError> {
        Reply::default().value(&mut self.exchange).await
    }
}

impl<T, R> Uploading<T, R> {
    async fn start(ready: Ready) -> Result<Self, CallError> {
        let mut exchange = Exchange::open(ready).await?;
        exchange.flush(false).await?;
        Ok(Self { exchange, kind: PhantomData })
    }

    /// Sends items until there are no more or nobody needs them.
    async fn send_all(&mut self, items: impl Stream<Item = T> + Send) -> Result<(), CallError>
    where
        T: Encode,
        R: Decode,
    {
        let mut items = pin!(items);
        while !self.is_stopped() {
            let item = poll_fn(|cx| match items.as_mut().poll_next(cx) {
                Poll::Ready(item) => Poll::Ready(Ok(item)),
                // Who waits for the next item must not miss that nobody needs it.
                Poll::Pending => self.poll_over(cx).map(|over| over.map(|()| None)),
            });
            match item.await? {
                Some(item) => self.send(item).await?,
                None => break,
            }
        }
        Ok(())
    }

    /// Ready when the callee needs no more items, or with the error that ended the call.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        let over = match self.exchange.outbound.poll_stopped(cx) {
            Poll::Ready(Ok(_)) => {
                self.exchange.stopped = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(cause)) => {
                let sent = self.exchange.outbound.is_handed();
                Poll::Ready(Err(self.exchange.tracker.lost(cause, sent)))
            }
            Poll::Pending => self.exchange.poll_deadline(cx),
        };
        over.map_err(|error| self.exchange.fail(error))
    }
}

impl<T, R> fmt::Debug for Uploading<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploading").field("exchange", &self.exchange).finish()
    }
}

/// The kind of a call that takes items of `T` and is answered with a sequence of `U`.
#[derive(Debug)]
pub struct Duplex<T, U>(PhantomData<fn(T) -> U>);

impl<T: Encode + 'static, U: Decode + 'static, A: EncodeArguments> IntoFuture for Call<Duplex<T, U>, A> {
    type Output = Result<(Sender<T>, Receiver<U>), CallError>;
    type IntoFuture = Started<'static, (Sender<T>, Receiver<U>)>;

    fn into_future(self) -> Started<'static, (Sender<T>, Receiver<U>)> {
        let ready = self.prepare(None);
        Box::pin(async move {
            let mut exchange = Exchange::open(ready?).await?;
            exchange.flush(false).await?;
            let Exchange { tracker, outbound, inbound, deadline, codec, stopped } = exchange;
            let wire = tracker.wire().clone();
            let sender = Sender::new(outbound, tracker.procedure(), codec, stopped, wire);
            Ok((sender, Receiver::of_call(inbound, codec, tracker, deadline)))
        })
    }
}
