//! The halves of a stream, as handles: what a handle's end means is decided here.
//!
//! A visit to the connection's lock costs more than most of what is done under it, so a half that has
//! nothing more to say is let go of in the visit in which that became true: a sending half whose holder
//! promised to be done with its FIN ([`SendStream::release_at_finish`]), and the receiving half of a
//! bidirectional stream whose end was read. From then on its key may belong to another stream, and the
//! handle does not use it again.

use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream};

use super::Held;
use crate::stream_id::{Dir, StreamId};
use crate::streams::StreamKey;

/// The sending half of a stream. Dropped before its FIN was accepted, it resets the stream with
/// CANCELLED.
#[derive(Debug)]
pub struct MuxSendStream {
    held: Arc<Held>,
    key: StreamKey,
    id: StreamId,
    release: Release,
}

/// Whether a sending half still has a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    /// Until it is dropped.
    AtDrop,
    /// Until its FIN is accepted.
    AtFinish,
    /// No more: its key is not its own.
    Done,
}

impl MuxSendStream {
    pub(super) fn new(held: &Arc<Held>, key: StreamKey, id: StreamId) -> Self {
        Self { held: Arc::clone(held), key, id, release: Release::AtDrop }
    }

    fn is_released(&self) -> bool {
        self.release == Release::Done
    }
}

impl SendStream for MuxSendStream {
    fn id(&self) -> u64 {
        self.id.get()
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        if self.is_released() {
            let again = fin && data.is_empty();
            return Poll::Ready(if again { Ok(()) } else { Err(WriteError::Finished) });
        }
        let (key, last) = (self.key, fin && self.release == Release::AtFinish);
        let written = self.held.with(|connection| {
            let written = connection.poll_write(key, cx.waker(), data, fin);
            if last && matches!(written, Poll::Ready(Ok(()))) {
                connection.release_send(key);
            }
            written
        });
        if last && matches!(written, Poll::Ready(Ok(()))) {
            self.release = Release::Done;
        }
        written
    }

    fn try_write(&mut self, data: &[u8], fin: bool) -> Option<Result<(), WriteError>> {
        if self.is_released() {
            return Some(Err(WriteError::Finished));
        }
        let (key, last) = (self.key, fin && self.release == Release::AtFinish);
        let written = self.held.with(|connection| {
            let written = connection.try_write(key, data, fin);
            if last && matches!(written, Some(Ok(()))) {
                connection.release_send(key);
            }
            written
        });
        if last && matches!(written, Some(Ok(()))) {
            self.release = Release::Done;
        }
        written
    }

    fn release_at_finish(&mut self) {
        if !self.is_released() {
            self.release = Release::AtFinish;
        }
    }

    fn reset(&mut self, code: StreamCode) {
        if !self.is_released() {
            self.held.with(|connection| connection.reset(self.key, code));
        }
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        if self.is_released() {
            return Poll::Pending;
        }
        self.held.look(|connection| connection.poll_stopped(self.key, cx.waker()))
    }

    fn set_priority(&mut self, priority: i8) {
        if !self.is_released() {
            self.held.with(|connection| connection.set_priority(self.key, priority));
        }
    }
}

impl Drop for MuxSendStream {
    fn drop(&mut self) {
        if !self.is_released() {
            self.held.with(|connection| connection.drop_send(self.key));
        }
    }
}

/// The receiving half of a stream. Dropped before its end was read, it asks the peer to stop with
/// CANCELLED.
#[derive(Debug)]
pub struct MuxRecvStream {
    held: Arc<Held>,
    key: StreamKey,
    id: StreamId,
    state: Reading,
}

/// How far the reading of a half has come.
#[derive(Debug)]
enum Reading {
    /// The connection has more, or will have.
    Going,
    /// The connection has handed over these last bytes and the end, which are not read yet.
    Whole(Bytes),
    /// The end or a reset was read last: it stays so, even when the connection ends after.
    Ended(Result<(), StreamCode>),
    /// Stopped with what the connection had handed over unread.
    Stopped,
}

impl MuxRecvStream {
    pub(super) fn new(held: &Arc<Held>, key: StreamKey, id: StreamId) -> Self {
        Self { held: Arc::clone(held), key, id, state: Reading::Going }
    }

    /// The receiving half of a bidirectional stream of which everything has come, already let go of.
    pub(super) fn whole(held: &Arc<Held>, key: StreamKey, id: StreamId, bytes: Bytes) -> Self {
        Self { held: Arc::clone(held), key, id, state: Reading::Whole(bytes) }
    }

    /// The connection has forgotten this half: its end was read, and the stream has another half to live by.
    fn is_released(&self) -> bool {
        match self.state {
            Reading::Going | Reading::Ended(Err(_)) => false,
            Reading::Whole(_) | Reading::Stopped => true,
            Reading::Ended(Ok(())) => self.id.dir() == Dir::Bi,
        }
    }
}

impl RecvStream for MuxRecvStream {
    fn id(&self) -> u64 {
        self.id.get()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        match &mut self.state {
            Reading::Going => {}
            Reading::Whole(bytes) if bytes.len() > max.max(1) => {
                return Poll::Ready(Ok(Chunk { bytes: bytes.split_to(max.max(1)), fin: false }));
            }
            Reading::Whole(bytes) => {
                let bytes = core::mem::take(bytes);
                self.state = Reading::Ended(Ok(()));
                return Poll::Ready(Ok(Chunk { bytes, fin: true }));
            }
            Reading::Ended(Ok(())) => return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true })),
            Reading::Ended(Err(code)) => return Poll::Ready(Err(ReadError::Reset(*code))),
            Reading::Stopped => return Poll::Ready(Err(ReadError::Stopped)),
        }
        let (key, dir) = (self.key, self.id.dir());
        let polled = self.held.with(|connection| match dir {
            Dir::Bi => connection.poll_read_through(key, cx.waker(), max),
            Dir::Uni => connection.poll_read(key, cx.waker(), max),
        });
        match &polled {
            Poll::Ready(Ok(chunk)) if chunk.fin => self.state = Reading::Ended(Ok(())),
            Poll::Ready(Err(ReadError::Reset(code))) => self.state = Reading::Ended(Err(*code)),
            _ => {}
        }
        polled
    }

    fn take_whole(&mut self) -> Option<Bytes> {
        let Reading::Whole(bytes) = &mut self.state else { return None };
        let bytes = core::mem::take(bytes);
        self.state = Reading::Ended(Ok(()));
        Some(bytes)
    }

    fn stop(&mut self, code: StreamCode) {
        if let Reading::Whole(_) = self.state {
            self.state = Reading::Stopped;
        } else if !self.is_released() {
            self.held.with(|connection| connection.stop(self.key, code));
        }
    }
}

impl Drop for MuxRecvStream {
    fn drop(&mut self) {
        if !self.is_released() {
            self.held.with(|connection| connection.drop_recv(self.key));
        }
    }
}
