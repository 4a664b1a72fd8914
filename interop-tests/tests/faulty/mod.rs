//! A session that does one thing wrong.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, DatagramError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream, Session, Side};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    WindowIgnored,
    StreamLimitIgnored,
    DatagramsAlwaysTaken,
    DropFinishes,
    DropOfRecvIsSilent,
    FinForgotten,
    FinTooEarly,
    ByteFlipped,
    RestForgotten,
    MaxIgnored,
    ResetCodeForgotten,
    StopCodeForgotten,
    StopNotSeen,
    PlaceFreedAtEnd,
    PlaceInQueueLost,
    DroppedOpeningStays,
    AcceptForgetsWaker,
    ReasonForgotten,
    FlushedTooEarly,
    CloseReasonForgotten,
}

/// `S`, with a fault.
#[derive(Debug)]
pub(crate) struct Faulty<S> {
    session: S,
    fault: Fault,
}

impl<S> Faulty<S> {
    pub(crate) fn new(session: S, fault: Fault) -> Self {
        Self { session, fault }
    }
}

type Opened<T> = Pin<Box<dyn Future<Output = Result<T, ConnectionError>>>>;

impl<S: Session + Clone> Faulty<S> {
    fn open<F, T, U>(&self, open: fn(&S) -> F, wrap: fn(T, Fault) -> U) -> Opened<U>
    where
        F: Future<Output = Result<T, ConnectionError>> + 'static,
        T: 'static,
        U: 'static,
    {
        let (session, fault) = (self.session.clone(), self.fault);
        let mut opening =
            Leaky { inner: Some(Box::pin(open(&session))), leaks: fault == Fault::DroppedOpeningStays };
        let mut polls = 0;
        Box::pin(std::future::poll_fn(move |cx| {
            polls += 1;
            // Once: whoever went to the back at every poll would spin with the others for ever.
            if fault == Fault::PlaceInQueueLost && polls == 2 {
                opening.inner = Some(Box::pin(open(&session)));
            }
            let inner = opening.inner.as_mut().expect("only a drop takes it");
            inner.as_mut().poll(cx).map_ok(|opened| wrap(opened, fault))
        }))
    }
}

/// A future that, when it leaks, stays in every queue it is in.
struct Leaky<F> {
    inner: Option<Pin<Box<F>>>,
    leaks: bool,
}

impl<F> Drop for Leaky<F> {
    fn drop(&mut self) {
        if self.leaks {
            mem::forget(self.inner.take());
        }
    }
}

fn both<A: SendStream, B: RecvStream>((send, recv): (A, B), fault: Fault) -> (FaultySend<A>, FaultyRecv<B>) {
    (FaultySend::new(send, fault), FaultyRecv::new(recv, fault))
}

impl<S: Session + Clone> Session for Faulty<S> {
    type SendStream = FaultySend<S::SendStream>;
    type RecvStream = FaultyRecv<S::RecvStream>;
    type OpenBi = Opened<(Self::SendStream, Self::RecvStream)>;
    type OpenUni = Opened<Self::SendStream>;

    fn side(&self) -> Side {
        self.session.side()
    }

    fn open_bi(&self) -> Self::OpenBi {
        self.open(S::open_bi, both)
    }

    fn open_uni(&self) -> Self::OpenUni {
        self.open(S::open_uni, FaultySend::new)
    }

    fn poll_accept_bi(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Self::SendStream, Self::RecvStream), ConnectionError>> {
        let mut deaf = Context::from_waker(Waker::noop());
        let cx = if self.fault == Fault::AcceptForgetsWaker { &mut deaf } else { cx };
        self.session.poll_accept_bi(cx).map_ok(|streams| both(streams, self.fault))
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<Self::RecvStream, ConnectionError>> {
        self.session.poll_accept_uni(cx).map_ok(|recv| FaultyRecv::new(recv, self.fault))
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        self.session.send_datagram(payload)
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>> {
        self.session.poll_recv_datagram(cx)
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        self.session.max_datagram_bytes()
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.session.poll_flushed(cx)
    }

    fn close(&self, code: CloseCode, reason: &str) {
        let reason = if self.fault == Fault::ReasonForgotten { "" } else { reason };
        self.session.close(code, reason);
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        self.session.close_reason().filter(|_| self.fault != Fault::CloseReasonForgotten)
    }
}

/// A sending half with a fault.
#[derive(Debug)]
pub(crate) struct FaultySend<T: SendStream> {
    /// `None` once it was let go of too early.
    half: Option<T>,
    id: u64,
    fault: Fault,
    written: usize,
    /// What the fault has taken and not passed on.
    kept: Bytes,
}

impl<T: SendStream> FaultySend<T> {
    fn new(half: T, fault: Fault) -> Self {
        Self { id: half.id(), half: Some(half), fault, written: 0, kept: Bytes::new() }
    }
}

impl<T: SendStream> SendStream for FaultySend<T> {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        let Some(half) = &mut self.half else { return Poll::Ready(Ok(())) };
        if self.fault == Fault::FlushedTooEarly && fin {
            // Taken, and passed on by a task that the flush does not know of.
            self.kept = mem::take(data);
            return Poll::Ready(Ok(()));
        }
        let before = data.len();
        let at = 70_000_usize.checked_sub(self.written).filter(|at| *at < before);
        if let (Fault::ByteFlipped, Some(at)) = (self.fault, at) {
            let mut bytes = data.to_vec();
            bytes[at] ^= 1;
            *data = bytes.into();
        }
        let polled = half.poll_write(cx, data, fin && self.fault != Fault::FinForgotten);
        self.written += before - data.len();
        match self.fault {
            Fault::RestForgotten if polled.is_pending() => data.clear(),
            Fault::FinTooEarly if fin && polled.is_pending() => return Poll::Ready(Ok(())),
            Fault::PlaceFreedAtEnd if fin && polled.is_ready() => self.half = None,
            _ => {}
        }
        polled
    }

    fn reset(&mut self, code: StreamCode) {
        let code = if self.fault == Fault::ResetCodeForgotten { StreamCode::NO_ERROR } else { code };
        if let Some(half) = &mut self.half {
            half.reset(code);
        }
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        match &mut self.half {
            Some(half) if self.fault != Fault::StopNotSeen => half.poll_stopped(cx),
            _ => Poll::Pending,
        }
    }

    fn set_priority(&mut self, priority: i8) {
        if let Some(half) = &mut self.half {
            half.set_priority(priority);
        }
    }
}

impl<T: SendStream> Drop for FaultySend<T> {
    fn drop(&mut self) {
        if let (Fault::DropFinishes, Some(half)) = (self.fault, &mut self.half) {
            let mut cx = Context::from_waker(Waker::noop());
            let _finished = half.poll_write(&mut cx, &mut Bytes::new(), true);
        }
    }
}

/// A receiving half with a fault.
#[derive(Debug)]
pub(crate) struct FaultyRecv<T: RecvStream> {
    /// `None` once it was let go of too early.
    half: Option<T>,
    id: u64,
    fault: Fault,
}

impl<T: RecvStream> FaultyRecv<T> {
    fn new(half: T, fault: Fault) -> Self {
        Self { id: half.id(), half: Some(half), fault }
    }
}

impl<T: RecvStream> RecvStream for FaultyRecv<T> {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        let Some(half) = &mut self.half else {
            return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true }));
        };
        let max = if self.fault == Fault::MaxIgnored { usize::MAX } else { max };
        let polled = half.poll_read(cx, max);
        if let (Fault::PlaceFreedAtEnd, Poll::Ready(Ok(Chunk { fin: true, .. }))) = (self.fault, &polled) {
            self.half = None;
        }
        polled
    }

    fn stop(&mut self, code: StreamCode) {
        let code = if self.fault == Fault::StopCodeForgotten { StreamCode::CANCELLED } else { code };
        if let Some(half) = &mut self.half {
            half.stop(code);
        }
    }
}

impl<T: RecvStream> Drop for FaultyRecv<T> {
    fn drop(&mut self) {
        if self.fault == Fault::DropOfRecvIsSilent {
            mem::forget(self.half.take());
        }
    }
}
