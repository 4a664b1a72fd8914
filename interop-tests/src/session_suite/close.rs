//! The end of a connection (RFC 9000 section 10.2): one cause, told to everything that waits, at once.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, DatagramError, ReadError, WriteError};
use ipfi_core::session::{RecvStream, SendStream, Session};

use super::ops::*;
use super::{Claim, Outcome, Pair};

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("a close ends everything that waits, at both ends, with one cause", ends_all_waiting)
            .with(|limits| {
                limits.max_inbound_calls = 2;
                limits.max_inbound_notifications = 2;
            }),
        Claim::new("after a close everything errs with its cause", errs_after),
        Claim::new("the reason for the end is known at both ends, and not before it", close_reason),
        Claim::new("a custom code and an empty reason reach the peer", custom_code),
        Claim::new("a second close changes nothing", second_close),
        Claim::new("closing after poll_flushed loses nothing that was finished", flush_then_close),
        Claim::new("poll_flushed is ready when nothing was ever written", flushed_at_rest),
        Claim::new("an unfinished stream never ends cleanly with the connection", no_clean_end),
        Claim::new("an end keeps what it knew of a stream that was over before", ended_before),
    ]
}

fn local(code: CloseCode, reason: &str) -> ConnectionError {
    ConnectionError::LocallyClosed { code, reason: reason.into() }
}

fn peers(code: CloseCode, reason: &str) -> ConnectionError {
    ConnectionError::PeerClosed { code, reason: reason.into() }
}

/// What ended a thing that waited: its name and the cause, or what was seen instead.
type Waiter = Pin<Box<dyn Future<Output = (&'static str, Result<ConnectionError, String>)>>>;

/// Names what waits, and takes the cause out of its error.
fn waiter<T: std::fmt::Debug + 'static, E: IntoCause>(
    name: &'static str,
    future: impl Future<Output = Result<T, E>> + 'static,
) -> Waiter {
    Box::pin(async move {
        let cause = match future.await {
            Ok(seen) => Err(format!("saw {seen:?}")),
            Err(error) => error.into_cause(),
        };
        (name, cause)
    })
}

trait IntoCause {
    fn into_cause(self) -> Result<ConnectionError, String>;
}

impl IntoCause for ConnectionError {
    fn into_cause(self) -> Result<ConnectionError, String> {
        Ok(self)
    }
}

impl IntoCause for ReadError {
    fn into_cause(self) -> Result<ConnectionError, String> {
        match self {
            Self::Connection(cause) => Ok(cause),
            other => Err(format!("saw {other:?}")),
        }
    }
}

impl IntoCause for WriteError {
    fn into_cause(self) -> Result<ConnectionError, String> {
        match self {
            Self::Connection(cause) => Ok(cause),
            other => Err(format!("saw {other:?}")),
        }
    }
}

/// Everything that can wait at `a`, given a call and a notification from it.
fn waiters<S: Session>(
    a: &std::rc::Rc<S>,
    call: Bi<S>,
    (mut answer, mut request): Bi<S>,
    mut notification: S::SendStream,
) -> Vec<Waiter> {
    let (mut send, mut recv) = call;
    let session = || a.clone();
    let (accept, accept_one_way, datagrams) = (session(), session(), session());
    vec![
        waiter("open_bi", a.open_bi()),
        waiter("open_uni", a.open_uni()),
        waiter("accept_bi", async move { accept_bi(&*accept).await.map(drop) }),
        waiter("accept_uni", async move { accept_uni(&*accept_one_way).await.map(drop) }),
        waiter("recv_datagram", async move { recv_datagram(&*datagrams).await }),
        waiter("a reader of an answer", async move { read_all(&mut recv).await }),
        waiter("a blocked writer", async move { write(&mut send, pattern(1, TOO_MUCH)).await }),
        waiter("a reader of a request", async move { read_all(&mut request).await }),
        waiter("poll_stopped of an answer", async move { stopped(&mut answer).await }),
        waiter("poll_stopped of a notification", async move { stopped(&mut notification).await }),
    ]
}

async fn ends_all_waiting<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (a, b) = (std::rc::Rc::new(a), std::rc::Rc::new(b));
    // Both limits are reached in both directions: whoever opens, waits.
    let (a1, b1) = bi(&*a, &*b).await?;
    let (a2, b2) = bi(&*a, &*b).await?;
    let (b3, a3) = bi(&*b, &*a).await?;
    let (b4, a4) = bi(&*b, &*a).await?;
    let (a5, _b5) = uni(&*a, &*b).await?;
    let (_a6, _b6) = uni(&*a, &*b).await?;
    let (b7, _a7) = uni(&*b, &*a).await?;
    let (_b8, _a8) = uni(&*b, &*a).await?;
    // Calls that nobody waits on, so that no handle's drop ends the halves of those that wait.
    let _held = (b1, a2, a3, b4);

    let mut ours: FuturesUnordered<_> = waiters(&a, a1, a4, a5).into_iter().collect();
    let mut theirs: FuturesUnordered<_> = waiters(&b, b3, b2, b7).into_iter().collect();
    let count = ours.len();
    pending("everything at the closing end", poll_once(&mut ours.next()))?;
    pending("everything at the other end", poll_once(&mut theirs.next()))?;
    settle().await;
    pending("everything at the closing end, later", poll_once(&mut ours.next()))?;
    pending("everything at the other end, later", poll_once(&mut theirs.next()))?;

    a.close(CloseCode::SHUTDOWN, "maintenance");
    // Each of them is polled again only if its own waker was woken: one that was forgotten hangs.
    for (ends, cause) in [
        (&mut ours, local(CloseCode::SHUTDOWN, "maintenance")),
        (&mut theirs, peers(CloseCode::SHUTDOWN, "maintenance")),
    ] {
        let mut ended = 0;
        while let Some((name, seen)) = ends.next().await {
            equal(name, seen, Ok(cause.clone()))?;
            ended += 1;
        }
        equal("how many ended", ended, count)?;
    }
    Ok(())
}

async fn errs_after<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut ours, mut theirs) = bi(&a, &b).await?;
    a.close(CloseCode::INTERNAL, "a fault");
    for (session, stream, cause) in [
        (&a, &mut ours, local(CloseCode::INTERNAL, "a fault")),
        (&b, &mut theirs, peers(CloseCode::INTERNAL, "a fault")),
    ] {
        equal("reading", read(&mut stream.1, 10).await, Err(cause.clone().into()))?;
        equal("writing", write(&mut stream.0, "x").await, Err(cause.clone().into()))?;
        equal("finishing", finish(&mut stream.0).await, Err(cause.clone().into()))?;
        equal("poll_stopped", stopped(&mut stream.0).await, Err(cause.clone()))?;
        equal("open_bi", session.open_bi().await.map(drop), Err(cause.clone()))?;
        equal("open_uni", session.open_uni().await.map(drop), Err(cause.clone()))?;
        equal("accept_bi", accept_bi(session).await.map(drop), Err(cause.clone()))?;
        equal("accept_uni", accept_uni(session).await.map(drop), Err(cause.clone()))?;
        equal("recv_datagram", recv_datagram(session).await, Err(cause.clone()))?;
        let sent = session.send_datagram(Bytes::new());
        equal("send_datagram", sent, Err(DatagramError::Connection(cause)))?;
        flushed(session).await;
        // They know that they cannot tell anybody.
        stream.0.reset(StreamCode::CANCELLED);
        stream.1.stop(StreamCode::CANCELLED);
        stream.0.set_priority(1);
    }
    Ok(())
}

async fn close_reason<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    equal("close_reason of the one", a.close_reason(), None)?;
    equal("close_reason of the other", b.close_reason(), None)?;
    a.close(CloseCode::NO_ERROR, "done");
    let cause = local(CloseCode::NO_ERROR, "done");
    equal("close_reason right after closing", a.close_reason(), Some(cause))?;
    let seen = accept_bi(&b).await.map(drop);
    equal("accepting at the other", seen, Err(peers(CloseCode::NO_ERROR, "done")))?;
    equal("close_reason of the other", b.close_reason(), Some(peers(CloseCode::NO_ERROR, "done")))
}

async fn custom_code<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let code = CloseCode(0x0abc_def0);
    a.close(code, "");
    equal("accepting", accept_bi(&b).await.map(drop), Err(peers(code, "")))
}

async fn second_close<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    a.close(CloseCode::SHUTDOWN, "first");
    a.close(CloseCode::INTERNAL, "second");
    equal("accepting", accept_bi(&b).await.map(drop), Err(peers(CloseCode::SHUTDOWN, "first")))?;
    b.close(CloseCode::INTERNAL, "third");
    equal("here", a.close_reason(), Some(local(CloseCode::SHUTDOWN, "first")))?;
    equal("there", b.close_reason(), Some(peers(CloseCode::SHUTDOWN, "first")))
}

async fn flush_then_close<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let mut accepted = Vec::new();
    for n in 0..5 {
        let (mut send, recv) = uni(&a, &b).await?;
        ok("finish", finish_with(&mut send, pattern(n, 3000)).await)?;
        accepted.push(recv);
    }
    let (mut call, (_answer, mut request)) = bi(&a, &b).await?;
    ok("finish", finish_with(&mut call.0, pattern(5, 3000)).await)?;
    flushed(&a).await;
    a.close(CloseCode::NO_ERROR, "");
    // The other end has heard of the close before it reads.
    while b.close_reason().is_none() {
        settle().await;
    }
    for (n, recv) in accepted.iter_mut().enumerate() {
        same_bytes("a notification", &ok("reading", read_all(recv).await)?, &pattern(n, 3000))?;
    }
    same_bytes("the request", &ok("reading", read_all(&mut request).await)?, &pattern(5, 3000))
}

async fn flushed_at_rest<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    ready("poll_flushed", once(|cx| a.poll_flushed(cx)))?;
    // An unfinished stream is not waited for, even one that is blocked.
    let ((mut send, _recv), _theirs) = bi(&a, &b).await?;
    fill(&mut send, &mut pattern(1, TOO_MUCH)).await?;
    flushed(&a).await;
    Ok(())
}

async fn no_clean_end<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("write", write(&mut send, "not all").await)?;
    settle().await;
    let ((mut second, _recv2), (_answer2, mut unread)) = bi(&a, &b).await?;
    ok("write", write(&mut second, "not all").await)?;
    let (mut third, _recv3) = ok("open", a.open_bi().await)?;
    ok("write", write(&mut third, "not all").await)?;
    settle().await;
    a.close(CloseCode::NO_ERROR, "");
    let closed = || Err(peers(CloseCode::NO_ERROR, "").into());
    equal("reading to the end", read_all(&mut request).await, closed())?;
    // The close is here by now, and what came before it was not looked at yet.
    settle().await;
    equal("reading for the first time", read_all(&mut unread).await, closed())?;
    match accept_bi(&b).await {
        Ok((_answer, mut late)) => equal("one accepted after the close", read_all(&mut late).await, closed()),
        Err(cause) => equal("accepting after the close", cause, peers(CloseCode::NO_ERROR, "")),
    }
}

async fn ended_before<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let (mut reset, mut was_reset) = uni(&a, &b).await?;
    ok("finish", finish_with(&mut send, "all").await)?;
    equal("the stream", ok("read", read_all(&mut request).await)?, Bytes::from("all"))?;
    let code = StreamCode::DEADLINE;
    reset.reset(code);
    equal("the reset", read(&mut was_reset, 1).await, Err(ReadError::Reset(code)))?;
    b.close(CloseCode::NO_ERROR, "");
    // The end was read: that stays true.
    equal("reading again", read_all(&mut request).await, Ok(Bytes::new()))?;
    equal("reading the reset again", read(&mut was_reset, 1).await, Err(ReadError::Reset(code)))
}
