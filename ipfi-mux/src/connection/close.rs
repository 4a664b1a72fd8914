//! How a connection ends: one cause for everybody, a farewell if the peer can hear it, then the end.
//!
//! ```text
//!            close(), violation            poll_transmit            handle_transmitted
//!   Open ───────────────────────▶ Farewell ─────────────▶ Leaving ────────────────────▶ Draining
//!    │  idle timeout (silent, qmux-02 "Initiating a Connection Close")                      │  ▲
//!    ├──────────────────────────────────────────────────────────────────────────────────────┼──┘
//!    │  CLOSE of the peer, end of the pipe, I/O error, write stall                          │ end of the
//!    └───────────────────────────────▶ Finished ◀───────────────────────────────────────────┘ peer's side
//!                                                      (or drain_timeout, from every state after Open)
//! ```
//!
//! At the first step all handles end with the cause and all memory goes, with one exception: streams
//! that the peer had *finished* stay readable when it was not this side that closed and the peer broke no
//! rule, since a peer may close right after its last answer (`poll_flushed` promises that this loses
//! nothing). From then on input is discarded (RFC 9000 section 10.2.2).

use bytes::Bytes;
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::time::Time;
use ipfi_core::varint;

use super::{Connection, Flush};
use crate::frame::ConnectionClose;
use crate::record::RecordError;
use crate::streams::state::RecvState;
use crate::violation::Violation;

/// How much of a reason is sent, and how much of the peer's is kept, in bytes.
const REASON_BYTES: usize = 256;

/// How far the end has come.
#[derive(Debug)]
pub(crate) enum Shutdown {
    /// It has not begun.
    Open,
    /// This CONNECTION_CLOSE waits to be sent.
    Farewell(ConnectionClose, Drain),
    /// It is in the batch being written.
    Leaving(Drain),
    /// Our side is shut; the peer's may still send.
    Draining(Drain),
    /// Nothing more to do.
    Finished,
}

/// What is known while the end takes its course.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    /// When to stop waiting; set at the first call that tells the time, since `close` does not.
    deadline: Option<Time>,
    /// The peer has shut its side.
    peer_shut: bool,
}

impl Shutdown {
    fn drain_mut(&mut self) -> Option<&mut Drain> {
        match self {
            Self::Farewell(_, drain) | Self::Leaving(drain) | Self::Draining(drain) => Some(drain),
            Self::Open | Self::Finished => None,
        }
    }
}

impl Connection {
    // --- Getters ---

    /// The driver is to shut its sending side down: nothing more will be sent.
    pub fn is_write_closed(&self) -> bool {
        matches!(self.shutdown, Shutdown::Draining(_) | Shutdown::Finished)
    }

    /// The driver may go: both sides are done, or waiting for the peer took too long.
    pub fn is_finished(&self) -> bool {
        matches!(self.shutdown, Shutdown::Finished)
    }

    // --- Commands ---

    /// Closes the connection: all streams end with [`ConnectionError::LocallyClosed`], what was not sent
    /// is discarded, the peer is told `code` and `reason`. Does nothing when it has ended already.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        let reason = truncated(reason);
        // A code beyond 62 bits cannot be written (RFC 9000 section 16).
        let code = CloseCode(code.0.min(varint::MAX));
        let close = ConnectionClose::Application { code, reason: Bytes::copy_from_slice(reason.as_bytes()) };
        let cause = ConnectionError::LocallyClosed { code, reason: reason.into() };
        self.terminate(cause, Shutdown::Farewell(close, Drain::default()));
    }

    /// Nobody holds the connection any more: closes it with NO_ERROR as soon as everything that was
    /// finished has been written.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.close_if_abandoned();
    }

    // --- Steps ---

    /// Ends an abandoned connection that has nothing left to write.
    pub(super) fn close_if_abandoned(&mut self) {
        if self.abandoned && self.is_flushed() {
            self.close(CloseCode::NO_ERROR, "");
        }
    }

    /// The peer broke the protocol (RFC 9000 section 11.1): it is told how.
    pub(super) fn violated(&mut self, violation: Violation) {
        let reason = Bytes::copy_from_slice(truncated(&violation.what).as_bytes());
        // Frame type 0: not known (RFC 9000 section 19.19).
        let close = ConnectionClose::Transport { code: violation.code, frame_type: 0, reason };
        self.terminate(violation.into(), Shutdown::Farewell(close, Drain::default()));
    }

    /// The peer's bytes are no record, or it is no peer of ours.
    pub(super) fn bad_record(&mut self, error: RecordError) {
        match error {
            RecordError::Violation(violation) => self.violated(violation),
            foreign @ RecordError::Foreign { .. } => {
                let code = TransportCode::PROTOCOL_VIOLATION;
                let reason = Bytes::from_static(b"the first frame is not QX_TRANSPORT_PARAMETERS");
                let close = ConnectionClose::Transport { code, frame_type: 0, reason };
                self.terminate(foreign.into(), Shutdown::Farewell(close, Drain::default()));
            }
        }
    }

    /// The peer says goodbye. We answer by shutting our side without a frame (qmux-02 "Responding to a
    /// Connection Close"); the peer sends nothing after its CLOSE, so there is nothing to wait for.
    pub(super) fn peer_closed(&mut self, close: ConnectionClose) {
        let text = |reason: &Bytes| truncated(&String::from_utf8_lossy(reason)).into();
        let cause = match &close {
            ConnectionClose::Application { code, reason } => {
                ConnectionError::PeerClosed { code: *code, reason: text(reason) }
            }
            ConnectionClose::Transport { code, reason, .. } => {
                ConnectionError::PeerTransport { code: *code, reason: text(reason) }
            }
        };
        self.terminate(cause, Shutdown::Finished);
    }

    /// The idle timeout: shut our side without a frame (qmux-02 "Initiating a Connection Close").
    pub(super) fn idle(&mut self, cause: ConnectionError) {
        self.terminate(cause, Shutdown::Draining(Drain::default()));
    }

    /// The pipe is of no more use.
    pub(super) fn gone(&mut self, cause: ConnectionError) {
        self.terminate(cause, Shutdown::Finished);
        self.shutdown = Shutdown::Finished;
    }

    /// The peer has shut its side after the end began.
    pub(super) fn peer_shut(&mut self) {
        if let Shutdown::Draining(_) = self.shutdown {
            self.shutdown = Shutdown::Finished;
        } else if let Some(drain) = self.shutdown.drain_mut() {
            drain.peer_shut = true;
        }
    }

    /// The CLOSE to be sent, if one waits.
    pub(super) fn take_farewell(&mut self) -> Option<ConnectionClose> {
        match core::mem::replace(&mut self.shutdown, Shutdown::Finished) {
            Shutdown::Farewell(close, drain) => {
                self.shutdown = Shutdown::Leaving(drain);
                Some(close)
            }
            other => {
                self.shutdown = other;
                None
            }
        }
    }

    /// Whether a CLOSE waits to be sent.
    pub(super) fn has_farewell(&self) -> bool {
        matches!(self.shutdown, Shutdown::Farewell(..))
    }

    /// The batch with the CLOSE was written.
    pub(super) fn farewell_transmitted(&mut self) {
        if let Shutdown::Leaving(drain) = self.shutdown {
            self.shutdown = if drain.peer_shut { Shutdown::Finished } else { Shutdown::Draining(drain) };
        }
    }

    /// Starts the clock of the end, or ends the wait.
    pub(super) fn drain_time(&mut self) {
        let (now, after) = (self.now, self.config.drain_timeout);
        if let Some(drain) = self.shutdown.drain_mut()
            && *drain.deadline.get_or_insert(now + after) <= now
        {
            self.shutdown = Shutdown::Finished;
        }
    }

    /// When the wait for the end is over; at once, to start its clock, if it has none yet.
    pub(super) fn drain_deadline(&self) -> Option<Time> {
        match &self.shutdown {
            Shutdown::Farewell(_, drain) | Shutdown::Leaving(drain) | Shutdown::Draining(drain) => {
                Some(drain.deadline.unwrap_or(self.now))
            }
            Shutdown::Open | Shutdown::Finished => None,
        }
    }

    /// The one place where a connection ends.
    fn terminate(&mut self, cause: ConnectionError, shutdown: Shutdown) {
        if self.end.is_some() {
            return;
        }
        let keep_finished =
            !matches!(cause, ConnectionError::LocallyClosed { .. } | ConnectionError::Violation { .. });
        self.end = Some(cause);
        self.shutdown = shutdown;
        for key in self.streams.keys() {
            let stream = self.streams.get_mut(key).expect("its key was just listed");
            if let Some(half) = &mut stream.send {
                self.wakes.take_from(&mut half.writer);
                self.wakes.take_from(&mut half.stop_listener);
            }
            if let Some(half) = &mut stream.recv {
                self.wakes.take_from(&mut half.reader);
                let whole = keep_finished && half.state() == RecvState::DataRecvd;
                // A notification that arrived whole before the end can still be accepted; a call cannot be
                // answered any more.
                if whole && stream.unaccepted && stream.send.is_none() {
                    self.late_accept.insert(stream.id, key);
                }
                if whole && (!stream.unaccepted || stream.send.is_none()) {
                    self.finished.insert(key, core::mem::take(&mut half.queue));
                }
            }
            self.streams.remove(key);
        }
        for dir in [crate::stream_id::Dir::Bi, crate::stream_id::Dir::Uni] {
            self.local.get_mut(dir).end(&mut self.wakes);
            let remote = self.remote.get_mut(dir);
            remote.accept = Default::default();
            self.wakes.take_from(&mut remote.acceptor);
        }
        self.wakes.take_from(&mut self.established);
        self.datagrams.end(&mut self.wakes);
        self.wakes.take_from(&mut self.flush.waiter);
        self.flush = Flush::default();
        self.queued = 0;
        self.outbox = Default::default();
        self.room_waiters = Default::default();
        self.pings.pong = None;
        self.pings.due = false;
    }
}

/// The longest beginning of `text` that fits a reason and ends between characters.
fn truncated(text: &str) -> &str {
    &text[..text.floor_char_boundary(REASON_BYTES)]
}
