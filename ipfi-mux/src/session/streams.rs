//! The halves of a stream, as handles: what a handle's end means is decided here.

use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream};

use super::Held;
use crate::stream_id::StreamId;
use crate::streams::StreamKey;

/// Both halves of a bidirectional stream.
pub(super) fn pair(held: &Arc<Held>, key: StreamKey, id: StreamId) -> (MuxSendStream, MuxRecvStream) {
    (MuxSendStream::new(held, key, id), MuxRecvStream::new(held, key, id))
}

/// The sending half of a stream. Dropped before its FIN was accepted, it resets the stream with
/// CANCELLED.
#[derive(Debug)]
pub struct MuxSendStream {
    held: Arc<Held>,
    key: StreamKey,
    id: StreamId,
}

impl MuxSendStream {
    pub(super) fn new(held: &Arc<Held>, key: StreamKey, id: StreamId) -> Self {
        Self { held: Arc::clone(held), key, id }
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
        self.held.with(|connection| connection.poll_write(self.key, cx.waker(), data, fin))
    }

    fn reset(&mut self, code: StreamCode) {
        self.held.with(|connection| connection.reset(self.key, code));
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        self.held.with(|connection| connection.poll_stopped(self.key, cx.waker()))
    }

    fn set_priority(&mut self, priority: i8) {
        self.held.with(|connection| connection.set_priority(self.key, priority));
    }
}

impl Drop for MuxSendStream {
    fn drop(&mut self) {
        self.held.with(|connection| connection.drop_send(self.key));
    }
}

/// The receiving half of a stream. Dropped before its end was read, it asks the peer to stop with
/// CANCELLED.
#[derive(Debug)]
pub struct MuxRecvStream {
    held: Arc<Held>,
    key: StreamKey,
    id: StreamId,
    /// What was read last, if it was the end or a reset: it stays so, even when the connection ends after.
    ended: Option<Result<(), StreamCode>>,
}

impl MuxRecvStream {
    pub(super) fn new(held: &Arc<Held>, key: StreamKey, id: StreamId) -> Self {
        Self { held: Arc::clone(held), key, id, ended: None }
    }
}

impl RecvStream for MuxRecvStream {
    fn id(&self) -> u64 {
        self.id.get()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        match self.ended {
            Some(Ok(())) => return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true })),
            Some(Err(code)) => return Poll::Ready(Err(ReadError::Reset(code))),
            None => {}
        }
        let polled = self.held.with(|connection| connection.poll_read(self.key, cx.waker(), max));
        self.ended = match &polled {
            Poll::Ready(Ok(chunk)) if chunk.fin => Some(Ok(())),
            Poll::Ready(Err(ReadError::Reset(code))) => Some(Err(*code)),
            _ => None,
        };
        polled
    }

    fn stop(&mut self, code: StreamCode) {
        self.held.with(|connection| connection.stop(self.key, code));
    }
}

impl Drop for MuxRecvStream {
    fn drop(&mut self) {
        self.held.with(|connection| connection.drop_recv(self.key));
    }
}
