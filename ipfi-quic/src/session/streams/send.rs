//! The sending half of a stream.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ConnectionError, WriteError};
use ipfi_core::session::SendStream;
use quinn::{StoppedError, VarInt};

use super::Stream;
use crate::error;
use crate::session::finished::Unacknowledged;
use crate::session::places::Kind;
use crate::session::stops::{Stops, Watched};
use crate::session::tunnel::{Header, Tunnel};

/// The sending half of a stream. Dropped before its FIN was accepted, it resets the stream with CANCELLED.
#[derive(Debug)]
pub struct QuicSendStream {
    stream: Arc<Stream>,
    sink: Sink,
    /// What the stream begins with, as far as it is not written.
    header: Bytes,
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
            Self::Watched(watched) => watched.with(act).map_err(WriteError::Stopped),
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
            Self::Watched(watched) => watched.stopped(),
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
    pub(super) fn new(stream: &Arc<Stream>, send: quinn::SendStream) -> Self {
        Self {
            id: VarInt::from(send.id()).into_inner(),
            stream: Arc::clone(stream),
            sink: Sink::Own(send),
            header: Bytes::new(),
            state: Sending::Open,
            release_at_finish: false,
            holds_place: false,
            stopped: Stopping::Unasked,
        }
    }

    /// The sending half of a stream that may lie open.
    pub(super) fn watched(stream: &Arc<Stream>, send: quinn::SendStream) -> Self {
        let mut this = Self::new(stream, send);
        this.sink.watch(&stream.held.shared.stops);
        this
    }

    /// The same, of a stream that this side opens: within WebTransport it begins with a header.
    pub(super) fn beginning(mut self, header: fn(&Tunnel) -> &Header) -> Self {
        if let Some(tunnel) = &self.stream.held.shared.tunnel {
            self.header = header(tunnel).bytes.clone();
        }
        self
    }

    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        if self.state != Sending::Open {
            return Poll::Ready(Err(WriteError::Finished));
        }
        let shared = &self.stream.held.shared;
        if let Some(cause) = shared.closing() {
            return Poll::Ready(Err(WriteError::Connection(cause)));
        }
        while !data.is_empty() || (fin && !self.header.is_empty()) {
            let polled = if self.header.is_empty() {
                self.sink.with(|send| pin!(send.write_chunks(std::slice::from_mut(data))).poll(cx))?
            } else {
                let mut both = [std::mem::take(&mut self.header), std::mem::take(data)];
                let polled = self.sink.with(|send| pin!(send.write_chunks(&mut both)).poll(cx));
                [self.header, *data] = both;
                polled?
            };
            match polled {
                Poll::Ready(Ok(written)) => {
                    self.stream.answered.store(true, Ordering::Relaxed);
                    shared.reward(|budget| budget.payload(written.bytes));
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(error::write(error, shared.codes, || shared.ours())));
                }
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
                Poll::Ready(Ok(Some(code))) => return Err(WriteError::Stopped(shared.codes.stream(code))),
                Poll::Ready(Err(StoppedError::ConnectionLost(error))) => {
                    return Err(WriteError::Connection(shared.cause(error)));
                }
                // Another stream may have its number by now.
                Poll::Ready(Err(StoppedError::ZeroRttRejected)) => {
                    return Err(WriteError::Connection(error::early_rejected()));
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
        self.leave_to_flush();
        Ok(())
    }

    /// Nothing more is done with the half here; who closes the connection waits for its end to be acknowledged.
    fn leave_to_flush(&mut self) {
        let unacknowledged = match std::mem::replace(&mut self.sink, Sink::Finished) {
            Sink::Own(send) => Unacknowledged::Own(send),
            Sink::Watched(watched) => Unacknowledged::Watched(watched),
            Sink::Finished => return,
        };
        self.stream.held.shared.finished.push(unacknowledged);
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
        let wrote = !data.is_empty() || (fin && !self.header.is_empty());
        match self.poll_bytes(cx, data, fin) {
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
            let code = self.stream.held.shared.codes.of_stream(code);
            if self.stream.held.shared.is_closing() {
                return;
            }
            // Over already, by the connection's end or the peer's: then this changes nothing.
            let _ = self.sink.with(|send| send.reset(code));
        }
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        if let Stopping::Unasked = self.stopped {
            self.stopped = self.sink.stopped();
        }
        if let Stopping::Asked(asked) = &mut self.stopped {
            self.stopped = match asked.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(code))) => {
                    Stopping::Answered(Ok(self.stream.held.shared.codes.stream(code)))
                }
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
        // A stream that is over has nothing to be urgent with, and of one whose early data was refused another may have
        // the number.
        let now = &mut Context::from_waker(Waker::noop());
        let _ = self.sink.with(|send| {
            let stopped = pin!(send.stopped()).poll(now);
            if !matches!(stopped, Poll::Ready(Err(StoppedError::ZeroRttRejected))) {
                let _ = send.set_priority(priority.into());
            }
        });
    }
}

impl Drop for QuicSendStream {
    fn drop(&mut self) {
        self.reset(StreamCode::CANCELLED);
        if self.stream.held.shared.is_closing() {
            let sink = std::mem::replace(&mut self.sink, Sink::Finished);
            self.stream.held.shared.keep(sink);
        }
        if self.holds_place {
            self.stream.held.shared.places.release(Kind::Bi);
        }
    }
}
