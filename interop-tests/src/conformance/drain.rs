//! Shutting down (clause 5.13): bounded, told, and nothing lost that could be finished. [P7]

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{CancelCause, Code, Interface, ShutdownReport, Wire};
use tokio::time::Instant;

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("[P7] 500 calls in flight are all answered during a drain", none_lost),
        Claim::new("[P7] calls made during a drain never start, and may be made elsewhere", new_calls),
        Claim::new("[P7] calls that were under way when the drain began are refused, not lost", under_way),
        Claim::new("[P7] what is left after the grace period is cut, and the report says so", cut),
        Claim::new("[P7] a shutdown with nothing to wait for is immediate and orderly", nothing_to_wait_for),
        Claim::new("[P7] a caller that shuts down waits for its own calls, then abandons them", own_calls),
        Claim::new("[P7] both sides may shut down at once", both),
        Claim::new("[P7] two shutdowns of one wire both end, and a dropped one is taken up again", twice),
        Claim::new(
            "[P7] notifications that run are waited for; those that come later are dropped",
            notifications,
        ),
        Claim::new("[P7] a peer that takes no bytes cannot hold up a shutdown", stalled_peer),
    ]
}

fn shutdown(wire: &Wire, grace: Duration) -> tokio::task::JoinHandle<ShutdownReport> {
    let wire = wire.clone();
    tokio::spawn(async move { wire.shutdown(grace).await })
}

fn counts(report: ShutdownReport) -> (usize, usize, usize, usize) {
    (report.finished, report.cut, report.never_started, report.abandoned)
}

async fn none_lost(stage: Stage) -> Outcome {
    let options = limited(standard(), |limits| {
        (limits.max_inbound_calls, limits.abuse_budget) = (600, 2000);
    });
    let (caller, callee) = stage.wires(Interface::new(), options).await;
    let calls: Vec<_> =
        (0..500_u64).map(|n| tokio::spawn(caller.call::<u64>(SLEEP, (1000 + n,)).into_future())).collect();
    settle().await;
    equal("calls in flight", callee.inbound_calls(), 500)?;
    let draining = shutdown(&callee, Duration::from_secs(10));
    for (n, call) in calls.into_iter().enumerate() {
        equal("an answer", ok("a call", ok("its task", call.await)?)?, 1000 + n as u64)?;
    }
    let report = ok("the shutdown", draining.await)?;
    equal("finished, cut, never started, abandoned", counts(report), (500, 0, 0, 0))?;
    match within("the caller hears of it", Duration::from_secs(1), caller.closed()).await? {
        cause @ ConnectionError::PeerClosed { code: CloseCode::NO_ERROR, .. } => {
            that("an orderly end", cause.is_orderly())
        }
        other => Err(format!("the caller's cause: {other:?}")),
    }
}

async fn new_calls(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let running = tokio::spawn(caller.call::<u64>(SLEEP, (2000_u64,)).into_future());
    settle().await;
    let draining = shutdown(&callee, Duration::from_secs(10));
    settle().await;
    for result in [
        caller.call::<String>(ECHO, ("x",)).await.map(drop),
        caller.stream::<u64>(COUNT, (1_u64,)).await.map(drop),
        caller.notify(NOTE, ()).await,
    ] {
        let error = failed("a new call", result, Code::Unavailable)?;
        that("it never started", error.never_started())?;
        that("it may be retried", error.may_be_retried())?;
        names("the text", &error.to_string(), "never started and may be retried")?;
    }
    // The side that drains makes no new calls either.
    let error = failed("a call of the draining side", callee.call::<()>(0, ()).await, Code::Unavailable)?;
    that("it never started", error.never_started())?;
    equal("the running one", ok("it", ok("its task", running.await)?)?, 2000)?;
    equal("the report", counts(ok("the shutdown", draining.await)?), (1, 0, 0, 0))?;
    idle(&caller, &callee).await
}

async fn under_way(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut half = ok("a call that has a header", caller.start(ECHO).await)?;
    settle().await;
    let running = tokio::spawn(caller.call::<u64>(SLEEP, (2000_u64,)).into_future());
    settle().await;
    // The caller has not heard of the drain when it makes these.
    let calls: Vec<_> = (0..20).map(|_| caller.call::<String>(ECHO, ("x",)).into_future()).collect();
    let draining = shutdown(&callee, Duration::from_secs(10));
    let results = future::join_all(calls).await;
    let mut refused = 0;
    for result in results {
        if let Err(error) = result {
            let error = failed("a refused call", Err::<(), _>(error), Code::Unavailable)?;
            that("it never started", error.never_started())?;
            refused += 1;
        }
    }
    // What had arrived goes on, arguments and all.
    ok("its arguments", half.write(b"\x01x").await)?;
    equal("its answer", ok("it", half.finish::<String>().await)?, "x".to_owned())?;
    equal("the running one", ok("it", ok("its task", running.await)?)?, 2000)?;
    let report = ok("the shutdown", draining.await)?;
    that("the callee refused no more than failed", report.never_started <= refused)?;
    equal("cut", report.cut, 0)?;
    idle(&caller, &callee).await
}

async fn cut(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut stuck: Vec<_> = (0..10).map(|_| tokio::spawn(caller.call::<()>(OWN, ()).into_future())).collect();
    let quick: Vec<_> =
        (0..10).map(|_| tokio::spawn(caller.call::<u64>(SLEEP, (500_u64,)).into_future())).collect();
    let mut items = ok("a stream", caller.stream::<u64>(ONE_THEN_NEVER, ()).await)?;
    ok("its item", items.try_next().await)?;
    settle().await;
    let begin = Instant::now();
    let report = callee.shutdown(Duration::from_secs(3)).await;
    let took = begin.elapsed();
    equal("the report", counts(report), (10, 11, 0, 0))?;
    that(&format!("it took the grace period: {took:?}"), (3000..3100).contains(&took.as_millis()))?;
    for call in quick {
        ok("a quick call", ok("its task", call.await)?)?;
    }
    for call in stuck.drain(..) {
        let error = failed("a call that was cut", ok("its task", call.await)?, Code::Unavailable)?;
        that("it may have run", !error.never_started())?;
    }
    failed("the stream", items.try_next().await, Code::Unavailable)?;
    equal("why", probe.causes(), vec![Some(CancelCause::Shutdown); 10])?;
    match caller.closed().await {
        ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, .. } => {}
        other => return Err(format!("the caller's cause: {other:?}")),
    }
    idle(&caller, &callee).await
}

async fn nothing_to_wait_for(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(standard(), standard()).await;
    alive(&caller).await?;
    let begin = Instant::now();
    let report = callee.shutdown(Duration::from_secs(3600)).await;
    equal("the report", counts(report), (0, 0, 0, 0))?;
    that("at once", begin.elapsed() <= Duration::from_millis(100))?;
    let cause = within("the caller hears of it", Duration::from_secs(1), caller.closed()).await?;
    that("orderly", cause.is_orderly())?;
    let again = callee.shutdown(Duration::from_secs(3600)).await;
    equal("a shutdown of what has ended", counts(again), (0, 0, 0, 0))?;
    let error = failed("a call afterwards", caller.call::<String>(ECHO, ("x",)).await, Code::Unavailable)?;
    that("it never started", error.never_started())
}

async fn own_calls(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let quick = tokio::spawn(caller.call::<u64>(SLEEP, (500_u64,)).into_future());
    let stuck = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
    settle().await;
    let begin = Instant::now();
    let report = caller.shutdown(Duration::from_secs(2)).await;
    equal("the report", counts(report), (0, 0, 0, 1))?;
    that("in the grace period", begin.elapsed() <= Duration::from_millis(2100))?;
    equal("the quick one", ok("it", ok("its task", quick.await)?)?, 500)?;
    failed("the other", ok("its task", stuck.await)?, Code::Unavailable)?;
    settle().await;
    that("its handler is gone", probe.running() == 0 && probe.causes().len() == 1)?;
    idle(&caller, &callee).await
}

async fn both(stage: Stage) -> Outcome {
    let (one, other) = stage.wires(standard(), standard()).await;
    let there = tokio::spawn(one.call::<u64>(SLEEP, (700_u64,)).into_future());
    let back = tokio::spawn(other.call::<u64>(SLEEP, (900_u64,)).into_future());
    settle().await;
    let ends = future::join(one.shutdown(Duration::from_secs(5)), other.shutdown(Duration::from_secs(5)));
    let (first, second) = within("both", Duration::from_secs(6), ends).await?;
    equal("one call", ok("it", ok("its task", there.await)?)?, 700)?;
    equal("the other", ok("it", ok("its task", back.await)?)?, 900)?;
    equal("nothing was cut", counts(first.and(second)), (2, 0, 0, 0))?;
    idle(&one, &other).await
}

async fn twice(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let call = tokio::spawn(caller.call::<u64>(SLEEP, (1000_u64,)).into_future());
    settle().await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), callee.shutdown(Duration::from_secs(60)));
    that("the first is dropped", given_up.await.is_err())?;
    let error = failed("a call meanwhile", caller.call::<()>(0, ()).await, Code::Unavailable)?;
    that("it never started", error.never_started())?;
    let (one, other) =
        (shutdown(&callee, Duration::from_secs(60)), shutdown(&callee, Duration::from_secs(60)));
    equal("the call", ok("it", ok("its task", call.await)?)?, 1000)?;
    let both = future::join(one, other);
    let (one, other) = within("both end with the call", Duration::from_secs(1), both).await?;
    equal("one", counts(ok("it", one)?), (1, 0, 0, 0))?;
    equal("the other", counts(ok("it", other)?), (1, 0, 0, 0))?;
    idle(&caller, &callee).await
}

async fn notifications(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().notification(OWN, move |context: ipfi_core::Context, (millis,): (u64,)| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(millis).await;
        }
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    ok("a quick one", caller.notify(OWN, (500_u64,)).await)?;
    ok("a stuck one", caller.notify(OWN, (1_000_000_u64,)).await)?;
    settle().await;
    let draining = shutdown(&callee, Duration::from_secs(2));
    // Before the caller has heard of it: it leaves, and is dropped.
    let late = caller.notify(OWN, (1_u64,)).await;
    drop(late);
    equal("the report counts calls", counts(ok("it", draining.await)?), (0, 0, 0, 0))?;
    equal("handlers", probe.started(), 2)?;
    equal("how they ended", probe.causes(), vec![None, Some(CancelCause::Shutdown)])?;
    idle(&caller, &callee).await
}

async fn stalled_peer(stage: Stage) -> Outcome {
    let interface = standard().sequence(OWN, |(): ()| stream::repeat(pattern(0, 60_000)).take(10_000));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let items = ok("a stream that nobody reads", caller.stream::<bytes::Bytes>(OWN, ()).await)?;
    settle().await;
    let begin = Instant::now();
    let report = callee.shutdown(Duration::from_secs(1)).await;
    equal("the report", counts(report), (0, 1, 0, 0))?;
    // The grace period, and at most twice the time for last words.
    that("bounded", begin.elapsed() <= Duration::from_secs(12))?;
    drop(items);
    idle(&caller, &callee).await
}
