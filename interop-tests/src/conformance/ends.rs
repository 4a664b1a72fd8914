//! What keeps a connection alive, how it ends, and what outlives it.

use std::future::IntoFuture;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{CancelCause, Code, Context, Interface, Receiver, WireOptions};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("dropping the last handle closes in order, and loses no notification", last_handle),
        Claim::new("a call keeps the connection alive, of whatever kind it is", call_keeps_alive),
        Claim::new("calls of the peer do not keep a connection alive, and are cancelled", peers_calls),
        Claim::new("a clone of a handle is the same wire", clones),
        Claim::new("close() ends everything at once, with its code and reason at both sides", close),
        Claim::new("an interface serves other wires when one has ended", interface_lives_on),
        Claim::new("nothing of a wire is left when it has ended", nothing_left),
        Claim::new(
            "a handler's context outlives the call and the connection, and says what it knew",
            context_outlives,
        ),
    ]
}

async fn last_handle(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().notification(OWN, move |context: Context, (body,): (bytes::Bytes,)| {
        drop((handler.enter(context), body));
        async {}
    });
    let (caller, callee) = stage
        .wires(Interface::new(), limited(interface, |limits| limits.max_inbound_notifications = 200))
        .await;
    for n in 0..100 {
        ok("a notification", caller.notify(OWN, (pattern(n, n * 100),)).await)?;
    }
    drop(caller);
    let cause = within("the end", Duration::from_secs(1), callee.closed()).await?;
    match &cause {
        ConnectionError::PeerClosed { code: CloseCode::NO_ERROR, .. } => {}
        other => return Err(format!("the cause: {other:?}")),
    }
    that("it is orderly", cause.is_orderly())?;
    settle().await;
    equal("notifications that ran", probe.started(), 100)?;
    // The other way: the last one and the end in one breath.
    let (caller, callee) = stage.wires(standard(), Interface::new()).await;
    ok("a notification", callee.notify(NOTE, ()).await)?;
    drop(callee);
    within("the end", Duration::from_secs(1), caller.closed()).await?;
    settle().await;
    equal("notifications that ran", caller.stats().notifications_in, 1)
}

async fn call_keeps_alive(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let unary = caller.call::<u64>(SLEEP, (1000_u64,)).into_future();
    drop(caller);
    equal("a unary call", ok("it", unary.await)?, 1000)?;
    within("then the end", Duration::from_secs(1), callee.closed()).await?;

    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut items: Receiver<u64> = ok("a stream", caller.stream(COUNT, (100_000_u64,)).await)?;
    drop(caller);
    let mut next = 0;
    while let Some(item) = ok("an item", items.try_next().await)? {
        equal("an item", item, next)?;
        next += 1;
    }
    equal("items", next, 100_000)?;
    drop(items);
    within("then the end", Duration::from_secs(1), callee.closed()).await?;

    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let (mut send, mut receive) = ok("a duplex", caller.duplex::<u64, u64>(TIMES, (2_u64,)).await)?;
    drop(caller);
    sleep_ms(1000).await;
    ok("an item", send.send(4).await)?;
    equal("its answer", ok("it", receive.try_next().await)?, Some(8))?;
    drop(receive);
    sleep_ms(1000).await;
    that("half of a duplex is enough", callee.close_reason().is_none())?;
    drop(send);
    within("then the end", Duration::from_secs(1), callee.closed()).await?;

    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut uploading = ok("an upload", caller.upload::<u64, u64>(SUM, ()).await)?;
    drop(caller);
    ok("an item", uploading.send(4).await)?;
    equal("the sum", ok("it", uploading.finish().await)?, 4)?;
    within("then the end", Duration::from_secs(1), callee.closed()).await?;
    Ok(())
}

async fn peers_calls(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let call = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
    settle().await;
    drop(callee);
    let error = failed("the call", ok("its task", call.await)?, Code::Unavailable)?;
    that("an orderly end", error.connection_error().is_some_and(ConnectionError::is_orderly))?;
    settle().await;
    probe.dropped_once(CancelCause::Connection)?;
    equal("calls left", caller.outbound_calls(), 0)
}

async fn clones(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let clone = caller.clone();
    drop(caller);
    alive(&clone).await?;
    equal("one count for all", clone.stats().calls_out, 1)?;
    drop(clone);
    within("the end", Duration::from_secs(1), callee.closed()).await?;
    Ok(())
}

async fn close(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let call = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
    settle().await;
    callee.close(CloseCode(77), "enough");
    let error = failed("the call", ok("its task", call.await)?, Code::Unavailable)?;
    that("it may have run", !error.never_started())?;
    let peers = ConnectionError::PeerClosed { code: CloseCode(77), reason: "enough".into() };
    equal("the call's cause", error.connection_error(), Some(&peers))?;
    equal("the caller's", caller.closed().await, peers.clone())?;
    equal("at once", caller.close_reason(), Some(peers))?;
    let own = ConnectionError::LocallyClosed { code: CloseCode(77), reason: "enough".into() };
    equal("the callee's", callee.closed().await, own)?;
    settle().await;
    probe.dropped_once(CancelCause::Connection)?;
    for wire in [&caller, &callee] {
        let error = failed("a call afterwards", wire.call::<()>(0, ()).await, Code::Unavailable)?;
        that("it never started", error.never_started())?;
        that("it says why", error.connection_error().is_some())?;
        failed("a notification afterwards", wire.notify(0, ()).await, Code::Unavailable)?;
    }
    callee.close(CloseCode(78), "again");
    idle(&caller, &callee).await
}

async fn interface_lives_on(stage: Stage) -> Outcome {
    let interface = standard();
    let (first, first_callee) = stage.wires(Interface::new(), interface.clone()).await;
    let (second, second_callee) = stage.wires(Interface::new(), interface.clone()).await;
    let beside = beside(&second).await?;
    first_callee.close(CloseCode::INTERNAL, "a fault");
    first.closed().await;
    beside.unharmed().await?;
    let (third, third_callee) = stage.wires(Interface::new(), interface).await;
    alive(&third).await?;
    alive(&second).await?;
    idle(&second, &second_callee).await?;
    idle(&third, &third_callee).await
}

/// An interface, and what tells whether it still exists.
fn traced(probe: &Probe) -> (Interface, Weak<()>) {
    let token = Arc::new(());
    let weak = Arc::downgrade(&token);
    let never = probe.never();
    let interface = standard().procedure(OWN, move |context: Context, (): ()| {
        let _held = &token;
        never(context, ())
    });
    (interface, weak)
}

async fn nothing_left(stage: Stage) -> Outcome {
    for how in 0..3 {
        let probe = Probe::default();
        let ((one_interface, one_token), (other_interface, other_token)) = (traced(&probe), traced(&probe));
        let (one, other) = stage.wires(one_interface, other_interface).await;
        let calls = [&one, &other].map(|wire| tokio::spawn(wire.call::<()>(OWN, ()).into_future()));
        let (send, receive) = ok("a duplex", one.duplex::<u64, u64>(TIMES, (2_u64,)).await)?;
        settle().await;
        equal("handlers", probe.running(), 2)?;
        match how {
            0 => one.close(CloseCode::NO_ERROR, ""),
            1 => drop(one.shutdown(Duration::ZERO).await),
            _ => drop(
                futures_util::future::join(one.shutdown(Duration::ZERO), other.shutdown(Duration::ZERO))
                    .await,
            ),
        }
        for call in calls {
            that("its call ends", ok("its task", call.await)?.is_err())?;
        }
        drop((one, other, send, receive));
        settle().await;
        equal("handlers", probe.running(), 0)?;
        that("nothing of the one is left", one_token.upgrade().is_none())?;
        that("nothing of the other is left", other_token.upgrade().is_none())?;
    }
    Ok(())
}

async fn context_outlives(stage: Stage) -> Outcome {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let interface = standard().procedure(OWN, move |context: Context, (): ()| {
        let _ = tell.send(context);
        async {}
    });
    let (caller, callee) = stage.wires(standard(), WireOptions::from(interface)).await;
    ok("the call", caller.call::<()>(OWN, ()).metadata("key", "value").await)?;
    let context = told.recv().await.ok_or("no context")?;
    ok("a call back, later", context.wire().call::<String>(ECHO, ("x",)).await)?;
    callee.close(CloseCode::NO_ERROR, "");
    caller.closed().await;
    drop((caller, callee));
    settle().await;
    equal("the metadata", context.metadata().get_str("key"), Some("value"))?;
    equal("a call that ended was not cancelled", context.cancel_cause(), None)?;
    failed("a call back, too late", context.wire().call::<String>(ECHO, ("x",)).await, Code::Unavailable)?;
    Ok(())
}
