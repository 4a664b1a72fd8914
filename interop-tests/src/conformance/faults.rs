//! Handlers that panic, never end, or answer too much: each fails its own call. [A13]

use std::future::{IntoFuture, pending};
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::{CancelCause, Code, Context, Interface, Receiver, Status, blocking, spawned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("[A13] a panic is INTERNAL to its own call, wherever it happens", panics),
        Claim::new("[A13] items before a panic in a sequence arrive", sequence_panics),
        Claim::new(
            "[A13] a panic in a value's serialization is INTERNAL to its own call",
            serialization_panics,
        ),
        Claim::new("[A13] a panic in the destructor of a cancelled handler harms nobody", destructor_panics),
        Claim::new("[A13] a panic in a hook or an observer is not the connection's end", hook_panics),
        Claim::new("[A13] the text of a panic stays at the callee", panic_text_stays),
        Claim::new(
            "[A13] a handler that never ends is ended by its deadline, and its place is free",
            never_ends,
        ),
        Claim::new(
            "[A13] twice the largest message is RESOURCE_EXHAUSTED, and the limit is named",
            answers_too_much,
        ),
        Claim::new("[A13] a handler that allocates much, or more than there can be, harms nobody", allocates),
    ]
}

/// Panics, which the compiler does not know.
fn boom() {
    assert!(black_box(false), "boom");
}

fn panicking() -> Interface {
    standard()
        .procedure(OWN, |(): ()| {
            boom();
            async {}
        })
        .procedure(OWN + 1, |(): ()| async { boom() })
        .procedure(OWN + 2, |(): ()| async {
            sleep_ms(1).await;
            boom();
        })
        .procedure(OWN + 3, blocking(|(): ()| boom()))
        .procedure(OWN + 4, spawned(|(): ()| async { boom() }))
        .procedure_with_items(OWN + 5, |(): (), items: Receiver<u64>| async move {
            let _: Vec<u64> = items.try_collect().await?;
            boom();
            Ok::<(), Status>(())
        })
        .raw(OWN + 6, |call| {
            boom();
            async move {
                drop(call);
                Ok(())
            }
        })
        .raw(OWN + 7, |call| async move {
            let _call = call;
            sleep_ms(1).await;
            boom();
            Ok(())
        })
        .sequence(OWN + 8, |(): ()| {
            boom();
            stream::iter([0_u64])
        })
}

async fn panics(stage: Stage) -> Outcome {
    // Clause 5.2: the caller is answered whatever becomes of the handler.
    let (caller, callee) = stage.wires(Interface::new(), panicking()).await;
    let beside = beside(&caller).await?;
    for procedure in OWN..=OWN + 8 {
        let error = failed(
            &format!("procedure {procedure}"),
            caller.call::<()>(procedure, ()).await,
            Code::Internal,
        )?;
        that("it does not say that it never started", !error.never_started())?;
    }
    equal("panics", callee.stats().panics, 9)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn sequence_panics(stage: Stage) -> Outcome {
    let interface = standard().sequence(OWN, |(): ()| {
        stream::iter(0..5_u64).map(|n| {
            if n == 3 {
                boom();
            }
            n
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    let mut items = ok("the stream", caller.stream::<u64>(OWN, ()).await)?;
    for n in 0..3 {
        equal("an item", ok("it", items.try_next().await)?, Some(n))?;
    }
    failed("the fourth", items.try_next().await, Code::Internal)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

/// A value whose codec code is somebody's own, and wrong.
#[derive(Debug)]
struct Rude;

impl Serialize for Rude {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        boom();
        serializer.serialize_u64(1)
    }
}

impl<'de> Deserialize<'de> for Rude {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _ = u64::deserialize(deserializer)?;
        boom();
        Ok(Self)
    }
}

async fn serialization_panics(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, |(): ()| async { Rude })
        .procedure(OWN + 1, |(_,): (Rude,)| async {})
        .sequence(OWN + 2, |(): ()| stream::iter([Rude]))
        .notification(OWN + 3, |(_,): (Rude,)| async {});
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    failed("an answer", caller.call::<u64>(OWN, ()).await, Code::Internal)?;
    failed("arguments", caller.call::<()>(OWN + 1, (1_u64,)).await, Code::Internal)?;
    let mut items = ok("a stream", caller.stream::<u64>(OWN + 2, ()).await)?;
    failed("an item", items.try_next().await, Code::Internal)?;
    ok("a notification", caller.notify(OWN + 3, (1_u64,)).await)?;
    settle().await;
    equal("panics", callee.stats().panics, 4)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        // A second panic while one is under way would abort the process.
        if !std::thread::panicking() {
            boom();
        }
    }
}

async fn destructor_panics(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, |(): ()| async {
            let _spiteful = Spiteful;
            pending::<()>().await;
        })
        .sequence(OWN + 1, |(): ()| {
            let spiteful = Spiteful;
            stream::iter([1_u64]).chain(stream::pending()).map(move |n| {
                let _held = &spiteful;
                n
            })
        })
        .notification(OWN + 2, |(): ()| async {
            let _spiteful = Spiteful;
            pending::<()>().await;
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    let call = caller.call::<()>(OWN, ()).timeout(Duration::from_millis(100));
    match call.await {
        // Both sides keep the deadline; whose word is first depends on the carrier.
        Err(error) if matches!(error.code(), Code::DeadlineExceeded | Code::Internal) => {}
        other => return Err(format!("the call: {other:?}")),
    }
    let mut items = ok("the stream", caller.stream::<u64>(OWN + 1, ()).await)?;
    ok("its item", items.try_next().await)?;
    drop(items);
    ok("a notification", caller.notify(OWN + 2, ()).timeout(Duration::from_millis(10)).await)?;
    sleep_ms(100).await;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn hook_panics(stage: Stage) -> Outcome {
    let interface = standard().authorize(|call| {
        if call.metadata.get("boom").is_some() {
            boom();
        }
        Ok(())
    });
    let options =
        ipfi_core::WireOptions::from(interface).observer(|report: &ipfi_core::observe::CallReport| {
            if report.procedure.get() == ECHO_BYTES {
                boom();
            }
        });
    let (caller, callee) = stage.wires(Interface::new(), options).await;
    let beside = beside(&caller).await?;
    failed("a call", caller.call::<String>(ECHO, ("x",)).metadata("boom", "").await, Code::Internal)?;
    ok("a notification", caller.notify(NOTE, ()).metadata("boom", "").await)?;
    let answer: Bytes = ok("an observed call", caller.call(ECHO_BYTES, (Bytes::from_static(b"x"),)).await)?;
    equal("its answer", answer, Bytes::from_static(b"x"))?;
    settle().await;
    equal("notifications dropped", callee.stats().notifications_in_dropped, 1)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn panic_text_stays(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), panicking()).await;
    let error = failed("the call", caller.call::<()>(OWN + 1, ()).await, Code::Internal)?;
    equal("its text", error.status().message(), "the procedure panicked")?;
    idle(&caller, &callee).await
}

async fn never_ends(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) =
        stage.wires(Interface::new(), limited(interface, |limits| limits.max_inbound_calls = 1)).await;
    for round in 1..=3 {
        let call = caller.call::<()>(OWN, ()).timeout(Duration::from_secs(1));
        failed("the call", call.await, Code::DeadlineExceeded)?;
        settle().await;
        equal("handlers started", probe.started(), round)?;
        equal("handlers left", probe.running(), 0)?;
        alive(&caller).await?;
    }
    equal("why", probe.causes(), vec![Some(CancelCause::Deadline); 3])?;
    // The same where only the callee keeps the time: its deadline is in the header.
    let detached = caller.call::<()>(OWN, ()).timeout(Duration::from_secs(1)).detached();
    ok("a detached call", detached.await)?;
    sleep_ms(1100).await;
    equal("handlers left", probe.running(), 0)?;
    idle(&caller, &callee).await
}

async fn answers_too_much(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, |context: Context, (size,): (u64,)| async move {
            drop(context);
            pattern(1, usize::try_from(size).unwrap_or_default())
        })
        .sequence(OWN + 1, |(size,): (u64,)| {
            stream::iter([10, usize::try_from(size).unwrap_or_default(), 10].map(|size| pattern(1, size)))
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    let (limit, size) = (4 << 20, 8_u64 << 20);
    let error = failed("the call", caller.call::<Bytes>(OWN, (size,)).await, Code::ResourceExhausted)?;
    limit_named(&error, "max_message_bytes", limit, size + 5)?;
    let mut items = ok("the stream", caller.stream::<Bytes>(OWN + 1, (size,)).await)?;
    ok("the item before", items.try_next().await)?;
    let error = failed("the item", items.try_next().await, Code::ResourceExhausted)?;
    limit_named(&error, "max_message_bytes", limit, size + 5)?;
    beside.unharmed().await?;
    let fits = tokio::spawn(caller.call::<Bytes>(OWN, (limit - 5,)).into_future());
    equal("what fits", ok("it", ok("its task", fits.await)?)?.len() as u64, limit - 5)?;
    idle(&caller, &callee).await
}

async fn allocates(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(bytes,): (u64,)| async move {
        let mut vec: Vec<u8> = Vec::with_capacity(black_box(usize::try_from(bytes).unwrap_or(usize::MAX)));
        vec.push(1);
        vec.capacity() as u64
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    let much = 512 << 20;
    that("it had it", ok("much", caller.call::<u64>(OWN, (much,)).await)? >= much)?;
    let error = failed("more than there can be", caller.call::<u64>(OWN, (u64::MAX,)).await, Code::Internal)?;
    that("it may have run", !error.never_started())?;
    beside.unharmed().await?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
