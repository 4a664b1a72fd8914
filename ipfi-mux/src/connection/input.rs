//! `handle_*`: what came from outside, and the frames that concern the connection as a whole.

use bytes::{Buf, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::time::Time;

use super::timers::Expired;
use super::{Connection, KEEP_BACKLOG_SHARE, KEEP_BYTES, KEEP_SHARE};
use crate::flow::SendCredit;
use crate::frame::Frame;
use crate::frame::stream::{self, Header};
use crate::params::TransportParameters;
use crate::record::Extent;
use crate::stream_id::Dir;
use crate::violation::Violation;

impl Connection {
    // --- Input ---

    /// Takes whole records from the front of `input` and leaves a partial one. Over a carrier of
    /// messages, `input` is one message. Once the connection has ended, everything is discarded.
    pub fn handle_input(&mut self, now: Time, input: &mut BytesMut) {
        self.tell_time(now);
        self.block = self.block.max(input.capacity());
        self.budget.time(self.now);
        while self.end.is_none() {
            match self.reader.measure(input) {
                Ok(Some(Extent { prefix, size })) => {
                    input.advance(prefix);
                    self.handle_record(input, size);
                }
                Ok(None) => break,
                Err(error) => self.bad_record(error),
            }
        }
        if self.end.is_some() {
            // qmux-02 "Initiating a Connection Close": discard without processing.
            input.clear();
        }
        self.partial = input.len();
        self.queueing.taken_in();
    }

    /// What [`handle_input`](Self::handle_input) is given next is not all that has come, because a read filled its
    /// buffer: of a driver that cannot keep up, less is kept waiting for it. One that does not say so loses
    /// nothing else.
    pub fn expect_more(&mut self) {
        self.queueing.expect_more();
    }

    /// The peer has broken the rules of what carries the records: it is told, as of a fault in them.
    pub fn handle_carrier_violation(&mut self, now: Time, violation: Violation) {
        self.tell_time(now);
        self.violated(violation);
    }

    /// The peer is there, says what carries the records (a ping of its own, or the answer to one), which is as good as
    /// a record. It brings nothing, so it costs a token of the abuse budget.
    pub fn handle_sign_of_life(&mut self, now: Time) {
        self.tell_time(now);
        self.budget.time(self.now);
        if self.end.is_some() {
            return;
        }
        self.timers.record_received(self.now);
        if let Err(violation) = self.budget.spend(1, "a ping of the carrier") {
            self.violated(violation);
        }
    }

    /// The peer has shut its sending side. Before a CLOSE that is the end of the connection: QMux knows
    /// no half-closed pipes.
    pub fn handle_end_of_input(&mut self, now: Time) {
        self.tell_time(now);
        if self.end.is_some() {
            self.peer_shut();
            return;
        }
        let detail = match (&self.peer, self.partial) {
            (None, _) => "the peer closed the pipe during the handshake",
            (Some(_), 0) => "the peer closed the pipe without saying goodbye",
            (Some(_), _) => "the peer closed the pipe in the middle of a record",
        };
        self.gone(ConnectionError::lost(detail));
    }

    /// The pipe cannot be read or written any more (qmux-02 "Handling Resets").
    pub fn handle_lost(&mut self, detail: &str) {
        self.gone(ConnectionError::lost(detail));
    }

    /// The driver is going away without having been told to.
    pub fn handle_driver_dropped(&mut self) {
        self.gone(ConnectionError::DriverDropped);
    }

    /// All bytes handed out so far were written.
    pub fn handle_transmitted(&mut self, now: Time) {
        self.tell_time(now);
        self.timers.transmitted(self.now);
        self.farewell_transmitted();
        if self.flush.in_batch {
            self.flush.in_batch = false;
            self.wake_flushed();
        }
    }

    /// Some of the bytes handed out were written: the pipe is alive.
    pub fn handle_write_progress(&mut self, now: Time) {
        self.tell_time(now);
        self.timers.write_progress(self.now);
    }

    /// A deadline may have passed. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Time) {
        self.tell_time(now);
        self.drain_time();
        while self.end.is_none() {
            match self.timers.expired(self.now) {
                None => break,
                Some(Expired::Ping) => self.pings.due = true,
                Some(Expired::Handshake(after)) => {
                    // Nobody there speaks QMux: there is nobody to say goodbye to.
                    self.gone(ConnectionError::HandshakeTimeout { after });
                }
                Some(Expired::Idle(after)) => self.idle(ConnectionError::IdleTimeout { after }),
                Some(Expired::WriteStall(after)) => self.gone(ConnectionError::WriteStall { after }),
            }
        }
        self.drain_time();
    }

    /// Whether a received slice of `len` bytes is to be copied rather than kept: it is small, or much
    /// waits already and this may wait as long.
    #[inline]
    pub(super) fn must_copy(&self, len: usize) -> bool {
        len < KEEP_BYTES
            || len.saturating_mul(KEEP_SHARE) < self.block
            || self.credit.unread() + len as u64 > self.windows.base / KEEP_BACKLOG_SHARE
    }

    /// Takes the record of `size` bytes that is at the front of `input`.
    ///
    /// Frames are read where they lie. A STREAM frame, which nearly all are, is not made into a [`Frame`]:
    /// its data are copied from the input to the stream's queue, or are large enough to be split off.
    fn handle_record(&mut self, input: &mut BytesMut, size: usize) {
        self.timers.record_received(self.now);
        // The record's bytes in `input`, and up to where they have been handled.
        let (mut size, mut at) = (size, 0);
        while at < size && self.end.is_none() {
            let mut rest = &input[at..size];
            let handled = if stream::is_stream(rest[0]) && self.peer.is_some() {
                match stream::decode_header(&mut rest) {
                    Ok(header) if self.must_copy(header.len) => {
                        at = size - rest.len() + header.len;
                        self.on_stream(header, |queue| queue.push_copy(&rest[..header.len]))
                    }
                    Ok(header) => {
                        let left = rest.len();
                        input.advance(size - left);
                        let data = input.split_to(header.len).freeze();
                        (size, at) = (left - header.len, 0);
                        self.on_stream(header, |queue| queue.push(data))
                    }
                    Err(violation) => Err(violation),
                }
            } else {
                let before = rest.len();
                Frame::decode_copying(&mut rest).and_then(|frame| {
                    let bytes = before - rest.len();
                    at += bytes;
                    self.handle_frame(frame, bytes)
                })
            };
            if let Err(violation) = handled {
                self.violated(violation);
            }
        }
        input.advance(size);
    }

    /// One frame, which took `bytes` of its record.
    fn handle_frame(&mut self, frame: Frame, bytes: usize) -> Result<(), Violation> {
        // qmux-02 "QX_TRANSPORT_PARAMETERS Frames": first, and only first.
        if let Frame::TransportParameters(parameters) = frame {
            return self.on_parameters(parameters);
        }
        if self.peer.is_none() {
            return Err(Violation::new(
                TransportCode::PROTOCOL_VIOLATION,
                "the first frame is not QX_TRANSPORT_PARAMETERS",
            ));
        }
        match frame {
            Frame::Stream { id, offset, payload, fin } => {
                let header = Header { id, offset, len: payload.len(), fin };
                self.on_stream(header, |queue| queue.push_copy(&payload))
            }
            Frame::ResetStream { id, code, final_size } => self.on_reset(id, code, final_size),
            Frame::StopSending { id, code } => self.on_stop(id, code),
            Frame::MaxStreamData { id, max } => self.on_max_stream_data(id, max),
            Frame::StreamDataBlocked { id, limit } => self.on_stream_blocked(id, limit),
            Frame::MaxData { max } => self.on_max_data(max),
            Frame::MaxStreams { dir, max } => self.on_max_streams(dir, max),
            Frame::DataBlocked { limit } => {
                // True when everything up to the limit has come (see `StreamCredit::is_honestly_blocked`);
                // the window is not grown for it, since it covers all stream windows already.
                if limit == self.credit.received() && self.data_blocked_at.replace(limit) != Some(limit) {
                    return Ok(());
                }
                self.budget.spend(1, "a DATA_BLOCKED that is untrue or repeated")
            }
            Frame::StreamsBlocked { dir, limit } => {
                if self.remote.get_mut(dir).is_honestly_blocked(limit) {
                    return Ok(());
                }
                self.budget.spend(1, "a STREAMS_BLOCKED that is untrue or repeated")
            }
            Frame::Padding { .. } => self.budget.spend(1, "a run of PADDING"),
            Frame::Ping { sequence } => self.on_ping(sequence),
            Frame::Pong { sequence } => self.on_pong(sequence),
            Frame::Datagram { payload } => self.on_datagram(payload, bytes),
            Frame::ConnectionClose(close) => {
                self.peer_closed(close);
                Ok(())
            }
            Frame::TransportParameters(_) => Ok(()), // handled above
        }
    }

    fn on_parameters(&mut self, parameters: TransportParameters) -> Result<(), Violation> {
        if self.peer.is_some() {
            return Err(Violation::new(
                TransportCode::PROTOCOL_VIOLATION,
                "QX_TRANSPORT_PARAMETERS other than as the first frame",
            ));
        }
        self.timers.handshaken(parameters.max_idle_timeout_ms);
        self.send_credit = SendCredit::new(parameters.initial_max_data);
        self.local.bi.raise(parameters.initial_max_streams_bidi);
        self.local.uni.raise(parameters.initial_max_streams_uni);
        self.peer = Some(parameters);
        self.wakes.take_from(&mut self.established);
        self.local.bi.grant(&mut self.wakes);
        self.local.uni.grant(&mut self.wakes);
        Ok(())
    }

    fn on_max_data(&mut self, max: u64) -> Result<(), Violation> {
        if self.send_credit.raise(max) {
            return Ok(());
        }
        self.budget.spend(1, "a MAX_DATA that raises nothing")
    }

    fn on_max_streams(&mut self, dir: Dir, max: u64) -> Result<(), Violation> {
        let local = self.local.get_mut(dir);
        if local.raise(max) {
            local.grant(&mut self.wakes);
            return Ok(());
        }
        self.budget.spend(1, "a MAX_STREAMS that raises nothing")
    }

    /// qmux-02 "QX_PING Frames".
    fn on_ping(&mut self, sequence: u64) -> Result<(), Violation> {
        if self.pings.received.is_some_and(|last| sequence <= last) {
            return Err(Violation::new(
                TransportCode::PROTOCOL_VIOLATION,
                format!("ping {sequence} does not increase"),
            ));
        }
        self.pings.received = Some(sequence);
        // One pong is owed at most: the largest number answers all (CVE-2019-9512).
        self.pings.pong = Some(sequence);
        self.budget.spend(1, "a ping")
    }

    /// qmux-02 "QX_PING Frames".
    fn on_pong(&mut self, sequence: u64) -> Result<(), Violation> {
        if sequence > self.pings.sent {
            return Err(Violation::new(
                TransportCode::PROTOCOL_VIOLATION,
                format!("pong {sequence}, the last ping was {}", self.pings.sent),
            ));
        }
        if sequence > self.pings.answered {
            self.pings.answered = sequence;
            self.queueing.answered(self.now);
            return Ok(());
        }
        self.budget.spend(1, "a pong that answers nothing")
    }
}
