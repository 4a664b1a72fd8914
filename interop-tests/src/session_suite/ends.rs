//! How halves end: finish, half-close, reset, stop, drop (clause 1.1, RFC 9000 sections 3.1 to 3.5).

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream, Session};

use super::ops::*;
use super::{Claim, Outcome, Pair};

/// A code that no specification names.
const CUSTOM: StreamCode = StreamCode(0x1234_5678);

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("a stream with nothing but a FIN arrives as an empty stream", only_fin),
        Claim::new("after the end every read is the end again", end_repeats),
        Claim::new("one half may end while the other goes on", half_close),
        Claim::new("the answer may end before the request", answer_ends_first),
        Claim::new("writing after the FIN is the caller's error, finishing again is not", after_fin),
        Claim::new("a reset is seen by the waiting reader with its code", reset_seen),
        Claim::new("a reset overtakes bytes that wait for the reader", reset_overtakes),
        Claim::new("after its own reset a writer can neither write nor finish", after_reset),
        Claim::new("a reset after the end was handed over does nothing", reset_after_end),
        Claim::new("a second reset does not change the code", second_reset),
        Claim::new("a reset of one half leaves the other alone", reset_one_half),
        Claim::new("a stop is seen by a waiting poll_stopped with its code", stop_seen),
        Claim::new("a stop is seen by a blocked writer with its code", stop_unblocks),
        Claim::new("after its own stop a reader reads no more", after_stop),
        Claim::new("nor of what had come whole before it was accepted", whole_after_stop),
        Claim::new("a stop of one half leaves the other alone", stop_one_half),
        Claim::new("a stop after the end was read does nothing", stop_after_end),
        Claim::new("a half that is dropped right after its stop or reset keeps the code", code_kept),
        Claim::new("dropping an unfinished send half resets with CANCELLED", drop_send),
        Claim::new("dropping a finished send half loses nothing", drop_finished),
        Claim::new("dropping an unread receive half stops with CANCELLED", drop_recv),
        Claim::new("dropping a receive half that was reset harms nobody", drop_reset),
        Claim::new("dropping both halves of a call cancels both at the other end", drop_call),
    ]
}

async fn only_fin<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut send, _recv) = ok("open_bi", a.open_bi().await)?;
    ok("finish", finish(&mut send).await)?;
    let (_answer, mut request) = ok("accept_bi", accept_bi(&b).await)?;
    equal("the stream", ok("read", read_all(&mut request).await)?, Bytes::new())?;

    let mut send = ok("open_uni", a.open_uni().await)?;
    ok("finish", finish(&mut send).await)?;
    let mut recv = ok("accept_uni", accept_uni(&b).await)?;
    equal("the stream", ok("read", read_all(&mut recv).await)?, Bytes::new())
}

async fn end_repeats<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut send, mut recv) = uni(&a, &b).await?;
    ok("finish", finish_with(&mut send, "end").await)?;
    equal("the stream", ok("read", read_all(&mut recv).await)?, Bytes::from("end"))?;
    for _ in 0..3 {
        let again = ready("reading again", once(|cx| recv.poll_read(cx, 10)))?;
        equal("reading again", again, Ok(Chunk { bytes: Bytes::new(), fin: true }))?;
    }
    Ok(())
}

async fn half_close<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    ok("finish", finish_with(&mut send, "request").await)?;
    equal("the request", ok("read", read_all(&mut request).await)?, Bytes::from("request"))?;
    drop((send, request));
    let data = pattern(1, 100_000);
    let (sent, seen) = join(finish_with(&mut answer, data.clone()), read_all(&mut recv)).await;
    ok("answering", sent)?;
    same_bytes("the answer", &ok("reading", seen)?, &data)
}

async fn answer_ends_first<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    ok("finish", finish_with(&mut answer, "done").await)?;
    equal("the answer", ok("read", read_all(&mut recv).await)?, Bytes::from("done"))?;
    let data = pattern(2, 100_000);
    let (sent, seen) = join(finish_with(&mut send, data.clone()), read_all(&mut request)).await;
    ok("sending", sent)?;
    same_bytes("the request", &ok("reading", seen)?, &data)
}

async fn after_fin<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("finish", finish_with(&mut send, "all").await)?;
    equal("writing more", write(&mut send, "more").await, Err(WriteError::Finished))?;
    equal("finishing with more", finish_with(&mut send, "more").await, Err(WriteError::Finished))?;
    equal("finishing again", finish(&mut send).await, Ok(()))?;
    equal("the stream", ok("read", read_all(&mut request).await)?, Bytes::from("all"))?;
    settle().await;
    equal("writing once it was read", write(&mut send, "more").await, Err(WriteError::Finished))?;
    equal("finishing once it was read", finish(&mut send).await, Ok(()))
}

async fn reset_seen<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    for code in [StreamCode::NO_ERROR, StreamCode::DEADLINE, CUSTOM] {
        let (mut send, mut recv) = uni(&a, &b).await?;
        let resetting = async {
            settle().await;
            send.reset(code);
        };
        let (seen, ()) = join(read(&mut recv, 10), resetting).await;
        equal("the read", seen, Err(ReadError::Reset(code)))?;
        equal("the read after it", read(&mut recv, 10).await, Err(ReadError::Reset(code)))?;
    }
    Ok(())
}

async fn reset_overtakes<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let mut data = pattern(3, TOO_MUCH);
    that("something was written", fill(&mut send, &mut data).await? > 0)?;
    send.reset(CUSTOM);
    settle().await;
    // Bytes that had arrived may still be read; the reset must follow without anybody's doing.
    equal("reading to the end", read_all(&mut request).await, Err(ReadError::Reset(CUSTOM)))
}

async fn after_reset<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), _theirs) = bi(&a, &b).await?;
    send.reset(CUSTOM);
    equal("writing", write(&mut send, "x").await, Err(WriteError::Finished))?;
    equal("finishing with bytes", finish_with(&mut send, "x").await, Err(WriteError::Finished))?;
    settle().await;
    equal("writing later", write(&mut send, "x").await, Err(WriteError::Finished))
}

async fn reset_after_end<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let data = pattern(4, 2000);
    ok("finish", finish_with(&mut send, data.clone()).await)?;
    flushed(&a).await;
    send.reset(CUSTOM);
    settle().await;
    same_bytes("the stream", &ok("reading", read_all(&mut request).await)?, &data)
}

async fn second_reset<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    send.reset(StreamCode::SHUTDOWN);
    send.reset(CUSTOM);
    drop(send);
    equal("the read", read(&mut request, 10).await, Err(ReadError::Reset(StreamCode::SHUTDOWN)))
}

async fn reset_one_half<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    send.reset(CUSTOM);
    equal("the request", read(&mut request, 10).await, Err(ReadError::Reset(CUSTOM)))?;
    let data = pattern(5, 50_000);
    let (sent, seen) = join(finish_with(&mut answer, data.clone()), read_all(&mut recv)).await;
    ok("answering", sent)?;
    same_bytes("the answer", &ok("reading", seen)?, &data)
}

async fn stop_seen<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    for code in [StreamCode::NO_ERROR, StreamCode::DETACHED, CUSTOM] {
        let (mut send, mut recv) = uni(&a, &b).await?;
        pending("poll_stopped", once(|cx| send.poll_stopped(cx)))?;
        let stopping = async {
            settle().await;
            recv.stop(code);
        };
        let (seen, ()) = join(stopped(&mut send), stopping).await;
        equal("poll_stopped", seen, Ok(code))?;
        equal("writing", write(&mut send, "x").await, Err(WriteError::Stopped(code)))?;
        equal("finishing with bytes", finish_with(&mut send, "x").await, Err(WriteError::Stopped(code)))?;
    }
    Ok(())
}

async fn stop_unblocks<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let stopping = async {
        settle().await;
        request.stop(CUSTOM);
    };
    let (seen, ()) = join(write(&mut send, pattern(6, TOO_MUCH)), stopping).await;
    equal("the blocked write", seen, Err(WriteError::Stopped(CUSTOM)))
}

async fn after_stop<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("write", write(&mut send, "buffered").await)?;
    settle().await;
    request.stop(CUSTOM);
    equal("reading", read(&mut request, 10).await, Err(ReadError::Stopped))?;
    settle().await;
    equal("reading later", read(&mut request, 10).await, Err(ReadError::Stopped))
}

async fn whole_after_stop<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (mut send, _recv) = ok("open", a.open_bi().await)?;
    ok("finish", finish_with(&mut send, "whole").await)?;
    settle().await;
    let (_answer, mut request) = ok("accept", accept_bi(&b).await)?;
    request.stop(CUSTOM);
    equal("reading", read(&mut request, 10).await, Err(ReadError::Stopped))?;
    settle().await;
    equal("reading later", read(&mut request, 10).await, Err(ReadError::Stopped))
}

async fn stop_one_half<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (mut answer, mut request)) = bi(&a, &b).await?;
    request.stop(StreamCode::NO_ERROR);
    equal("poll_stopped", stopped(&mut send).await, Ok(StreamCode::NO_ERROR))?;
    let data = pattern(7, 50_000);
    let (sent, seen) = join(finish_with(&mut answer, data.clone()), read_all(&mut recv)).await;
    ok("answering", sent)?;
    same_bytes("the answer", &ok("reading", seen)?, &data)
}

async fn stop_after_end<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("finish", finish_with(&mut send, "all").await)?;
    equal("the stream", ok("read", read_all(&mut request).await)?, Bytes::from("all"))?;
    request.stop(CUSTOM);
    equal("reading", read(&mut request, 10).await, Ok(Chunk { bytes: Bytes::new(), fin: true }))?;
    settle().await;
    pending("poll_stopped", once(|cx| send.poll_stopped(cx)))
}

async fn drop_send<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let cancelled = Err(ReadError::Reset(StreamCode::CANCELLED));
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    ok("write", write(&mut send, "not all").await)?;
    settle().await;
    drop(send);
    equal("reading a call", read_all(&mut request).await, cancelled.clone())?;

    let (mut send, mut recv) = uni(&a, &b).await?;
    ok("write", write(&mut send, "not all").await)?;
    settle().await;
    drop(send);
    equal("reading a notification", read_all(&mut recv).await, cancelled)
}

async fn drop_finished<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    let data = pattern(8, 6000);
    ok("finish", finish_with(&mut send, data.clone()).await)?;
    // At once: the bytes may not have left yet.
    drop(send);
    same_bytes("the stream", &ok("reading", read_all(&mut request).await)?, &data)
}

async fn drop_recv<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, _recv), (_answer, request)) = bi(&a, &b).await?;
    ok("write", write(&mut send, "unread").await)?;
    settle().await;
    drop(request);
    equal("poll_stopped", stopped(&mut send).await, Ok(StreamCode::CANCELLED))?;
    equal("writing", write(&mut send, "x").await, Err(WriteError::Stopped(StreamCode::CANCELLED)))?;

    let (mut send, recv) = uni(&a, &b).await?;
    drop(recv);
    equal("poll_stopped", stopped(&mut send).await, Ok(StreamCode::CANCELLED))
}

async fn drop_reset<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let ((mut send, mut recv), (answer, mut request)) = bi(&a, &b).await?;
    send.reset(CUSTOM);
    equal("the request", read(&mut request, 10).await, Err(ReadError::Reset(CUSTOM)))?;
    drop((send, request));
    settle().await;
    drop(answer);
    equal("the answer", read(&mut recv, 10).await, Err(ReadError::Reset(StreamCode::CANCELLED)))?;
    super::streams::echo(&a, &b, pattern(9, 1000)).await
}

async fn drop_call<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    let (ours, (mut answer, mut request)) = bi(&a, &b).await?;
    let reading = async {
        let seen = read(&mut request, 10).await;
        equal("the callee's read", seen, Err(ReadError::Reset(StreamCode::CANCELLED)))
    };
    let waiting = async {
        let seen = stopped(&mut answer).await;
        equal("the callee's poll_stopped", seen, Ok(StreamCode::CANCELLED))
    };
    let dropping = async {
        settle().await;
        drop(ours);
        Ok(())
    };
    try_join(try_join(reading, waiting), dropping).await.map(drop)
}

/// Whoever ends a half and lets go of it in one breath has not ended it twice.
async fn code_kept<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    // With more than one stream alive a carrier collects frames, and both acts meet in one batch.
    let _others = (bi(&a, &b).await?, bi(&a, &b).await?);
    let ((mut send, _recv), (_answer, mut request)) = bi(&a, &b).await?;
    request.stop(StreamCode::DEADLINE);
    drop(request);
    equal("the stop", stopped(&mut send).await, Ok(StreamCode::DEADLINE))?;

    let (mut send, mut recv) = uni(&a, &b).await?;
    send.reset(StreamCode::SHUTDOWN);
    drop(send);
    equal("the reset", read(&mut recv, 1).await, Err(ReadError::Reset(StreamCode::SHUTDOWN)))
}
