//! The verbs claims are written in: the poll methods of the session traits as futures, and checks
//! whose failure is a sentence.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream, Session};

use super::Outcome;

/// Both halves of a stream of `S`.
pub type Bi<S> = (<S as Session>::SendStream, <S as Session>::RecvStream);

/// More than all buffers between two ends hold under [`base_limits`](super::base_limits).
pub const TOO_MUCH: usize = 1 << 20;

/// Lets the pair come to rest. With tokio's clock paused this returns when every task waits and
/// nothing is left to do; otherwise it waits in earnest.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Polls a future once, with a waker that wakes nobody.
pub fn poll_once<F: Future + Unpin + ?Sized>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls with a waker that wakes nobody.
pub fn once<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

/// The flag behind the waker of one part of a claim.
struct Woken {
    woken: AtomicBool,
    parent: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.parent.wake();
    }
}

/// Polls `future` only when its own waker was woken, as if it were a task of its own. The usual
/// combinators poll every part when one is woken: a carrier that forgets a waker would get away with it.
pub fn alone<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let flag = Arc::new(Woken { woken: AtomicBool::new(true), parent: AtomicWaker::new() });
    let waker = Waker::from(flag.clone());
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        // Registered before looking: a wake in between is seen by the one or the other.
        flag.parent.register(cx.waker());
        if !flag.woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
}

/// Both, each woken by itself.
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    futures_util::future::join(alone(a), alone(b)).await
}

/// Both, each woken by itself, or the first failure.
pub async fn try_join<A, B>(
    a: impl Future<Output = Result<A, String>>,
    b: impl Future<Output = Result<B, String>>,
) -> Result<(A, B), String> {
    futures_util::future::try_join(alone(a), alone(b)).await
}

/// All, each woken by itself, or the first failure.
pub async fn try_join_all<F: Future<Output = Outcome>>(all: impl IntoIterator<Item = F>) -> Outcome {
    futures_util::future::try_join_all(all.into_iter().map(alone)).await.map(drop)
}

/// Accepts the next bidirectional stream.
pub async fn accept_bi<S: Session>(session: &S) -> Result<Bi<S>, ConnectionError> {
    poll_fn(|cx| session.poll_accept_bi(cx)).await
}

/// Accepts the next unidirectional stream.
pub async fn accept_uni<S: Session>(session: &S) -> Result<S::RecvStream, ConnectionError> {
    poll_fn(|cx| session.poll_accept_uni(cx)).await
}

/// Takes the next datagram.
pub async fn recv_datagram<S: Session>(session: &S) -> Result<Bytes, ConnectionError> {
    poll_fn(|cx| session.poll_recv_datagram(cx)).await
}

/// Waits until what was finished has been handed over.
pub async fn flushed<S: Session>(session: &S) {
    poll_fn(|cx| session.poll_flushed(cx)).await;
}

/// Writes all of `data`.
pub async fn write(send: &mut impl SendStream, data: impl Into<Bytes>) -> Result<(), WriteError> {
    let mut data = data.into();
    poll_fn(|cx| send.poll_write(cx, &mut data, false)).await
}

/// Writes all of `data` and finishes the stream with it.
pub async fn finish_with(send: &mut impl SendStream, data: impl Into<Bytes>) -> Result<(), WriteError> {
    let mut data = data.into();
    poll_fn(|cx| send.poll_write(cx, &mut data, true)).await
}

/// Finishes the stream.
pub async fn finish(send: &mut impl SendStream) -> Result<(), WriteError> {
    finish_with(send, Bytes::new()).await
}

/// The peer's wish that the stream stop.
pub async fn stopped(
    send: &mut impl SendStream,
) -> Result<ipfi_core::close_code::StreamCode, ConnectionError> {
    poll_fn(|cx| send.poll_stopped(cx)).await
}

/// Reads one chunk.
pub async fn read(recv: &mut impl RecvStream, max: usize) -> Result<Chunk, ReadError> {
    poll_fn(|cx| recv.poll_read(cx, max)).await
}

/// Reads to the end.
pub async fn read_all(recv: &mut impl RecvStream) -> Result<Bytes, ReadError> {
    let mut all = BytesMut::new();
    loop {
        let chunk = read(recv, 64 << 10).await?;
        all.extend_from_slice(&chunk.bytes);
        if chunk.fin {
            return Ok(all.freeze());
        }
    }
}

/// Reads exactly `len` bytes of a stream that goes on.
pub async fn read_exact(recv: &mut impl RecvStream, len: usize) -> Result<Bytes, String> {
    let mut all = BytesMut::new();
    while all.len() < len {
        let chunk = read(recv, len - all.len()).await.map_err(|error| format!("reading: {error}"))?;
        all.extend_from_slice(&chunk.bytes);
        if chunk.fin && all.len() < len {
            return Err(format!("the stream ended after {} of {len} bytes", all.len()));
        }
    }
    Ok(all.freeze())
}

/// Opens a stream at `a`, makes it visible with one byte, accepts it at `b` and reads that byte.
pub async fn bi<S: Session>(a: &S, b: &S) -> Result<(Bi<S>, Bi<S>), String> {
    let (mut send, recv) = ok("open_bi", a.open_bi().await)?;
    ok("the first byte", write(&mut send, "!").await)?;
    let (answer, mut request) = ok("accept_bi", accept_bi(b).await)?;
    equal("the first byte", read_exact(&mut request, 1).await?, Bytes::from("!"))?;
    Ok(((send, recv), (answer, request)))
}

/// As [`bi`], of a unidirectional stream.
pub async fn uni<S: Session>(a: &S, b: &S) -> Result<(S::SendStream, S::RecvStream), String> {
    let mut send = ok("open_uni", a.open_uni().await)?;
    ok("the first byte", write(&mut send, "!").await)?;
    let mut recv = ok("accept_uni", accept_uni(b).await)?;
    equal("the first byte", read_exact(&mut recv, 1).await?, Bytes::from("!"))?;
    Ok((send, recv))
}

/// Writes as much of `data` as is taken without anybody reading, and returns how much that was.
pub async fn fill(send: &mut impl SendStream, data: &mut Bytes) -> Result<usize, String> {
    let before = data.len();
    loop {
        let left = data.len();
        if let Poll::Ready(result) = once(|cx| send.poll_write(cx, data, false)) {
            return Err(format!("{before} bytes were taken although nobody reads: {result:?}"));
        }
        settle().await;
        if data.len() == left {
            return Ok(before - left);
        }
    }
}

/// `len` bytes that a wrong order, a loss or a repetition changes.
pub fn pattern(seed: usize, len: usize) -> Bytes {
    let mut state = u64::try_from(seed).unwrap_or_default().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64: short, and the same on every machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

/// Demands success.
pub fn ok<T, E: Debug>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: expected success, saw {error:?}"))
}

/// Demands equality; long values are shown by their beginning.
pub fn equal<T: PartialEq + Debug>(what: &str, seen: T, expected: T) -> Outcome {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {}, saw {}", short(&expected), short(&seen)))
}

/// Demands that `bytes` are `expected`, without printing them.
pub fn same_bytes(what: &str, seen: &[u8], expected: &[u8]) -> Outcome {
    match seen.iter().zip(expected).position(|(seen, expected)| seen != expected) {
        Some(at) => Err(format!("{what}: wrong from byte {at} on")),
        None if seen.len() != expected.len() => {
            Err(format!("{what}: expected {} bytes, saw {}", expected.len(), seen.len()))
        }
        None => Ok(()),
    }
}

/// Demands that a poll found nothing.
pub fn pending<T: Debug>(what: &str, poll: Poll<T>) -> Outcome {
    match poll {
        Poll::Pending => Ok(()),
        Poll::Ready(seen) => Err(format!("{what}: expected to wait, saw {}", short(&seen))),
    }
}

/// Demands that a poll found something.
pub fn ready<T>(what: &str, poll: Poll<T>) -> Result<T, String> {
    match poll {
        Poll::Ready(seen) => Ok(seen),
        Poll::Pending => Err(format!("{what}: expected it to be ready, it waits")),
    }
}

/// Demands that something holds.
pub fn that(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let end = text.floor_char_boundary(200);
    if end == text.len() { text } else { format!("{}…", &text[..end]) }
}
