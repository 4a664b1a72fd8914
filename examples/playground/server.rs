//! What the server offers: a procedure of each kind. The page and the prompt call these by their numbers.

use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{CloseCode, Context, Interface, Receiver, Status};
use tokio::time::{MissedTickBehavior, interval, sleep};

pub(crate) fn interface() -> Interface {
    Interface::new()
        // One value in, one out.
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        // A stream out: no faster than it is read, and dropped when nobody wants more.
        .sequence(1, |(limit,): (u64,)| every(100).zip(stream::iter(0..limit)).map(|((), n)| n))
        // A stream in.
        .procedure_with_items(2, |(): (), numbers: Receiver<i64>| async move {
            numbers.try_fold(0_i64, |sum, n| async move { Ok(sum.saturating_add(n)) }).await
        })
        // Calls whoever calls it; its deadline is handed on.
        .procedure(3, |context: Context, (): ()| async move {
            let answer = context.wire().call::<String>(0, ("the server",)).within(&context).await;
            answer.map(|answer| format!("the server called back and was told: {answer}"))
        })
        // Meets no deadline, and is dropped when its caller's has passed.
        .procedure(4, |(): ()| sleep(Duration::from_secs(60)))
        .procedure(5, |(): ()| async { Err::<(), _>(Status::failed_precondition("it is not Tuesday")) })
        // What the page's many streams are: numbered pieces of some size in some rhythm, or as fast as they are taken.
        .sequence(6, |(from, to, bytes, every_ms): (u32, u32, u32, u64)| {
            every(every_ms).zip(stream::iter(from..to)).map(move |((), n)| {
                let mut piece = n.to_be_bytes().to_vec();
                piece.resize(bytes.clamp(4, 64 << 10) as usize, b'.');
                Bytes::from(piece)
            })
        })
        // Streams in both directions.
        .sequence_with_items(7, |(): (), lines: Receiver<String>| lines.map_ok(|line| line.to_uppercase()))
        // Many calls back at once; they share packets, and the page answers each.
        .procedure(8, |context: Context, (count,): (u64,)| async move {
            let (wire, context) = (&context.wire(), &context);
            let calls = (0..count.min(10_000))
                .map(|n| async move { wire.call::<u64>(1, (n,)).within(context).await });
            try_join_all(calls).await.map(|doubled| doubled.iter().sum::<u64>())
        })
        // Ends the connection under everything that runs on it.
        .notification(9, |context: Context, (): ()| async move {
            context.wire().close(CloseCode::INTERNAL, "somebody pulled the plug");
        })
        // Takes what is uploaded.
        .procedure_with_items(10, |(): (), pieces: Receiver<Bytes>| async move {
            pieces.try_fold(0_u64, |sum, piece| async move { Ok(sum + piece.len() as u64) }).await
        })
}

/// Something every so many milliseconds; at once for 0. Who reads late does not get what was missed in a burst.
fn every(ms: u64) -> impl Stream<Item = ()> {
    let ticks = (ms > 0).then(|| {
        let mut ticks = interval(Duration::from_millis(ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    stream::unfold(ticks, |mut ticks| async move {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        Some(((), ticks))
    })
}
