//! The procedures of typed interfaces ([`typed`](crate::typed)): as all are, but that a sequence may borrow, and that those of one
//! value are registered by a pointer, so that methods of one signature share their code.

use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::task::Context as TaskContext;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};

use super::procedures::{
    Answer, Procedure, Start, Unary, answered, answered_here, begin, conclude, decoded, send_items,
    take_items, undecodable,
};
use super::scope::Scope;
use super::{Entry, FromScope, Interface, IntoReply, Kind};
use crate::ProcedureIndex;
use crate::call::{Arrival, Failure, IncomingCall, Receiver};
use crate::codec::{Decode, DecodeArguments, Encode};
use crate::proto::REFLECTION_PROCEDURE;
use crate::runtime::Task;
use crate::typed::{Description, Reflection, Serve};

impl<S> Interface<S> {
    /// Offers every method of a typed interface: `serve(GreeterServer(MyGreeter))`. Several interfaces, and procedures by
    /// number beside them, may be on one `Interface`. What it offers is then one `MyGreeter` for all wires.
    ///
    /// # Panics
    ///
    /// When the interface's name or a method's index is taken: clause 3.7. That is a mistake of the program, met when it starts.
    #[must_use]
    pub fn serve<X: Serve>(self, server: X) -> Self {
        self.serve_shared::<X>(server.into_shared())
    }

    /// As [`serve`](Self::serve), for an implementor that others hold too:
    /// `serve_shared::<GreeterServer<_>>(Arc::clone(&greeter))`.
    ///
    /// # Panics
    ///
    /// As [`serve`](Self::serve).
    #[must_use]
    pub fn serve_shared<X: Serve>(self, implementor: Arc<X::Implementor>) -> Self {
        let description = X::description();
        self.refuse_taken(&description);
        let Self { entries, authorize, state, mut described, hides } = self;
        Arc::make_mut(&mut described).push(description);
        let typed = Interface { entries, authorize, state: implementor, described, hides };
        X::register(typed).with_state(state).reflected()
    }

    /// Whether peers may ask which typed interfaces are served: names, documentation and shapes of all their methods
    /// (clause 15.2). They may, unless this says otherwise. The hook of [`authorize`](Self::authorize) is asked about that as about
    /// every call.
    #[must_use]
    pub fn reflection(mut self, answers: bool) -> Self {
        self.hides = !answers;
        self.reflected()
    }

    /// Offers what is described so far, or takes it back.
    fn reflected(mut self) -> Self {
        let entries = Arc::make_mut(&mut self.entries);
        if self.hides || self.described.is_empty() {
            entries.remove(&REFLECTION_PROCEDURE);
            return self;
        }
        let described = Arc::clone(&self.described);
        let handler = move |(): ()| core::future::ready(Reflection(Arc::clone(&described)));
        let mut entry = Entry::new(Kind::Procedure, false, Arc::new(Unary::new(handler, ())));
        entry.idempotent = true;
        entries.insert(REFLECTION_PROCEDURE, entry);
        self
    }

    /// Says which two interfaces have one name, or which two methods one index, by their names: clauses 3.7 and 15.1. Whoever asks
    /// for an interface asks by its name, and must not be told of another.
    fn refuse_taken(&self, description: &Description) {
        let name = &description.name;
        assert!(
            self.described.iter().all(|other| other.name != *name),
            "an interface called {name} is served already: give one of them another name, \
             `#[ipfi::interface(rename = \"...\")]`"
        );
        for method in &description.methods {
            let index = method.index;
            if !self.entries.contains_key(&index) {
                continue;
            }
            let methods = self.described.iter().flat_map(|other| {
                let named = |method: &crate::typed::Method| format!("{}.{}", other.name, method.name);
                other.methods.iter().filter(|other| other.index == index).map(named)
            });
            let taken = methods.last().unwrap_or_else(|| "a procedure with that number".to_owned());
            let method = &method.name;
            taken_index(&format!("{name}.{method}"), index, &taken);
        }
    }
}

#[cold]
#[allow(clippy::panic)] // documented of `serve`
fn taken_index(method: &str, index: u64, taken: &str) -> ! {
    panic!(
        "{method} has the index {index}, which is that of {taken}: give one of them `#[ipfi(index = ...)]`, or another name"
    )
}

impl<S: Clone + Send + Sync + 'static> Interface<S> {
    /// A procedure of one value. By a pointer: methods of the same signature are compiled once, but for their own code.
    #[doc(hidden)]
    #[must_use]
    pub fn service_procedure<G, A, V>(self, index: u64, handler: fn(&S, G, A) -> Answer<V>) -> Self
    where
        G: FromScope<S>,
        A: DecodeArguments + Send + 'static,
        V: Encode + Send + 'static,
    {
        let procedure = ServiceProcedure { handler, state: self.state.clone() };
        self.register(ProcedureIndex::new(index), Kind::Procedure, false, Arc::new(procedure))
    }

    /// A sequence that may borrow the state, and what it was given, for as long as it runs.
    #[doc(hidden)]
    #[must_use]
    pub fn service_sequence<G, A, I, K>(
        self,
        index: u64,
        handler: impl for<'a> Fn(&'a S, &'a G, A) -> BoxStream<'a, I> + Send + Sync + 'static,
    ) -> Self
    where
        G: FromScope<S> + Sync,
        A: DecodeArguments + Send + 'static,
        I: IntoReply<K> + Send + 'static,
        K: 'static,
    {
        let state = self.state.clone();
        let procedure = ServiceSequence { handler, state, shape: PhantomData::<fn() -> (G, A, I, K)> };
        self.register(ProcedureIndex::new(index), Kind::Sequence, false, Arc::new(procedure))
    }

    /// As [`service_sequence`](Self::service_sequence), with a stream of items after the arguments.
    #[doc(hidden)]
    #[must_use]
    pub fn service_sequence_with_items<G, A, T, I, K>(
        self,
        index: u64,
        handler: impl for<'a> Fn(&'a S, &'a G, A, Receiver<T>) -> BoxStream<'a, I> + Send + Sync + 'static,
    ) -> Self
    where
        G: FromScope<S> + Sync,
        A: DecodeArguments + Send + 'static,
        T: Decode + 'static,
        I: IntoReply<K> + Send + 'static,
        K: 'static,
    {
        let state = self.state.clone();
        let procedure =
            ServiceItemsSequence { handler, state, shape: PhantomData::<fn() -> (G, A, T, I, K)> };
        self.register(ProcedureIndex::new(index), Kind::SequenceWithItems, false, Arc::new(procedure))
    }
}

struct ServiceProcedure<G, A, V, S> {
    handler: fn(&S, G, A) -> Answer<V>,
    state: S,
}

impl<G, A, V, S> Start for ServiceProcedure<G, A, V, S>
where
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    V: Encode + Send + 'static,
    S: Send + Sync + 'static,
{
    type Value = V;

    fn start(&self, call: &mut IncomingCall, arguments: Bytes) -> Result<Answer<V>, Failure> {
        let limits = call.decode_limits();
        let arguments = A::decode_arguments(call.codec(), arguments, &limits).map_err(undecodable)?;
        let given = G::from_scope(&mut Scope::new(call, &self.state));
        Ok((self.handler)(&self.state, given, arguments))
    }

    fn is_blocking(&self) -> bool {
        false
    }
}

impl<G, A, V, S> Procedure for ServiceProcedure<G, A, V, S>
where
    G: FromScope<S>,
    A: DecodeArguments + Send + 'static,
    V: Encode + Send + 'static,
    S: Send + Sync + 'static,
{
    fn call(self: Arc<Self>, call: IncomingCall) -> Task {
        answered(self, call)
    }

    fn begin(&self, call: IncomingCall, arguments: Bytes, cx: &mut TaskContext<'_>) -> Arrival {
        answered_here(self, call, arguments, cx)
    }

    fn begins_here(&self) -> bool {
        true
    }
}

/// The stream borrows from here: the task of a call holds the procedure until the stream is gone.
struct ServiceSequence<F, M, S> {
    handler: F,
    state: S,
    shape: PhantomData<M>,
}

impl<F, G, A, I, K, S> ServiceSequence<F, fn() -> (G, A, I, K), S>
where
    F: for<'a> Fn(&'a S, &'a G, A) -> BoxStream<'a, I>,
    G: FromScope<S>,
    A: DecodeArguments,
    I: IntoReply<K>,
{
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure> {
        let arguments = decoded(call).await?;
        let given = begin(call, &self.state, |mut scope| G::from_scope(&mut scope))?;
        let items = begin(call, &self.state, |_| (self.handler)(&self.state, &given, arguments))?;
        send_items(call, items.map(IntoReply::into_reply)).await
    }
}

impl<F, G, A, I, K, S> Procedure for ServiceSequence<F, fn() -> (G, A, I, K), S>
where
    F: for<'a> Fn(&'a S, &'a G, A) -> BoxStream<'a, I> + Send + Sync + 'static,
    G: FromScope<S> + Sync,
    A: DecodeArguments + Send + 'static,
    I: IntoReply<K> + Send + 'static,
    K: 'static,
    S: Send + Sync + 'static,
{
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = AssertUnwindSafe(self.run(&mut call)).catch_unwind().await;
            conclude(&mut call, result).await;
        })
    }
}

/// As [`ServiceSequence`], with items of the caller.
struct ServiceItemsSequence<F, M, S> {
    handler: F,
    state: S,
    shape: PhantomData<M>,
}

impl<F, G, A, T, I, K, S> ServiceItemsSequence<F, fn() -> (G, A, T, I, K), S>
where
    F: for<'a> Fn(&'a S, &'a G, A, Receiver<T>) -> BoxStream<'a, I>,
    G: FromScope<S>,
    A: DecodeArguments,
    I: IntoReply<K>,
{
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure> {
        let arguments = decoded(call).await?;
        let items = take_items(call)?;
        let given = begin(call, &self.state, |mut scope| G::from_scope(&mut scope))?;
        let items = begin(call, &self.state, |_| (self.handler)(&self.state, &given, arguments, items))?;
        send_items(call, items.map(IntoReply::into_reply)).await
    }
}

impl<F, G, A, T, I, K, S> Procedure for ServiceItemsSequence<F, fn() -> (G, A, T, I, K), S>
where
    F: for<'a> Fn(&'a S, &'a G, A, Receiver<T>) -> BoxStream<'a, I> + Send + Sync + 'static,
    G: FromScope<S> + Sync,
    A: DecodeArguments + Send + 'static,
    T: Decode + 'static,
    I: IntoReply<K> + Send + 'static,
    K: 'static,
    S: Send + Sync + 'static,
{
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = AssertUnwindSafe(self.run(&mut call)).catch_unwind().await;
            conclude(&mut call, result).await;
        })
    }
}
