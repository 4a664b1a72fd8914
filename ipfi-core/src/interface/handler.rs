//! Which functions and closures can be procedures.
//!
//! Each trait here is implemented by plain functions and closures, with and without a
//! [`Context`](crate::Context) and a [`State`](super::State) before their arguments; `M` only tells those
//! implementations apart and is never named by a user, `S` is the interface's state.

use core::future::Future;
use core::panic::AssertUnwindSafe;

use futures_channel::oneshot;
use futures_core::Stream;
use futures_util::StreamExt;

use super::function::{Function, ItemsFunction};
use super::reply::IntoReply;
use super::scope::{FromScope, Scope};
use crate::call::{RawCall, Receiver};
use crate::codec::{Decode, DecodeArguments, Encode};
use crate::status::Status;

/// One value in, one value (or nothing) out: `Fn(Arguments) -> Future`, with or without a
/// [`Context`](crate::Context) and a [`State`](super::State) before. The future must be `Send + 'static`:
/// it owns what it uses.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a procedure of one value, or a notification",
    note = "it must be `Fn(Arguments) -> Future` of a tuple that serde can read and a `Send + 'static` future",
    note = "before its arguments it may take a `Context`, and the `State` of its interface"
)]
pub trait Handler<M, S = ()>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// What it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_, S>,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<Self, M, S>;

    /// Whether its first poll must not happen where the connection is read.
    fn is_spawned(&self) -> bool {
        false
    }

    /// Whether it cannot be interrupted once it has begun.
    fn is_blocking(&self) -> bool {
        false
    }
}

impl<F, G, A, Fut, K, S> Handler<(G, A, K), S> for F
where
    F: Function<G, A, Output = Fut>,
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        mut scope: Scope<'_, S>,
        arguments: A,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, G, A, Fut, K, S> {
        reply(self.apply(G::from_scope(&mut scope), arguments))
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

impl<H: Handler<M, S>, M, S> Handler<(Spawned<()>, M), S> for Spawned<H> {
    type Arguments = H::Arguments;
    type Value = H::Value;

    fn start(
        &self,
        scope: Scope<'_, S>,
        arguments: H::Arguments,
    ) -> impl Future<Output = Result<H::Value, Status>> + Send + use<H, M, S> {
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

impl<F, G, A, R, K, S> Handler<(Blocking<()>, G, A, K), S> for Blocking<F>
where
    F: Function<G, A, Output = R> + Clone,
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    R: IntoReply<K> + Send + 'static,
{
    type Arguments = A;
    type Value = R::Value;

    fn start(
        &self,
        mut scope: Scope<'_, S>,
        arguments: A,
    ) -> impl Future<Output = Result<R::Value, Status>> + Send + use<F, G, A, R, K, S> {
        let (function, given) = (self.0.clone(), G::from_scope(&mut scope));
        reply(run_blocking(&scope, Box::new(move || function.apply(given, arguments))))
    }

    fn is_blocking(&self) -> bool {
        true
    }
}

fn run_blocking<R: Send + 'static, S>(
    scope: &Scope<'_, S>,
    work: Box<dyn FnOnce() -> R + Send>,
) -> impl Future<Output = R> + Send + use<R, S> {
    let (done, result) = oneshot::channel();
    scope.spawn_blocking(Box::new(move || {
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

/// One value in, a sequence out: `Fn(Arguments) -> Stream`, with or without a
/// [`Context`](crate::Context) and a [`State`](super::State) before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a sequence",
    note = "it must be `Fn(Arguments) -> Stream` of a tuple that serde can read and a `Send + 'static` stream",
    note = "before its arguments it may take a `Context`, and the `State` of its interface"
)]
pub trait SequenceHandler<M, S = ()>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// An item.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_, S>,
        arguments: Self::Arguments,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<Self, M, S>;
}

impl<F, G, A, I, K, S> SequenceHandler<(G, A, K), S> for F
where
    F: Function<G, A, Output = I>,
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    I: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <I::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        mut scope: Scope<'_, S>,
        arguments: A,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, G, A, I, K, S> {
        self.apply(G::from_scope(&mut scope), arguments).map(IntoReply::into_reply)
    }
}

/// One value and items of `T` in, one value out: `Fn(Arguments, Receiver<T>) -> Future`, with or
/// without a [`Context`](crate::Context) and a [`State`](super::State) before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a procedure with items of `{T}`",
    note = "it must be `Fn(Arguments, Receiver<{T}>) -> Future` of a tuple that serde can read and a `Send + 'static` future",
    note = "before its arguments it may take a `Context`, and the `State` of its interface"
)]
pub trait ItemsHandler<T, M, S = ()>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// What it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_, S>,
        arguments: Self::Arguments,
        items: Receiver<T>,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<Self, T, M, S>;
}

impl<F, G, A, T, Fut, K, S> ItemsHandler<T, (G, A, K), S> for F
where
    F: ItemsFunction<G, A, T, Output = Fut>,
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    Fut: Future<Output: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <Fut::Output as IntoReply<K>>::Value;

    fn start(
        &self,
        mut scope: Scope<'_, S>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Future<Output = Result<Self::Value, Status>> + Send + use<F, G, A, T, Fut, K, S> {
        reply(self.apply(G::from_scope(&mut scope), arguments, items))
    }
}

/// One value and items of `T` in, a sequence out: `Fn(Arguments, Receiver<T>) -> Stream`, with or
/// without a [`Context`](crate::Context) and a [`State`](super::State) before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a sequence with items of `{T}`",
    note = "it must be `Fn(Arguments, Receiver<{T}>) -> Stream` of a tuple that serde can read and a `Send + 'static` stream",
    note = "before its arguments it may take a `Context`, and the `State` of its interface"
)]
pub trait ItemsSequenceHandler<T, M, S = ()>: Send + Sync + 'static {
    /// The argument tuple.
    type Arguments: DecodeArguments + Send + 'static;
    /// An item it answers with.
    type Value: Encode + Send + 'static;

    /// Begins a call.
    fn start(
        &self,
        scope: Scope<'_, S>,
        arguments: Self::Arguments,
        items: Receiver<T>,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<Self, T, M, S>;
}

impl<F, G, A, T, I, K, S> ItemsSequenceHandler<T, (G, A, K), S> for F
where
    F: ItemsFunction<G, A, T, Output = I>,
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    T: Decode,
    I: Stream<Item: IntoReply<K>> + Send + 'static,
{
    type Arguments = A;
    type Value = <I::Item as IntoReply<K>>::Value;

    fn start(
        &self,
        mut scope: Scope<'_, S>,
        arguments: A,
        items: Receiver<T>,
    ) -> impl Stream<Item = Result<Self::Value, Status>> + Send + use<F, G, A, T, I, K, S> {
        self.apply(G::from_scope(&mut scope), arguments, items).map(IntoReply::into_reply)
    }
}

/// Bytes in, bytes out: `Fn(RawCall) -> Future<Output = Result<(), Status>>`, with or without a
/// [`State`](super::State) before. `G` is what it takes before the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a raw procedure",
    note = "it must be `Fn(RawCall) -> Future` of a `Send + 'static` future of a `Result<(), Status>`",
    note = "before the call it may take the `State` of its interface"
)]
pub trait RawHandler<G: FromScope<S>, S = ()>: Send + Sync + 'static {
    /// Begins a call.
    fn start(
        &self,
        given: G,
        call: RawCall,
    ) -> impl Future<Output = Result<(), Status>> + Send + use<Self, G, S>;
}

impl<F, G, Fut, S> RawHandler<G, S> for F
where
    F: Function<G, RawCall, Output = Fut>,
    G: FromScope<S>,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn start(
        &self,
        given: G,
        call: RawCall,
    ) -> impl Future<Output = Result<(), Status>> + Send + use<F, G, Fut, S> {
        self.apply(given, call)
    }
}
