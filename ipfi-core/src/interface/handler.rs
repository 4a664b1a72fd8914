//! Which functions and closures can be procedures.
//!
//! Each trait here is implemented by plain functions and closures, with and without a [`Context`]; `M`
//! only tells those implementations apart and is never named by a user.

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;

use futures_channel::oneshot;
use futures_core::Stream;
use futures_util::StreamExt;

use super::reply::IntoReply;
use crate::call::{IncomingCall, RawCall, Receiver};
use crate::codec::{Decode, DecodeArguments, Encode};
use crate::context::Context;
use crate::status::Status;

/// What a handler is started with beside its arguments.
pub struct Scope<'a>(pub(crate) &'a mut dyn ScopeSource);

/// Makes a context when a handler wants one, and finds a place for blocking work.
pub(crate) trait ScopeSource: Send {
    fn context(&mut self) -> Context;
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

impl ScopeSource for IncomingCall {
    fn context(&mut self) -> Context {
        Self::context(self)
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.core().runtime().spawn_blocking(work);
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

/// One value in, one value (or nothing) out: `Fn(Arguments) -> Future` or
/// `Fn(Context, Arguments) -> Future`. The future must be `Send + 'static`: state is captured by value
/// and cloned per call.
pub trait Handler<M>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// What it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_>,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<Self, M>;

    /// Whether its first poll must not happen where the connection is read.
    fn is_spawned(&self) -> bool {
        false
    }

    /// Whether it cannot be interrupted once it has begun.
    fn is_blocking(&self) -> bool {
        false
    }
}

impl<F, A, Fut, K> Handler<(A, K)> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        _: Scope<'_>,
        arguments: A,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, A, Fut, K> {
        reply(self(arguments))
    }
}

impl<F, A, Fut, K> Handler<(Context, A, K)> for F
where
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, A, Fut, K> {
        reply(self(scope.0.context(), arguments))
    }
}

async fn reply<Fut, K>(answer: Fut) -> Result<<Fut::Output as IntoReply<K>>::Value, Status>
where
    Fut: Future<Output: IntoReply<K>>,
{
    answer.await.into_reply()
}

/// A handler that is a task from its first poll on: see [`spawned`].
#[derive(Clone, Copy, Debug)]
pub struct Spawned<H>(H);

/// Makes every call of `handler` a task of its own from its first poll on, for a handler that computes
/// for long before its first `await`. Costs a task per call.
pub fn spawned<H>(handler: H) -> Spawned<H> {
    Spawned(handler)
}

impl<H: Handler<M>, M> Handler<(Spawned<()>, M)> for Spawned<H> {
    type Arguments = H::Arguments;
    type Value = H::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: H::Arguments,
    ) -> impl Future<Output = Result<H::Value, Status>> + Send + use<H, M> {
        self.0.start(scope, arguments)
    }

    fn is_spawned(&self) -> bool {
        true
    }
}

/// A synchronous handler that runs where it may block: see [`blocking`].
#[derive(Clone, Copy, Debug)]
pub struct Blocking<F>(F);

/// Makes a plain function a handler and runs it where it may block or compute without stalling a wire.
/// It cannot be interrupted: a cancelled call is answered at once, but its place among the peer's
/// concurrent calls is held until the function has returned.
pub fn blocking<F>(function: F) -> Blocking<F> {
    Blocking(function)
}

impl<F, A, R, K> Handler<(Blocking<()>, A, K)> for Blocking<F>
where
    F: Fn(A) -> R + Clone + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    R: IntoReply<K> + Send + 'static,
{
    type Arguments = A;
    type Value = R::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
    ) -> impl Future<Output = Result<R::Value, Status>> + Send + use<F, A, R, K> {
        let function = self.0.clone();
        reply(run_blocking(&scope, Box::new(move || function(arguments))))
    }

    fn is_blocking(&self) -> bool {
        true
    }
}

impl<F, A, R, K> Handler<(Blocking<Context>, A, K)> for Blocking<F>
where
    F: Fn(Context, A) -> R + Clone + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    R: IntoReply<K> + Send + 'static,
{
    type Arguments = A;
    type Value = R::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
    ) -> impl Future<Output = Result<R::Value, Status>> + Send + use<F, A, R, K> {
        let (function, context) = (self.0.clone(), scope.0.context());
        reply(run_blocking(&scope, Box::new(move || function(context, arguments))))
    }

    fn is_blocking(&self) -> bool {
        true
    }
}

fn run_blocking<R: Send + 'static>(
    scope: &Scope<'_>,
    work: Box<dyn FnOnce() -> R + Send>,
) -> impl Future<Output = R> + Send + use<R> {
    let (done, result) = oneshot::channel();
    scope.0.spawn_blocking(Box::new(move || {
        // The receiver is gone when the call was cancelled: nobody wants the result.
        let _ = done.send(std::panic::catch_unwind(AssertUnwindSafe(work)));
    }));
    async move {
        match result.await {
            Ok(Ok(value)) => value,
            // The task that runs the call catches panics, this one too.
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(oneshot::Canceled) => {
                std::panic::resume_unwind(Box::new("the runtime dropped blocking work"))
            }
        }
    }
}

/// One value in, a sequence out: `Fn(Arguments) -> Stream` or `Fn(Context, Arguments) -> Stream`.
pub trait SequenceHandler<M>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// An item.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_>,
        arguments: Self::Arguments,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<Self, M>;
}

impl<F, A, S, K> SequenceHandler<(A, K)> for F
where
    F: Fn(A) -> S + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    S: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <S::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        _: Scope<'_>,
        arguments: A,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, A, S, K> {
        self(arguments).map(IntoReply::into_reply)
    }
}

impl<F, A, S, K> SequenceHandler<(Context, A, K)> for F
where
    F: Fn(Context, A) -> S + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    S: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <S::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, A, S, K> {
        self(scope.0.context(), arguments).map(IntoReply::into_reply)
    }
}

/// One value and items of `T` in, one value out: `Fn(Arguments, Receiver<T>) -> Future`, with or
/// without a [`Context`] before.
pub trait ItemsHandler<T, M>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// What it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_>,
        arguments: Self::Arguments,
        items: Receiver<T>,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<Self, T, M>;
}

impl<F, A, T, Fut, K> ItemsHandler<T, (A, K)> for F
where
    F: Fn(A, Receiver<T>) -> Fut + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        _: Scope<'_>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, A, T, Fut, K> {
        reply(self(arguments, items))
    }
}

impl<F, A, T, Fut, K> ItemsHandler<T, (Context, A, K)> for F
where
    F: Fn(Context, A, Receiver<T>) -> Fut + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, A, T, Fut, K> {
        reply(self(scope.0.context(), arguments, items))
    }
}

/// One value and items of `T` in, a sequence out: `Fn(Arguments, Receiver<T>) -> Stream`, with or
/// without a [`Context`] before.
pub trait ItemsSequenceHandler<T, M>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// An item it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_>,
        arguments: Self::Arguments,
        items: Receiver<T>,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<Self, T, M>;
}

impl<F, A, T, S, K> ItemsSequenceHandler<T, (A, K)> for F
where
    F: Fn(A, Receiver<T>) -> S + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    S: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <S::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        _: Scope<'_>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, A, T, S, K> {
        self(arguments, items).map(IntoReply::into_reply)
    }
}

impl<F, A, T, S, K> ItemsSequenceHandler<T, (Context, A, K)> for F
where
    F: Fn(Context, A, Receiver<T>) -> S + Send + Sync + 'static,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    S: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <S::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        scope: Scope<'_>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, A, T, S, K> {
        self(scope.0.context(), arguments, items).map(IntoReply::into_reply)
    }
}

/// Bytes in, bytes out: `Fn(RawCall) -> Future<Output = Result<(), Status>>`.
pub trait RawHandler: Send + Sync + 'static {
    /// Begins a call.
    fn start(&self, call: RawCall) -> impl Future<Output = Result<(), Status>> + Send + use<Self>;
}

impl<F, Fut> RawHandler for F
where
    F: Fn(RawCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn start(&self, call: RawCall) -> impl Future<Output = Result<(), Status>> + Send + use<F, Fut> {
        self(call)
    }
}
