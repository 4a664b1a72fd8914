//! The state of an interface, as its handlers take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{TryStreamExt, stream};
use ipfi_core::{Code, Context, Interface, RawCall, Receiver, State, Status, Terminator, blocking, spawned};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("handlers of every kind take the state of their interface, and their context", every_kind),
        Claim::new("handlers keep the state that their interface had when they came", several),
        Claim::new("a state that panics when it is cloned fails the call alone", panics),
    ]
}

/// What the handlers count in: the state is an `Arc` of it.
type Total = Arc<AtomicU64>;

async fn add(State(total): State<Total>, (n,): (u64,)) -> u64 {
    total.fetch_add(n, Ordering::Relaxed) + n
}

async fn add_all(State(total): State<Total>, (): (), mut items: Receiver<u64>) -> Result<u64, Status> {
    while let Some(item) = items.try_next().await? {
        total.fetch_add(item, Ordering::Relaxed);
    }
    Ok(total.load(Ordering::Relaxed))
}

async fn raw_add(State(total): State<Total>, mut call: RawCall) -> Result<(), Status> {
    while call.read().await?.is_some() {}
    total.fetch_add(1, Ordering::Relaxed);
    call.write(vec![7].into(), Terminator::Complete).await
}

async fn every_kind(stage: Stage) -> Outcome {
    let total = Total::default();
    let interface = standard()
        .with_state(Arc::clone(&total))
        .procedure(OWN, add)
        .procedure(OWN + 1, blocking(|total: State<Total>, (): ()| total.fetch_add(1, Ordering::Relaxed)))
        .procedure(OWN + 2, spawned(add))
        .procedure(OWN + 3, |context: Context, State(total): State<Total>, (): ()| async move {
            total.fetch_add(context.procedure().get(), Ordering::Relaxed)
        })
        .procedure(OWN + 4, |State(total): State<Total>, context: Context, (): ()| async move {
            total.fetch_sub(context.procedure().get() - 1, Ordering::Relaxed)
        })
        .sequence(OWN + 5, |State(total): State<Total>, (n,): (u64,)| {
            total.fetch_add(n, Ordering::Relaxed);
            stream::iter(0..n)
        })
        .procedure_with_items(OWN + 6, add_all)
        .sequence_with_items(OWN + 7, |State(total): State<Total>, (): (), items: Receiver<u64>| {
            items.map_err(Status::from).inspect_ok(move |n| {
                total.fetch_add(*n, Ordering::Relaxed);
            })
        })
        .notification(OWN + 8, |State(total): State<Total>, (n,): (u64,)| async move {
            total.fetch_add(n, Ordering::Relaxed);
        })
        .raw(OWN + 9, raw_add)
        // Who needs no state does not take it.
        .procedure(OWN + 10, |(n,): (u64,)| async move { n })
        .raw(OWN + 11, |call: RawCall| async move {
            let nobody = call.context().cancel_cause().is_none();
            nobody.then_some(()).ok_or_else(|| Status::internal("cancelled"))
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    equal("a function", ok("it", caller.call::<u64>(OWN, (1_u64,)).await)?, 1)?;
    equal("a blocking one", ok("it", caller.call::<u64>(OWN + 1, ()).await)?, 1)?;
    equal("a spawned one", ok("it", caller.call::<u64>(OWN + 2, (1_u64,)).await)?, 3)?;
    equal("after the context", ok("it", caller.call::<u64>(OWN + 3, ()).await)?, 3)?;
    equal("before the context", ok("it", caller.call::<u64>(OWN + 4, ()).await)?, OWN + 6)?;
    let items = ok("a sequence", caller.stream::<u64>(OWN + 5, (3_u64,)).await)?;
    equal("its items", ok("them", items.try_collect::<Vec<_>>().await)?, vec![0, 1, 2])?;
    let upload = caller.upload::<u64, u64>(OWN + 6, ()).items(stream::iter(0..3));
    equal("an upload", ok("it", upload.await)?, 9)?;
    let (mut send, receive) = ok("a duplex", caller.duplex::<u64, u64>(OWN + 7, ()).await)?;
    ok("an item", send.send(5).await)?;
    ok("the end", send.finish().await)?;
    equal("its items", ok("them", receive.try_collect::<Vec<_>>().await)?, vec![5])?;
    ok("a notification", caller.notify(OWN + 8, (5_u64,)).await)?;
    equal("raw", ok("it", caller.call::<u8>(OWN + 9, ()).await)?, 7)?;
    equal("without", ok("it", caller.call::<u64>(OWN + 10, (4_u64,)).await)?, 4)?;
    let mut raw = ok("raw without", caller.start(OWN + 11).await)?;
    ok("its end", raw.end().await)?;
    that("it ends without a message", ok("its answer", raw.read().await)?.is_none())?;
    settle().await;
    equal("the total", total.load(Ordering::Relaxed), 20)?;
    idle(&caller, &callee).await
}

async fn several(stage: Stage) -> Outcome {
    let name = |State(name): State<&'static str>, (): ()| async move { name.to_owned() };
    let interface = standard()
        .with_state("one")
        .procedure(OWN, name)
        .with_state("two")
        .procedure(OWN + 1, name)
        .with_state(3_u64)
        .procedure(OWN + 2, |State(n): State<u64>, (): ()| async move { n.to_string() });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    for (n, expected) in ["one", "two", "3"].into_iter().enumerate() {
        let answer: String = ok("a call", caller.call(OWN + n as u64, ()).await)?;
        equal("the state", answer, expected.to_owned())?;
    }
    idle(&caller, &callee).await
}

/// Can be cloned as often as a registration does it, and then not.
struct Fragile(Arc<AtomicU64>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_ok(), "this state cannot be cloned");
        Self(Arc::clone(&self.0))
    }
}

async fn panics(stage: Stage) -> Outcome {
    let interface = standard()
        .with_state(Fragile(Arc::new(AtomicU64::new(4))))
        .procedure(OWN, |_: State<Fragile>, (): ()| async {})
        .sequence(OWN + 1, |_: State<Fragile>, (): ()| stream::iter([0_u64]))
        .raw(OWN + 2, |_: State<Fragile>, _: RawCall| async { Ok(()) })
        .notification(OWN + 3, |_: State<Fragile>, (): ()| async {});
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    failed("a call", caller.call::<()>(OWN, ()).await, Code::Internal)?;
    let items = ok("a sequence", caller.stream::<u64>(OWN + 1, ()).await)?;
    failed("its items", items.try_collect::<Vec<_>>().await, Code::Internal)?;
    let mut raw = ok("a raw call", caller.start(OWN + 2).await)?;
    failed("its answer", raw.read().await, Code::Internal)?;
    drop(raw);
    ok("a notification", caller.notify(OWN + 3, ()).await)?;
    settle().await;
    equal("panics", callee.stats().panics, 4)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
