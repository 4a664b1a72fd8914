//! What those who watch are told: counters, and one report per finished call.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipfi_core::observe::{CallReport, Direction, Stats};
use ipfi_core::{Code, Interface, Status, WireOptions};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("the observer is told of every call once, with its end and how long it took", reports),
        Claim::new("the counters count what they say", stats),
    ]
}

type Seen = Arc<Mutex<Vec<(Direction, u64, Option<Code>, u128)>>>;

fn observed(interface: Interface) -> (WireOptions, Seen) {
    let seen = Seen::default();
    let keep = Arc::clone(&seen);
    let options = WireOptions::from(interface).observer(move |report: &CallReport| {
        let entry = (report.direction, report.procedure.get(), report.code, report.elapsed.as_millis());
        keep.lock().expect("nobody panics here").push(entry);
    });
    (options, seen)
}

/// What was reported, as `(procedure, code, milliseconds)`.
fn taken(seen: &Seen, direction: Direction) -> Result<Vec<(u64, Option<Code>, u128)>, String> {
    let mut entries = Vec::new();
    for (seen, procedure, code, millis) in seen.lock().expect("nobody panics here").drain(..) {
        equal("the direction", seen, direction)?;
        entries.push((procedure, code, millis));
    }
    Ok(entries)
}

async fn reports(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(): ()| async {
        sleep_ms(30).await;
        Err::<(), _>(Status::not_found("nothing"))
    });
    let (out_options, out) = observed(Interface::new());
    let (in_options, inn) = observed(interface);
    let (caller, callee) = stage.wires(out_options, in_options).await;
    let expect = async |what: &str, code: Option<Code>, procedure: u64, millis: u128| {
        settle().await;
        let told = (taken(&out, Direction::Outbound)?, taken(&inn, Direction::Inbound)?);
        equal(what, told, (vec![(procedure, code, millis)], vec![(procedure, code, millis)]))
    };

    ok("a call", caller.call::<u64>(SLEEP, (250_u64,)).await)?;
    expect("a call", None, SLEEP, 250).await?;
    failed("a failing call", caller.call::<()>(OWN, ()).await, Code::NotFound)?;
    expect("a failing call", Some(Code::NotFound), OWN, 30).await?;
    failed("an unknown one", caller.call::<()>(999, ()).await, Code::Unimplemented)?;
    expect("an unknown one", Some(Code::Unimplemented), 999, 0).await?;
    let mut items = ok("a stream", caller.stream::<u64>(COUNT, (3_u64,)).await)?;
    while ok("an item", items.try_next().await)?.is_some() {}
    drop(items);
    expect("a stream", None, COUNT, 0).await?;
    let call = tokio::spawn(caller.call::<()>(NEVER, ()).into_future());
    sleep_ms(100).await;
    call.abort();
    expect("one that is given up", Some(Code::Cancelled), NEVER, 100).await?;
    ok("a notification", caller.notify(NOTE, ()).await)?;
    settle().await;
    that("notifications are no calls", taken(&out, Direction::Outbound)?.is_empty())?;
    that("at neither end", taken(&inn, Direction::Inbound)?.is_empty())?;

    let call = caller.call::<()>(NEVER, ()).timeout(Duration::from_secs(64));
    failed("a deadline", call.await, Code::DeadlineExceeded)?;
    settle().await;
    for (told, direction) in [(&out, Direction::Outbound), (&inn, Direction::Inbound)] {
        match taken(told, direction)?.as_slice() {
            [(NEVER, Some(_), millis)] => {
                that("64 s, or a grain of it later", (64_000..64_300).contains(millis))?
            }
            other => return Err(format!("a deadline: {other:?}")),
        }
    }
    idle(&caller, &callee).await
}

async fn stats(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let zero = Stats::default();
    equal("at first", (caller.stats(), callee.stats()), (zero, zero))?;
    for _ in 0..3 {
        ok("a call", caller.call::<String>(ECHO, ("x",)).await)?;
    }
    failed("an unknown one", caller.call::<()>(999, ()).await, Code::Unimplemented)?;
    ok("a notification", caller.notify(NOTE, ()).await)?;
    ok("an unknown one", caller.notify(999, ()).await)?;
    settle().await;
    let (out, inn) = (caller.stats(), callee.stats());
    equal("calls out", (out.calls_out, out.calls_out_failed), (4, 1))?;
    equal("calls in", (inn.calls_in, inn.calls_in_failed, inn.calls_in_refused), (4, 1, 0))?;
    equal("notifications out", out.notifications_out, 2)?;
    equal("notifications in", (inn.notifications_in, inn.notifications_in_dropped), (1, 1))?;
    let running = tokio::spawn(caller.call::<u64>(SLEEP, (1000_u64,)).into_future());
    settle().await;
    equal("running", (caller.outbound_calls(), callee.inbound_calls()), (1, 1))?;
    equal("the other way", (callee.outbound_calls(), caller.inbound_calls()), (0, 0))?;
    ok("it ends", ok("its task", running.await)?)?;
    idle(&caller, &callee).await
}
