//! A carrier that breaks: everything that waits on it ends at once, with the cause, and nothing is left.

use std::future::{Future, IntoFuture, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::call::CallError;
use ipfi_core::error::ConnectionError;
use ipfi_core::{CancelCause, Code, Context, Interface, RawCall, Receiver, Status, Terminator, Wire};
use tokio::time::Instant;

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("a broken carrier ends every kind of waiting call at once, with the cause", every_handle),
        Claim::new(
            "a broken carrier ends every kind of handler, which learns that it was the connection",
            every_handler,
        ),
        Claim::new("what had been answered before the carrier broke is still there", answered_before),
        Claim::new("a call that the carrier never took says that it never started", never_started),
        Claim::new("nothing of a broken connection is left, and other wires live on", nothing_left),
    ]
}

type Waiter = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Waits for `call` to end with the cut, which the carrier tells of as `what`.
fn waiter<T: std::fmt::Debug + 'static>(
    name: &'static str,
    what: &'static str,
    call: impl Future<Output = Result<T, CallError>> + 'static,
) -> Waiter {
    Box::pin(async move {
        let error = failed(name, call.await, Code::Unavailable)?;
        match error.connection_error() {
            Some(ConnectionError::Lost { detail }) => equal(name, &**detail, what),
            other => Err(format!("{name}: the cause was {other:?}")),
        }
    })
}

async fn lost(wire: Wire, what: &'static str) -> Outcome {
    match wire.closed().await {
        ConnectionError::Lost { detail } => equal("closed()", &*detail, what),
        other => Err(format!("closed(): {other:?}")),
    }
}

async fn every_handle(stage: Stage) -> Outcome {
    // Clause 5.10.
    let options = |interface| {
        limited(interface, |limits| {
            limits.max_inbound_notifications = 4;
            limits.max_inbound_calls = 16;
        })
    };
    let interface = || standard().notification(OWN, |(): ()| pending::<()>());
    let (caller, callee, cut) = stage.wires_to_cut(options(interface()), options(interface())).await?;
    let what = stage.cut_detail();
    let mut waiters: Vec<Waiter> = Vec::new();
    waiters.push(waiter("unary", what, caller.call::<()>(NEVER, ()).into_future()));
    waiters.push(waiter("unary, the other way", what, callee.call::<()>(NEVER, ()).into_future()));
    let mut items = ok("a stream", caller.stream::<u64>(ONE_THEN_NEVER, ()).await)?;
    waiters.push(waiter("stream", what, async move {
        items.try_next().await?;
        items.try_next().await
    }));
    let upload = ok("an upload", caller.upload::<u64, u64>(NEVER_READS, ()).await)?;
    waiters.push(waiter("upload", what, async move { upload.finish().await }));
    let idle_upload = caller.upload::<u64, u64>(NEVER_READS, ()).items(stream::pending());
    waiters.push(waiter("upload without items", what, idle_upload));
    let mut full = ok("an upload", caller.upload::<Bytes, u64>(NEVER_READS, ()).await)?;
    waiters.push(waiter("upload under backpressure", what, async move {
        loop {
            full.send(pattern(0, 50_000)).await?;
        }
        #[allow(unreachable_code)]
        Ok(())
    }));
    let (mut send, mut receive) = ok("a duplex", caller.duplex::<Bytes, u64>(NEVER_READS, ()).await)?;
    waiters.push(waiter("a duplex's sender", what, async move {
        loop {
            send.send(pattern(0, 50_000)).await?;
        }
        #[allow(unreachable_code)]
        Ok(())
    }));
    waiters.push(waiter("a duplex's receiver", what, async move { receive.try_next().await }));
    let mut call = ok("piecemeal", caller.start(NEVER).await)?;
    waiters.push(waiter("piecemeal", what, async move {
        call.end().await?;
        call.read().await
    }));
    let mut call = ok("piecemeal", caller.start(NEVER_READS).await)?;
    ok("its arguments", call.write_fragment(Bytes::new(), Terminator::Chunk).await)?;
    waiters.push(waiter("piecemeal under backpressure", what, async move {
        loop {
            call.write_fragment(pattern(0, 50_000), Terminator::Chunk).await?;
        }
        #[allow(unreachable_code)]
        Ok(())
    }));
    // The control stream and three handlers have all the places.
    for _ in 0..3 {
        ok("a notification", caller.notify(OWN, ()).await)?;
    }
    waiters.push(waiter("a notification without a place", what, caller.notify(OWN, ()).into_future()));
    for _ in 0..10 {
        waiters.push(waiter(
            "calls, some without a place",
            what,
            caller.call::<()>(NEVER, ()).without_timeout().into_future(),
        ));
    }
    for wire in [&caller, &callee] {
        waiters.push(Box::pin(lost(wire.clone(), what)));
    }
    let shutting = callee.clone();
    waiters.push(Box::pin(async move {
        // Late enough not to make the others fail for another reason.
        sleep_ms(900).await;
        let report = shutting.shutdown(Duration::from_secs(3600)).await;
        equal("the report of a shutdown", (report.finished, report.cut > 0), (0, true))
    }));
    let cutter = async {
        sleep_ms(1000).await;
        cut("the cable");
        Ok(())
    };
    let begin = Instant::now();
    let all = futures_util::future::join(futures_util::future::join_all(waiters), cutter);
    let (outcomes, cut_off): (Vec<Outcome>, Outcome) =
        within("everything that waits", Duration::from_secs(5), all).await?;
    cut_off?;
    outcomes.into_iter().collect::<Outcome>()?;
    equal("when", begin.elapsed().as_millis(), 1000)?;
    idle(&caller, &callee).await
}

/// Handlers of every kind that never end by themselves.
fn handlers(probe: &Probe) -> Interface {
    let probes: [Probe; 6] = std::array::from_fn(|_| probe.clone());
    let [unary, sequence, items, both, raw, note] = probes;
    Interface::new()
        .procedure(0, unary.never())
        .sequence(1, move |context: Context, (): ()| {
            let running = sequence.enter(context);
            stream::repeat(pattern(0, 50_000)).map(move |item| {
                let _running = &running;
                item
            })
        })
        .procedure_with_items(2, move |context: Context, (): (), numbers: Receiver<u64>| {
            let running = items.enter(context);
            async move {
                let _held = (running, numbers);
                pending::<u64>().await
            }
        })
        .sequence_with_items(3, move |context: Context, (): (), numbers: Receiver<u64>| {
            let running = both.enter(context);
            // An item that cannot come says nothing: the handler waits on.
            let numbers = numbers.filter_map(|number| futures_util::future::ready(number.ok()));
            numbers.chain(stream::pending()).map(move |number| {
                let _running = &running;
                Ok::<u64, Status>(number)
            })
        })
        .raw(4, move |mut call: RawCall| {
            let running = raw.enter(call.context().clone());
            async move {
                let _running = running;
                while call.read().await?.is_some() {}
                pending().await
            }
        })
        .notification(5, note.never())
}

async fn every_handler(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let (caller, callee, cut) = stage.wires_to_cut(Interface::new(), handlers(&probe)).await?;
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    held.push(Box::new(tokio::spawn(caller.call::<()>(0, ()).into_future())));
    held.push(Box::new(ok("a stream", caller.stream::<Bytes>(1, ()).await)?));
    held.push(Box::new(ok("an upload", caller.upload::<u64, u64>(2, ()).await)?));
    held.push(Box::new(ok("a duplex", caller.duplex::<u64, u64>(3, ()).await)?));
    held.push(Box::new(ok("piecemeal", caller.start(4).await)?));
    ok("a notification", caller.notify(5, ()).await)?;
    ok("a detached call", caller.call::<()>(0, ()).detached().await)?;
    settle().await;
    equal("handlers", probe.running(), 7)?;
    cut("the cable");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    equal("handlers left, without any time passing", probe.running(), 0)?;
    equal("why", probe.causes(), vec![Some(CancelCause::Connection); 7])?;
    equal("calls left at the callee", callee.inbound_calls(), 0)?;
    drop(held);
    idle(&caller, &callee).await
}

async fn answered_before(stage: Stage) -> Outcome {
    let (caller, _callee, cut) = stage.wires_to_cut(Interface::new(), standard()).await?;
    let mut items = ok("a stream", caller.stream::<u64>(COUNT, (100_u64,)).await)?;
    let mut unary = caller.call::<String>(ECHO, ("x",)).into_future();
    let polled = futures_util::poll!(&mut unary);
    settle().await;
    cut("the cable");
    settle().await;
    if polled.is_pending() {
        equal("a unary answer", ok("it", unary.await)?, "x".to_owned())?;
    }
    let all: Vec<u64> = ok("the items", items.by_ref().try_collect().await)?;
    equal("how many", all.len(), 100)
}

async fn never_started(stage: Stage) -> Outcome {
    let options = limited(standard(), |limits| limits.max_inbound_calls = 1);
    let (caller, callee, cut) = stage.wires_to_cut(Interface::new(), options).await?;
    let running = tokio::spawn(caller.call::<()>(NEVER, ()).into_future());
    let waiting = tokio::spawn(caller.call::<()>(NEVER, ()).into_future());
    settle().await;
    cut("the cable");
    let error = failed("the one that runs", ok("its task", running.await)?, Code::Unavailable)?;
    that("may have run", !error.never_started())?;
    names("its text", &error.to_string(), "may have run")?;
    let error = failed("the one that waits", ok("its task", waiting.await)?, Code::Unavailable)?;
    that("never started", error.never_started())?;
    let error = failed("one afterwards", caller.call::<()>(NEVER, ()).await, Code::Unavailable)?;
    that("never started", error.never_started())?;
    names("it says why", &error.to_string(), stage.cut_detail())?;
    idle(&caller, &callee).await
}

async fn nothing_left(stage: Stage) -> Outcome {
    let token = Arc::new(Mutex::new(()));
    let weak = Arc::downgrade(&token);
    let probe = Probe::default();
    let interface = handlers(&probe).procedure(OWN, move |(): ()| {
        let token = Arc::clone(&token);
        async move { drop(token) }
    });
    let other = standard();
    let (caller, callee, cut) = stage.wires_to_cut(Interface::new(), interface).await?;
    let (bystander, _bystanders_peer) = stage.wires(Interface::new(), other).await;
    let beside = beside(&bystander).await?;
    let call = tokio::spawn(caller.call::<()>(0, ()).into_future());
    let items = ok("a stream", caller.stream::<Bytes>(1, ()).await)?;
    let duplex = ok("a duplex", caller.duplex::<u64, u64>(3, ()).await)?;
    settle().await;
    cut("the cable");
    that("the call ends", ok("its task", call.await)?.is_err())?;
    let end = tokio::time::timeout(Duration::from_millis(1), caller.closed()).await;
    that("closed() is ready", end.is_ok())?;
    drop((caller, callee, items, duplex));
    settle().await;
    equal("handlers", probe.running(), 0)?;
    that("the interface is gone with its wire", weak.upgrade().is_none())?;
    beside.unharmed().await
}
