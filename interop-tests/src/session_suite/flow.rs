//! Backpressure, partial writes, and streams that stand still (RFC 9000 section 4).

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use ipfi_core::session::{RecvStream, SendStream, Session};

use super::ops::*;
use super::streams::echo;
use super::{Claim, Outcome, Pair};

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("a write takes from its data exactly what was accepted", partial_write),
        Claim::new("a writer that gave up between polls loses and repeats nothing", dropped_writer),
        Claim::new("a reader that gave up between polls loses nothing", dropped_reader),
        Claim::new("a blocked write continues as soon as the peer reads", write_continues),
        Claim::new("a FIN is not accepted before all of its bytes are", fin_waits),
        Claim::new("one stream's unread bytes are bounded", bounded),
        Claim::new("unread streams do not hurt another", stalled_streams),
        Claim::new("an unread notification does not hurt a call", stalled_notifications),
        Claim::new("streams nobody accepts do not hurt one that was accepted", unaccepted),
        Claim::new("credit comes back from bytes thrown away by stop and reset", credit_of_discarded),
    ]
}

async fn partial_write<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let all = pattern(1, TOO_MUCH);
    let mut data = all.clone();
    let taken = fill(&mut send, &mut data).await?;
    that("something was taken", taken > 0)?;
    same_bytes("what is left", &data, &all[taken..])?;
    same_bytes("what was taken", &read_exact(&mut request, taken).await?, &all[..taken])?;
    settle().await;
    pending("reading more than was taken", once(|cx| request.poll_read(cx, 10)))
}

async fn dropped_writer<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let all = pattern(2, 100_000);
    let mut data = all.clone();
    let writing = async {
        loop {
            // Every future is dropped after its first poll, whatever it did.
            match once(|cx| send.poll_write(cx, &mut data, true)) {
                std::task::Poll::Ready(result) => return ok("write", result),
                std::task::Poll::Pending => settle().await,
            }
        }
    };
    let (written, seen) = join(writing, read_all(&mut request)).await;
    written?;
    same_bytes("the stream", &ok("reading", seen)?, &all)
}

async fn dropped_reader<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let all = pattern(3, 50_000);
    let reading = async {
        let mut seen = BytesMut::new();
        loop {
            match once(|cx| request.poll_read(cx, 1000)) {
                std::task::Poll::Pending => settle().await,
                std::task::Poll::Ready(chunk) => {
                    let chunk = ok("read", chunk)?;
                    seen.extend_from_slice(&chunk.bytes);
                    if chunk.fin {
                        return Ok(seen);
                    }
                }
            }
        }
    };
    let (seen, sent): (Result<_, String>, _) = join(reading, finish_with(&mut send, all.clone())).await;
    ok("writing", sent)?;
    same_bytes("the stream", &seen?, &all)
}

async fn write_continues<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let all = pattern(4, 200_000);
    let reading = async {
        // The writer is blocked long before the first read.
        settle().await;
        read_all(&mut request).await
    };
    let (sent, seen) = join(finish_with(&mut send, all.clone()), reading).await;
    ok("writing", sent)?;
    same_bytes("the stream", &ok("reading", seen)?, &all)
}

async fn fin_waits<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let mut data = pattern(5, TOO_MUCH);
    pending("finishing with too much", once(|cx| send.poll_write(cx, &mut data, true)))?;
    // The caller changes its mind: the stream is not finished, the rest may be something else.
    let taken = TOO_MUCH - data.len();
    let reading = async {
        let mut all = read_exact(&mut request, taken).await?.to_vec();
        all.extend_from_slice(&ok("reading", read_all(&mut request).await)?);
        Ok::<_, String>(all)
    };
    let (sent, seen) = join(finish_with(&mut send, "the end"), reading).await;
    ok("writing", sent)?;
    let mut expected = pattern(5, TOO_MUCH)[..taken].to_vec();
    expected.extend_from_slice(b"the end");
    same_bytes("the stream", &seen?, &expected)
}

async fn bounded<S: Session>(Pair { a, b, limits, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), _theirs) = bi(&a, &b).await?;
    let taken = fill(&mut send, &mut pattern(6, TOO_MUCH)).await?;
    // The windows of both ends, grown as far as they may, and the send buffer. A carrier's own
    // buffers, such as a socket's, come under the window; they do not add to it.
    let bound = limits.max_stream_window_bytes + limits.stream_send_buffer_bytes;
    let bound = usize::try_from(bound).map_err(|error| error.to_string())?;
    that(&format!("the {taken} bytes taken are at most {bound}"), taken <= bound)
}

async fn stalled_streams<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let mut stalled = Vec::new();
    // All calls but one.
    for n in 0..15 {
        let mut stream = bi(&a, &b).await?;
        fill(&mut stream.0.0, &mut pattern(n, TOO_MUCH)).await?;
        stalled.push(stream);
    }
    echo(&a, &b, pattern(20, 300_000)).await?;
    // And the other way, where the stalled streams have their second half.
    echo(&b, &a, pattern(21, 300_000)).await
}

async fn stalled_notifications<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let mut stalled = Vec::new();
    for n in 0..15 {
        let mut stream = uni(&a, &b).await?;
        fill(&mut stream.0, &mut pattern(n, TOO_MUCH)).await?;
        stalled.push(stream);
    }
    echo(&a, &b, pattern(22, 300_000)).await
}

async fn unaccepted<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    let mut waiting = Vec::new();
    for n in 0..15 {
        let (mut send, recv) = ok("open_bi", a.open_bi().await)?;
        fill(&mut send, &mut pattern(n, TOO_MUCH)).await?;
        waiting.push((send, recv));
    }
    let data = pattern(30, 100_000);
    let forwarding = async {
        loop {
            let chunk = ok("reading", read(&mut request, 4096).await)?;
            let mut bytes: Bytes = chunk.bytes;
            ok("answering", poll_fn(|cx| answer.poll_write(cx, &mut bytes, chunk.fin)).await)?;
            if chunk.fin {
                return Ok::<_, String>(());
            }
        }
    };
    let calling = join(finish_with(&mut send, data.clone()), read_all(&mut recv));
    let ((sent, seen), forwarded) = join(calling, forwarding).await;
    ok("sending", sent)?;
    forwarded?;
    same_bytes("the answer", &ok("reading", seen)?, &data)
}

async fn credit_of_discarded<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    // Together far more than the credit of the whole connection.
    for n in 0..60 {
        let ((mut send, recv), (answer, mut request)) = bi(&a, &b).await?;
        fill(&mut send, &mut pattern(n, TOO_MUCH)).await?;
        if n % 2 == 0 {
            request.stop(ipfi_core::close_code::StreamCode::CANCELLED);
        } else {
            send.reset(ipfi_core::close_code::StreamCode::CANCELLED);
        }
        settle().await;
        drop((send, recv, answer, request));
    }
    echo(&a, &b, pattern(70, 300_000)).await
}
