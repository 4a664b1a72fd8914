//! Opening a stream, as a future: a place in the queue that is given back when the future is dropped.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use ipfi_core::error::ConnectionError;

use super::{Held, MuxRecvStream, MuxSendStream};
use crate::connection::OpenTicket;
use crate::stream_id::{Dir, StreamId};
use crate::streams::StreamKey;

/// A place in the queue of those who open one kind of stream.
#[derive(Debug)]
struct Opening {
    held: Arc<Held>,
    dir: Dir,
    ticket: Option<OpenTicket>,
}

impl Opening {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(StreamKey, StreamId), ConnectionError>> {
        let (dir, ticket) = (self.dir, &mut self.ticket);
        self.held.with(|connection| connection.poll_open(dir, ticket, cx.waker()))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.held.with(|connection| connection.cancel_open(self.dir, ticket));
        }
    }
}

/// Opens a bidirectional stream. Cancel-safe: dropped, it gives its place in the queue up.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct MuxOpenBi(Opening);

impl MuxOpenBi {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self(Opening { held, dir: Dir::Bi, ticket: None })
    }
}

impl Future for MuxOpenBi {
    type Output = Result<(MuxSendStream, MuxRecvStream), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx).map_ok(|(key, id)| {
            let held = &self.0.held;
            (MuxSendStream::new(held, key, id), MuxRecvStream::new(held, key, id))
        })
    }
}

/// Opens a unidirectional stream. Cancel-safe: dropped, it gives its place in the queue up.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct MuxOpenUni(Opening);

impl MuxOpenUni {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self(Opening { held, dir: Dir::Uni, ticket: None })
    }
}

impl Future for MuxOpenUni {
    type Output = Result<MuxSendStream, ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx).map_ok(|(key, id)| MuxSendStream::new(&self.0.held, key, id))
    }
}
