//! The halves of a stream, as handles: what a handle's end means is decided here.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream};
use ipfi_core::time::Time;
use ipfi_mux::abuse::{COMPLETED, GIVEN_UP, LONG_RUN};
use quinn::{StoppedError, VarInt};

use super::Held;
use super::finished::Unacknowledged;
use super::places::Kind;
use super::stalled::Source;
use super::stops::{Stops, Watched};
use crate::config::varint;
use crate::error;

/// Chunks taken from quinn in one visit to its lock.
const CHUNKS: usize = 4;

/// A request up to this size is put together if it has come whole, in several packets.
const WHOLE_BYTES: usize = 16 << 10;

/// What both halves of a stream have in common; gone when both are.
#[derive(Debug)]
pub(super) struct Stream {
    held: Arc<Held>,
    opened: Time,
    /// The peer opened it.
    peers: bool,
    /// Something was sent on it.
    answered: AtomicBool,
    /// The peer gave it up early and was charged, or late.
    given_up: AtomicBool,
    earns_less: AtomicBool,
}

impl Stream {
    fn new(held: &Arc<Held>, peers: bool) -> Arc<Self> {
        Arc::new(Self {
            held: Arc::clone(held),
            opened: held.shared.now(),
            peers,
            answered: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            earns_less: AtomicBool::new(false),
        })
    }

    /// The peer gave one half up. If it had opened the stream and got nothing for it yet, that is paid for, once
    /// (`docs/protocol.md` 13.5).
    fn given_up(&self, code: StreamCode) {
        let free = !self.peers || code == StreamCode::DETACHED || self.answered.load(Ordering::Relaxed);
        if free || self.given_up.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.held.shared.now().saturating_since(self.opened) < LONG_RUN {
            self.earns_less.store(true, Ordering::Relaxed);
            let what = "a stream that was given up before anything was answered";
            self.held.shared.budget(|budget| budget.spend(GIVEN_UP.into(), what));
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let earns = match (self.given_up.load(Ordering::Relaxed), self.earns_less.load(Ordering::Relaxed)) {
            (false, _) => COMPLETED,
            (true, true) => GIVEN_UP / 2,
            (true, false) => 0,
        };
        self.held.shared.budget(|budget| {
            budget.stream_ended(earns);
            Ok(())
        });
    }
}

pub(super) fn accepted_bi(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, true);
    let mut recv = QuicRecvStream::new(&stream, Source::own(recv));
    recv.take_in();
    (QuicSendStream::new(&stream, send), recv)
}

pub(super) fn accepted_uni(held: &Arc<Held>, recv: quinn::RecvStream) -> QuicRecvStream {
    let mut recv = QuicRecvStream::new(&Stream::new(held, true), Source::own(recv));
    recv.keeps_place = true;
    recv
}

pub(super) fn opened_bi(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, false);
    let mut send = QuicSendStream::new(&stream, send);
    send.sink.watch(&held.shared.stops);
    (send, QuicRecvStream::new(&stream, Source::unread(recv, &held.shared.stalled)))
}

/// A stream whose request is finished as it is opened.
pub(super) fn opened_whole(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, false);
    (QuicSendStream::new(&stream, send), QuicRecvStream::new(&stream, Source::own(recv)))
}

pub(super) fn opened_uni(held: &Arc<Held>, send: quinn::SendStream) -> QuicSendStream {
    QuicSendStream::new(&Stream::new(held, false), send)
}

/// The sending half of a stream. Dropped before its FIN was accepted, it resets the stream with CANCELLED.
#[derive(Debug)]
pub struct QuicSendStream {
    stream: Arc<Stream>,
    sink: Sink,
    id: u64,
    state: Sending,
    /// Nothing but writing follows.
    release_at_finish: bool,
    /// The peer's place is withheld until this handle is gone.
    holds_place: bool,
    stopped: Stopping,
}

/// Where a half writes to.
#[derive(Debug)]
enum Sink {
    /// Nobody else uses it.
    Own(quinn::SendStream),
    /// It is reset when the peer asks for it.
    Watched(Arc<Watched>),
    /// It was finished: who closes the connection waits for its end.
    Finished,
}

impl Sink {
    fn watch(&mut self, stops: &Stops) {
        if let Self::Own(send) = std::mem::replace(self, Self::Finished) {
            *self = Self::Watched(stops.watch(send));
        }
    }

    /// Uses quinn's half: an error is the peer's stop.
    fn with<R>(&mut self, act: impl FnOnce(&mut quinn::SendStream) -> R) -> Result<R, WriteError> {
        match self {
            Self::Own(send) => Ok(act(send)),
            Self::Watched(watched) => {
                watched.with(act).map_err(|code| WriteError::Stopped(error::stream_code(code)))
            }
            Self::Finished => Err(WriteError::Finished),
        }
    }

    /// What waits for the peer's stop.
    fn stopped(&mut self) -> Stopping {
        match self.with(|send| Box::pin(send.stopped()) as Pin<Box<dyn Future<Output = Stopped> + Send>>) {
            Ok(asked) => Stopping::Asked(asked),
            Err(WriteError::Stopped(code)) => Stopping::Answered(Ok(code)),
            Err(_) => Stopping::Never,
        }
    }

    /// With what the peer stopped it, if that is known here alone: quinn forgets it with the reset.
    fn stopped_with(&self) -> Option<StreamCode> {
        match self {
            Self::Watched(watched) => watched.stopped().map(error::stream_code),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Open,
    Finished,
    Reset,
}

type Stopped = Result<Option<VarInt>, StoppedError>;

/// Whether somebody waits for the peer's STOP_SENDING.
enum Stopping {
    /// Nobody has asked.
    Unasked,
    Asked(Pin<Box<dyn Future<Output = Stopped> + Send>>),
    Answered(Result<StreamCode, ConnectionError>),
    /// It was over without one.
    Never,
}

impl std::fmt::Debug for Stopping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unasked => "Unasked",
            Self::Asked(_) => "Asked",
            Self::Answered(_) => "Answered",
            Self::Never => "Never",
        })
    }
}

impl QuicSendStream {
    fn new(stream: &Arc<Stream>, send: quinn::SendStream) -> Self {
        Self {
            id: VarInt::from(send.id()).into_inner(),
            stream: Arc::clone(stream),
            sink: Sink::Own(send),
            state: Sending::Open,
            release_at_finish: false,
            holds_place: false,
            stopped: Stopping::Unasked,
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), WriteError>> {
        if self.state != Sending::Open {
            return Poll::Ready(Err(WriteError::Finished));
        }
        let shared = &self.stream.held.shared;
        while !data.is_empty() {
            let polled =
                self.sink.with(|send| pin!(send.write_chunks(std::slice::from_mut(data))).poll(cx))?;
            match polled {
                Poll::Ready(Ok(written)) => {
                    self.stream.answered.store(true, Ordering::Relaxed);
                    shared.budget(|budget| {
                        budget.payload(written.bytes);
                        Ok(())
                    });
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error::write(error, || shared.ours()))),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What was written is all there is. `wrote` says that a write just succeeded.
    fn finish(&mut self, wrote: bool) -> Result<(), WriteError> {
        let shared = &self.stream.held.shared;
        if !wrote {
            // The stream may have been stopped, or the connection have ended, without a write having said so.
            let now = &mut Context::from_waker(Waker::noop());
            match self.sink.with(|send| pin!(send.stopped()).poll(now))? {
                Poll::Ready(Ok(Some(code))) => return Err(WriteError::Stopped(error::stream_code(code))),
                Poll::Ready(Err(StoppedError::ConnectionLost(error))) => {
                    return Err(WriteError::Connection(shared.cause(error)));
                }
                _ => {}
            }
        }
        if self.stream.peers && !self.release_at_finish {
            self.withhold_place();
        }
        // It was open a moment ago, and a stop that came since is seen by whoever waits for it.
        let _ = self.sink.with(quinn::SendStream::finish)?;
        self.state = Sending::Finished;
        self.stream.answered.store(true, Ordering::Relaxed);
        if !self.release_at_finish && matches!(self.stopped, Stopping::Unasked) {
            self.stopped = self.sink.stopped();
        }
        self.stream.held.shared.finished.push(match std::mem::replace(&mut self.sink, Sink::Finished) {
            Sink::Own(send) => Unacknowledged::Own(send),
            Sink::Watched(watched) => Unacknowledged::Watched(watched),
            // It was open above.
            Sink::Finished => return Ok(()),
        });
        Ok(())
    }

    fn withhold_place(&mut self) {
        if !self.holds_place {
            self.holds_place = true;
            self.stream.held.shared.places.withhold(Kind::Bi);
        }
    }
}

impl SendStream for QuicSendStream {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        if fin && data.is_empty() && self.state == Sending::Finished {
            return Poll::Ready(Ok(()));
        }
        let wrote = !data.is_empty();
        match self.poll_bytes(cx, data) {
            Poll::Ready(Ok(())) if fin => Poll::Ready(self.finish(wrote)),
            polled => polled,
        }
    }

    fn release_at_finish(&mut self) {
        self.release_at_finish = true;
    }

    fn reset(&mut self, code: StreamCode) {
        if self.state == Sending::Open {
            if self.stream.peers {
                self.withhold_place();
            }
            if matches!(self.stopped, Stopping::Unasked) {
                self.stopped = Stopping::Never;
            }
            self.state = Sending::Reset;
            // Over already, by the connection's end or the peer's: then this changes nothing.
            let _ = self.sink.with(|send| send.reset(varint(code.0)));
        }
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        if let Stopping::Unasked = self.stopped {
            self.stopped = self.sink.stopped();
        }
        if let Stopping::Asked(asked) = &mut self.stopped {
            self.stopped = match asked.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(code))) => Stopping::Answered(Ok(error::stream_code(code))),
                Poll::Ready(Ok(None)) => match self.sink.stopped_with() {
                    Some(code) => Stopping::Answered(Ok(code)),
                    None => Stopping::Never,
                },
                Poll::Ready(Err(StoppedError::ConnectionLost(error))) => {
                    Stopping::Answered(Err(self.stream.held.shared.cause(error)))
                }
                Poll::Ready(Err(StoppedError::ZeroRttRejected)) => {
                    Stopping::Answered(Err(error::early_rejected()))
                }
            };
            if let Stopping::Answered(Ok(code)) = &self.stopped {
                self.stream.given_up(*code);
            }
        }
        match &self.stopped {
            Stopping::Answered(answer) => Poll::Ready(answer.clone()),
            _ => Poll::Pending,
        }
    }

    fn set_priority(&mut self, priority: i8) {
        // A stream that is over has nothing to be urgent with.
        let _ = self.sink.with(|send| send.set_priority(priority.into()));
    }
}

impl Drop for QuicSendStream {
    fn drop(&mut self) {
        self.reset(StreamCode::CANCELLED);
        if self.holds_place {
            self.stream.held.shared.places.release(Kind::Bi);
        }
    }
}

/// The receiving half of a stream. Dropped before its end was read, it asks the peer to stop with CANCELLED.
#[derive(Debug)]
pub struct QuicRecvStream {
    stream: Arc<Stream>,
    source: Source,
    id: u64,
    /// Taken from quinn and not read.
    ready: VecDeque<Bytes>,
    state: Reading,
    /// Its end frees a place of the peer's, which is withheld until this handle is gone.
    keeps_place: bool,
    holds_place: bool,
}

/// How far the reading of a half has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// Quinn has more, or will have.
    Going,
    /// All has been taken from quinn.
    Taken,
    /// The end or a reset was read: it stays so, even when the connection ends after.
    Ended(Result<(), StreamCode>),
    /// This side stopped it.
    Stopped,
}

impl QuicRecvStream {
    fn new(stream: &Arc<Stream>, source: Source) -> Self {
        Self {
            stream: Arc::clone(stream),
            id: source.id(),
            source,
            ready: VecDeque::new(),
            state: Reading::Going,
            keeps_place: false,
            holds_place: false,
        }
    }

    /// What has come by the time the stream is accepted, which for a small request is all of it.
    fn take_in(&mut self) {
        // A reset or the connection's end is told to whoever reads.
        if let Poll::Ready(Err(ReadError::Reset(code))) =
            self.poll_source(&mut Context::from_waker(Waker::noop()))
        {
            self.state = Reading::Ended(Err(code));
        }
    }

    /// [`poll_chunks`](Self::poll_chunks), with the peer's place withheld from before its end is read, if it is.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        if !self.keeps_place || self.holds_place {
            return self.poll_chunks(cx);
        }
        let stream = Arc::clone(&self.stream);
        let places = &stream.held.shared.places;
        places.withhold(Kind::Uni);
        let polled = self.poll_chunks(cx);
        self.holds_place = self.state != Reading::Going || matches!(polled, Poll::Ready(Err(_)));
        if !self.holds_place {
            places.release(Kind::Uni);
        }
        polled
    }

    /// Moves what has come from quinn to `ready`; pending only when nothing has.
    fn poll_chunks(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        let shared = &self.stream.held.shared;
        let mut chunks = [const { Bytes::new() }; CHUNKS];
        let mut took = false;
        loop {
            match self.source.poll_chunks(cx, &mut chunks, &shared.stalled) {
                Poll::Pending if took => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(count))) => {
                    let bytes = chunks[..count].iter().map(Bytes::len).sum();
                    shared.budget(|budget| {
                        budget.payload(bytes);
                        Ok(())
                    });
                    self.ready.extend(chunks[..count].iter_mut().map(std::mem::take));
                    took = true;
                    if count == CHUNKS {
                        return Poll::Ready(Ok(()));
                    }
                    // Fewer than there was room for: the end may have come with them, and is told for nothing.
                }
                Poll::Ready(Ok(None)) => {
                    self.state = Reading::Taken;
                    return Poll::Ready(Ok(()));
                }
                // What came before the error is read before it.
                Poll::Ready(Err(_)) if took => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => {
                    let error = error::read(error, || shared.ours());
                    if let ReadError::Reset(code) = error {
                        self.stream.given_up(code);
                    }
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// The next bytes of `ready`, at most `max`.
    fn pop(&mut self, max: usize) -> Option<Chunk> {
        let front = self.ready.front_mut()?;
        let bytes = if front.len() > max { front.split_to(max) } else { self.ready.pop_front()? };
        let fin = self.ready.is_empty() && self.state == Reading::Taken;
        if fin {
            self.state = Reading::Ended(Ok(()));
        }
        Some(Chunk { bytes, fin })
    }
}

impl RecvStream for QuicRecvStream {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        let max = max.max(1);
        loop {
            if let Some(chunk) = self.pop(max) {
                return Poll::Ready(Ok(chunk));
            }
            match &self.state {
                Reading::Going => {}
                Reading::Taken => {
                    self.state = Reading::Ended(Ok(()));
                    continue;
                }
                Reading::Ended(Ok(())) => return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true })),
                Reading::Ended(Err(code)) => return Poll::Ready(Err(ReadError::Reset(*code))),
                Reading::Stopped => return Poll::Ready(Err(ReadError::Stopped)),
            }
            match self.poll_source(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    if let ReadError::Reset(code) = error {
                        self.state = Reading::Ended(Err(code));
                    }
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    fn take_whole(&mut self) -> Option<Bytes> {
        if self.state != Reading::Taken {
            return None;
        }
        let whole = match self.ready.len() {
            0 => Bytes::new(),
            1 => self.ready.pop_front()?,
            _ => {
                let len = self.ready.iter().map(Bytes::len).sum::<usize>();
                if len > WHOLE_BYTES {
                    return None;
                }
                let mut whole = BytesMut::with_capacity(len);
                self.ready.drain(..).for_each(|bytes| whole.extend_from_slice(&bytes));
                whole.freeze()
            }
        };
        self.state = Reading::Ended(Ok(()));
        Some(whole)
    }

    fn is_early(&self) -> bool {
        self.source.is_early()
    }

    fn stop(&mut self, code: StreamCode) {
        match self.state {
            Reading::Going => self.source.stop(varint(code.0), &self.stream.held.shared.stalled),
            // The peer has nothing left to stop.
            Reading::Taken => {}
            Reading::Ended(_) | Reading::Stopped => return,
        }
        self.ready.clear();
        self.state = Reading::Stopped;
    }
}

impl Drop for QuicRecvStream {
    fn drop(&mut self) {
        self.stop(StreamCode::CANCELLED);
        self.source.forget(&self.stream.held.shared.stalled);
        if self.holds_place {
            self.stream.held.shared.places.release(Kind::Uni);
        }
    }
}
