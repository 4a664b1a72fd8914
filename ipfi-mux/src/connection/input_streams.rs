//! `handle_*`: the frames that concern one stream.
//!
//! On an ordered pipe nothing arrives late: a frame that breaks a stream's rules is the peer's fault and
//! ends the connection (MadeYouReset, CVE-2025-8671: no stream-level error is answered with a reset that
//! the peer could provoke at will). A frame for a stream that is over here may have crossed our own end
//! of it, so it is not a fault; it costs a token.

use ipfi_core::close_code::{StreamCode, TransportCode};

use super::Connection;
use crate::abuse::{COMPLETED, GIVEN_UP, LONG_RUN};
use crate::byte_queue::ByteQueue;
use crate::frame::stream::Header;
use crate::stream_id::{Dir, StreamId};
use crate::streams::state::{RecvEvent, RecvState, SendEvent};
use crate::streams::table::StreamTable;
use crate::streams::{Owed, RecvHalf, SendHalf, Stream, StreamKey};
use crate::violation::Violation;

impl Connection {
    /// STREAM (RFC 9000 section 19.8), whose data `keep` puts into the queue it is given.
    ///
    /// The stream is looked up once and held for the whole frame; what is rare leaves by a call.
    pub(super) fn on_stream(
        &mut self,
        header: Header,
        keep: impl FnOnce(&mut ByteQueue),
    ) -> Result<(), Violation> {
        let Header { id, offset, len, fin } = header;
        let Some(key) = self.peer_sends_on(id)? else {
            return self.budget.spend(1, "a STREAM frame for a closed stream");
        };
        let stream = self.streams.get_mut(key).expect("the stream was just found");
        let half = stream.recv.as_mut().expect("the peer sends on it");
        let received = half.credit.received();
        // The frame's decoder bounds the sum (RFC 9000 section 19.8).
        let end = offset + len as u64;
        if half.state().is_complete() {
            // RFC 9000 section 4.5: data beyond the final size, or another final size.
            if end > received || (fin && end != received) {
                return Err(final_size(id, end, received));
            }
            if offset == received {
                return self.budget.spend(1, "a STREAM frame after the stream's end");
            }
        }
        // qmux-02 "Ordering of STREAM Frames".
        if offset != received {
            return Err(out_of_order(id, offset, received));
        }
        half.credit.check(end)?;
        self.credit.check(len as u64)?;

        half.credit.receive(end);
        let left = half.credit.outstanding();
        let stopped = half.state() == RecvState::Stopped;
        half.apply(if fin { RecvEvent::Fin } else { RecvEvent::Data });
        self.credit.receive(len as u64);
        self.queueing.arrived(id, end, self.now);
        if stopped {
            // Within credit that we granted: free, and its credit returns at once.
            self.credit.release(len as u64);
        } else {
            keep(&mut half.queue);
            self.budget.payload(len);
        }
        if len > 0 || fin {
            self.wakes.take_from(&mut half.reader);
            self.uni_data |= id.dir() == Dir::Uni;
        }
        if fin {
            // Nothing more can come: what was granted beyond it is not used.
            self.queueing.ended(id);
            self.credit.uncommit(left);
            if !stream.owed.is_empty() {
                self.streams.settle(key, Owed::CREDIT | Owed::STOP);
            }
            if stopped {
                // The half is at its end; otherwise it has bytes, or its end, to be read.
                self.recv_ended(key);
                self.retire(key);
            }
        } else if len == 0 {
            return self.budget.spend(1, "an empty STREAM frame");
        }
        Ok(())
    }

    /// RESET_STREAM (RFC 9000 section 19.4).
    pub(super) fn on_reset(&mut self, id: StreamId, code: u64, final_size_: u64) -> Result<(), Violation> {
        let Some(key) = self.peer_sends_on(id)? else {
            return self.budget.spend(1, "a RESET_STREAM for a closed stream");
        };
        let half = recv_half(&mut self.streams, key);
        let received = half.credit.received();
        let complete = half.state().is_complete();
        // RFC 9000 section 4.5: the final size cannot change, nor be less than what has come.
        if final_size_ < received || (complete && final_size_ != received) {
            return Err(final_size(id, final_size_, received));
        }
        if complete {
            return self.budget.spend(1, "a RESET_STREAM after the stream's end");
        }
        // RFC 9000 section 4.5: the final size counts against both credits.
        half.credit.check(final_size_)?;
        self.credit.check(final_size_ - received)?;

        let stream = self.streams.get_mut(key).expect("the stream was just found");
        let half = stream.recv.as_mut().expect("the peer sends on it");
        half.credit.receive(final_size_);
        let left = half.credit.outstanding();
        let asked_for = half.state() == RecvState::Stopped;
        half.apply(RecvEvent::Reset(StreamCode(code)));
        self.wakes.take_from(&mut half.reader);
        self.uni_data |= id.dir() == Dir::Uni;
        self.credit.receive(final_size_ - received);
        self.credit.uncommit(left);
        self.queueing.ended(id);
        self.streams.settle(key, Owed::CREDIT | Owed::STOP);
        self.discard_unread(key, final_size_ - received);
        self.recv_ended(key);
        if asked_for {
            self.retire(key);
            return Ok(());
        }
        self.given_up(key, StreamCode(code), "a reset of a stream before anything was answered")
    }

    /// STOP_SENDING (RFC 9000 section 19.5). In Ready or Send we owe RESET_STREAM (section 3.5).
    pub(super) fn on_stop(&mut self, id: StreamId, code: u64) -> Result<(), Violation> {
        let Some(key) = self.we_send_on(id)? else {
            return self.budget.spend(1, "a STOP_SENDING for a closed stream");
        };
        let code = StreamCode(code);
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        let half = stream.send.as_mut().expect("`we_send_on` gives streams that we send on");
        if half.state().is_terminal() || half.stopped.is_some() {
            return self.budget.spend(1, "a STOP_SENDING after the stream's end");
        }
        self.give_up_sending(key, SendEvent::StopReceived(code));
        // Cancelling a whole request is a reset too, if under another name.
        self.given_up(key, code, "a stop of a stream before anything was answered")
    }

    /// The peer gave one half of `key` up. If it had opened the stream and got nothing for it yet, that is
    /// paid for, once; one that is detached runs on and is no less work done.
    fn given_up(&mut self, key: StreamKey, code: StreamCode, what: &'static str) -> Result<(), Violation> {
        let (now, side) = (self.now, self.config.side);
        let mut spent = Ok(());
        if let Some(stream) = self.streams.get_mut(key)
            && stream.id.initiator() != side
            && stream.send.as_ref().is_none_or(|half| half.credit.sent() == 0)
            && stream.earns == COMPLETED
            && code != StreamCode::DETACHED
        {
            if now.saturating_since(stream.opened) >= LONG_RUN {
                stream.earns = 0;
            } else {
                stream.earns = GIVEN_UP / 2;
                spent = self.budget.spend(GIVEN_UP.into(), what);
            }
        }
        self.retire(key);
        spent
    }

    /// MAX_STREAM_DATA (RFC 9000 section 19.10).
    pub(super) fn on_max_stream_data(&mut self, id: StreamId, max: u64) -> Result<(), Violation> {
        let Some(key) = self.we_send_on(id)? else {
            return self.budget.spend(1, "a MAX_STREAM_DATA for a closed stream");
        };
        let half = self.send_half(key);
        if !half.credit.raise(max) {
            return self.budget.spend(1, "a MAX_STREAM_DATA that raises nothing");
        }
        self.streams.settle(key, Owed::BLOCKED);
        self.streams.reschedule(key);
        Ok(())
    }

    /// STREAM_DATA_BLOCKED (RFC 9000 section 19.13): the signal to grow the stream's window.
    pub(super) fn on_stream_blocked(&mut self, id: StreamId, limit: u64) -> Result<(), Violation> {
        let Some(key) = self.peer_sends_on(id)? else {
            return self.budget.spend(1, "a STREAM_DATA_BLOCKED for a closed stream");
        };
        let half = recv_half(&mut self.streams, key);
        if half.state() != RecvState::Recv || !half.credit.is_honestly_blocked(limit) {
            return self.budget.spend(1, "a STREAM_DATA_BLOCKED that is untrue or repeated");
        }
        let at_limit = half.credit.is_blocked();
        let unread = half.unread();
        self.queueing.grow(&mut half.credit, unread, &mut self.credit.pool);
        let tell = half.wants_update(self.queueing.ceiling());
        if !at_limit {
            // More was granted while the word was on its way.
            self.queueing.blocked(id, limit);
        }
        if tell {
            self.streams.owe(key, Owed::CREDIT);
        }
        Ok(())
    }

    /// The stream on which the peer sends under `id`; none when it is over.
    #[inline]
    fn peer_sends_on(&mut self, id: StreamId) -> Result<Option<StreamKey>, Violation> {
        if id.initiator() == self.config.side && id.dir() == Dir::Uni {
            return Err(wrong_state(id, "the peer cannot send on it (does it send our own bytes back?)"));
        }
        self.stream(id)
    }

    /// The stream on which we send under `id`; none when it is over.
    fn we_send_on(&mut self, id: StreamId) -> Result<Option<StreamKey>, Violation> {
        if id.initiator() != self.config.side && id.dir() == Dir::Uni {
            return Err(wrong_state(id, "this side cannot send on it"));
        }
        self.stream(id)
    }

    /// The stream with `id`, opened now if the peer may open it; none when it is over.
    #[inline]
    fn stream(&mut self, id: StreamId) -> Result<Option<StreamKey>, Violation> {
        if id.initiator() == self.config.side {
            // RFC 9000 sections 19.4, 19.5, 19.8, 19.10 and 19.13.
            if id.index() >= self.local.get(id.dir()).next {
                return Err(wrong_state(id, "this side has not opened it"));
            }
        } else if id.index() >= self.remote.get(id.dir()).opened {
            return self.open_up_to(id);
        }
        Ok(self.streams.find(id))
    }

    /// Opens the peer's stream `id`, which is not open yet, and all lower ones of its kind (RFC 9000
    /// section 3.2).
    fn open_up_to(&mut self, id: StreamId) -> Result<Option<StreamKey>, Violation> {
        let dir = id.dir();
        let remote = self.remote.get_mut(dir);
        // RFC 9000 section 4.6. Tested before anything is made.
        if id.index() >= remote.granted() {
            return Err(Violation::new(
                TransportCode::STREAM_LIMIT_ERROR,
                format!("stream {id}: beyond the limit of {} streams of its kind", remote.granted()),
            ));
        }
        let limits = &self.config.limits;
        let (window, peer_window) = match dir {
            Dir::Uni => (limits.notification_window_bytes, None),
            Dir::Bi => {
                let max = self.peer.as_ref().map_or(0, |peer| peer.initial_max_stream_data_bidi_local);
                (limits.stream_window_bytes, Some(max))
            }
        };
        let mut key = None;
        for index in remote.opened..=id.index() {
            let id = StreamId::new(self.config.side.peer(), dir, index);
            let recv = RecvHalf::new(u64::from(window));
            let mut stream = Stream::new(id, peer_window.map(SendHalf::new), Some(recv));
            stream.unaccepted = true;
            stream.opened = self.now;
            let opened = self.streams.insert(stream);
            remote.accept.push_back(opened);
            key = Some(opened);
        }
        remote.opened = id.index() + 1;
        // Only our transport parameters are what a stream answers: after a ping it may have been under way.
        if self.pings.sent == 0 {
            self.queueing.answered(self.now);
        }
        self.wakes.take_from(&mut remote.acceptor);
        Ok(key)
    }

    /// The sending half at `key`, which was just found.
    fn send_half(&mut self, key: StreamKey) -> &mut SendHalf {
        let stream = self.streams.get_mut(key).expect("the stream was just found");
        stream.send.as_mut().expect("this side sends on it")
    }
}

#[cold]
fn out_of_order(id: StreamId, offset: u64, received: u64) -> Violation {
    Violation::new(
        TransportCode::PROTOCOL_VIOLATION,
        format!("stream {id}: bytes at offset {offset} follow {received}"),
    )
}

#[cold]
fn wrong_state(id: StreamId, what: &str) -> Violation {
    Violation::new(TransportCode::STREAM_STATE_ERROR, format!("stream {id}: {what}"))
}

#[cold]
fn final_size(id: StreamId, seen: u64, known: u64) -> Violation {
    Violation::new(
        TransportCode::FINAL_SIZE_ERROR,
        format!("stream {id}: final size or data at {seen}, {known} known before"),
    )
}

/// The receiving half at `key`, which was just found. Of the streams alone, so that the rest of the connection
/// can be used beside it.
fn recv_half(streams: &mut StreamTable, key: StreamKey) -> &mut RecvHalf {
    let stream = streams.get_mut(key).expect("the stream was just found");
    stream.recv.as_mut().expect("the peer sends on it")
}
