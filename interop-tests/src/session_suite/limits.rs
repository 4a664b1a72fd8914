//! The limit on concurrent streams: who waits, who is next, what frees a place (RFC 9000 section 4.6,
//! and the answer to rapid reset: a place is free when its handles are gone, and not before).

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ipfi_core::session::{RecvStream, SendStream, Session};

use super::ops::*;
use super::streams::echo;
use super::{Claim, Outcome, Pair};

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("a call beyond the limit waits until a place is free", calls_wait)
            .with(|limits| limits.max_inbound_calls = 2),
        Claim::new("a notification beyond the limit waits until a place is free", notifications_wait)
            .with(|limits| limits.max_inbound_notifications = 2),
        Claim::new("a place is free only when the acceptor's handles are gone", held_handles)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("dropping an unfinished call's handles at the acceptor frees its place", refused_frees)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("whoever waits for a place is served in order", fifo)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("a newcomer does not overtake whoever waits", no_barging)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("a dropped opening gives up its place in the queue", dropped_waiter)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("a dropped opening passes on the credit it was woken for", dropped_granted)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("the limits of calls and of notifications are apart", limits_apart).with(|limits| {
            limits.max_inbound_calls = 1;
            limits.max_inbound_notifications = 1;
        }),
        Claim::new("the limits of the two directions are apart", directions_apart)
            .with(|limits| limits.max_inbound_calls = 1),
        Claim::new("many calls in turn use few places", many_in_turn)
            .with(|limits| limits.max_inbound_calls = 2),
        Claim::new("streams given up unused give their places back", unused_give_back)
            .with(|limits| limits.max_inbound_calls = 2),
    ]
}

/// Ends a call in both directions, in an orderly way, and keeps all handles.
async fn complete<S: Session>(ours: &mut Bi<S>, theirs: &mut Bi<S>) -> Outcome {
    ok("finish", finish(&mut ours.0).await)?;
    ok("read", read_all(&mut theirs.1).await)?;
    ok("finish", finish(&mut theirs.0).await)?;
    ok("read", read_all(&mut ours.1).await).map(drop)
}

async fn calls_wait<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut ours, mut theirs) = bi(&a, &b).await?;
    let _second = bi(&a, &b).await?;
    let mut third = Box::pin(a.open_bi());
    pending("the third call", poll_once(&mut third))?;
    settle().await;
    pending("the third call, later", poll_once(&mut third))?;
    complete::<S>(&mut ours, &mut theirs).await?;
    let freeing = async {
        settle().await;
        drop(theirs);
    };
    let (third, ()) = join(third, freeing).await;
    let (mut send, _recv) = ok("the third call", third)?;
    ok("write", write(&mut send, "x").await)?;
    let (_, mut request) = ok("accept_bi", accept_bi(&b).await)?;
    equal("its id", request.id(), send.id())?;
    read_exact(&mut request, 1).await.map(drop)
}

async fn notifications_wait<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut send, mut recv) = uni(&a, &b).await?;
    let _second = uni(&a, &b).await?;
    let mut third = Box::pin(a.open_uni());
    pending("the third", poll_once(&mut third))?;
    ok("finish", finish(&mut send).await)?;
    ok("read", read_all(&mut recv).await)?;
    settle().await;
    pending("the third, while the first is held", poll_once(&mut third))?;
    drop(recv);
    ok("the third", third.await).map(drop)
}

async fn held_handles<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut ours, mut theirs) = bi(&a, &b).await?;
    let mut second = Box::pin(a.open_bi());
    pending("the second call", poll_once(&mut second))?;
    complete::<S>(&mut ours, &mut theirs).await?;
    drop(ours);
    settle().await;
    pending("the second call, while both handles are held", poll_once(&mut second))?;
    drop(theirs.1);
    settle().await;
    // The receiving half alone, read to its end, may be forgotten: it says nothing any more.
    pending("the second call, while the answer is held", poll_once(&mut second))?;
    drop(theirs.0);
    ok("the second call", second.await).map(drop)
}

async fn refused_frees<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (_ours, theirs) = bi(&a, &b).await?;
    let mut second = Box::pin(a.open_bi());
    pending("the second call", poll_once(&mut second))?;
    drop(theirs);
    // Nothing of ours was touched: the stop and the reset alone end both halves.
    ok("the second call", second.await).map(drop)
}

async fn fifo<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (_ours, theirs) = bi(&a, &b).await?;
    let mut queue: Vec<_> = (0..5).map(|n| (n, Box::pin(a.open_bi()))).collect();
    for (n, opening) in &mut queue {
        pending(&format!("opening {n}"), poll_once(opening))?;
    }
    settle().await;
    // Their order is that of these first polls, whoever is polled first from now on.
    let mut waiting: FuturesUnordered<_> =
        queue.into_iter().rev().map(|(n, opening)| opening.map(move |opened| (n, opened))).collect();
    let mut held = theirs;
    for expected in 0..5 {
        drop(held);
        let (n, opened) = waiting.next().await.ok_or("nobody waits any more")?;
        equal("whose turn it is", n, expected)?;
        let (mut send, _recv) = ok("open_bi", opened)?;
        settle().await;
        if expected < 4 {
            let next = poll_once(&mut waiting.next());
            pending("the next, while the place is taken", next.map(|next| next.map(|(n, _)| n)))?;
        }
        ok("finish", finish(&mut send).await)?;
        held = ok("accept_bi", accept_bi(&b).await)?;
    }
    Ok(())
}

async fn no_barging<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (_ours, theirs) = bi(&a, &b).await?;
    let mut first = Box::pin(a.open_bi());
    pending("the one who waits", poll_once(&mut first))?;
    drop(theirs);
    settle().await;
    // The credit is here, and it is not the newcomer's.
    let mut newcomer = Box::pin(a.open_bi());
    pending("the newcomer", poll_once(&mut newcomer))?;
    ok("the one who waited", ready("the one who waited", poll_once(&mut first))?)?;
    settle().await;
    pending("the newcomer, later", poll_once(&mut newcomer))
}

async fn dropped_waiter<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (_ours, theirs) = bi(&a, &b).await?;
    let mut first = Box::pin(a.open_bi());
    let mut second = Box::pin(a.open_bi());
    pending("the first", poll_once(&mut first))?;
    pending("the second", poll_once(&mut second))?;
    drop(first);
    drop(theirs);
    ok("the second", second.await).map(drop)
}

async fn dropped_granted<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (_ours, theirs) = bi(&a, &b).await?;
    let mut first = Box::pin(a.open_bi());
    pending("the first", poll_once(&mut first))?;
    let second = a.open_bi();
    let giving_up = async {
        settle().await;
        drop(theirs);
        // The first is woken and never polled again.
        settle().await;
        drop(first);
    };
    let (second, ()) = join(second, giving_up).await;
    ok("the second", second).map(drop)
}

async fn limits_apart<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let _call = bi(&a, &b).await?;
    let _notification = uni(&a, &b).await?;
    pending("a second call", poll_once(&mut Box::pin(a.open_bi())))?;
    pending("a second notification", poll_once(&mut Box::pin(a.open_uni())))
}

async fn directions_apart<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let _call = bi(&a, &b).await?;
    pending("a second call", poll_once(&mut Box::pin(a.open_bi())))?;
    let _back = bi(&b, &a).await?;
    pending("a second call back", poll_once(&mut Box::pin(b.open_bi())))
}

async fn many_in_turn<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    for n in 0..100 {
        echo(&a, &b, pattern(n, 100)).await?;
    }
    Ok(())
}

async fn unused_give_back<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    // Few enough that no carrier's defence against rapid resets (CVE-2023-44487) steps in.
    const STREAMS: usize = 30;
    let opening = async {
        for _ in 0..STREAMS {
            drop(ok("open_bi", a.open_bi().await)?);
        }
        Ok::<_, String>(())
    };
    let accepting = async {
        // A carrier may show such streams to the acceptor, or end them on its own.
        loop {
            drop(ok("accept_bi", accept_bi(&b).await)?);
        }
    };
    tokio::select! {
        opened = alone(opening) => opened,
        accepted = alone(accepting) => accepted,
    }
}
