//! Carriers whose unit is a message: each binary message is one record without its Size (clause 12.4 of
//! `docs/protocol.md`).
//!
//! A WebSocket library is given to the driver as its two directions: [`MessageSource`] and [`MessageSink`]. All
//! the rest, the two tasks and the callers that write for themselves, is what a pipe of bytes has.
//!
//! One record holds as many frames as there are to send, so that many calls share a message; it is flushed before
//! the next one is made, because what waits below the machine cannot be overtaken by a small call.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_core::wire::{Wire, WireOptions};

use super::carrier::{Inlet, Outlet, Taken, Written};
use super::{TokioRuntime, drive, open, run};
use crate::config::ConfigError;
use crate::connection::Transmit;
use crate::record::RecordFraming;
use crate::session::{Backlog, MuxSession, Shared};
use crate::violation::Violation;

/// What came from a carrier of messages.
#[derive(Debug)]
pub enum Incoming {
    /// A binary message: one record, never more than the limit `max_record_bytes`, which the carrier enforces
    /// before it holds one.
    Message(Bytes),
    /// A sign of life that carries nothing: the carrier's own ping, or the answer to one. It costs the peer a token of the
    /// abuse budget.
    Alive,
    /// The peer broke the carrier's rules, in the words of this text. It is told, by a CONNECTION_CLOSE with
    /// PROTOCOL_VIOLATION. What comes after that is thrown away, by the carrier: only its end still counts.
    Violation(String),
    /// The peer has ended its direction: in order if the connection has ended before, else for the reason that the text
    /// gives.
    End(String),
    /// The carrier broke.
    Lost(io::Error),
}

/// The direction in which messages come.
pub trait MessageSource: Send + Unpin + 'static {
    /// What comes next. After [`Incoming::End`] and [`Incoming::Lost`] it is not called again.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming>;
}

/// The direction in which messages leave. An error means that nothing more can be sent; the driver then drops it.
///
/// Any task may call it, one at a time: a caller that writes for itself has no waker, and whoever finds
/// `Pending` so is followed by the writer's task, which has one.
pub trait MessageSink: Send + Unpin + 'static {
    /// Whether a message can be taken now. Called before each [`start_send`](Self::start_send).
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Takes one record, to be sent as one binary message.
    fn start_send(&mut self, record: Bytes) -> io::Result<()>;

    /// Asks the peer for a sign of life in the carrier's own words; called where the machine asks in its own, with a
    /// record that has just been taken. Does nothing by default.
    fn start_ping(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ready when everything taken has been given to the system.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends this direction: ready when the peer has been told, whether it has answered or not.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// How many bytes the system has taken since the beginning, for the limit `write_stall_timeout`: a peer that takes
    /// few is slow, one that takes none is dead. 0 for ever where nobody knows; then a message has that time as a whole.
    fn bytes_written(&self) -> u64 {
        0
    }
}

/// Makes a wire over messages, as the side that connected; otherwise as [`connect`](super::connect).
///
/// # Errors
///
/// As [`connect`](super::connect).
pub async fn connect(
    source: impl MessageSource,
    sink: impl MessageSink,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError> {
    over(source, sink, Side::Client, options.into()).await
}

/// Makes a wire over messages, as the side that was connected to; otherwise as [`connect`].
///
/// # Errors
///
/// As [`connect`](super::connect).
pub async fn accept(
    source: impl MessageSource,
    sink: impl MessageSink,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError> {
    over(source, sink, Side::Server, options.into()).await
}

/// Makes a bare session over messages; otherwise as [`session`](super::session).
///
/// # Errors
///
/// As [`session`](super::session).
pub fn session(
    source: impl MessageSource,
    sink: impl MessageSink,
    side: Side,
    limits: Limits,
) -> Result<MuxSession, ConfigError> {
    let runtime = Arc::new(TokioRuntime::current());
    let pipe = open(MessageOutlet::new(sink), side, limits, RecordFraming::Message, &runtime)?;
    let session = pipe.session();
    run(pipe, MessageInlet::new(source), None);
    Ok(session)
}

async fn over(
    source: impl MessageSource,
    sink: impl MessageSink,
    side: Side,
    options: WireOptions,
) -> Result<Wire, ConnectionError> {
    drive(MessageInlet::new(source), MessageOutlet::new(sink), side, RecordFraming::Message, options).await
}

/// The way out.
struct MessageOutlet<S> {
    sink: S,
    /// Where records are made; what was sent of it comes back when the carrier has let go of it.
    record: BytesMut,
    /// A record was taken and has not left.
    writing: bool,
    /// What the sink had written when progress was last told.
    written: u64,
    /// Pings of the machine that the carrier was told of.
    pings: u64,
}

impl<S> MessageOutlet<S> {
    fn new(sink: S) -> Self {
        Self { sink, record: BytesMut::new(), writing: false, written: 0, pings: 0 }
    }
}

impl<S: MessageSink> Outlet for MessageOutlet<S> {
    fn is_writing(&self) -> bool {
        self.writing
    }

    fn poll_collect(
        &mut self,
        shared: &Shared,
        now: Time,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Transmit>> {
        ready!(self.sink.poll_ready(cx))?;
        // One message is one record, whatever is asked for.
        let transmit = shared.poll_transmit(now, &mut self.record, 1);
        if transmit != Transmit::Idle {
            self.sink.start_send(self.record.split().freeze())?;
            self.writing = true;
            let pings = shared.look(|connection| connection.pings_sent());
            if pings != self.pings {
                self.pings = pings;
                self.sink.start_ping()?;
            }
        } else {
            // A connection that may be idle for long keeps no buffer.
            self.record = BytesMut::new();
        }
        Poll::Ready(Ok(transmit))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>> {
        match self.sink.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.writing = false;
                self.written = self.sink.bytes_written();
                Poll::Ready(Ok(Written::All))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match self.sink.bytes_written() {
                written if written != self.written => {
                    self.written = written;
                    Poll::Ready(Ok(Written::Some))
                }
                _ => Poll::Pending,
            },
        }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Each record was flushed.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sink.poll_close(cx)
    }
}

/// Up to this size messages are copied into one buffer that is kept.
const SMALL_MESSAGE_BYTES: usize = 2 << 10;

/// The way in.
struct MessageInlet<S> {
    source: S,
    /// A small message while the machine reads it.
    small: BytesMut,
}

impl<S> MessageInlet<S> {
    fn new(source: S) -> Self {
        Self { source, small: BytesMut::new() }
    }

    /// Gives one record to the machine.
    ///
    /// It is copied, because libraries share one read buffer among the messages in it, and what is kept of a message would
    /// keep all of that alive. A large one has a block of its own, of which its large payloads are kept without another copy.
    fn take_in(&mut self, shared: &Shared, now: Time, message: &[u8], cx: &Context<'_>) {
        let mut large = BytesMut::new();
        let block = if message.len() <= SMALL_MESSAGE_BYTES {
            self.small.clear();
            self.small.reserve(SMALL_MESSAGE_BYTES);
            &mut self.small
        } else {
            large.reserve(message.len());
            &mut large
        };
        block.extend_from_slice(message);
        shared.handle_input_within(now, block, Backlog::Empty, cx.waker());
    }
}

impl<S: MessageSource> Inlet for MessageInlet<S> {
    fn poll_take_in(&mut self, shared: &Shared, runtime: &TokioRuntime, cx: &mut Context<'_>) -> Poll<Taken> {
        let broken = |what: String| {
            let violation = Violation::new(TransportCode::PROTOCOL_VIOLATION, what);
            shared.with(|connection| connection.handle_carrier_violation(runtime.time(), violation));
        };
        match ready!(self.source.poll_incoming(cx)) {
            Incoming::Message(message) if message.is_empty() => {
                // QMux section 3.2: "one or more" frames.
                broken("a record without frames".into());
                Poll::Ready(Taken::Input)
            }
            Incoming::Message(message) => {
                self.take_in(shared, runtime.time(), &message, cx);
                Poll::Ready(Taken::Input)
            }
            Incoming::Alive => {
                shared.with(|connection| connection.handle_sign_of_life(runtime.time()));
                Poll::Ready(Taken::Input)
            }
            Incoming::Violation(what) => {
                broken(what);
                Poll::Ready(Taken::Input)
            }
            Incoming::End(why) => {
                if shared.look(|connection| connection.close_reason().is_some()) {
                    shared.handle_end_of_input(runtime.time());
                } else {
                    shared.handle_lost(&why);
                }
                Poll::Ready(Taken::End)
            }
            Incoming::Lost(error) => {
                shared.handle_lost(&error.to_string());
                Poll::Ready(Taken::End)
            }
        }
    }
}
