//! Opening, accepting, identity, bytes (RFC 9000 sections 2.1, 2.2 and 3.2).

use bytes::Bytes;
use ipfi_core::session::{RecvStream, SendStream, Session, Side};

use super::ops::*;
use super::{Claim, Outcome, Pair};

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("one end is the client and the other the server", sides),
        Claim::new("ids name the opener and the kind, and are the same at both ends", ids),
        Claim::new("with credit at hand the first poll of opening is ready", open_is_ready),
        Claim::new("both ends open streams of both kinds at the same time", both_open),
        Claim::new("streams are accepted in the order in which they were opened", accept_order),
        Claim::new("accepting wakes the task that polled last", accept_wakes_last),
        Claim::new("reading wakes the task that polled last", read_wakes_last),
        Claim::new("a small request and its answer arrive exactly", echo_small),
        Claim::new("a megabyte each way at once arrives exactly", echo_large),
        Claim::new("a large unidirectional stream arrives exactly", large_uni),
        Claim::new("many small writes arrive as the same bytes", small_writes),
        Claim::new("a read returns at most what was asked for, and never nothing", read_max),
        Claim::new("an empty write that does not finish sends nothing", empty_write),
        Claim::new("a hundred interleaved streams do not mix", hundred).with(|limits| {
            limits.max_inbound_calls = 100;
            // The connection's credit is the sum of the windows.
            limits.window_pool_bytes = 1 << 20;
        }),
        Claim::new("every priority is accepted and no stream is lost to another's", priorities),
    ]
}

async fn sides<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    equal("the peer's side", b.side(), a.side().peer())
}

async fn ids<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    for (from, to) in [(&a, &b), (&b, &a)] {
        let server = u64::from(from.side() == Side::Server);
        let ((send, recv), (answer, request)) = bi(from, to).await?;
        equal("the low bits of a bidirectional id", send.id() & 3, server)?;
        for (what, id) in [("recv", recv.id()), ("answer", answer.id()), ("request", request.id())] {
            equal(what, id, send.id())?;
        }
        let (send, recv) = uni(from, to).await?;
        equal("the low bits of a unidirectional id", send.id() & 3, 2 | server)?;
        equal("the id at the other end", recv.id(), send.id())?;
    }
    Ok(())
}

async fn open_is_ready<S: Session>(Pair { a, .. }: Pair<S>) -> Outcome {
    for _ in 0..4 {
        ok("open_bi", ready("open_bi", poll_once(&mut Box::pin(a.open_bi())))?)?;
        ok("open_uni", ready("open_uni", poll_once(&mut Box::pin(a.open_uni())))?)?;
    }
    Ok(())
}

async fn both_open<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let calls = [(&a, &b), (&b, &a)].map(async |(from, to)| {
        let ((mut send, _recv), (_answer, mut request)) = bi(from, to).await?;
        let (mut note, mut noted) = uni(from, to).await?;
        ok("finish", finish_with(&mut send, "call").await)?;
        ok("finish", finish_with(&mut note, "note").await)?;
        equal("the call", ok("read", read_all(&mut request).await)?, Bytes::from("call"))?;
        equal("the note", ok("read", read_all(&mut noted).await)?, Bytes::from("note"))
    });
    try_join_all(calls).await
}

async fn accept_order<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(ok("open_bi", a.open_bi().await)?);
    }
    // RFC 9000 section 3.2: using a stream opens those of its kind below it. The newest is used first.
    for (send, _) in streams.iter_mut().rev() {
        ok("write", write(send, "x").await)?;
    }
    for (send, _) in &streams {
        let (_, request) = ok("accept_bi", accept_bi(&b).await)?;
        equal("the accepted id", request.id(), send.id())?;
    }
    Ok(())
}

async fn accept_wakes_last<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    pending("poll_accept_bi", once(|cx| b.poll_accept_bi(cx)))?;
    pending("poll_accept_uni", once(|cx| b.poll_accept_uni(cx)))?;
    let accept = async {
        ok("accept_bi", accept_bi(&b).await)?;
        ok("accept_uni", accept_uni(&b).await)
    };
    let open = async {
        settle().await;
        let (mut send, recv) = ok("open_bi", a.open_bi().await)?;
        ok("finish", finish(&mut send).await)?;
        settle().await;
        let mut note = ok("open_uni", a.open_uni().await)?;
        ok("finish", finish(&mut note).await)?;
        Ok((send, recv, note))
    };
    try_join(accept, open).await.map(drop)
}

async fn read_wakes_last<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    pending("poll_read", once(|cx| request.poll_read(cx, 10)))?;
    let reading = async { read_exact(&mut request, 3).await };
    let writing = async {
        settle().await;
        ok("write", write(&mut send, "abc").await)
    };
    let (seen, ()) = try_join(reading, writing).await?;
    equal("what was read", seen, Bytes::from("abc"))
}

async fn echo_small<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    echo(&a, &b, pattern(1, 32)).await
}

async fn echo_large<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    let (there, back) = (pattern(2, 1 << 20), pattern(3, 1 << 20));
    let writing = join(finish_with(&mut send, there.clone()), finish_with(&mut answer, back.clone()));
    let reading = join(read_all(&mut request), read_all(&mut recv));
    let ((sent, answered), (request, response)) = join(writing, reading).await;
    ok("sending the request", sent)?;
    ok("sending the response", answered)?;
    same_bytes("the request", &ok("reading it", request)?, &there)?;
    same_bytes("the response", &ok("reading it", response)?, &back)
}

async fn large_uni<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut send, mut recv) = uni(&a, &b).await?;
    let data = pattern(4, 300_000);
    let (sent, seen) = join(finish_with(&mut send, data.clone()), read_all(&mut recv)).await;
    ok("sending", sent)?;
    same_bytes("the stream", &ok("reading", seen)?, &data)
}

async fn small_writes<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let data = pattern(5, 3000);
    let writing = async {
        for piece in data.chunks(7) {
            ok("write", write(&mut send, Bytes::copy_from_slice(piece)).await)?;
        }
        ok("finish", finish(&mut send).await)
    };
    let (written, seen) = join(writing, read_all(&mut request)).await;
    written?;
    same_bytes("the stream", &ok("reading", seen)?, &data)
}

async fn read_max<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let data = pattern(6, 200);
    ok("finish", finish_with(&mut send, data.clone()).await)?;
    let mut seen = Vec::new();
    for max in (1..=5).cycle() {
        let chunk = ok("read", read(&mut request, max).await)?;
        that("a chunk is as small as asked for", chunk.bytes.len() <= max)?;
        that("only the end comes without bytes", chunk.fin || !chunk.bytes.is_empty())?;
        seen.extend_from_slice(&chunk.bytes);
        if chunk.fin {
            break;
        }
    }
    same_bytes("the stream", &seen, &data)
}

async fn empty_write<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("an empty write", ready("an empty write", once(|cx| send.poll_write(cx, &mut Bytes::new(), false)))?)?;
    settle().await;
    pending("reading", once(|cx| request.poll_read(cx, 10)))?;
    ok("finish", finish_with(&mut send, "end").await)?;
    equal("the stream", ok("read", read_all(&mut request).await)?, Bytes::from("end"))
}

async fn hundred<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let serve = async {
        let mut served = Vec::new();
        for _ in 0..100 {
            let (mut answer, mut request) = ok("accept_bi", accept_bi(&b).await)?;
            served.push(async move {
                let data = ok("reading the request", read_all(&mut request).await)?;
                ok("answering", finish_with(&mut answer, data).await)
            });
        }
        try_join_all(served).await
    };
    let calls = (0..100).map(async |n| {
        let (mut send, mut recv) = ok("open_bi", a.open_bi().await)?;
        let data = pattern(100 + n, 50 * n);
        for piece in data.chunks(611) {
            ok("write", write(&mut send, Bytes::copy_from_slice(piece)).await)?;
            // The others' turn, so that the streams' bytes alternate.
            tokio::task::yield_now().await;
        }
        ok("finish", finish(&mut send).await)?;
        same_bytes("the answer", &ok("reading the answer", read_all(&mut recv).await)?, &data)
    });
    try_join(serve, try_join_all(calls)).await.map(drop)
}

async fn priorities<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let mut streams = Vec::new();
    for priority in [0, i8::MIN, i8::MAX, -1, 1] {
        let ((mut send, recv), theirs) = bi(&a, &b).await?;
        send.set_priority(priority);
        streams.push((send, recv, theirs));
    }
    let transfers = streams.iter_mut().enumerate().map(async |(n, (send, _, (_, request)))| {
        let data = pattern(n, 100_000);
        let sending = async {
            ok("write", write(send, data.slice(..50_000)).await)?;
            // Changing it while bytes are under way is allowed, too.
            send.set_priority(0);
            ok("finish", finish_with(send, data.slice(50_000..)).await)
        };
        let (sent, seen) = join(sending, read_all(request)).await;
        sent?;
        same_bytes("the stream", &ok("reading", seen)?, &data)
    });
    try_join_all(transfers).await
}

/// One call from `a` that `b` answers with its request.
pub(super) async fn echo<S: Session>(a: &S, b: &S, data: Bytes) -> Outcome {
    let call = async {
        let (mut send, mut recv) = ok("open_bi", a.open_bi().await)?;
        let (sent, seen) = join(finish_with(&mut send, data.clone()), read_all(&mut recv)).await;
        ok("sending the request", sent)?;
        same_bytes("the answer", &ok("reading the answer", seen)?, &data)
    };
    let serve = async {
        let (mut answer, mut request) = ok("accept_bi", accept_bi(b).await)?;
        loop {
            let chunk = ok("reading the request", read(&mut request, 4096).await)?;
            let fin = chunk.fin;
            let mut bytes = chunk.bytes;
            let writing = std::future::poll_fn(|cx| answer.poll_write(cx, &mut bytes, fin));
            ok("answering", writing.await)?;
            if fin {
                return Ok(());
            }
        }
    };
    try_join(call, serve).await.map(drop)
}
