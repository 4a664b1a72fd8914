//! Handlers of every kind as one object: decode, run, encode. The generic part is thin; what does not
//! depend on types is in [`IncomingCall`].

use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context as TaskContext, Poll};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::FutureExt;

use super::handler::{Handler, ItemsHandler, ItemsSequenceHandler, RawHandler, SequenceHandler};
use super::scope::{FromScope, Scope, ScopeSource};
use crate::call::{Arrival, Failure, IncomingCall, IncomingNotification, RawCall, Receiver, yield_once};
use crate::codec::{CodecError, Decode, DecodeArguments, Encode};
use crate::context::Context;
use crate::runtime::Task;
use crate::status::Status;
use crate::sync::Mutex;

/// Items staged up to this many bytes leave in one write: nearly a full STREAM frame, and with a usual
/// item more still no larger a buffer than 16 KiB.
const BATCH_BYTES: usize = (16 << 10) - 512;

/// A procedure of any kind.
pub(crate) trait Procedure: Send + Sync {
    /// The task of a call. A notification is none.
    fn call(self: Arc<Self>, call: IncomingCall) -> Task;

    /// Begins a call whose arguments are all that there is to its request, here, and ends it if nothing has to
    /// be waited for; says what is left to do. Asked only of those that [begin here](Self::begins_here).
    fn begin(&self, call: IncomingCall, arguments: Bytes, cx: &mut TaskContext<'_>) -> Arrival {
        let _ = (arguments, cx);
        Arrival::inline(call.refuse(Status::internal("the procedure does not begin here")))
    }

    /// Whether calls can be begun where the connection is read, without a task.
    fn begins_here(&self) -> bool {
        false
    }

    /// The task of a notification, or `None` for a procedure that answers.
    fn notify(self: Arc<Self>, notification: IncomingNotification) -> Option<Task> {
        drop(notification);
        None
    }
}

macro_rules! shims {
    ($($name:ident),*) => {$(
        /// A handler, its interface's state, and the marker of its shape, which holds nothing.
        pub(super) struct $name<H, M, S> {
            handler: H,
            state: S,
            shape: PhantomData<fn() -> M>,
        }

        impl<H, M, S> $name<H, M, S> {
            pub(super) fn new(handler: H, state: S) -> Self {
                Self { handler, state, shape: PhantomData }
            }
        }
    )*};
}

shims!(Unary, Sequence, Items, ItemsSequence, Notification, RawProcedure);

/// A state that calls on any thread may ask for.
pub(super) trait Shared: Send + Sync + 'static {}

impl<S: Send + Sync + 'static> Shared for S {}

pub(super) async fn decoded<A: DecodeArguments>(call: &mut IncomingCall) -> Result<A, Failure> {
    let arguments = call.arguments().await?;
    let decoded = A::decode_arguments(call.codec(), arguments, &call.decode_limits());
    decoded.map_err(undecodable)
}

/// Arguments that cannot be decoded: the caller's fault, or a limit of this side.
pub(super) fn undecodable(error: CodecError) -> Failure {
    let status = match error {
        CodecError::Decode { .. } | CodecError::Truncated { .. } | CodecError::Trailing { .. } => {
            Status::invalid_argument(format!("the arguments cannot be decoded: {error}"))
        }
        error => error.into(),
    };
    Failure::Status(status)
}

/// Runs the part of a handler that is a plain function: a panic there is the call's failure too.
pub(super) fn begin<T, S>(
    call: &mut IncomingCall,
    state: &S,
    start: impl FnOnce(Scope<'_, S>) -> T,
) -> Result<T, Failure> {
    let started = std::panic::catch_unwind(AssertUnwindSafe(|| start(Scope::new(&mut *call, state))));
    started.map_err(|_| call.panicked())
}

/// Ends a call as its run left it. A panic outside the handler's own future (in a value's
/// serialization, in a destructor of a handler that was dropped) is the call's failure all the same.
pub(super) async fn conclude(call: &mut IncomingCall, result: std::thread::Result<Result<(), Failure>>) {
    let result = result.unwrap_or_else(|_| Err(call.panicked()));
    call.conclude(result).await;
}

fn stage_reply(call: &mut IncomingCall, reply: Result<impl Encode, Status>) -> Result<(), Failure> {
    call.stage_reply(&reply?).map_err(Failure::Status)
}

/// A handler that has begun.
#[doc(hidden)]
pub type Answer<V> = Pin<Box<dyn Future<Output = Result<V, Status>> + Send>>;

/// What of a procedure of one value depends on its handler. The rest depends on the value alone and is compiled once for each: an
/// interface has many methods, which answer with few types.
pub(super) trait Start: Send + Sync {
    type Value: Encode;

    /// Decodes the arguments and begins the call. May panic, as the handler may.
    fn start(&self, call: &mut IncomingCall, arguments: Bytes) -> Result<Answer<Self::Value>, Failure>;

    fn is_blocking(&self) -> bool;
}

impl<H: Handler<M, S>, M: 'static, S: Shared> Start for Unary<H, M, S> {
    type Value = H::Value;

    fn start(&self, call: &mut IncomingCall, arguments: Bytes) -> Result<Answer<H::Value>, Failure> {
        let limits = call.decode_limits();
        let arguments =
            H::Arguments::decode_arguments(call.codec(), arguments, &limits).map_err(undecodable)?;
        Ok(Box::pin(self.handler.start(Scope::new(call, &self.state), arguments)))
    }

    fn is_blocking(&self) -> bool {
        self.handler.is_blocking()
    }
}

impl<H: Handler<M, S>, M: 'static, S: Shared> Procedure for Unary<H, M, S> {
    fn call(self: Arc<Self>, call: IncomingCall) -> Task {
        answered(self, call)
    }

    /// Arguments that are here and a handler that is ready at once need no task: the handler's own future
    /// is all that is allocated, and the call never leaves the stack.
    fn begin(&self, call: IncomingCall, arguments: Bytes, cx: &mut TaskContext<'_>) -> Arrival {
        answered_here(self, call, arguments, cx)
    }

    /// One that cannot be interrupted is answered by its task when it is cancelled.
    fn begins_here(&self) -> bool {
        !self.handler.is_spawned() && !self.handler.is_blocking()
    }
}

/// The task of a call that is answered with one value.
pub(super) fn answered<V: Encode + Send + 'static>(
    procedure: Arc<dyn Start<Value = V>>,
    mut call: IncomingCall,
) -> Task {
    Box::pin(async move {
        let run = async {
            let arguments = call.arguments().await?;
            let started =
                std::panic::catch_unwind(AssertUnwindSafe(|| procedure.start(&mut call, arguments)));
            let answer = started.unwrap_or_else(|_| Err(call.panicked()))?;
            let reply = if procedure.is_blocking() {
                call.run_to_its_end(answer).await?
            } else {
                call.run(answer).await?
            };
            stage_reply(&mut call, reply)
        };
        let result = AssertUnwindSafe(run).catch_unwind().await;
        conclude(&mut call, result).await;
    })
}

/// Begins a call that is answered with one value, and ends it if it is ready.
pub(super) fn answered_here<V: Encode + Send + 'static>(
    procedure: &dyn Start<Value = V>,
    mut call: IncomingCall,
    arguments: Bytes,
    cx: &mut TaskContext<'_>,
) -> Arrival {
    let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut answer = procedure.start(&mut call, arguments)?;
        match answer.as_mut().poll(cx) {
            Poll::Ready(reply) => stage_reply(&mut call, reply).map(|()| None),
            Poll::Pending => Ok(Some(answer)),
        }
    }));
    let result = match polled {
        Ok(Ok(None)) => Ok(()),
        Ok(Ok(Some(answer))) => {
            return Arrival::spawned(Box::pin(async move {
                let rest = async {
                    let reply = call.run(answer).await?;
                    stage_reply(&mut call, reply)
                };
                let result = AssertUnwindSafe(rest).catch_unwind().await;
                conclude(&mut call, result).await;
            }));
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(call.panicked()),
    };
    call.conclude_here(result, cx)
}

impl<H: SequenceHandler<M, S>, M: 'static, S: Shared> Procedure for Sequence<H, M, S> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = AssertUnwindSafe(self.run(&mut call)).catch_unwind().await;
            conclude(&mut call, result).await;
        })
    }
}

impl<H: SequenceHandler<M, S>, M: 'static, S: Shared> Sequence<H, M, S> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure> {
        let arguments = decoded(call).await?;
        let items = begin(call, &self.state, |scope| self.handler.start(scope, arguments))?;
        send_items(call, items).await
    }
}

/// Why items that were gathered leave now.
enum Batch {
    /// No more is ready.
    Waiting,
    /// They are many, or large.
    Full,
    /// They are the last.
    Last,
}

/// Sends items as they come: what is ready together leaves together, and nothing waits for more.
pub(super) async fn send_items(
    call: &mut IncomingCall,
    items: impl Stream<Item = Result<impl Encode, Status>> + Send,
) -> Result<(), Failure> {
    let mut items = pin!(items);
    loop {
        let gathered = poll_fn(|cx| {
            // Around all items that are ready, not around each: to catch one costs as much as to make it.
            let gathering = AssertUnwindSafe(|| gather(call, items.as_mut(), cx));
            match std::panic::catch_unwind(gathering) {
                Ok(Ok(Batch::Waiting)) if call.outbound_mut().staged_bytes() == 0 => {
                    call.poll_interrupted(cx).map(Err)
                }
                Ok(gathered) => Poll::Ready(gathered),
                Err(_) => Poll::Ready(Err(call.panicked())),
            }
        })
        .await;
        match gathered {
            Ok(Batch::Last) => return Ok(()),
            Ok(Batch::Waiting) => call.flush(false).await?,
            Ok(Batch::Full) => {
                call.flush(false).await?;
                // A sequence that always has more, sent to a caller that always takes it, would keep
                // the task that reads the connection for itself.
                yield_once().await;
            }
            Err(failure) => {
                // The items before a failing one were yielded: they are sent.
                if matches!(failure, Failure::Status(_)) {
                    call.flush(false).await?;
                }
                return Err(failure);
            }
        }
    }
}

/// Stages the items that are ready, up to a batch of them.
fn gather(
    call: &mut IncomingCall,
    mut items: Pin<&mut impl Stream<Item = Result<impl Encode, Status>>>,
    cx: &mut TaskContext<'_>,
) -> Result<Batch, Failure> {
    loop {
        match items.as_mut().poll_next(cx) {
            Poll::Ready(Some(item)) => stage_reply(call, item)?,
            Poll::Ready(None) => return Ok(Batch::Last),
            Poll::Pending => return Ok(Batch::Waiting),
        }
        let outbound = call.outbound_mut();
        if outbound.staged_bytes() >= BATCH_BYTES || outbound.has_payload() {
            return Ok(Batch::Full);
        }
    }
}

/// The items that follow the arguments, for the handler.
pub(super) fn take_items<T>(call: &mut IncomingCall) -> Result<Receiver<T>, Failure> {
    let (codec, limits, context) = (call.codec(), call.decode_limits(), call.context());
    match call.take_inbound() {
        Some(inbound) => Ok(Receiver::of_items(inbound, codec, limits, context)),
        None => Err(Status::internal("the items were taken before").into()),
    }
}

pub(super) struct ItemsShim<T>(PhantomData<fn() -> T>);

impl<H, T, M, S> Items<H, (ItemsShim<T>, M), S> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure>
    where
        H: ItemsHandler<T, M, S>,
        T: Decode + 'static,
    {
        let arguments = decoded(call).await?;
        let items = take_items(call)?;
        let answer = begin(call, &self.state, |scope| self.handler.start(scope, arguments, items))?;
        let reply = call.run(answer).await?;
        stage_reply(call, reply)
    }
}

impl<H: ItemsHandler<T, M, S>, T: Decode + 'static, M: 'static, S: Shared> Procedure
    for Items<H, (ItemsShim<T>, M), S>
{
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = AssertUnwindSafe(self.run(&mut call)).catch_unwind().await;
            conclude(&mut call, result).await;
        })
    }
}

impl<H, T, M, S> ItemsSequence<H, (ItemsShim<T>, M), S> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure>
    where
        H: ItemsSequenceHandler<T, M, S>,
        T: Decode + 'static,
    {
        let arguments = decoded(call).await?;
        let items = take_items(call)?;
        let items = begin(call, &self.state, |scope| self.handler.start(scope, arguments, items))?;
        send_items(call, items).await
    }
}

impl<H: ItemsSequenceHandler<T, M, S>, T: Decode + 'static, M: 'static, S: Shared> Procedure
    for ItemsSequence<H, (ItemsShim<T>, M), S>
{
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = AssertUnwindSafe(self.run(&mut call)).catch_unwind().await;
            conclude(&mut call, result).await;
        })
    }
}

impl<H: Handler<M, S, Value = ()>, M: 'static, S: Shared> Procedure for Notification<H, M, S> {
    fn call(self: Arc<Self>, call: IncomingCall) -> Task {
        call.refuse(Status::unimplemented("called for an answer, but it is a notification"))
    }

    fn notify(self: Arc<Self>, mut notification: IncomingNotification) -> Option<Task> {
        Some(Box::pin(async move {
            let run = AssertUnwindSafe(self.run(&mut notification)).catch_unwind();
            match run.await {
                Ok(Ok(())) => {}
                Ok(Err(status)) => notification.dropped(&status),
                Err(_) => notification.panicked(),
            }
        }))
    }
}

impl<H: Handler<M, S, Value = ()>, M: 'static, S: Shared> Notification<H, M, S> {
    async fn run(&self, notification: &mut IncomingNotification) -> Result<(), Status> {
        let arguments = notification.arguments().await?;
        let limits = notification.decode_limits();
        let arguments = H::Arguments::decode_arguments(notification.codec(), arguments, &limits)?;
        let handler = self.handler.start(Scope::new(&mut *notification, &self.state), arguments);
        notification.run(handler).await;
        Ok(())
    }
}

impl ScopeSource for IncomingNotification {
    fn context(&mut self) -> Context {
        Self::context(self)
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.core().runtime().spawn_blocking(work);
    }
}

impl<H: RawHandler<G, S>, G: FromScope<S>, S: Shared> Procedure for RawProcedure<H, G, S> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let given = match begin(&mut call, &self.state, |mut scope| G::from_scope(&mut scope)) {
                Ok(given) => given,
                Err(failure) => return call.conclude(Err(failure)).await,
            };
            let Some(inbound) = call.take_inbound() else { return };
            let raw = RawCall::new(call, inbound);
            let call = Arc::clone(&raw.call);
            let result = AssertUnwindSafe(self.run(given, raw, &call)).catch_unwind().await;
            // The handler may have passed its `RawCall` to a task of its own, which then writes to a
            // call that is over.
            let finished = call.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut call) = finished {
                conclude(&mut call, result).await;
            }
        })
    }
}

impl<H: RawHandler<G, S>, G: FromScope<S>, S: Shared> RawProcedure<H, G, S> {
    async fn run(&self, given: G, raw: RawCall, call: &Mutex<Option<IncomingCall>>) -> Result<(), Failure> {
        // A panic here or below is caught by the task.
        let mut handler = pin!(self.handler.start(given, raw));
        poll_fn(|cx| match handler.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(Failure::Status)),
            Poll::Pending => match call.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                Some(call) => call.poll_interrupted(cx).map(Err),
                // Only the task takes the call out, after this.
                None => Poll::Ready(Err(Status::internal("the call is over").into())),
            },
        })
        .await
    }
}
