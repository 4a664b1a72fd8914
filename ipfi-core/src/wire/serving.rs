//! The task of a wire: accepts what the peer opens, speaks on the control stream, keeps the clock, and
//! ends the connection in order.

mod control;
mod shared;

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::core::WireCore;
use super::erased::{BoxRecv, BoxSend, Opening};
use super::options::Verdict;
use crate::call::{self, Arrival};
use crate::close_code::{CloseCode, StreamCode, TransportCode};
use crate::error::ConnectionError;
use crate::observe::count;
use crate::proto::{ControlDecoder, ControlError, StreamType};
use crate::runtime::{Sleep, Task};
use crate::session::News;
use crate::signal::Wait;

/// Control messages of unknown types that a connection may bring before it is closed: the extension
/// point is for a few, not for a flood.
const MAX_UNKNOWN_CONTROL: u32 = 1000;

/// A read on a unidirectional stream takes at most this.
const READ_BYTES: usize = 16 << 10;

/// Calls, notifications or datagrams that one poll accepts before it lets other tasks run: a peer whose
/// calls are all answered at once could otherwise keep it busy for ever.
const ACCEPT_BATCH: usize = 256;

/// Serves a wire until its connection ends, and says why it did. Must be polled for the wire to work;
/// dropped, it closes the connection.
///
/// Polling it after the carrier has taken in bytes, in the same task, saves a wake-up per batch: all
/// that has arrived is accepted, answered where it can be at once, and spawned where not.
pub struct Serving {
    core: Arc<WireCore>,
    /// Nothing of the peer is served until this has agreed.
    verdict: Option<Verdict>,
    control_out: ControlOut,
    control_in: Option<(BoxRecv, ControlDecoder)>,
    control_seen: bool,
    unknown_control: u32,
    /// The peer has said who it is.
    settings_seen: bool,
    /// By when the hook must have decided, and after that the peer have sent its SETTINGS.
    handshake: Option<Sleep>,
    /// Unidirectional streams whose type has not arrived: at most `max_inbound_notifications`.
    untyped: Vec<(BoxRecv, BytesMut)>,
    sleep: Option<Sleep>,
    /// The client's opening of the stream that small calls share.
    sharing: Option<Opening<(BoxSend, BoxRecv)>>,
    /// The shared stream has ended, and that was looked at.
    shared_checked: bool,
    draining: Wait<()>,
    closing: Option<Closing>,
    /// What there may be to take and was not looked at yet.
    news: News,
    /// The task that the session's news wake.
    waker: Option<Waker>,
}

/// Our control stream.
enum ControlOut {
    Opening(Opening<BoxSend>),
    Open {
        send: BoxSend,
        pending: Bytes,
    },
    /// The peer does not want it, or it could not be opened.
    Gone,
}

/// The orderly end: wait for what is finished to be handed over, then close.
enum Closing {
    Waiting(Wait<(CloseCode, Arc<str>)>),
    Flushing { code: CloseCode, reason: Arc<str>, limit: Sleep },
}

impl Closing {
    fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }
}

impl Serving {
    pub(super) fn new(core: Arc<WireCore>) -> Self {
        let verdict = core.options().authenticate.as_ref().map(|hook| hook(core.peer().clone()));
        let control_out = ControlOut::Opening(core.session().open_uni());
        let draining = core.draining.wait();
        let closing = Some(Closing::Waiting(core.closing.wait()));
        let mut serving = Self {
            core,
            verdict,
            control_out,
            control_in: None,
            control_seen: false,
            unknown_control: 0,
            settings_seen: false,
            handshake: None,
            untyped: Vec::new(),
            sleep: None,
            sharing: None,
            shared_checked: false,
            draining,
            closing,
            news: News::ALL,
            waker: None,
        };
        // With credit at hand the control stream is out before anybody can call (`docs/protocol.md` 2.2).
        serving.poll_control_out(&mut Context::from_waker(Waker::noop()));
        serving
    }

    /// Accepts calls until there are none, or enough.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        // All that is accepted here had arrived when this began: the clock is read once for the batch.
        let mut arrived = None;
        for _ in 0..ACCEPT_BATCH {
            let shared = self.core.shared_or_over();
            // A carrier that has a few streams more than there are places, or two carriers, are bounded here. What
            // waits has a place at its carrier and nowhere else.
            let limit = self.core.limits().max_inbound_calls as usize;
            if self.core.inbound().poll_room(cx, limit).is_pending() {
                self.news.bi = true;
                return Ok(());
            }
            let accepted = match shared.map(|shared| shared.poll_accept_bi(cx)) {
                Some(Poll::Ready(Ok(accepted))) => {
                    count(&self.core.counters().calls_in_shared);
                    accepted
                }
                // Its end is looked at elsewhere.
                _ => match self.core.session().poll_accept_bi(cx) {
                    Poll::Ready(accepted) => accepted?,
                    Poll::Pending => return Ok(()),
                },
            };
            let (send, request) = accepted;
            let now = *arrived.get_or_insert_with(|| self.core.runtime().now());
            let arrival = call::arrive(&self.core, send, request, now, cx);
            self.run(arrival, cx);
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Accepts unidirectional streams, and hands each on by its type once that has arrived.
    fn poll_uni(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        let mut accepted_all = false;
        for _ in 0..ACCEPT_BATCH {
            let Poll::Ready(accepted) = self.core.session().poll_accept_uni(cx) else {
                accepted_all = true;
                break;
            };
            match accepted {
                Ok(recv) => self.untyped.push((recv, BytesMut::new())),
                Err(reason) => {
                    // What had arrived whole before the end is still run.
                    self.poll_untyped(cx);
                    return Err(reason);
                }
            }
        }
        if !accepted_all {
            cx.waker().wake_by_ref();
        }
        self.poll_untyped(cx);
        Ok(())
    }

    fn poll_untyped(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some((recv, seen)) = self.untyped.get_mut(index) {
            let Poll::Ready(read) = recv.poll_read(cx, READ_BYTES) else {
                index += 1;
                continue;
            };
            let Ok(chunk) = read else {
                self.untyped.swap_remove(index);
                continue;
            };
            seen.extend_from_slice(&chunk.bytes);
            let Some((kind, len)) = StreamType::decode(seen) else {
                if chunk.fin {
                    self.untyped.swap_remove(index);
                }
                continue;
            };
            let (mut recv, seen) = self.untyped.swap_remove(index);
            let rest = seen.freeze().slice(len..);
            match kind {
                StreamType::Control if !self.control_seen => {
                    self.control_seen = true;
                    let mut decoder = ControlDecoder::new();
                    decoder.push(&rest, chunk.fin);
                    self.control_in = Some((recv, decoder));
                }
                StreamType::Control => {
                    self.core.session().close(CloseCode::PROTOCOL, "a second control stream");
                }
                StreamType::Notification => {
                    let arrival = call::arrive_notification(&self.core, recv, rest, chunk.fin, cx);
                    self.run(arrival, cx);
                }
                // Clause 2.8.
                StreamType::Unknown(_) => recv.stop(StreamCode::REFUSED),
            }
        }
    }

    fn poll_datagrams(&mut self, cx: &mut Context<'_>) {
        for _ in 0..ACCEPT_BATCH {
            let Poll::Ready(Ok(datagram)) = self.core.session().poll_recv_datagram(cx) else { return };
            let arrival = call::arrive_datagram(&self.core, datagram);
            self.run(arrival, cx);
        }
        cx.waker().wake_by_ref();
    }

    /// Polls a new task once here, which is all that most need, and spawns it if it is not done.
    fn run(&self, arrival: Arrival, cx: &mut Context<'_>) {
        let Arrival { task, spawned } = arrival;
        let Some(mut task) = task else { return };
        if spawned || !poll_once(&mut task, cx) {
            self.core.runtime().spawn(task);
        }
    }

    /// Closes once everything finished has been handed over, or the limit for that is reached.
    fn poll_closing(&mut self, cx: &mut Context<'_>) {
        if let Some(Closing::Waiting(wait)) = &mut self.closing {
            let Poll::Ready((code, reason)) = Pin::new(wait).poll(cx) else { return };
            let runtime = self.core.runtime();
            let limit = runtime.sleep_until(runtime.now() + self.core.limits().status_grace);
            self.closing = Some(Closing::Flushing { code, reason, limit });
        }
        let Some(Closing::Flushing { code, reason, mut limit }) = self.closing.take() else { return };
        let flushed = self.poll_flushed(code, &reason, cx);
        if flushed.is_ready() || limit.as_mut().poll(cx).is_ready() {
            self.core.session().close(code, &reason);
        } else {
            self.closing = Some(Closing::Flushing { code, reason, limit });
        }
    }

    /// Closes the connection; the cause is known to all before any stream of it ends (clause 5.10).
    fn close(&self, cause: ConnectionError, code: CloseCode, reason: &str) -> ConnectionError {
        self.core.closed.set(cause.clone());
        self.core.session().close(code, reason);
        cause
    }

    /// The version may be the reason that the session's own error only hints at.
    fn protocol_error(&self, error: &ControlError) -> ConnectionError {
        let text = error.to_string();
        let cause = match error {
            ControlError::Version { ours, theirs } => {
                ConnectionError::Version { ours: *ours, theirs: *theirs }
            }
            _ => ConnectionError::Violation {
                code: TransportCode::APPLICATION_ERROR,
                what: text.as_str().into(),
            },
        };
        self.close(cause, error.close_code(), &text)
    }

    /// Ready when the peer has taken longer than `handshake_timeout` for what is awaited of it: its SETTINGS
    /// (clause 2.9), or who it is.
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let runtime = self.core.runtime();
        let limit = self.core.limits().handshake_timeout;
        let sleep = self.handshake.get_or_insert_with(|| runtime.sleep_until(runtime.now() + limit));
        sleep.as_mut().poll(cx)
    }

    /// Asks the hook. `Ready(Ok)` once it has agreed.
    fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let Some(verdict) = &mut self.verdict else { return Poll::Ready(Ok(())) };
        let refused = match verdict.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => {
                self.verdict = None;
                self.handshake = None;
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(status)) => status.message().to_owned(),
            Poll::Pending if self.poll_handshake(cx).is_ready() => {
                let limit = self.core.limits().handshake_timeout;
                format!("authentication took longer than handshake_timeout = {limit:?}")
            }
            Poll::Pending => return Poll::Pending,
        };
        // Nothing of the peer is looked at after this, whatever has arrived.
        let code = CloseCode::UNAUTHENTICATED;
        let cause = ConnectionError::LocallyClosed { code, reason: refused.as_str().into() };
        Poll::Ready(Err(self.close(cause, code, &refused)))
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        // Streams that were read to their last byte know only the waker of then.
        let moved = self.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker()));
        if moved {
            self.waker = Some(cx.waker().clone());
            self.news = News::ALL;
        }
        self.news = self.news.or(self.core.session().poll_news(cx));
        if let Some(shared) = self.core.shared_or_over() {
            self.core.poll_shared_established(cx);
            // Streams of small calls are all that is there.
            self.news.bi |= shared.poll_news(cx).bi;
        } else if self.core.options().sharing.is_some() {
            self.core.await_sharing(cx);
        }
        if self.news.end
            && let Some(reason) = self.core.session().close_reason()
        {
            return Err(self.last_words(reason, cx));
        }
        self.news.end = false;
        let _ = Pin::new(&mut self.draining).poll(cx);
        self.poll_control_out(cx);
        let _ = self.core.deadlines().poll_expire(cx, self.core.runtime(), &mut self.sleep);
        match self.poll_verdict(cx) {
            Poll::Pending => {
                self.poll_closing(cx);
                return self.core.session().close_reason().map_or(Ok(()), Err);
            }
            Poll::Ready(agreed) => agreed?,
        }
        let news = core::mem::replace(&mut self.news, News::NONE);
        if news.uni || news.uni_data {
            self.poll_uni(cx)?;
            if let Err(error) = self.poll_control_in(cx) {
                return Err(self.protocol_error(&error));
            }
        }
        self.poll_sharing(cx);
        self.check_shared()?;
        if self.settings_seen {
            self.handshake = None;
        } else if self.poll_handshake(cx).is_ready() {
            let after = self.core.limits().handshake_timeout;
            let text = format!("no SETTINGS within handshake_timeout = {after:?}");
            return Err(self.close(ConnectionError::HandshakeTimeout { after }, CloseCode::PROTOCOL, &text));
        }
        if news.bi {
            self.poll_calls(cx)?;
        }
        if news.datagrams {
            self.poll_datagrams(cx);
        }
        self.poll_closing(cx);
        if news == News::NONE && self.closing.as_ref().is_some_and(Closing::is_waiting) {
            return Ok(());
        }
        // Something above may have closed the session, which wakes nobody here.
        self.core.session().close_reason().map_or(Ok(()), Err)
    }

    /// What had arrived whole before the connection ended still counts, although nobody saw it before: a
    /// notification and a close may come in one batch, or the reason for the close with it. Gives the
    /// cause.
    fn last_words(&mut self, reason: ConnectionError, cx: &mut Context<'_>) -> ConnectionError {
        if self.verdict.is_some() || matches!(reason, ConnectionError::LocallyClosed { .. }) {
            return reason;
        }
        // No more can arrive; as many turns as all that were allowed can need.
        let most = self.core.limits().max_inbound_notifications as usize;
        for _ in 0..=most / ACCEPT_BATCH {
            if self.poll_uni(cx).is_err() {
                break;
            }
        }
        match self.poll_control_in(cx) {
            Ok(()) => reason,
            Err(error) => self.protocol_error(&error),
        }
    }
}

/// Whether the task is done. One that panics is: whatever a handler does to the code around it, it
/// must not take the connection with it.
fn poll_once(task: &mut Task, cx: &mut Context<'_>) -> bool {
    let polled = std::panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx).is_ready()));
    polled.unwrap_or_else(|_| {
        tracing::error!(target: "ipfi::call", "a call's task panicked");
        true
    })
}

impl Future for Serving {
    type Output = ConnectionError;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ConnectionError> {
        let this = self.get_mut();
        match this.poll_all(cx) {
            Ok(()) => Poll::Pending,
            Err(reason) => {
                this.core.closed.set(reason);
                // The first cause stands, if somebody set one before.
                Poll::Ready(this.core.closed.get().unwrap_or(ConnectionError::DriverDropped))
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let reason = self.core.session().close_reason();
        let dropped = reason.is_none();
        // First the cause, then the end of the streams: whoever they wake finds it.
        self.core.closed.set(reason.unwrap_or(ConnectionError::DriverDropped));
        self.core.set_greeted();
        if dropped {
            self.core.session().close(CloseCode::INTERNAL, "the connection's driver was dropped");
        }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("wire", &self.core).finish_non_exhaustive()
    }
}
