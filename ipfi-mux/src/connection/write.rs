//! Commands on the sending half of a stream.

use core::task::{Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ConnectionError, WriteError};
use ipfi_core::limits::Limits;

use super::{Connection, register};
use crate::streams::state::{SendEvent, SendState, Step};
use crate::streams::{Owed, StreamKey};

/// Writes smaller than this that follow another are copied together: one slice of bookkeeping each
/// would cost more than they do.
const COALESCE_BYTES: usize = 512;

/// How much more room there must be before those who wait for it are looked at again.
const ROOM_STEP: usize = 16 << 10;

impl Connection {
    // --- Commands ---

    /// Moves bytes from the front of `data` into the send buffer, as many as fit; see
    /// [`SendStream::poll_write`](ipfi_core::session::SendStream::poll_write). Does not copy, except
    /// small writes that follow one another.
    pub fn poll_write(
        &mut self,
        key: StreamKey,
        waker: &Waker,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        if let Some(cause) = &self.end {
            return Poll::Ready(Err(cause.clone().into()));
        }
        let (queued, limits) = (self.queued, &self.config.limits);
        let Some(stream) = self.streams.get_mut(key) else { return Poll::Ready(Err(WriteError::Finished)) };
        let Some(half) = stream.send.as_mut() else { return Poll::Ready(Err(WriteError::Finished)) };
        if let Some(code) = half.stopped {
            return Poll::Ready(Err(WriteError::Stopped(code)));
        }
        if half.apply(SendEvent::Write) == Step::Refused {
            let again = fin && data.is_empty() && half.apply(SendEvent::Finish) == Step::Ignored;
            return Poll::Ready(if again { Ok(()) } else { Err(WriteError::Finished) });
        }

        let cap = limits.stream_send_buffer_bytes as usize;
        let share = share(limits, queued - half.queue.len());
        let count = data.len().min(share.saturating_sub(half.queue.len()));
        if count > 0 {
            let taken = data.split_to(count);
            if count < COALESCE_BYTES && !half.queue.is_empty() {
                half.queue.push_copy(&taken);
            } else {
                half.queue.push(taken);
            }
            self.queued += count;
        }
        if !data.is_empty() {
            register(&mut half.writer, waker);
            if share < cap && !stream.waits_for_room {
                stream.waits_for_room = true;
                let streams = &self.streams;
                if self.room_waiters.len() > 2 * streams.len() + 16 {
                    // Streams that were given up while they waited leave their keys behind.
                    self.room_waiters
                        .retain(|key| streams.get(*key).is_some_and(|stream| stream.waits_for_room));
                }
                self.room_waiters.push_back(key);
                self.room_seen = self.room_seen.min(self.free_room());
            }
            self.streams.reschedule(key);
            return Poll::Pending;
        }
        half.writer = None;
        if fin {
            self.finish(key);
        }
        self.streams.reschedule(key);
        Poll::Ready(Ok(()))
    }

    /// Takes all of `data` by copying it and, with `fin`, finishes the stream; or nothing, `None`, when it
    /// does not fit now. See [`SendStream::try_write`](ipfi_core::session::SendStream::try_write).
    pub fn try_write(&mut self, key: StreamKey, data: &[u8], fin: bool) -> Option<Result<(), WriteError>> {
        if let Some(cause) = &self.end {
            return Some(Err(cause.clone().into()));
        }
        let (queued, limits) = (self.queued, &self.config.limits);
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut()) else {
            return Some(Err(WriteError::Finished));
        };
        if let Some(code) = half.stopped {
            return Some(Err(WriteError::Stopped(code)));
        }
        if data.len() + half.queue.len() > share(limits, queued - half.queue.len()) {
            return None;
        }
        if half.apply(SendEvent::Write) == Step::Refused {
            return Some(Err(WriteError::Finished));
        }
        half.writer = None;
        // Only what ends its stream: the writes of a long one gather in its queue, and share a frame.
        if fin && self.send_now(key, data) {
            return Some(Ok(()));
        }
        let half = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut());
        half.expect("it was just found").queue.push_copy(data);
        self.queued += data.len();
        if fin {
            self.finish(key);
        }
        self.streams.reschedule(key);
        Some(Ok(()))
    }

    /// Lets go of a sending half that was finished, which need not be dropped any more.
    pub fn release_send(&mut self, key: StreamKey) {
        self.drop_handle(key);
    }

    /// Gives the sending half up: unsent bytes are discarded, the peer's reads end with `code`. Does
    /// nothing once everything and the FIN have left, or after an earlier reset.
    pub fn reset(&mut self, key: StreamKey, code: StreamCode) {
        if self.streams.get(key).is_some_and(|stream| stream.send.is_some()) {
            self.give_up_sending(key, SendEvent::Reset(code));
        }
    }

    /// Ready with the peer's code when it stopped the stream, or with the error when the connection
    /// ended; never after the stream's end was handed over.
    pub fn poll_stopped(
        &mut self,
        key: StreamKey,
        waker: &Waker,
    ) -> Poll<Result<StreamCode, ConnectionError>> {
        if let Some(cause) = &self.end {
            return Poll::Ready(Err(cause.clone()));
        }
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut()) else {
            return Poll::Pending;
        };
        if let Some(code) = half.stopped {
            return Poll::Ready(Ok(code));
        }
        register(&mut half.stop_listener, waker);
        Poll::Pending
    }

    /// How urgent the stream's bytes are: strictly higher first.
    pub fn set_priority(&mut self, key: StreamKey, priority: i8) {
        if self.streams.get(key).is_some() {
            self.streams.set_priority(key, priority);
        }
    }

    /// The handle of the sending half is gone: a stream that is not finished is reset with CANCELLED.
    pub fn drop_send(&mut self, key: StreamKey) {
        if let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut()) {
            half.writer = None;
            half.stop_listener = None;
            if half.state() != SendState::Finishing {
                self.reset(key, StreamCode::CANCELLED);
            }
        }
        self.drop_handle(key);
    }

    // --- Steps ---

    /// The application has written all there is.
    fn finish(&mut self, key: StreamKey) {
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.send.as_mut()) else { return };
        half.apply(SendEvent::Finish);
        self.flush.finishing += 1;
        if half.queue.is_empty() {
            self.streams.owe(key, Owed::FIN);
        }
    }

    /// Resets the sending half, by our own wish or the peer's: the one place where unsent bytes are
    /// thrown away.
    pub(super) fn give_up_sending(&mut self, key: StreamKey, event: SendEvent) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let Some(half) = stream.send.as_mut() else { return };
        let before = half.state();
        if !matches!(half.apply(event), Step::To(_)) {
            return;
        }
        if let SendEvent::StopReceived(code) = event {
            half.stopped = Some(code);
            self.wakes.take_from(&mut half.writer);
            self.wakes.take_from(&mut half.stop_listener);
        }
        if before == SendState::Finishing {
            self.flush.finishing -= 1;
        }
        self.queued -= half.queue.clear();
        stream.waits_for_room = false;
        self.streams.settle(key, Owed::FIN | Owed::BLOCKED);
        self.streams.owe(key, Owed::RESET);
        self.streams.reschedule(key);
        self.wake_room_waiters();
        self.wake_flushed();
        self.close_if_abandoned();
    }

    /// Room in the send buffer that all streams share.
    fn free_room(&self) -> usize {
        (self.config.limits.send_buffer_bytes as usize).saturating_sub(self.queued)
    }

    /// Wakes, in their order, those who wait for room and now have some, once there is noticeably more of
    /// it than when they were last looked at.
    pub(super) fn wake_room_waiters(&mut self) {
        let (free, queued) = (self.free_room(), self.queued);
        // When nothing more can leave, no later step will make up for a small one.
        let at_rest = self.streams.schedule.is_empty() || self.send_credit.available() == 0;
        let step = if at_rest { 1 } else { ROOM_STEP };
        if self.room_waiters.is_empty() || (free < self.room_seen + step && queued > 0) {
            return;
        }
        self.room_seen = free;
        for _ in 0..self.room_waiters.len() {
            let Some(key) = self.room_waiters.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(key) else { continue };
            let Some(half) = stream.send.as_mut() else { continue };
            if !stream.waits_for_room {
                continue;
            }
            let own = half.queue.len();
            if half.writer.is_none() || own < share(&self.config.limits, queued - own) {
                stream.waits_for_room = false;
                self.wakes.take_from(&mut half.writer);
            } else {
                self.room_waiters.push_back(key);
            }
        }
    }
}

/// How many bytes a stream may have queued while the others have `others`.
///
/// Its full buffer when they have none, and less the fuller the shared buffer is: by the square of what
/// is left. A fixed share would let sixteen stalled streams of 256 KiB stop all writing, and one that is
/// proportional to the rest would let each newcomer that stalls halve it. By the square, n stalled
/// streams leave 1/(1 + n/16) of the buffer, so that however many stand still the next small call is
/// accepted, and all together never exceed it.
fn share(limits: &Limits, others: usize) -> usize {
    let all = u128::from(limits.send_buffer_bytes);
    let cap = u128::from(limits.stream_send_buffer_bytes).min(all);
    let free = all.saturating_sub(others as u128);
    // At most `cap`, which is 32 bits.
    usize::try_from(cap * free * free / (all * all)).unwrap_or(usize::MAX)
}
