//! Handlers of every kind as one object: decode, run, encode. The generic part is thin; what does not
//! depend on types is in [`IncomingCall`].

use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::sync::{Arc, PoisonError};

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};

use super::handler::{
    Handler, ItemsHandler, ItemsSequenceHandler, RawHandler, Scope, ScopeSource, SequenceHandler,
};
use crate::call::{Failure, IncomingCall, IncomingNotification, RawCall, Receiver};
use crate::codec::{Decode, DecodeArguments, Encode};
use crate::context::Context;
use crate::runtime::Task;
use crate::status::Status;

/// Items staged up to this many bytes leave in one write.
const BATCH_BYTES: usize = 16 << 10;

/// A procedure of any kind.
pub(crate) trait Procedure: Send + Sync {
    /// The task of a call. A notification is none.
    fn call(self: Arc<Self>, call: IncomingCall) -> Task;

    /// The task of a notification, or `None` for a procedure that answers.
    fn notify(self: Arc<Self>, notification: IncomingNotification) -> Option<Task> {
        drop(notification);
        None
    }
}

/// A handler and the marker of its shape, which holds nothing.
pub(super) struct Shim<H, M>(H, PhantomData<fn() -> M>);

macro_rules! shims {
    ($($name:ident),*) => {$(
        pub(super) struct $name<H, M>(Shim<H, M>);

        impl<H, M> $name<H, M> {
            pub(super) fn new(handler: H) -> Self {
                Self(Shim(handler, PhantomData))
            }

            fn handler(&self) -> &H {
                &self.0.0
            }
        }
    )*};
}

shims!(Unary, Sequence, Items, ItemsSequence, Notification);

async fn decoded<A: DecodeArguments>(call: &mut IncomingCall) -> Result<A, Failure> {
    let arguments = call.arguments().await?;
    let decoded = A::decode_arguments(call.codec(), arguments, &call.decode_limits());
    decoded.map_err(|error| Status::from(error).into())
}

/// Runs the part of a handler that is a plain function: a panic there is the call's failure too.
fn begin<T>(call: &mut IncomingCall, start: impl FnOnce(Scope<'_>) -> T) -> Result<T, Failure> {
    let started = std::panic::catch_unwind(AssertUnwindSafe(|| start(Scope(&mut *call))));
    started.map_err(|_| call.panicked())
}

fn stage_reply(call: &mut IncomingCall, reply: Result<impl Encode, Status>) -> Result<(), Failure> {
    call.stage_reply(&reply?).map_err(Failure::Status)
}

impl<H: Handler<M>, M: 'static> Procedure for Unary<H, M> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = self.run(&mut call).await;
            call.finish(result).await;
        })
    }
}

impl<H: Handler<M>, M: 'static> Unary<H, M> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure> {
        let arguments = decoded(call).await?;
        let answer = begin(call, |scope| self.handler().start(scope, arguments))?;
        let reply = if self.handler().is_blocking() {
            call.run_to_its_end(answer).await?
        } else {
            call.run(answer).await?
        };
        stage_reply(call, reply)
    }
}

impl<H: SequenceHandler<M>, M: 'static> Procedure for Sequence<H, M> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = self.run(&mut call).await;
            call.finish(result).await;
        })
    }
}

impl<H: SequenceHandler<M>, M: 'static> Sequence<H, M> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure> {
        let arguments = decoded(call).await?;
        let items = begin(call, |scope| self.handler().start(scope, arguments))?;
        send_items(call, items).await
    }
}

/// Sends items as they come: what is ready together leaves together, and nothing waits for more.
async fn send_items(
    call: &mut IncomingCall,
    items: impl Stream<Item = Result<impl Encode, Status>> + Send,
) -> Result<(), Failure> {
    let mut items = pin!(AssertUnwindSafe(items).catch_unwind());
    loop {
        let gathered = poll_fn(|cx| {
            loop {
                match items.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(item))) => stage_reply(call, item)?,
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(call.panicked())),
                    Poll::Ready(None) => return Poll::Ready(Ok(true)),
                    Poll::Pending if call.outbound_mut().staged_bytes() > 0 => return Poll::Ready(Ok(false)),
                    Poll::Pending => return call.poll_interrupted(cx).map(Err),
                }
                if call.outbound_mut().staged_bytes() >= BATCH_BYTES {
                    return Poll::Ready(Ok(false));
                }
            }
        })
        .await;
        match gathered {
            Ok(true) => return Ok(()),
            Ok(false) => call.flush(false).await?,
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

/// The items that follow the arguments, for the handler.
fn take_items<T>(call: &mut IncomingCall) -> Result<Receiver<T>, Failure> {
    let (codec, limits, procedure) = (call.codec(), call.decode_limits(), call.procedure());
    match call.take_inbound() {
        Some(inbound) => Ok(Receiver::of_items(inbound, codec, limits, procedure)),
        None => Err(Status::internal("the items were taken before").into()),
    }
}

pub(super) struct ItemsShim<T>(PhantomData<fn() -> T>);

impl<H, T, M> Items<H, (ItemsShim<T>, M)> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure>
    where
        H: ItemsHandler<T, M>,
        T: Decode + 'static,
    {
        let arguments = decoded(call).await?;
        let items = take_items(call)?;
        let answer = begin(call, |scope| self.handler().start(scope, arguments, items))?;
        let reply = call.run(answer).await?;
        stage_reply(call, reply)
    }
}

impl<H: ItemsHandler<T, M>, T: Decode + 'static, M: 'static> Procedure for Items<H, (ItemsShim<T>, M)> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = self.run(&mut call).await;
            call.finish(result).await;
        })
    }
}

impl<H, T, M> ItemsSequence<H, (ItemsShim<T>, M)> {
    async fn run(&self, call: &mut IncomingCall) -> Result<(), Failure>
    where
        H: ItemsSequenceHandler<T, M>,
        T: Decode + 'static,
    {
        let arguments = decoded(call).await?;
        let items = take_items(call)?;
        let items = begin(call, |scope| self.handler().start(scope, arguments, items))?;
        send_items(call, items).await
    }
}

impl<H: ItemsSequenceHandler<T, M>, T: Decode + 'static, M: 'static> Procedure
    for ItemsSequence<H, (ItemsShim<T>, M)>
{
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let result = self.run(&mut call).await;
            call.finish(result).await;
        })
    }
}

impl<H: Handler<M, Value = ()>, M: 'static> Procedure for Notification<H, M> {
    fn call(self: Arc<Self>, call: IncomingCall) -> Task {
        call.refuse(Status::failed_precondition("called for an answer, but it is a notification"))
    }

    fn notify(self: Arc<Self>, mut notification: IncomingNotification) -> Option<Task> {
        Some(Box::pin(async move {
            let Some(arguments) = notification.arguments().await else { return };
            let limits = notification.decode_limits();
            let Ok(arguments) = H::Arguments::decode_arguments(notification.codec(), arguments, &limits)
            else {
                return notification.dropped("its arguments cannot be decoded");
            };
            let start = || self.handler().start(Scope(&mut notification), arguments);
            match std::panic::catch_unwind(AssertUnwindSafe(start)) {
                Ok(handler) => notification.run(handler).await,
                Err(_) => notification.panicked(),
            }
        }))
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

pub(super) struct RawProcedure<H>(H);

impl<H> RawProcedure<H> {
    pub(super) fn new(handler: H) -> Self {
        Self(handler)
    }
}

/// A call is taken out only after its handler is done, so that there always is a failure to name.
fn over(failure: Option<Failure>) -> Failure {
    failure.unwrap_or_else(|| Failure::Status(Status::internal("the call is over")))
}

impl<H: RawHandler> Procedure for RawProcedure<H> {
    fn call(self: Arc<Self>, mut call: IncomingCall) -> Task {
        Box::pin(async move {
            let Some(inbound) = call.take_inbound() else { return };
            let raw = RawCall::new(call, inbound);
            let call = Arc::clone(&raw.call);
            let lock = || call.lock().unwrap_or_else(PoisonError::into_inner);
            let result = {
                let mut handler: Pin<Box<dyn Future<Output = _> + Send>> =
                    match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.start(raw))) {
                        Ok(handler) => Box::pin(AssertUnwindSafe(handler).catch_unwind()),
                        Err(panic) => Box::pin(core::future::ready(Err(panic))),
                    };
                poll_fn(|cx| match handler.as_mut().poll(cx) {
                    Poll::Ready(Ok(result)) => Poll::Ready(result.map_err(Failure::Status)),
                    Poll::Ready(Err(_)) => {
                        Poll::Ready(Err(over(lock().as_ref().map(IncomingCall::panicked))))
                    }
                    Poll::Pending => match lock().as_mut() {
                        Some(call) => call.poll_interrupted(cx).map(Err),
                        None => Poll::Ready(Err(over(None))),
                    },
                })
                .await
            };
            // The handler may have passed its `RawCall` to a task of its own, which then writes to a
            // call that is over.
            let finished = lock().take();
            if let Some(call) = finished {
                call.finish(result).await;
            }
        })
    }
}
