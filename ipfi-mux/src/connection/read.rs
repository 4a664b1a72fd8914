//! Commands on the receiving half of a stream.

use core::task::{Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::ReadError;
use ipfi_core::session::Chunk;

use super::{Connection, register};
use crate::streams::state::{RecvEvent, RecvState};
use crate::streams::{Owed, StreamKey};

impl Connection {
    // --- Commands ---

    /// The next bytes, at most `max`; see
    /// [`RecvStream::poll_read`](ipfi_core::session::RecvStream::poll_read). Reading returns credit.
    pub fn poll_read(&mut self, key: StreamKey, waker: &Waker, max: usize) -> Poll<Result<Chunk, ReadError>> {
        let max = max.max(1);
        if let Some(cause) = &self.end {
            // What the peer had finished before the connection ended can still be read.
            let Some(queue) = self.finished.get_mut(&key) else {
                return Poll::Ready(Err(cause.clone().into()));
            };
            let bytes = queue.pop(max);
            let fin = queue.is_empty();
            if fin {
                self.finished.remove(&key);
            }
            return Poll::Ready(Ok(Chunk { bytes, fin }));
        }
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.recv.as_mut()) else {
            return Poll::Ready(Err(ReadError::Stopped));
        };
        match half.state() {
            RecvState::Stopped | RecvState::Discarded => return Poll::Ready(Err(ReadError::Stopped)),
            RecvState::ResetRecvd(code) | RecvState::ResetRead(code) => {
                half.apply(RecvEvent::ReadReset);
                self.recv_ended(key);
                return Poll::Ready(Err(ReadError::Reset(code)));
            }
            RecvState::Recv if half.queue.is_empty() => {
                register(&mut half.reader, waker);
                return Poll::Pending;
            }
            RecvState::Recv | RecvState::DataRecvd | RecvState::DataRead => {}
        }
        let bytes = half.queue.pop(max);
        let fin = half.state().is_complete() && half.queue.is_empty();
        if fin {
            half.apply(RecvEvent::ReadEnd);
        }
        if half.state() == RecvState::Recv {
            let unread = half.unread();
            self.queueing.grow(&mut half.credit, unread, &mut self.credit.pool);
        }
        let tell = half.wants_update(self.queueing.ceiling());
        self.credit.release(bytes.len() as u64);
        if tell {
            self.streams.owe(key, Owed::CREDIT);
        }
        if fin {
            self.recv_ended(key);
        }
        Poll::Ready(Ok(Chunk { bytes, fin }))
    }

    /// As [`poll_read`](Self::poll_read); whoever reads the end of a bidirectional stream has let go of its
    /// receiving half, and must not drop it again. The stream lives on by its sending half. (What is known
    /// only by its receiving half, a notification, is held until that is dropped.)
    pub fn poll_read_through(
        &mut self,
        key: StreamKey,
        waker: &Waker,
        max: usize,
    ) -> Poll<Result<Chunk, ReadError>> {
        let polled = self.poll_read(key, waker, max);
        if matches!(&polled, Poll::Ready(Ok(chunk)) if chunk.fin) {
            self.drop_handle(key);
        }
        polled
    }

    /// All bytes of `key`, if it has come whole and in one piece of at most `max`; then its receiving half
    /// is over and let go of.
    pub(super) fn take_whole(&mut self, key: StreamKey, max: usize) -> Option<Bytes> {
        let half = self.streams.get_mut(key)?.recv.as_mut()?;
        if half.state() != RecvState::DataRecvd || half.queue.len() > max || !half.queue.is_one_piece() {
            return None;
        }
        let bytes = half.queue.pop(max);
        half.apply(RecvEvent::ReadEnd);
        self.credit.release(bytes.len() as u64);
        self.recv_ended(key);
        self.drop_handle(key);
        Some(bytes)
    }

    /// Asks the peer to stop sending; what is buffered and what still comes is thrown away. Does nothing
    /// once the end was read or the reset heard of.
    pub fn stop(&mut self, key: StreamKey, code: StreamCode) {
        self.finished.remove(&key);
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.recv.as_mut()) else { return };
        let asks = half.state() == RecvState::Recv;
        if asks {
            // The first stop counts: a handle that was stopped and then dropped keeps its code.
            half.stop_code = code;
        }
        half.apply(RecvEvent::Stop);
        half.reader = None;
        self.streams.settle(key, Owed::CREDIT);
        if asks {
            self.streams.owe(key, Owed::STOP);
        }
        self.discard_unread(key, 0);
        self.recv_ended(key);
    }

    /// The handle of the receiving half is gone: a stream that was not read to its end is stopped with
    /// CANCELLED.
    pub fn drop_recv(&mut self, key: StreamKey) {
        self.stop(key, StreamCode::CANCELLED);
        self.drop_handle(key);
    }

    // --- Steps ---

    /// Throws the unread bytes of `key` away, and `more` bytes that never came but count (a reset's final
    /// size). The one place where credit returns without reading.
    pub(super) fn discard_unread(&mut self, key: StreamKey, more: u64) {
        let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.recv.as_mut()) else { return };
        if half.state() == RecvState::DataRead {
            return;
        }
        let count = half.queue.clear() as u64 + more;
        self.credit.release(count);
    }

    /// If the receiving half of `key` holds nothing any more: what its window took from the pool, and what
    /// it added to the connection's, goes back. Does nothing the second time.
    pub(super) fn recv_ended(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let id = stream.id;
        let Some(half) = stream.recv.as_mut() else { return };
        if !half.state().is_terminal() {
            return;
        }
        self.queueing.ended(id);
        self.credit.pool += half.credit.shrink();
        let window = core::mem::take(&mut half.local_window);
        self.credit.close_local(window);
    }
}
