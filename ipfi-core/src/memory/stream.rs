//! The handles of the halves of a stream.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::session::End;
use super::transfer::pipe;
use crate::close_code::StreamCode;
use crate::error::{ConnectionError, ReadError, WriteError};
use crate::session::{Chunk, RecvStream, SendStream};

/// The sending half of a stream in memory.
pub struct MemorySendStream {
    end: Arc<End>,
    key: usize,
    id: u64,
}

impl MemorySendStream {
    pub(super) fn new(end: Arc<End>, key: usize) -> Self {
        let id = end.with(|link, _| link.streams[key].id);
        Self { end, key, id }
    }

    /// The priority set last. It orders nothing here: what is written arrives at once.
    pub fn priority(&self) -> i8 {
        self.end.with(|link, side| pipe(&mut link.streams, side, self.key).send.priority)
    }
}

impl SendStream for MemorySendStream {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        self.end.with(|link, side| link.poll_write(side, self.key, cx, data, fin))
    }

    fn reset(&mut self, code: StreamCode) {
        self.end.with(|link, side| link.reset(side, self.key, code));
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        self.end.with(|link, side| link.poll_stopped(side, self.key, cx))
    }

    fn set_priority(&mut self, priority: i8) {
        self.end.with(|link, side| pipe(&mut link.streams, side, self.key).send.priority = priority);
    }
}

impl Drop for MemorySendStream {
    fn drop(&mut self) {
        self.end.with(|link, side| link.drop_send(side, self.key));
    }
}

impl fmt::Debug for MemorySendStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySendStream").field("id", &self.id).field("side", &self.end.side).finish()
    }
}

/// The receiving half of a stream in memory.
pub struct MemoryRecvStream {
    end: Arc<End>,
    key: usize,
    id: u64,
}

impl MemoryRecvStream {
    pub(super) fn new(end: Arc<End>, key: usize) -> Self {
        let id = end.with(|link, _| link.streams[key].id);
        Self { end, key, id }
    }
}

impl RecvStream for MemoryRecvStream {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        self.end.with(|link, side| link.poll_read(side, self.key, cx, max))
    }

    fn stop(&mut self, code: StreamCode) {
        self.end.with(|link, side| link.stop(side, self.key, code));
    }
}

impl Drop for MemoryRecvStream {
    fn drop(&mut self) {
        self.end.with(|link, side| {
            link.stop(side, self.key, StreamCode::CANCELLED);
            link.release(side, self.key);
        });
    }
}

impl fmt::Debug for MemoryRecvStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRecvStream").field("id", &self.id).field("side", &self.end.side).finish()
    }
}
