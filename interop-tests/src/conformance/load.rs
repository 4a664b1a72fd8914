//! Many calls at once. [P4]

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use ipfi_core::{Context, Interface};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new(
            "[P4] 10 000 concurrent calls with 128 places all succeed, and never do 129 run",
            ten_thousand,
        ),
        Claim::new("[P4] streams beside each other keep their order, each its own", streams_in_order),
        Claim::new("small calls do not wait behind a stream that nobody reads", not_behind_bulk),
    ]
}

async fn ten_thousand(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().procedure(OWN, move |context: Context, (n,): (u64,)| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(1 + n % 3).await;
            n
        }
    });
    let (caller, callee) =
        stage.wires(Interface::new(), limited(interface, |limits| limits.max_inbound_calls = 128)).await;
    let calls = (0..10_000_u64).map(|n| {
        // Waiting in line takes its time: no default deadline here.
        let call = caller.call::<u64>(OWN, (n,)).without_timeout();
        async move { call.await.map(|answer| answer == n) }
    });
    for outcome in future::join_all(calls).await {
        that("each is answered with its own", ok("a call", outcome)?)?;
    }
    equal("handlers", probe.started(), 10_000)?;
    equal("the most at once", probe.most(), 128)?;
    idle(&caller, &callee).await
}

async fn streams_in_order(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let streams = (1..=100_u64).map(|by| {
        let caller = caller.clone();
        async move {
            let (mut send, receive) = ok("a duplex", caller.duplex::<u64, u64>(TIMES, (by,)).await)?;
            let sending = async {
                for n in 0..200 {
                    send.feed(n).await?;
                }
                send.finish().await
            };
            let receiving = async {
                let items: Vec<u64> = receive.try_collect().await?;
                Ok::<_, ipfi_core::CallError>(items)
            };
            let (sent, items) = future::join(sending, receiving).await;
            ok("sending", sent)?;
            equal("the items", ok("receiving", items)?, (0..200).map(|n| n * by).collect())
        }
    });
    for outcome in future::join_all(streams).await {
        outcome?;
    }
    idle(&caller, &callee).await
}

async fn not_behind_bulk(stage: Stage) -> Outcome {
    let interface = standard().sequence(OWN, |(): ()| stream::repeat(pattern(0, 100_000)).take(10_000));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(ok("a stream", caller.stream::<bytes::Bytes>(OWN, ()).await)?);
    }
    settle().await;
    for _ in 0..100 {
        let call = caller.call::<String>(ECHO, ("x",)).into_future();
        ok("a small call", within("it", Duration::from_secs(1), call).await?)?;
    }
    drop(unread);
    idle(&caller, &callee).await
}
