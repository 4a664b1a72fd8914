//! Calls whose caller leaves them and that run on, of every kind (`docs/protocol.md` 5.6).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ipfi_core::{Context, Interface, Receiver, Status, Terminator};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("a detached call runs on, and is gone with its end", unary),
        Claim::new(
            "a stream that is detached runs on, and sends into nothing without holding it",
            stream_in_the_middle,
        ),
        Claim::new("a stream may be left as it is sent", stream_at_once),
        Claim::new("a detached upload has all its items, and its handler runs on", upload),
        Claim::new("a duplex whose answers nobody wants takes items to their end", duplex),
        Claim::new("a detached call in pieces has all its pieces, and its handler runs on", pieces),
        Claim::new("a detached call is still cancelled by its deadline", deadline),
    ]
}

async fn unary(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().procedure(OWN, move |context: Context, (): ()| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(2000).await;
        }
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    ok("detaching", caller.call::<()>(OWN, ()).detached().await)?;
    equal("calls of the caller", caller.outbound_calls(), 0)?;
    sleep_ms(1000).await;
    equal("handlers that run on", probe.running(), 1)?;
    equal("its place is held", callee.inbound_calls(), 1)?;
    sleep_ms(2000).await;
    equal("how it ended", probe.causes(), vec![None])?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn stream_in_the_middle(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().sequence(OWN, move |context: Context, (): ()| {
        let running = handler.enter(context);
        stream::unfold((running, 0_u64), |(running, n)| async move {
            sleep_ms(1).await;
            // 4 KiB each: 8 MiB in all, which a callee that keeps them would hold.
            (n < 2048).then(|| (pattern(0, 4096), (running, n + 1)))
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut items = ok("the stream", caller.stream::<Bytes>(OWN, ()).await)?;
    ok("an item", items.try_next().await)?;
    items.detach();
    sleep_ms(100).await;
    equal("handlers that run on", probe.running(), 1)?;
    sleep_ms(60_000).await;
    equal("how it ended", probe.causes(), vec![None])?;
    idle(&caller, &callee).await
}

/// What a handler has taken, and whether it ended by itself.
#[derive(Clone, Default)]
struct Taken {
    probe: Probe,
    items: Arc<Mutex<Vec<u64>>>,
}

impl Taken {
    /// Takes every item, and then a second for its work.
    async fn take(self, context: Context, mut items: Receiver<u64>) -> Result<u64, Status> {
        let _running = self.probe.enter(context);
        while let Some(item) = items.try_next().await? {
            self.items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        }
        sleep_ms(1000).await;
        Ok(0)
    }

    fn interface(&self) -> Interface {
        let (upload, duplex) = (self.clone(), self.clone());
        standard()
            .procedure_with_items(OWN, move |context: Context, (): (), items| {
                upload.clone().take(context, items)
            })
            .sequence_with_items(OWN + 1, move |context: Context, (): (), items| {
                // More answers than anybody's window holds, if somebody kept them.
                stream::once(duplex.clone().take(context, items)).chain(stream::iter((0..100_000).map(Ok)))
            })
    }

    /// Demands that the handler still runs, and then that it ended by itself, with all items.
    async fn runs_on(&self, expected: &[u64]) -> Outcome {
        settle().await;
        equal("handlers that run on", self.probe.running(), 1)?;
        sleep_ms(5000).await;
        equal("how it ended", self.probe.causes(), vec![None])?;
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner).clone();
        equal("its items", &items[..], expected)
    }
}

async fn stream_at_once(stage: Stage) -> Outcome {
    let taken = Taken::default();
    let (probe, items) = (taken.probe.clone(), Arc::clone(&taken.items));
    let interface = standard().sequence(OWN, move |context: Context, (to,): (u64,)| {
        let (running, items) = (probe.enter(context), Arc::clone(&items));
        stream::iter(0..to).then(move |n| {
            let _running = &running;
            items.lock().unwrap_or_else(PoisonError::into_inner).push(n);
            async move {
                sleep_ms(100).await;
                n
            }
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    ok("detaching", caller.stream::<u64>(OWN, (10_u64,)).detached().await)?;
    equal("calls of the caller", caller.outbound_calls(), 0)?;
    taken.runs_on(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await?;
    idle(&caller, &callee).await
}

async fn upload(stage: Stage) -> Outcome {
    let taken = Taken::default();
    let (caller, callee) = stage.wires(Interface::new(), taken.interface()).await;
    let mut sending = ok("the upload", caller.upload::<u64, u64>(OWN, ()).await)?;
    for n in 0..3 {
        ok("an item", sending.send(n).await)?;
    }
    ok("detaching", sending.detach().await)?;
    equal("calls of the caller", caller.outbound_calls(), 0)?;
    taken.runs_on(&[0, 1, 2]).await?;
    idle(&caller, &callee).await
}

async fn duplex(stage: Stage) -> Outcome {
    let taken = Taken::default();
    let (caller, callee) = stage.wires(Interface::new(), taken.interface()).await;
    let (mut send, receive) = ok("the duplex", caller.duplex::<u64, u64>(OWN + 1, ()).await)?;
    ok("an item", send.send(0).await)?;
    receive.detach();
    settle().await;
    ok("an item after detaching", send.send(1).await)?;
    ok("the end", send.finish().await)?;
    taken.runs_on(&[0, 1]).await?;
    idle(&caller, &callee).await
}

async fn pieces(stage: Stage) -> Outcome {
    let taken = Taken::default();
    let (caller, callee) = stage.wires(Interface::new(), taken.interface()).await;
    let mut call = ok("the call", caller.start(OWN).await)?;
    ok("the arguments", call.write_fragment(Bytes::new(), Terminator::Chunk).await)?;
    ok("an item", call.write_fragment(Bytes::from_static(&[7]), Terminator::Chunk).await)?;
    // The message that is open ends with the request.
    ok("an item", call.write(&[8]).await)?;
    ok("detaching", call.detach().await)?;
    equal("calls of the caller", caller.outbound_calls(), 0)?;
    taken.runs_on(&[7, 8]).await?;
    idle(&caller, &callee).await
}

async fn deadline(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let interface = standard().procedure(OWN, probe.never());
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let call = caller.call::<()>(OWN, ()).timeout(std::time::Duration::from_secs(1));
    ok("detaching", call.detached().await)?;
    sleep_ms(500).await;
    equal("handlers that run on", probe.running(), 1)?;
    sleep_ms(1000).await;
    probe.dropped_once(ipfi_core::CancelCause::Deadline)?;
    idle(&caller, &callee).await
}
