//! `poll_*`: what is to be sent, and when to come back.
//!
//! But for small writes, nothing is formatted before the pipe can take it. The order within a batch: our transport parameters
//! (once, first); CLOSE (and then nothing); control of the connection; the frames of small writes
//! ([`outbox`](super::outbox)); control of streams; datagrams; data by the schedule; and what became blocked by
//! that. Control is bits of state, so it cannot pile up.

use core::task::{Poll, Waker};

use bytes::BytesMut;
use ipfi_core::time::Time;

use super::batch::{Batch, CONTROL_ROOM, MAX_SENT_RECORD};
use super::output::Output;
use super::{Connection, READ_BLOCK_BYTES, register};
use crate::config;
use crate::frame::{Frame, datagram, stream};
use crate::record::RecordFraming;
use crate::stream_id::Dir;
use crate::streams::state::{SendEvent, SendState, Step};
use crate::streams::{Owed, StreamKey};

/// What [`Connection::poll_transmit`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "appended bytes must be written and reported with `handle_transmitted`"]
pub enum Transmit {
    /// Nothing is to be sent.
    Idle,
    /// This many bytes were appended.
    Appended(usize),
}

/// Room for the transport parameters and for a CLOSE: more than either takes.
const LARGE_FRAME_ROOM: usize = 512;

/// Payload for which a new record is begun rather than the rest of one filled: below this the frame's
/// header is too large a share.
const MIN_STREAM_ROOM: usize = 64;

impl Connection {
    // --- Getters ---

    /// Whether [`poll_transmit`](Self::poll_transmit) would append anything.
    pub fn has_pending_output(&self) -> bool {
        if self.end.is_some() {
            return self.has_farewell();
        }
        // Data first: where there is output, it is nearly always that.
        !self.outbox.is_empty()
            || (!self.streams.schedule.is_empty()
                && (self.send_credit.available() > 0 || self.send_credit.blocked().is_some()))
            || !self.parameters_sent
            || self.pings.due
            || self.pings.pong.is_some()
            || self.credit.wants_update()
            || self.remote.bi.wants_update()
            || self.remote.uni.wants_update()
            || self.local.bi.blocked().is_some_and(|_| self.peer.is_some())
            || self.local.uni.blocked().is_some_and(|_| self.peer.is_some())
            || self.streams.next_control().is_some()
            || !self.datagrams.to_send.is_empty()
    }

    /// About how many bytes could be sent now: for "a full batch is waiting".
    pub fn pending_output_hint(&self) -> usize {
        let data = if self.streams.schedule.is_empty() { 0 } else { self.queued };
        self.outbox.len() + data.min(usize::try_from(self.send_credit.available()).unwrap_or(usize::MAX))
    }

    /// Whether this moment's output is a lone call's: nothing is being written and at most one call is in
    /// flight, so that writing at once, from the caller, cannot cost anybody a batch.
    pub fn is_lone(&self) -> bool {
        !self.timers.in_flight() && self.streams.calls() <= 1 && self.pending_output_hint() < MAX_SENT_RECORD
    }

    /// The next deadline, if there is one. It may have passed already.
    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.end {
            Some(_) => self.drain_deadline(),
            None => self.timers.deadline(),
        }
    }

    // --- Output ---

    /// Appends whole records to `out`, about `max` bytes (at most one record more), or one message. Small
    /// writes that wait as frames leave all together, and with them a record of what else there is, even
    /// where that is more.
    /// The caller writes them all and says so with [`handle_transmitted`](Self::handle_transmitted).
    pub fn poll_transmit(&mut self, now: Time, out: &mut BytesMut, max: usize) -> Transmit {
        let max = self.outbox.batch_bytes(max).max(1);
        let batch = Batch::new(out, self.config.framing, max, self.record_max());
        self.fill(now, batch)
    }

    /// As [`poll_transmit`](Self::poll_transmit), without copying large payloads. `out` must be empty.
    pub fn poll_transmit_pieces(&mut self, now: Time, out: &mut Output, max: usize) -> Transmit {
        let Output { bytes, slices } = out;
        let max = self.outbox.batch_bytes(max).max(1);
        let batch = Batch::in_pieces(bytes, slices, self.config.framing, max, self.record_max());
        self.fill(now, batch)
    }

    fn fill(&mut self, now: Time, mut batch: Batch<'_>) -> Transmit {
        self.tell_time(now);
        self.drain_time();
        if self.end.is_none() || self.has_farewell() {
            self.put_parameters(&mut batch);
            self.put_farewell(&mut batch);
        }
        if self.end.is_none() {
            self.put_connection_control(&mut batch);
            if self.put_outbox(&mut batch) {
                self.put_stream_control(&mut batch);
                self.put_datagrams(&mut batch);
                self.put_data(&mut batch);
                // What has just run into a limit is told in the same batch.
                self.put_stream_control(&mut batch);
                self.wake_room_waiters();
            }
        }
        match batch.finish() {
            0 => {
                self.rest_outbox();
                Transmit::Idle
            }
            bytes => {
                self.timers.batch_began(self.now);
                Transmit::Appended(bytes)
            }
        }
    }

    /// Ready when the bytes and ends of all finished streams have been written, or the connection ended.
    pub fn poll_flushed(&mut self, waker: &Waker) -> Poll<()> {
        if self.is_flushed() {
            return Poll::Ready(());
        }
        register(&mut self.flush.waiter, waker);
        Poll::Pending
    }

    // --- Steps ---

    pub(super) fn is_flushed(&self) -> bool {
        self.end.is_some() || (self.flush.finishing == 0 && !self.flush.in_batch && self.outbox.is_empty())
    }

    pub(super) fn wake_flushed(&mut self) {
        if self.is_flushed() {
            self.wakes.take_from(&mut self.flush.waiter);
            self.close_if_abandoned();
        }
    }

    /// The largest record to send.
    pub(super) fn record_max(&self) -> usize {
        let theirs = self.peer.as_ref().map_or(MAX_SENT_RECORD, |peer| {
            usize::try_from(peer.max_record_size).unwrap_or(usize::MAX).max(MAX_SENT_RECORD)
        });
        match self.config.framing {
            RecordFraming::Sized => theirs.min(MAX_SENT_RECORD),
            // A message of the carrier costs a system call and a frame there: as large as both sides take, and no
            // larger than the block of which a peer keeps full frames without copying them.
            RecordFraming::Message => {
                theirs.min(self.config.limits.max_record_bytes as usize).min(READ_BLOCK_BYTES)
            }
        }
    }

    /// qmux-02 "QX_TRANSPORT_PARAMETERS Frames": first, and as soon as possible.
    fn put_parameters(&mut self, batch: &mut Batch<'_>) {
        if !self.parameters_sent && batch.ensure(LARGE_FRAME_ROOM) {
            let parameters = config::parameters(&self.config.limits, self.windows);
            Frame::TransportParameters(parameters).encode(batch.out);
            self.parameters_sent = true;
            self.queueing.asked(self.now);
        }
    }

    fn put_farewell(&mut self, batch: &mut Batch<'_>) {
        if self.parameters_sent
            && self.has_farewell()
            && batch.ensure(LARGE_FRAME_ROOM)
            && let Some(close) = self.take_farewell()
        {
            Frame::ConnectionClose(close).encode(batch.out);
        }
    }

    fn put_connection_control(&mut self, batch: &mut Batch<'_>) {
        if self.pings.pong.is_some()
            && batch.ensure(CONTROL_ROOM)
            && let Some(sequence) = self.pings.pong.take()
        {
            Frame::Pong { sequence }.encode(batch.out);
        }
        if self.pings.due && batch.ensure(CONTROL_ROOM) {
            self.pings.due = false;
            self.pings.sent += 1;
            self.queueing.asked(self.now);
            Frame::Ping { sequence: self.pings.sent }.encode(batch.out);
        }
        self.put_max_data(batch);
        for (dir, window) in [
            (Dir::Bi, self.config.limits.stream_window_bytes),
            (Dir::Uni, self.config.limits.notification_window_bytes),
        ] {
            // Room for MAX_DATA too, which must not come after what needs it.
            if self.remote.get(dir).wants_update() && batch.ensure(2 * CONTROL_ROOM) {
                let (max, rise) = self.remote.get_mut(dir).grant();
                self.credit.commit(rise * u64::from(window));
                self.put_max_data(batch);
                Frame::MaxStreams { dir, max }.encode(batch.out);
            }
            let local = self.local.get_mut(dir);
            // The limit before the peer's parameters is not one that it set.
            if self.peer.is_some()
                && let Some(limit) = local.blocked()
                && batch.ensure(CONTROL_ROOM)
            {
                local.told_blocked();
                Frame::StreamsBlocked { dir, limit }.encode(batch.out);
            }
        }
    }

    fn put_max_data(&mut self, batch: &mut Batch<'_>) {
        if self.credit.wants_update() && batch.ensure(CONTROL_ROOM) {
            let max = self.credit.grant();
            Frame::MaxData { max }.encode(batch.out);
        }
    }

    fn put_stream_control(&mut self, batch: &mut Batch<'_>) {
        while let Some(key) = self.streams.next_control() {
            // The most that one stream can owe, and a MAX_DATA before it.
            if !batch.ensure(6 * CONTROL_ROOM) {
                return;
            }
            self.put_control_of(key, batch);
            self.streams.settle(key, Owed::RESET | Owed::STOP | Owed::CREDIT | Owed::BLOCKED | Owed::FIN);
            self.retire(key);
        }
    }

    /// Appends all control frames that `key` owes.
    fn put_control_of(&mut self, key: StreamKey, batch: &mut Batch<'_>) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let (id, owed) = (stream.id, stream.owed);
        if let Some(half) = stream.send.as_mut() {
            if let (true, SendState::Resetting(code)) = (owed.has(Owed::RESET), half.state()) {
                half.apply(SendEvent::ResetLeft);
                let final_size = half.credit.sent();
                Frame::ResetStream { id, code: code.0, final_size }.encode(batch.out);
            }
            if owed.has(Owed::FIN) && matches!(half.apply(SendEvent::FinLeft), Step::To(_)) {
                self.flush.finishing -= 1;
                self.flush.in_batch = true;
                half.stop_listener = None;
                stream::put_header(batch.out, id, half.credit.sent(), Some(0), true);
            }
            if owed.has(Owed::BLOCKED)
                && !half.queue.is_empty()
                && let Some(limit) = half.credit.blocked()
            {
                half.credit.told_blocked();
                Frame::StreamDataBlocked { id, limit }.encode(batch.out);
            }
        }
        if let Some(half) = stream.recv.as_mut() {
            if owed.has(Owed::STOP) {
                Frame::StopSending { id, code: half.stop_code.0 }.encode(batch.out);
            }
            if owed.has(Owed::CREDIT) && half.wants_update(self.queueing.ceiling()) {
                let unread = half.unread();
                self.queueing.granted(id, half.credit.limit(), half.credit.is_blocked(), self.now);
                let (max, rise) = half.credit.grant(unread, self.queueing.ceiling());
                self.credit.commit(rise);
                self.put_max_data(batch);
                Frame::MaxStreamData { id, max }.encode(batch.out);
            }
        }
    }

    fn put_datagrams(&mut self, batch: &mut Batch<'_>) {
        while let Some(payload) = self.datagrams.to_send.front() {
            let len = payload.len();
            if !batch.ensure(datagram::header_len(Some(len)) + len) {
                return;
            }
            if let Some(payload) = self.datagrams.to_send.pop_front() {
                datagram::put_header(batch.out, Some(len));
                batch.out.extend_from_slice(&payload);
            }
        }
    }

    fn put_data(&mut self, batch: &mut Batch<'_>) {
        while let Some(key) = self.streams.schedule.next() {
            let credit = self.send_credit.available();
            if credit == 0 {
                if let Some(limit) = self.send_credit.blocked()
                    && batch.ensure(CONTROL_ROOM)
                {
                    self.send_credit.told_blocked();
                    Frame::DataBlocked { limit }.encode(batch.out);
                }
                return;
            }
            if !batch.ensure(MIN_STREAM_ROOM) {
                return;
            }
            if self.put_data_of(key, credit, batch) {
                self.retire(key);
            }
        }
    }

    /// Appends one STREAM frame of `key`, whose turn it is; says whether it was the stream's last.
    #[inline]
    fn put_data_of(&mut self, key: StreamKey, credit: u64, batch: &mut Batch<'_>) -> bool {
        let Some(stream) = self.streams.get_mut(key) else { return false };
        let (id, allowance) = (stream.id, stream.turn.allowance());
        let half = stream.send.as_mut().expect("only streams with a sending half are scheduled");
        let offset = half.credit.sent();
        let wanted = credit.min(half.credit.available()).min(u64::from(allowance));
        let wanted = half.queue.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        let left = batch.left();
        let count = if wanted + stream::HEADER_MAX <= left {
            wanted
        } else {
            // The header for all that is wanted is as large as any for less.
            wanted.min(left - stream::header_len(id, offset, wanted))
        };
        let fin = count == half.queue.len() && half.state() == SendState::Finishing;
        stream::put_header(batch.out, id, offset, Some(count), fin);
        batch.put_payload(&mut half.queue, count);
        half.credit.charge(count as u64);
        self.send_credit.charge(count as u64);
        self.queued -= count;
        self.budget.payload(count);
        half.apply(if fin { SendEvent::FinLeft } else { SendEvent::DataLeft });
        if fin {
            half.stop_listener = None;
            self.flush.finishing -= 1;
            self.flush.in_batch = true;
        }
        let waits = !half.queue.is_empty();
        let more = waits && half.credit.available() > 0;
        let blocked = waits && half.credit.blocked().is_some();
        if half.queue.len() <= self.config.limits.stream_send_buffer_bytes as usize / 2 {
            self.wakes.take_from(&mut half.writer);
        }
        let count = u32::try_from(count).expect("a turn's allowance is 32 bits");
        // A quantum is some bytes more than a record's payload. Served after it, they would be a frame of their
        // own at the front of the next record, whose own frame then is shorter than what a peer keeps uncopied.
        let rest_is_small = (allowance - count) as usize <= MIN_STREAM_ROOM;
        self.streams.served(key, if rest_is_small { allowance } else { count }, more);
        if blocked {
            self.streams.owe(key, Owed::BLOCKED);
        }
        fin
    }
}
