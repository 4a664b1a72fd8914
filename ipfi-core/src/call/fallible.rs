//! Calls of methods that answer `Result<T, E>`: the calls of [`Unary`] and [`Upload`], with the method's own
//! error beside that of the call.

use core::fmt;
use core::future::{Future, IntoFuture};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use super::error::CallError;
use super::request::Call;
use super::streaming::{Upload, Uploading};
use super::unary::{Calling, Unary};
use crate::codec::{Encode, EncodeArguments};
use crate::typed::MethodError;

/// The kind of a call that is answered with `Result<T, E>`. Awaiting it gives `T` or a
/// [`TypedError<E>`](crate::typed::TypedError); [`as_value`](Call::as_value) leaves the answer as it travels.
#[derive(Debug)]
pub struct TryUnary<T, E>(PhantomData<fn() -> (T, E)>);

/// The kind of a call that takes items of `I` and is answered with `Result<T, E>`.
#[derive(Debug)]
pub struct TryUpload<I, T, E>(PhantomData<fn(I) -> (T, E)>);

/// A call of [`TryUnary`] being made. Dropped, it cancels the call.
#[must_use = "futures do nothing unless polled"]
pub struct TryCalling<T, E: MethodError<T>> {
    calling: Calling<E::Wire>,
    kind: PhantomData<fn() -> T>,
}

impl<T, E: MethodError<T>> Future for TryCalling<T, E> {
    type Output = Result<T, E::Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.get_mut().calling).poll(cx).map(E::outcome)
    }
}

impl<T, E: MethodError<T>> fmt::Debug for TryCalling<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calling.fmt(f)
    }
}

impl<T, E: MethodError<T>, A: EncodeArguments> IntoFuture for Call<TryUnary<T, E>, A> {
    type Output = Result<T, E::Failure>;
    type IntoFuture = TryCalling<T, E>;

    fn into_future(self) -> TryCalling<T, E> {
        TryCalling { calling: self.as_value().into_future(), kind: PhantomData }
    }
}

impl<T, E: MethodError<T>, A> Call<TryUnary<T, E>, A> {
    /// The same call, answered with the `Result` as a value: with its metadata
    /// ([`answer`](Call::answer)), or left to itself ([`detached`](Call::detached)).
    pub fn as_value(self) -> Call<Unary<E::Wire>, A> {
        self.into_kind()
    }
}

type Outcome<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, <E as MethodError<T>>::Failure>> + Send + 'a>>;

impl<I, T, E, A> IntoFuture for Call<TryUpload<I, T, E>, A>
where
    I: Encode + 'static,
    T: 'static,
    E: MethodError<T, Failure: From<CallError>> + 'static,
    A: EncodeArguments,
{
    type Output = Result<TryUploading<I, T, E>, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let uploading = self.as_value().into_future();
        Box::pin(async move { Ok(TryUploading { uploading: uploading.await?, kind: PhantomData }) })
    }
}

impl<I, T, E: MethodError<T>, A> Call<TryUpload<I, T, E>, A> {
    /// The same call, answered with the `Result` as a value.
    pub fn as_value(self) -> Call<Upload<I, E::Wire>, A> {
        self.into_kind()
    }

    /// Sends every item of `items` and waits for the answer. Stops reading `items` when the callee
    /// needs no more.
    pub fn items<'a>(self, items: impl Stream<Item = I> + Send + 'a) -> Outcome<'a, T, E>
    where
        I: Encode + Send + 'static,
        A: EncodeArguments,
    {
        let answer = self.as_value().items(items);
        Box::pin(async move { E::outcome(answer.await) })
    }
}

/// A call that is being sent items, as [`Uploading`], whose answer is `Result<T, E>`.
pub struct TryUploading<I, T, E: MethodError<T>> {
    uploading: Uploading<I, E::Wire>,
    kind: PhantomData<fn() -> T>,
}

impl<I: Encode, T, E: MethodError<T>> TryUploading<I, T, E> {
    /// Sends `item` and waits until this side has taken it: see [`Uploading::send`]. Cancel safe.
    pub async fn send(&mut self, item: I) -> Result<(), CallError> {
        self.uploading.send(item).await
    }

    /// Whether the callee needs no more items.
    pub fn is_stopped(&self) -> bool {
        self.uploading.is_stopped()
    }

    /// Ends the items and leaves the call: see [`Uploading::detach`].
    pub async fn detach(self) -> Result<(), CallError> {
        self.uploading.detach().await
    }

    /// Ends the items and waits for the answer. Dropping the future cancels the call.
    pub async fn finish(self) -> Result<T, E::Failure> {
        E::outcome(self.uploading.finish().await)
    }
}

impl<I, T, E: MethodError<T>> fmt::Debug for TryUploading<I, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uploading.fmt(f)
    }
}
