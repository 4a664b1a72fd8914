//! Calls that nobody answers, on streams and in datagrams.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::{CancelCause, Code, Context, Interface, Raw, blocking, spawned};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("notifications of every size arrive, each once", every_size),
        Claim::new("more notifications than have a place wait, and none is lost", many),
        Claim::new("a notification that cannot run is counted and dropped, and nothing else", dropped),
        Claim::new("a notification that panics, at any point, is counted, and nothing else", panics),
        Claim::new("blocking and spawned handlers take notifications", other_handlers),
        Claim::new("a notification's deadline ends its handler, and its sender's wait", deadline),
        Claim::new("a datagram arrives, raw or typed, and one that is too large is not sent", datagram),
        Claim::new("datagrams never run more handlers at once than notifications may", datagram_flood),
    ]
}

/// An interface that keeps the sizes of what `OWN` is told.
fn sink() -> (Interface, Arc<Mutex<Vec<usize>>>) {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&sizes);
    let interface = standard().notification(OWN, move |(body,): (Bytes,)| {
        keep.lock().expect("nobody panics here").push(body.len());
        async {}
    });
    (interface, sizes)
}

fn sorted(sizes: &Mutex<Vec<usize>>) -> Vec<usize> {
    let mut sizes = sizes.lock().expect("nobody panics here").clone();
    sizes.sort_unstable();
    sizes
}

async fn every_size(stage: Stage) -> Outcome {
    let (interface, sizes) = sink();
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let sent = vec![0, 1, 2047, 2048, 16_384, 100_000, 4_000_000];
    for size in &sent {
        ok("a notification", caller.notify(OWN, (pattern(1, *size),)).await)?;
    }
    settle().await;
    equal("what arrived", sorted(&sizes), sent)?;
    equal("counted by the sender", caller.stats().notifications_out, 7)?;
    equal("counted by the receiver", callee.stats().notifications_in, 7)?;
    idle(&caller, &callee).await
}

async fn many(stage: Stage) -> Outcome {
    let (interface, sizes) = sink();
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = interface.notification(OWN + 1, move |context: Context, (): ()| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(10).await;
        }
    });
    let (caller, callee) = stage
        .wires(Interface::new(), limited(interface, |limits| limits.max_inbound_notifications = 8))
        .await;
    let sends = (0..500_usize).map(|size| {
        let caller = caller.clone();
        async move {
            caller.notify(OWN + 1, ()).await?;
            caller.notify(OWN, (pattern(0, size),)).await
        }
    });
    for sent in futures_util::future::join_all(sends).await {
        ok("a notification", sent)?;
    }
    sleep_ms(60_000).await;
    equal("what arrived", sorted(&sizes), (0..500).collect())?;
    equal("handlers that ran", probe.started(), 500)?;
    // The control stream has a place, too.
    that("never more at once than have a place", probe.most() <= 8)?;
    idle(&caller, &callee).await
}

async fn dropped(stage: Stage) -> Outcome {
    let (interface, sizes) = sink();
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    ok("unknown", caller.notify(9999, ()).await)?;
    ok("no notification", caller.notify(ECHO, ("x",)).await)?;
    ok("wrong arguments", caller.notify(OWN, (1.5_f64, 2.5_f64)).await)?;
    ok("the wrong codec", caller.notify(OWN, Raw(Bytes::from_static(b"x"))).await)?;
    settle().await;
    equal("dropped", callee.stats().notifications_in_dropped, 4)?;
    equal("run", callee.stats().notifications_in, 0)?;
    equal("seen", sorted(&sizes), vec![])?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn panics(stage: Stage) -> Outcome {
    let interface = standard()
        .notification(OWN, |(): ()| {
            assert!(sleepless(), "before its future");
            async {}
        })
        .notification(OWN + 1, |(): ()| async { assert!(sleepless(), "at its first poll") })
        .notification(OWN + 2, |(): ()| async {
            sleep_ms(1).await;
            assert!(sleepless(), "at a later poll");
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    for procedure in OWN..OWN + 3 {
        ok("a notification", caller.notify(procedure, ()).await)?;
    }
    sleep_ms(100).await;
    equal("panics", callee.stats().panics, 3)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

/// False, which the compiler does not know.
fn sleepless() -> bool {
    std::hint::black_box(false)
}

async fn other_handlers(stage: Stage) -> Outcome {
    let (sent, sizes) = std::sync::mpsc::channel();
    let sent_too = sent.clone();
    let interface = standard()
        .notification(OWN + 1, blocking(move |(size,): (u32,)| sent.send(size).expect("the test waits")))
        .notification(
            OWN + 2,
            spawned(move |(size,): (u32,)| {
                let sent = sent_too.clone();
                async move { sent.send(size).expect("the test waits") }
            }),
        );
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    ok("a blocking one", caller.notify(OWN + 1, (1_u32,)).await)?;
    ok("a spawned one", caller.notify(OWN + 2, (2_u32,)).await)?;
    // Blocking work is done by a thread, in real time: a paused clock stands still while a thread waits for it.
    let ran = tokio::task::spawn_blocking(move || {
        let next = || sizes.recv_timeout(Duration::from_secs(10)).ok();
        let mut ran: Vec<u32> = std::iter::from_fn(next).take(2).collect();
        ran.sort_unstable();
        ran
    });
    equal("what ran", ran.await.expect("it only waits"), vec![1, 2])?;
    idle(&caller, &callee).await
}

async fn deadline(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().notification(OWN, probe.never());
    let (caller, callee) = stage
        .wires(Interface::new(), limited(interface, |limits| limits.max_inbound_notifications = 3))
        .await;
    let second = Duration::from_secs(1);
    ok("the first", caller.notify(OWN, ()).timeout(second).await)?;
    ok("the second", caller.notify(OWN, ()).timeout(second * 10).await)?;
    settle().await;
    equal("handlers", probe.running(), 2)?;
    // Two handlers and the control stream have all the places: this one waits, and then not.
    let waits = caller.notify(OWN, ()).timeout(second / 2);
    let error =
        failed("the third", within("it", second, waits.into_future()).await?, Code::DeadlineExceeded)?;
    that("it never started", error.never_started())?;
    sleep_ms(1000).await;
    probe.dropped_once(CancelCause::Deadline)?;
    ok("a fourth finds a place", caller.notify(OWN, ()).timeout(second).await)?;
    sleep_ms(20_000).await;
    equal("handlers left", probe.running(), 0)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn datagram(stage: Stage) -> Outcome {
    // Clause 11.1.
    if !stage.carries_datagrams() {
        return Ok(());
    }
    let (interface, sizes) = sink();
    let keep = Arc::clone(&sizes);
    let interface = interface.notification(OWN + 1, move |Raw(body): Raw| {
        keep.lock().expect("nobody panics here").push(body.len());
        async {}
    });
    let interface = interface.by_datagram(OWN).by_datagram(OWN + 1).notification(OWN + 2, |(): ()| async {});
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let limit = caller.max_datagram_bytes().ok_or("no datagrams")?;
    that("1000 bytes are portable", limit >= 1000)?;
    for size in [0, 1, 100, 900] {
        ok("typed", caller.notify(OWN, (pattern(1, size),)).metadata("k", "v").datagram())?;
        ok("raw", caller.notify(OWN + 1, Raw(pattern(1, size))).priority(3).datagram())?;
        settle().await;
    }
    equal("what arrived", sorted(&sizes), vec![0, 0, 1, 1, 100, 100, 900, 900])?;
    let error =
        failed("too large", caller.notify(OWN, (pattern(1, limit),)).datagram(), Code::ResourceExhausted)?;
    that(
        "it names the limit",
        error.status().limit_seen().is_some_and(|limit| limit.name == "max_datagram_bytes"),
    )?;
    ok("nobody's", caller.notify(9999, ()).datagram())?;
    settle().await;
    equal("dropped", callee.stats().notifications_in_dropped, 1)?;
    ok("to one that takes none", caller.notify(OWN + 2, ()).datagram())?;
    settle().await;
    equal("dropped", callee.stats().notifications_in_dropped, 2)?;
    idle(&caller, &callee).await
}

async fn datagram_flood(stage: Stage) -> Outcome {
    if !stage.carries_datagrams() {
        return Ok(());
    }
    let probe = Probe::default();
    let interface = standard().notification(OWN, probe.never()).by_datagram(OWN);
    let (caller, _callee) = stage.wires(Interface::new(), interface).await;
    for _ in 0..1000 {
        // A full queue is one of the ways in which a datagram may be lost.
        let _ = caller.notify(OWN, ()).datagram();
        tokio::task::yield_now().await;
    }
    settle().await;
    let limit = callee_limit();
    that("handlers ran", probe.running() > 0)?;
    that("never more at once than notifications have places", probe.most() <= limit)?;
    alive(&caller).await
}

fn callee_limit() -> usize {
    ipfi_core::Limits::default().max_inbound_notifications as usize
}
