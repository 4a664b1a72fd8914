//! Every future and every handle, dropped at every point where it waits: nothing leaks, nothing hangs,
//! and the peer is told. [R4]

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, TryStreamExt, future::LocalBoxFuture, stream};
use ipfi_core::call::CallError;
use ipfi_core::{Code, Context, Interface, Raw, Receiver, Status, Terminator, Wire, WireOptions};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new(
            "[R4] every future of a call, dropped at each of its polls, leaves nothing behind",
            callers,
        ),
        Claim::new(
            "[R4] a send that is dropped has not sent, or sends whole with the next",
            cancel_safe_send,
        ),
        Claim::new("[R4] next() loses no item when it is dropped", cancel_safe_next),
        Claim::new("[R4] writes and reads in pieces lose nothing when they are dropped", cancel_safe_pieces),
        Claim::new(
            "[R4] shutdown() and closed(), dropped at each of their polls, leave the wire usable",
            ends,
        ),
    ]
}

/// Polls `future` at most `polls` times, a settled pair between two of them, then drops it. Says whether
/// it was done before.
async fn poll_then_drop(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    for poll in 1..=polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if polled.is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        // Time does not pass by itself while somebody is ready to run.
        if poll % 8 == 0 {
            sleep_ms(1).await;
        }
    }
    false
}

/// Limits so small that everything waits for everything.
fn tight(interface: Interface) -> WireOptions {
    limited(interface, |limits| {
        limits.max_inbound_calls = 2;
        limits.max_inbound_notifications = 3;
        limits.stream_window_bytes = 1024;
        limits.notification_window_bytes = 1024;
        limits.window_pool_bytes = 1 << 20;
    })
}

type Script = fn(Wire) -> LocalBoxFuture<'static, Result<(), CallError>>;

/// A script of everything that a user may wait for, of each kind of call.
fn scripts() -> [(&'static str, Script); 11] {
    [
        ("unary", |wire| {
            async move { wire.call::<Bytes>(ECHO_BYTES, (pattern(0, 5000),)).await.map(drop) }.boxed_local()
        }),
        ("sleeping unary", |wire| {
            async move { wire.call::<u64>(SLEEP, (1_u64,)).await.map(drop) }.boxed_local()
        }),
        ("detached", |wire| async move { wire.call::<u64>(SLEEP, (1_u64,)).detached().await }.boxed_local()),
        ("detached stream", |wire| {
            async move { wire.stream::<u64>(COUNT, (2000_u64,)).detached().await }.boxed_local()
        }),
        ("detached upload", |wire| {
            async move {
                let mut sending = wire.upload::<u64, u64>(SUM, ()).await?;
                sending.send(1).await?;
                sending.detach().await
            }
            .boxed_local()
        }),
        ("detached pieces", |wire| {
            async move {
                let mut call = wire.start(RAW_ECHO).await?;
                call.write(&pattern(0, 5000)).await?;
                call.detach().await
            }
            .boxed_local()
        }),
        ("stream", |wire| {
            async move {
                let items: Receiver<u64> = wire.stream(COUNT, (2000_u64,)).await?;
                items.try_for_each(|_| async { Ok(()) }).await
            }
            .boxed_local()
        }),
        ("upload", |wire| {
            async move { wire.upload::<u64, u64>(SUM, ()).items(stream::iter(0..1000)).await.map(drop) }
                .boxed_local()
        }),
        ("duplex", |wire| {
            async move {
                let (mut send, mut receive) = wire.duplex::<u64, u64>(TIMES, (2_u64,)).await?;
                for n in 0..20 {
                    send.send(n).await?;
                    receive.try_next().await?;
                }
                send.finish().await?;
                receive.try_next().await.map(drop)
            }
            .boxed_local()
        }),
        ("piecemeal", |wire| {
            async move {
                let mut call = wire.start(RAW_ECHO).await?;
                for _ in 0..5 {
                    call.write_fragment(pattern(0, 700), Terminator::Chunk).await?;
                    call.read().await?;
                }
                call.end().await?;
                while call.read().await?.is_some() {}
                Ok(())
            }
            .boxed_local()
        }),
        ("notify", |wire| async move { wire.notify(OWN, (pattern(0, 3000),)).await }.boxed_local()),
    ]
}

async fn callers(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().notification(OWN, move |context: Context, (body,): (Bytes,)| {
        let running = handler.enter(context);
        async move {
            let _held = (running, body);
            sleep_ms(1).await;
        }
    });
    let (caller, callee) = stage.wires(Interface::new(), tight(interface)).await;
    for (name, script) in scripts() {
        let mut polls = 1;
        while !poll_then_drop(script(caller.clone()), polls).await {
            // Two of them at once, so that one waits for the place of the other.
            let both = futures_util::future::join3(
                poll_then_drop(script(caller.clone()), polls),
                poll_then_drop(script(caller.clone()), polls),
                poll_then_drop(script(caller.clone()), polls),
            );
            both.await;
            idle(&caller, &callee).await.map_err(|seen| format!("{name} after {polls} polls: {seen}"))?;
            polls += if polls < 40 { 1 } else { polls / 10 };
            if polls > 5000 {
                return Err(format!("{name}: not done after {polls} polls"));
            }
        }
        alive(&caller).await.map_err(|seen| format!("{name}: {seen}"))?;
        idle(&caller, &callee).await.map_err(|seen| format!("{name} at its end: {seen}"))?;
    }
    settle().await;
    equal("handlers left", probe.running(), 0)
}

async fn cancel_safe_send(stage: Stage) -> Outcome {
    let interface = standard()
        .sequence_with_items(OWN, |(): (), items: Receiver<Bytes>| {
            items.map(|item| item.map(|item| item.len() as u64).map_err(Status::from))
        })
        .sequence_with_items(OWN + 1, |Raw(_): Raw, items: Receiver<Raw>| {
            items.map(|item| item.map(|item| Raw(pattern(0, item.0.len()))).map_err(Status::from))
        });
    let (caller, callee) = stage.wires(Interface::new(), tight(interface)).await;
    let sizes: Vec<usize> = (0..60).map(|n| n * 97 % 6000).collect();

    let (mut send, receive) = ok("a duplex", caller.duplex::<Bytes, u64>(OWN, ()).await)?;
    let sending = async {
        for (n, size) in sizes.iter().enumerate() {
            // Some complete, some are dropped while they wait.
            poll_then_drop(send.send(pattern(n, *size)), 1 + n % 3).await;
        }
        send.finish().await
    };
    let (sent, lengths) = futures_util::future::join(sending, receive.try_collect::<Vec<u64>>()).await;
    ok("the end", sent)?;
    equal("what arrived", ok("the answers", lengths)?, sizes.iter().map(|size| *size as u64).collect())?;

    let (mut send, receive) = ok("raw", caller.duplex::<Raw, Raw>(OWN + 1, Raw(Bytes::new())).await)?;
    let sending = async {
        for (n, size) in sizes.iter().enumerate() {
            poll_then_drop(send.send(Raw(pattern(n, *size))), 1 + n % 3).await;
        }
        send.finish().await
    };
    let (sent, back) = futures_util::future::join(sending, receive.try_collect::<Vec<Raw>>()).await;
    ok("the end", sent)?;
    let lengths = ok("the answers", back)?.iter().map(|item| item.0.len()).collect();
    equal("what arrived", sizes, lengths)?;
    idle(&caller, &callee).await
}

async fn cancel_safe_next(stage: Stage) -> Outcome {
    let interface = standard().sequence(OWN, |(): ()| {
        stream::iter(0..100_u64).then(|n| async move {
            sleep_ms(n % 3).await;
            (n, pattern(0, 600))
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), tight(interface)).await;
    let mut items = ok("the stream", caller.stream::<(u64, Bytes)>(OWN, ()).await)?;
    let mut expected = 0;
    loop {
        // Dropped after one poll, unless an item was there.
        let next = tokio::time::timeout(Duration::from_micros(300), items.try_next()).await;
        match next {
            Err(_) => {}
            Ok(item) => match ok("an item", item)? {
                Some((n, body)) => {
                    equal("an item", (n, body.len()), (expected, 600))?;
                    expected += 1;
                }
                None => break,
            },
        }
    }
    equal("items", expected, 100)?;
    idle(&caller, &callee).await
}

async fn cancel_safe_pieces(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), tight(standard())).await;
    let mut call = ok("starting", caller.start(RAW_ECHO).await)?;
    let sent = pattern(3, 40_000);
    let mut back = BytesMut::new();
    for (n, piece) in sent.chunks(1300).enumerate() {
        poll_then_drop(call.write(piece), 1 + n % 2).await;
        if let Ok(fragment) = tokio::time::timeout(Duration::from_micros(100), call.read()).await {
            back.extend_from_slice(&ok("a fragment", fragment)?.ok_or("the answer ended early")?.bytes);
        }
        tokio::task::yield_now().await;
    }
    // The request's end needs room that only reading gives: both at once.
    loop {
        let ended = tokio::time::timeout(Duration::from_millis(1), call.end()).await;
        match ended {
            Ok(ended) => break ok("the end", ended)?,
            Err(_) => {
                let fragment = within("a fragment", Duration::from_secs(1), call.read()).await?;
                back.extend_from_slice(&ok("it", fragment)?.ok_or("the answer ended early")?.bytes);
            }
        }
    }
    while let Some(fragment) = ok("a fragment", call.read().await)? {
        back.extend_from_slice(&fragment.bytes);
    }
    same_bytes("what came back", &back, &sent)?;
    idle(&caller, &callee).await
}

async fn ends(stage: Stage) -> Outcome {
    for polls in 1..6 {
        let (caller, callee) = stage.wires(Interface::new(), standard()).await;
        let running = tokio::spawn(caller.call::<u64>(SLEEP, (500_u64,)).into_future());
        settle().await;
        that("closed() waits", !poll_then_drop(caller.closed(), polls).await)?;
        alive(&caller).await?;
        that("shutdown() waits", !poll_then_drop(callee.shutdown(Duration::from_secs(5)), polls).await)?;
        settle().await;
        let error = failed("a new call", caller.call::<String>(ECHO, ("x",)).await, Code::Unavailable)?;
        that("it never started", error.never_started())?;
        equal("the one that runs", ok("it", ok("its task", running.await)?)?, 500)?;
        idle(&caller, &callee).await?;
        let report =
            within("the next one", Duration::from_secs(1), callee.shutdown(Duration::from_secs(5))).await?;
        equal("its report", (report.cut, report.abandoned), (0, 0))?;
    }
    Ok(())
}
