//! The handle of one end, and the futures that open streams.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::control::MemoryControl;
use super::half::{Kind, side_index};
use super::link::{Link, Shared};
use super::options::MemoryOptions;
use super::stream::{MemoryRecvStream, MemorySendStream};
use crate::close_code::CloseCode;
use crate::error::{ConnectionError, DatagramError};
use crate::session::{Session, Side};

pub(super) fn pair(options: &MemoryOptions) -> (MemorySession, MemorySession) {
    let shared = Shared::new(options);
    let end = |side| MemorySession { end: Arc::new(End { shared: shared.clone(), side }) };
    (end(Side::Client), end(Side::Server))
}

/// What every handle of one end holds; the last one gone closes the connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) shared: Arc<Shared>,
    pub(super) side: Side,
}

impl End {
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Link, Side) -> R) -> R {
        self.shared.with(|link| act(link, self.side))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.with(|link, side| link.close(side, CloseCode::NO_ERROR, ""));
    }
}

/// One end of a connection in memory. Clones are the same end.
#[derive(Clone, Debug)]
pub struct MemorySession {
    end: Arc<End>,
}

impl MemorySession {
    /// The switches of the link, both directions. Holding them keeps neither end open.
    pub fn control(&self) -> MemoryControl {
        MemoryControl::new(self.end.shared.clone())
    }

    fn streams(end: &Arc<End>, key: usize) -> (MemorySendStream, MemoryRecvStream) {
        (MemorySendStream::new(end.clone(), key), MemoryRecvStream::new(end.clone(), key))
    }
}

impl Session for MemorySession {
    type SendStream = MemorySendStream;
    type RecvStream = MemoryRecvStream;
    type OpenBi = OpenBi;
    type OpenUni = OpenUni;

    fn side(&self) -> Side {
        self.end.side
    }

    fn open_bi(&self) -> OpenBi {
        OpenBi(Opening { end: self.end.clone(), kind: Kind::Bi, ticket: None })
    }

    fn open_uni(&self) -> OpenUni {
        OpenUni(Opening { end: self.end.clone(), kind: Kind::Uni, ticket: None })
    }

    fn poll_accept_bi(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(MemorySendStream, MemoryRecvStream), ConnectionError>> {
        self.end
            .with(|link, side| link.poll_accept(side, Kind::Bi, cx))
            .map_ok(|key| Self::streams(&self.end, key))
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<MemoryRecvStream, ConnectionError>> {
        self.end
            .with(|link, side| link.poll_accept(side, Kind::Uni, cx))
            .map_ok(|key| MemoryRecvStream::new(self.end.clone(), key))
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        self.end.with(|link, side| link.send_datagram(side, payload))
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>> {
        self.end.with(|link, side| link.poll_recv_datagram(side, cx))
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        self.end.with(|link, side| link.endpoint(side.peer()).max_datagram)
    }

    /// Bytes are handed over when they have arrived, which only a stalled link delays.
    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.end.with(|link, side| link.poll_flushed(side, cx))
    }

    /// The peer can still read streams that had arrived whole, and accept unidirectional ones.
    fn close(&self, code: CloseCode, reason: &str) {
        self.end.with(|link, side| link.close(side, code, reason));
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        self.end.with(|link, side| link.endpoints[side_index(side)].cause.clone())
    }
}

/// A place in the queue of those who open streams, taken at the first poll.
#[derive(Debug)]
struct Opening {
    end: Arc<End>,
    kind: Kind,
    ticket: Option<u64>,
}

impl Opening {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<usize, ConnectionError>> {
        let ticket = &mut self.ticket;
        self.end.with(|link, side| link.poll_open(side, self.kind, ticket, cx))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.end.with(|link, side| link.leave_open(side, self.kind, ticket));
        }
    }
}

/// Opens a bidirectional stream. It takes its place in the queue when it is first polled and gives it
/// up when it is dropped.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct OpenBi(Opening);

impl Future for OpenBi {
    type Output = Result<(MemorySendStream, MemoryRecvStream), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let opening = &mut self.0;
        opening.poll(cx).map_ok(|key| MemorySession::streams(&opening.end, key))
    }
}

/// Opens a unidirectional stream; otherwise as [`OpenBi`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct OpenUni(Opening);

impl Future for OpenUni {
    type Output = Result<MemorySendStream, ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let opening = &mut self.0;
        opening.poll(cx).map_ok(|key| MemorySendStream::new(opening.end.clone(), key))
    }
}
