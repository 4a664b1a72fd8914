//! Giving a call up, at every stage of it: one end, once, at both sides. [P5]

use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{TryStreamExt, future, stream};
use ipfi_core::observe::{CallReport, Direction};
use ipfi_core::{CancelCause, Code, Context, Interface, Receiver, Status, WireOptions};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("[P5] a call that is dropped before it is sent never reaches the callee", before_start),
        Claim::new(
            "[P5] a call that is dropped while it waits for a place leaves the place to others",
            while_waiting,
        ),
        Claim::new(
            "[P5] a handler is dropped when its call is, and knows that the caller did it",
            after_begin,
        ),
        Claim::new(
            "[P5] a sequence is dropped after its first item, between items and under backpressure",
            of_a_sequence,
        ),
        Claim::new("[P5] a duplex ends when either of the caller's halves is dropped", of_a_duplex),
        Claim::new("[P5] 1000 cancellations that race completion each end once, whoever wins", racing),
        Claim::new("[P5] whoever waits for the cancellation in the handler hears of it", waits_for_it),
        Claim::new("[P5] a place is free when the handler has ended, not when the caller gave up", place),
    ]
}

async fn before_start(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    for _ in 0..100 {
        drop(caller.call::<String>(ECHO, ("x",)));
        drop(caller.call::<String>(ECHO, ("x",)).into_future());
        drop(caller.stream::<u64>(COUNT, (1_u64,)).into_future());
        drop(caller.notify(NOTE, ()).into_future());
    }
    settle().await;
    equal("calls out", caller.stats().calls_out, 0)?;
    equal("calls in", callee.stats().calls_in, 0)?;
    idle(&caller, &callee).await
}

async fn while_waiting(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) =
        stage.wires(Interface::new(), limited(interface, |limits| limits.max_inbound_calls = 2)).await;
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(caller.call::<()>(OWN, ()).into_future())).collect();
    settle().await;
    let waiting: Vec<_> =
        (0..10).map(|_| tokio::spawn(caller.call::<String>(ECHO, ("x",)).into_future())).collect();
    settle().await;
    equal("handlers", probe.running(), 2)?;
    for (index, call) in waiting.iter().enumerate() {
        that("they wait", !call.is_finished())?;
        if index % 2 == 0 {
            call.abort();
        }
    }
    settle().await;
    running.iter().for_each(tokio::task::JoinHandle::abort);
    for (index, call) in waiting.into_iter().enumerate() {
        match (index % 2, call.await) {
            (0, Err(aborted)) if aborted.is_cancelled() => {}
            (1, Ok(Ok(answer))) => equal("an answer", answer, "x".to_owned())?,
            (_, other) => return Err(format!("call {index}: {other:?}")),
        }
    }
    equal("why the handlers ended", probe.causes(), vec![Some(CancelCause::Caller); 2])?;
    idle(&caller, &callee).await
}

async fn after_begin(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    for _ in 0..100 {
        let call = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
        settle().await;
        equal("handlers", probe.running(), 1)?;
        call.abort();
        settle().await;
        equal("handlers", probe.running(), 0)?;
    }
    equal("why", probe.causes(), vec![Some(CancelCause::Caller); 100])?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn of_a_sequence(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    // Waits after `quick` items; each is of 10 000 bytes.
    let interface = standard().sequence(OWN, move |context: Context, (quick,): (u64,)| {
        let running = handler.enter(context);
        stream::unfold((running, 0_u64), move |(running, n)| async move {
            if n >= quick {
                sleep_ms(1_000_000).await;
            }
            Some((pattern(0, 10_000), (running, n + 1)))
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    for (taken, quick) in [(0, 0), (0, 1), (1, 1), (1, 1000), (5, 1000)] {
        let mut items = ok("the stream", caller.stream::<bytes::Bytes>(OWN, (quick,)).await)?;
        for _ in 0..taken {
            ok("an item", items.try_next().await)?;
        }
        settle().await;
        equal("handlers", probe.running(), 1)?;
        drop(items);
        settle().await;
        equal("handlers", probe.running(), 0)?;
    }
    equal("why", probe.causes(), vec![Some(CancelCause::Caller); 5])?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn of_a_duplex(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface =
        standard().procedure_with_items(OWN, move |context: Context, (): (), items: Receiver<u64>| {
            let running = handler.enter(context);
            async move {
                let _running = running;
                let items: Vec<u64> = items.try_collect().await?;
                Ok::<u64, Status>(items.len() as u64)
            }
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    // The answer's half: the handler is dropped.
    let (mut send, receive) = ok("the call", caller.duplex::<u64, u64>(OWN, ()).await)?;
    ok("an item", send.send(1).await)?;
    drop(receive);
    settle().await;
    probe.dropped_once(CancelCause::Caller)?;
    ok("an item that nobody needs", send.send(2).await)?;
    that("the sender knows", send.is_stopped())?;
    drop(send);
    // The items' half: they break off, which the handler sees as an error and may tell.
    let (mut send, mut receive) = ok("the call", caller.duplex::<u64, u64>(OWN, ()).await)?;
    ok("an item", send.send(1).await)?;
    drop(send);
    failed("the answer", receive.try_next().await, Code::Cancelled)?;
    equal("handlers", probe.running(), 0)?;
    drop(receive);
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn racing(stage: Stage) -> Outcome {
    let reports = Arc::new(Mutex::new((0_usize, 0_usize)));
    let count = Arc::clone(&reports);
    let observer = move |report: &CallReport| {
        let mut counts = count.lock().expect("nobody panics here");
        match report.direction {
            Direction::Outbound => counts.0 += 1,
            Direction::Inbound => counts.1 += 1,
        }
    };
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().procedure(OWN, move |context: Context, (millis,): (u64,)| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(millis).await;
            millis
        }
    });
    let options = |interface| WireOptions::from(interface).observer(observer.clone());
    let (caller, callee) = stage.wires(options(Interface::new()), options(interface)).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let races = (0..1000_u64).map(|n| {
        let (caller, answered) = (caller.clone(), Arc::clone(&answered));
        async move {
            // Both take 1 to 5 ms; who is first is the scheduler's choice where they are equal.
            let call = caller.call::<u64>(OWN, (1 + n % 5,)).into_future();
            let give_up = Box::pin(sleep_ms(1 + n / 5 % 5));
            if let future::Either::Left((Ok(_), _)) = future::select(call, give_up).await {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    future::join_all(races).await;
    settle().await;
    let answered = answered.load(Ordering::Relaxed);
    that("some were answered, some not", (1..1000).contains(&answered))?;
    let outbound = caller.stats();
    equal("calls that did not succeed", outbound.calls_out_failed, 1000 - answered as u64)?;
    equal("calls out", outbound.calls_out, 1000)?;
    let reports = *reports.lock().expect("nobody panics here");
    equal("ends reported by the caller", reports.0, 1000)?;
    equal("ends reported by the callee", reports.1 as u64, callee.stats().calls_in)?;
    equal("handlers that ended", probe.causes().len(), probe.started())?;
    idle(&caller, &callee).await
}

async fn waits_for_it(stage: Stage) -> Outcome {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let interface = standard().procedure(OWN, move |context: Context, (): ()| {
        let tell = tell.clone();
        // A task of its own outlives the handler, and must still learn the cause.
        tokio::spawn(async move {
            let _ = tell.send(context.cancelled().await);
        });
        std::future::pending::<()>()
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let call = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
    settle().await;
    call.abort();
    equal("the cause", told.recv().await, Some(CancelCause::Caller))?;
    idle(&caller, &callee).await
}

async fn place(stage: Stage) -> Outcome {
    // Rapid reset: open, cancel, and again. Never do more handlers run than have a place.
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) =
        stage.wires(Interface::new(), limited(interface, |limits| limits.max_inbound_calls = 4)).await;
    for _ in 0..200 {
        let calls: Vec<_> = (0..8).map(|_| tokio::spawn(caller.call::<()>(OWN, ()).into_future())).collect();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        calls.iter().for_each(tokio::task::JoinHandle::abort);
    }
    settle().await;
    that("handlers ran", probe.started() > 0)?;
    that("never more than have a place", probe.most() <= 4)?;
    equal("handlers left", probe.running(), 0)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
