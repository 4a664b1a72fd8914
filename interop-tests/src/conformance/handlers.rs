//! Handlers that block, compute or want a task of their own.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ipfi_core::{CancelCause, Code, Context, Interface, Status, blocking, spawned};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("a blocking handler answers, fails and sees its context", blocking_handlers),
        Claim::new("a blocking handler holds nobody up", blocking_beside),
        Claim::new("a cancelled blocking handler keeps its place until it has returned", blocking_place),
        Claim::new("a spawned handler is never run where the connection is read", spawned_handlers),
        Claim::new("a handler that is ready at once is answered at once", ready_at_once),
        Claim::new("the context tells the procedure, the peer, the metadata and the time left", context),
    ]
}

async fn blocking_handlers(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, blocking(|(n,): (u64,)| n * 2))
        .procedure(OWN + 1, blocking(|(): ()| Err::<u64, _>(Status::not_found("nothing"))))
        .procedure(OWN + 2, blocking(|context: Context, (): ()| context.procedure().get()));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    equal("a value", ok("it", caller.call::<u64>(OWN, (21_u64,)).await)?, 42)?;
    failed("a status", caller.call::<u64>(OWN + 1, ()).await, Code::NotFound)?;
    equal("a context", ok("it", caller.call::<u64>(OWN + 2, ()).await)?, OWN + 2)?;
    idle(&caller, &callee).await
}

/// A blocking procedure that waits until it is let go.
fn gate() -> (Interface, mpsc::Sender<()>) {
    let (open, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let interface = standard().procedure(
        OWN,
        blocking(move |(): ()| {
            let _ = wait.lock().expect("nobody panics here").recv_timeout(Duration::from_secs(60));
            7_u64
        }),
    );
    (interface, open)
}

async fn blocking_beside(stage: Stage) -> Outcome {
    let (interface, open) = gate();
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let blocked = tokio::spawn(caller.call::<u64>(OWN, ()).into_future());
    // No clock runs while blocking work does: what follows needs none.
    for n in 0..100 {
        let text = n.to_string();
        equal("a call beside it", ok("it", caller.call::<String>(ECHO, (text.clone(),)).await)?, text)?;
    }
    that("the handler still blocks", !blocked.is_finished())?;
    ok("letting it go", open.send(()))?;
    equal("its answer", ok("it", ok("its task", blocked.await)?)?, 7)?;
    idle(&caller, &callee).await
}

async fn blocking_place(stage: Stage) -> Outcome {
    let (interface, open) = gate();
    let (caller, callee) =
        stage.wires(Interface::new(), limited(interface, |limits| limits.max_inbound_calls = 2)).await;
    let blocked = tokio::spawn(caller.call::<u64>(OWN, ()).into_future());
    while callee.inbound_calls() == 0 {
        tokio::task::yield_now().await;
    }
    blocked.abort();
    that("the call is given up", blocked.await.is_err())?;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    equal("calls of the caller", caller.outbound_calls(), 0)?;
    equal("the handler still runs", callee.inbound_calls(), 1)?;
    // One place is left, and it is enough for one after the other. A carrier may need its timers to hand it on, and
    // the paused clock stands still by itself while blocking work runs.
    let calls = async {
        for _ in 0..10 {
            ok("a call in the other place", caller.call::<String>(ECHO, ("x",)).await)?;
        }
        Outcome::Ok(())
    };
    let clock = async {
        loop {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        called = calls => called?,
        () = clock => {}
    }
    equal("the handler still runs", callee.inbound_calls(), 1)?;
    ok("letting it go", open.send(()))?;
    idle(&caller, &callee).await
}

async fn spawned_handlers(stage: Stage) -> Outcome {
    // The hook runs in the task that reads the connection.
    let reader = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&reader);
    let interface = standard()
        .procedure(
            OWN,
            spawned(move |(): ()| {
                let reader = *seen.lock().expect("nobody panics here");
                async move { reader != tokio::task::try_id() }
            }),
        )
        .authorize(move |_| {
            *reader.lock().expect("nobody panics here") = tokio::task::try_id();
            Ok(())
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let calls = (0..20).map(|_| caller.call::<bool>(OWN, ()).into_future());
    for answer in futures_util::future::join_all(calls).await {
        that("it ran elsewhere", ok("a call", answer)?)?;
    }
    idle(&caller, &callee).await
}

async fn ready_at_once(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let begin = tokio::time::Instant::now();
    for _ in 0..1000 {
        ok("a call", caller.call::<String>(ECHO, ("x",)).await)?;
    }
    equal("the virtual time of 1000 calls", begin.elapsed(), Duration::ZERO)?;
    idle(&caller, &callee).await
}

async fn context(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |context: Context, (): ()| async move {
        sleep_ms(400).await;
        let left = context.remaining().map(|left| left.as_secs() * 1000 + u64::from(left.subsec_millis()));
        let cause = context.cancel_cause().map(|cause: CancelCause| cause.to_string());
        let key = context.metadata().get_str("key").map(str::to_owned);
        (context.procedure().get(), context.peer().carrier().to_owned(), key, left, cause)
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    type Told = (u64, String, Option<String>, Option<u64>, Option<String>);
    let call = caller.call::<Told>(OWN, ()).metadata("key", "value").timeout(Duration::from_secs(1));
    let (procedure, carrier, key, left, cause) = ok("the call", call.await)?;
    equal("the procedure", procedure, OWN)?;
    equal("the carrier", carrier, callee.peer().carrier().to_owned())?;
    equal("the metadata", key, Some("value".to_owned()))?;
    equal("the cause of a call that goes on", cause, None)?;
    let left = left.ok_or("no deadline")?;
    that(&format!("600 ms are left, within a millisecond: {left}"), (599..=601).contains(&left))?;
    let call = caller.call::<Told>(OWN, ()).without_timeout();
    equal("without a deadline", ok("the call", call.await)?.3, None)?;
    idle(&caller, &callee).await
}
