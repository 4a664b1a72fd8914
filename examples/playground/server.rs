//! What the server offers: a procedure of each kind.

use std::time::Duration;

use futures::{TryStreamExt, stream};
use ipfi::{Context, Interface, Receiver, Status};

pub(crate) fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| {
            stream::unfold(0, move |n| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                (n < limit).then_some((n, n + 1))
            })
        })
        .procedure_with_items(2, |(): (), numbers: Receiver<i64>| async move {
            numbers.try_fold(0_i64, |sum, n| async move { Ok(sum.saturating_add(n)) }).await
        })
        .procedure(3, |context: Context, (): ()| async move {
            let answer = context.wire().call::<String>(0, ("the server",)).within(&context).await;
            answer.map(|answer| format!("the server called back and was told: {answer}"))
        })
        .procedure(4, |(): ()| async { tokio::time::sleep(Duration::from_secs(60)).await })
        .procedure(5, |(): ()| async { Err::<(), _>(Status::failed_precondition("it is not Tuesday")) })
}
