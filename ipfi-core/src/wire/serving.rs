//! The task of a wire: accepts what the peer opens, speaks on the control stream, keeps the clock, and
//! ends the connection in order.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};

use super::core::WireCore;
use super::erased::{BoxRecv, BoxSend, Opening};
use super::options::Verdict;
use crate::call::{self, Arrival};
use crate::close_code::{CloseCode, StreamCode};
use crate::error::ConnectionError;
use crate::observe::count;
use crate::proto::{ControlDecoder, ControlError, ControlMessage, Settings, StreamType, control};
use crate::runtime::{Sleep, Task};
use crate::signal::Wait;
use crate::wire::Role;

/// Control messages of unknown types that a connection may bring before it is closed: the extension
/// point is for a few, not for a flood.
const MAX_UNKNOWN_CONTROL: u32 = 1000;

/// A read on a unidirectional stream takes at most this.
const READ_BYTES: usize = 16 << 10;

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
    /// Unidirectional streams whose type has not arrived: at most `max_inbound_notifications`.
    untyped: Vec<(BoxRecv, BytesMut)>,
    sleep: Option<Sleep>,
    draining: Wait<()>,
    closing: Option<Closing>,
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

impl Serving {
    pub(super) fn new(core: Arc<WireCore>) -> Self {
        let verdict = core.options().authenticate.as_ref().map(|hook| hook(core.peer().clone()));
        let control_out = ControlOut::Opening(core.session().open_uni());
        let draining = core.draining.wait();
        let closing = Some(Closing::Waiting(core.closing.wait()));
        Self {
            core,
            verdict,
            control_out,
            control_in: None,
            control_seen: false,
            unknown_control: 0,
            untyped: Vec::new(),
            sleep: None,
            draining,
            closing,
        }
    }

    /// Opens our control stream, says who we are, and later that we go away.
    fn poll_control_out(&mut self, cx: &mut Context<'_>) {
        if let ControlOut::Opening(opening) = &mut self.control_out {
            match opening.as_mut().poll(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(_)) => self.control_out = ControlOut::Gone,
                Poll::Ready(Ok(mut send)) => {
                    // Settings and GOAWAY must not wait behind anybody's bulk.
                    send.set_priority(i8::MAX);
                    let mut preamble = BytesMut::new();
                    control::put_preamble(&mut preamble, &self.settings());
                    self.control_out = ControlOut::Open { send, pending: preamble.freeze() };
                }
            }
        }
        let ControlOut::Open { send, pending } = &mut self.control_out else { return };
        // Its first byte is the stream's type, so GOAWAY can only follow the whole preamble.
        match send.poll_write(cx, pending, false) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return self.control_out = ControlOut::Gone,
            Poll::Pending => return,
        }
        if self.core.is_draining() && !self.core.peer_settings.told_goaway.swap(true, Ordering::AcqRel) {
            let mut goaway = BytesMut::new();
            control::put_goaway(&mut goaway);
            *pending = goaway.freeze();
            if let Poll::Ready(Err(_)) = send.poll_write(cx, pending, false) {
                self.control_out = ControlOut::Gone;
            }
        }
    }

    fn settings(&self) -> Settings {
        let limits = self.core.limits();
        Settings {
            max_message_bytes: u64::from(limits.max_message_bytes),
            max_metadata_bytes: u64::from(limits.max_metadata_bytes),
            serves: self.core.role() != Role::CallerOnly,
            ..Settings::default()
        }
    }

    /// Takes in what the peer says on its control stream. An error closes the connection.
    fn poll_control_in(&mut self, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let Some((recv, decoder)) = &mut self.control_in else { return Ok(()) };
        loop {
            while let Some(message) = decoder.next()? {
                match message {
                    ControlMessage::Settings(settings) => self.core.peer_settings.set(&settings),
                    ControlMessage::GoAway => {
                        self.core.peer_settings.going_away.store(true, Ordering::Release);
                    }
                    _ => {
                        self.unknown_control += 1;
                        if self.unknown_control > MAX_UNKNOWN_CONTROL {
                            self.core
                                .session()
                                .close(CloseCode::PROTOCOL, "too many unknown control messages");
                        }
                    }
                }
            }
            match recv.poll_read(cx, READ_BYTES) {
                Poll::Ready(Ok(chunk)) => decoder.push(&chunk.bytes, chunk.fin),
                Poll::Ready(Err(_)) => {
                    // A reset is a close as much as a FIN; the connection's end is seen elsewhere.
                    decoder.push(&[], true);
                    if self.core.close_reason().is_some() {
                        self.control_in = None;
                        return Ok(());
                    }
                }
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Accepts calls until there are none.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        while let Poll::Ready(accepted) = self.core.session().poll_accept_bi(cx) {
            let (send, recv) = accepted?;
            if self.core.is_draining() {
                refuse(&self.core, send, recv);
                continue;
            }
            let arrival = call::arrive(&self.core, send, recv, cx);
            self.run(arrival, cx);
        }
        Ok(())
    }

    /// Accepts unidirectional streams, and hands each on by its type once that has arrived.
    fn poll_uni(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        let mut ended = Ok(());
        while let Poll::Ready(accepted) = self.core.session().poll_accept_uni(cx) {
            match accepted {
                Ok(recv) => self.untyped.push((recv, BytesMut::new())),
                Err(reason) => {
                    ended = Err(reason);
                    break;
                }
            }
        }
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
                StreamType::Unknown(_) => recv.stop(StreamCode::REFUSED),
            }
        }
        ended
    }

    fn poll_datagrams(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Ok(datagram)) = self.core.session().poll_recv_datagram(cx) {
            let arrival = call::arrive_datagram(&self.core, datagram);
            self.run(arrival, cx);
        }
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
        let Some(Closing::Flushing { code, reason, limit }) = &mut self.closing else { return };
        let flushed = self.core.session().poll_flushed(cx);
        if flushed.is_ready() || limit.as_mut().poll(cx).is_ready() {
            self.core.session().close(*code, reason);
            self.closing = None;
        }
    }

    /// The version may be the reason that the session's own error only hints at.
    fn protocol_error(&self, error: &ControlError) -> ConnectionError {
        let code = error.close_code();
        self.core.session().close(code, &error.to_string());
        match error {
            ControlError::Version { ours, theirs } => {
                ConnectionError::Version { ours: *ours, theirs: *theirs }
            }
            error => ConnectionError::Violation {
                code: crate::close_code::TransportCode::APPLICATION_ERROR,
                what: error.to_string().into(),
            },
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        let _ = Pin::new(&mut self.draining).poll(cx);
        self.poll_control_out(cx);
        let _ = self.core.deadlines().poll_expire(cx, self.core.runtime(), &mut self.sleep);
        if let Some(verdict) = &mut self.verdict {
            match verdict.as_mut().poll(cx) {
                Poll::Pending => {
                    self.poll_closing(cx);
                    return Ok(());
                }
                Poll::Ready(Ok(())) => self.verdict = None,
                Poll::Ready(Err(status)) => {
                    self.core.session().close(CloseCode::UNAUTHENTICATED, status.message());
                }
            }
        }
        // What arrived whole before the end is still served: a notification and a close may come in one
        // batch. Only then does the end count.
        let ended = self.poll_uni(cx);
        if let Err(error) = self.poll_control_in(cx) {
            return Err(self.protocol_error(&error));
        }
        self.poll_datagrams(cx);
        ended?;
        self.poll_calls(cx)?;
        self.poll_closing(cx);
        // Something above may have closed the session, which wakes nobody here.
        self.core.session().close_reason().map_or(Ok(()), Err)
    }
}

/// A call that comes while draining: certainly not started.
fn refuse(core: &WireCore, mut send: BoxSend, mut recv: BoxRecv) {
    count(&core.counters().calls_in_refused);
    recv.stop(StreamCode::REFUSED);
    send.reset(StreamCode::REFUSED);
}

fn poll_once(task: &mut Task, cx: &mut Context<'_>) -> bool {
    task.as_mut().poll(cx).is_ready()
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
        let session = self.core.session();
        if session.close_reason().is_none() {
            session.close(CloseCode::INTERNAL, "the connection's driver was dropped");
        }
        self.core.closed.set(ConnectionError::DriverDropped);
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("wire", &self.core).finish_non_exhaustive()
    }
}
