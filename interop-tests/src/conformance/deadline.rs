//! Deadlines: kept by both sides, carried along, shrinking from hop to hop. [P6]

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::stream;
use ipfi_core::status::Origin;
use ipfi_core::{CancelCause, Code, Context, Interface, Status, Wire};
use tokio::time::Instant;

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new(
            "[P6] a deadline of 1 ms ends a sleeping handler within 50 ms, at both sides",
            one_millisecond,
        ),
        Claim::new("[P6] unary calls have the default deadline, streams and uploads none", defaults),
        Claim::new("[P6] a deadline holds for every kind of call", every_kind),
        Claim::new("[P6] a deadline that has passed is not sent at all", zero),
        Claim::new("[P6] a call that waits for a place has its deadline, and never started", waits_for_place),
        Claim::new("[P6] what is left shrinks across hops, and the last one is ended first", across_hops),
        Claim::new("[P6] within() never lengthens a deadline of the call's own", within_is_a_minimum),
        Claim::new("[P6] 1000 deadlines at once each end in their time", many),
        Claim::new("[P6] a call that is answered in time leaves no deadline behind", answered),
    ]
}

async fn one_millisecond(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let begin = Instant::now();
    let error = caller.call::<()>(OWN, ()).timeout(Duration::from_millis(1)).await;
    let error = failed("the call", error, Code::DeadlineExceeded)?;
    that("within 50 ms", begin.elapsed() <= Duration::from_millis(50))?;
    that("it may have run", !error.never_started())?;
    settle().await;
    probe.dropped_once(CancelCause::Deadline)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn defaults(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |context: Context, (): ()| async move {
        context.remaining().map(|left| left.as_secs())
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let left: Option<u64> = ok("a unary call", caller.call(OWN, ()).await)?;
    that("30 s, nearly", matches!(left, Some(29 | 30)))?;
    let mut items = ok("a stream", caller.stream::<Option<u64>>(OWN, ()).await)?;
    equal("none", ok("its item", items.try_next().await)?, Some(None))?;
    drop(items);
    let begin = Instant::now();
    failed("a unary call that is not answered", caller.call::<()>(NEVER, ()).await, Code::DeadlineExceeded)?;
    let took = begin.elapsed();
    that(&format!("it took 30 s: {took:?}"), (30_000..31_000).contains(&took.as_millis()))?;
    let other = limited(Interface::new(), |limits| limits.default_timeout = None);
    let (patient, callee_too) = stage.wires(other, standard()).await;
    let left = tokio::time::timeout(Duration::from_secs(300), patient.call::<()>(NEVER, ()).into_future());
    that("without a default it waits", left.await.is_err())?;
    idle(&patient, &callee_too).await?;
    idle(&caller, &callee).await
}

async fn every_kind(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let beside = beside(&caller).await?;
    let limit = Duration::from_millis(100);
    failed("unary", caller.call::<()>(NEVER, ()).timeout(limit).await, Code::DeadlineExceeded)?;
    let mut items = ok("a stream", caller.stream::<u64>(ONE_THEN_NEVER, ()).timeout(limit).await)?;
    ok("its item", items.try_next().await)?;
    failed("the next", items.try_next().await, Code::DeadlineExceeded)?;
    let upload = caller.upload::<u64, u64>(SUM, ()).timeout(limit);
    let uploading = ok("an upload", upload.await)?;
    let waiting = caller.upload::<u64, u64>(SUM, ()).timeout(limit).items(stream::pending());
    failed("an upload without items", waiting.await, Code::DeadlineExceeded)?;
    failed("its end", uploading.finish().await, Code::DeadlineExceeded)?;
    let (send, mut receive) =
        ok("a duplex", caller.duplex::<u64, u64>(TIMES, (1_u64,)).timeout(limit).await)?;
    failed("its answer", receive.try_next().await, Code::DeadlineExceeded)?;
    drop(send);
    let mut call = ok("piecemeal", caller.start(NEVER).timeout(limit).await)?;
    ok("its end", call.end().await)?;
    failed("its answer", call.read().await, Code::DeadlineExceeded)?;
    // Sending against a reader that does not read.
    let mut full = ok("an upload", caller.upload::<bytes::Bytes, u64>(NEVER_READS, ()).timeout(limit).await)?;
    let error = loop {
        if let Err(error) = full.send(pattern(0, 50_000)).await {
            break error;
        }
        if full.is_stopped() {
            let finished = full.finish().await;
            break failed("the end", finished, Code::DeadlineExceeded)?;
        }
    };
    equal("sending", error.code(), Code::DeadlineExceeded)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn zero(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let error = caller.call::<String>(ECHO, ("x",)).timeout(Duration::ZERO).await;
    let error = failed("the call", error, Code::DeadlineExceeded)?;
    no_retry_helps(&error)?;
    equal("who says it", error.status().origin(), Origin::Caller)?;
    equal("calls that arrived", callee.stats().calls_in, 0)?;
    idle(&caller, &callee).await
}

async fn waits_for_place(stage: Stage) -> Outcome {
    let (caller, callee) =
        stage.wires(Interface::new(), limited(standard(), |limits| limits.max_inbound_calls = 1)).await;
    let running = tokio::spawn(caller.call::<u64>(SLEEP, (10_000_u64,)).into_future());
    settle().await;
    let call = caller.call::<String>(ECHO, ("x",)).timeout(Duration::from_secs(1));
    let error = failed("the call", call.await, Code::DeadlineExceeded)?;
    that("it never started", error.never_started())?;
    // One that gets its place late has less left, and is told so.
    let call = caller.call::<u64>(SLEEP, (1_u64,)).timeout(Duration::from_secs(20));
    equal("a patient one", ok("it", call.await)?, 1)?;
    equal("the running one", ok("it", ok("its task", running.await)?)?, 10_000)?;
    idle(&caller, &callee).await
}

/// Wires in a row: each serves `OWN`, which tells what is left and passes the call on to the next.
fn relay(next: Option<Wire>, probe: &Probe) -> Interface {
    let probe = probe.clone();
    standard().procedure(OWN, move |context: Context, (): ()| {
        let (next, running) = (next.clone(), probe.enter(context.clone()));
        async move {
            let _running = running;
            sleep_ms(100).await;
            let left =
                context.remaining().map_or(0, |left| left.as_secs() * 1000 + u64::from(left.subsec_millis()));
            let mut all = vec![left];
            match next {
                Some(next) => all.extend(next.call::<Vec<u64>>(OWN, ()).within(&context).await?),
                None => sleep_ms(if left > 1000 { 0 } else { 1_000_000 }).await,
            }
            Ok::<_, Status>(all)
        }
    })
}

async fn across_hops(stage: Stage) -> Outcome {
    // Clause 5.7.
    let probes = [Probe::default(), Probe::default(), Probe::default()];
    let (last, _keep_last) = stage.wires(Interface::new(), relay(None, &probes[2])).await;
    let (middle, _keep_middle) = stage.wires(Interface::new(), relay(Some(last.clone()), &probes[1])).await;
    let (first, _keep_first) = stage.wires(Interface::new(), relay(Some(middle.clone()), &probes[0])).await;

    let left: Vec<u64> = ok("the call", first.call(OWN, ()).timeout(Duration::from_secs(5)).await)?;
    equal("hops", left.len(), 3)?;
    for (hop, left) in left.into_iter().enumerate() {
        let expected = 5000 - 100 * (hop as u64 + 1);
        that(&format!("hop {hop}: {left} ms left, expected {expected}"), left.abs_diff(expected) <= 3)?;
    }

    let begin = Instant::now();
    let call = first.call::<Vec<u64>>(OWN, ()).timeout(Duration::from_secs(1));
    failed("a call whose last hop never ends", call.await, Code::DeadlineExceeded)?;
    that("in its time", begin.elapsed() <= Duration::from_millis(1050))?;
    settle().await;
    equal("handlers left", probes.iter().map(Probe::running).sum::<usize>(), 0)?;
    for probe in &probes {
        equal("handlers", probe.started(), 2)?;
    }
    equal("why the last ended", probes[2].causes(), vec![None, Some(CancelCause::Deadline)])
}

async fn within_is_a_minimum(stage: Stage) -> Outcome {
    let (inner, _keep) = stage
        .wires(
            Interface::new(),
            standard().procedure(OWN, |context: Context, (): ()| async move {
                context.remaining().map(|left| left.as_secs() * 1000 + u64::from(left.subsec_millis()))
            }),
        )
        .await;
    let interface = standard().procedure(OWN, move |context: Context, (own,): (u64,)| {
        let inner = inner.clone();
        async move {
            let call =
                inner.call::<Option<u64>>(OWN, ()).timeout(Duration::from_millis(own)).within(&context);
            Ok::<_, Status>(call.await?.unwrap_or_default())
        }
    });
    let (caller, _callee) = stage.wires(Interface::new(), interface).await;
    for (own, expected) in [(500_u64, 500_u64), (60_000, 2000)] {
        let left: u64 = ok("the call", caller.call(OWN, (own,)).timeout(Duration::from_secs(2)).await)?;
        that(&format!("{left} ms of {own}, expected {expected}"), left.abs_diff(expected) <= 3)?;
    }
    let left: u64 = ok("the call", caller.call(OWN, (700_u64,)).without_timeout().await)?;
    that("without a deadline its own holds", left.abs_diff(700) <= 3)
}

async fn many(stage: Stage) -> Outcome {
    let options = limited(standard(), |limits| {
        (limits.max_inbound_calls, limits.abuse_budget) = (1000, 3000);
    });
    let (caller, callee) = stage.wires(Interface::new(), options).await;
    let begin = Instant::now();
    let calls = (1..=1000_u64).map(|n| {
        let caller = caller.clone();
        async move {
            let timeout = Duration::from_millis(n * 7 % 5000 + 1);
            let result = caller.call::<()>(NEVER, ()).timeout(timeout).await;
            (timeout, begin.elapsed(), result)
        }
    });
    for (timeout, took, result) in futures_util::future::join_all(calls).await {
        failed("a call", result, Code::DeadlineExceeded)?;
        let late = took.saturating_sub(timeout);
        let grain = (timeout / 64).max(Duration::from_millis(1)) + Duration::from_millis(2);
        that(&format!("{timeout:?} took {took:?}"), took >= timeout && late <= grain)?;
    }
    idle(&caller, &callee).await
}

async fn answered(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    for n in 0..100_u64 {
        let call = caller.call::<u64>(SLEEP, (n % 10,)).timeout(Duration::from_millis(20 + n));
        ok("a call", call.await)?;
    }
    // A duplex that outlives the deadlines of all others is not touched by them.
    let beside = beside(&caller).await?;
    sleep_ms(5000).await;
    beside.unharmed().await?;
    let items = stream::iter(0..10_u64);
    let sum = caller.upload::<u64, u64>(SUM, ()).timeout(Duration::from_secs(1)).items(items).await;
    equal("an upload", ok("it", sum)?, 45)?;
    idle(&caller, &callee).await
}
