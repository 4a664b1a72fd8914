//! Datagrams (RFC 9221; qmux-02 "Unreliable Datagram Extension"): queues that lose rather than wait.

use core::task::{Poll, Waker};
use std::collections::VecDeque;

use bytes::Bytes;
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::{ConnectionError, DatagramError};

use super::{Connection, Wakes, register};
use crate::frame::datagram::header_len;
use crate::violation::Violation;

/// Datagrams that wait, each way.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    received: VecDeque<Bytes>,
    receiver: Option<Waker>,
    pub(super) to_send: VecDeque<Bytes>,
}

impl Datagrams {
    /// Whether any has come; if not, `waker` is that of the receiver.
    pub(super) fn poll_any(&mut self, waker: &Waker) -> bool {
        let any = !self.received.is_empty();
        if !any {
            register(&mut self.receiver, waker);
        }
        any
    }

    /// Ends all waiting.
    pub(super) fn end(&mut self, wakes: &mut Wakes) {
        wakes.take_from(&mut self.receiver);
        self.received = VecDeque::new();
        self.to_send = VecDeque::new();
    }

    /// Heap that is held or kept alive, in bytes.
    pub(super) fn memory(&self) -> usize {
        let slots = (self.received.capacity() + self.to_send.capacity()) * size_of::<Bytes>();
        let received: usize = self.received.iter().map(Bytes::len).sum();
        slots + received + self.to_send.iter().map(Bytes::len).sum::<usize>()
    }
}

impl Connection {
    // --- Getters ---

    /// The largest datagram payload that can be sent: what fits the frame that the peer accepts, and the
    /// record that carries it. `None` before the peer's transport parameters came, or if it takes none.
    pub fn max_datagram_bytes(&self) -> Option<usize> {
        let frame = self.peer.as_ref()?.max_datagram_frame_size;
        let frame = usize::try_from(frame).unwrap_or(usize::MAX).min(self.record_max());
        let payload = frame.checked_sub(header_len(Some(frame)))?;
        (frame > 0).then_some(payload)
    }

    // --- Commands ---

    /// Queues a datagram. Never waits: if the queue is full, this one is lost and the caller knows.
    pub fn send_datagram(&mut self, payload: Bytes) -> Result<(), DatagramError> {
        if let Some(cause) = &self.end {
            return Err(cause.clone().into());
        }
        let limit = self.max_datagram_bytes().ok_or(DatagramError::Unsupported)?;
        if payload.len() > limit {
            return Err(DatagramError::TooLarge { seen: payload.len(), limit });
        }
        if self.datagrams.to_send.len() >= self.config.limits.max_queued_datagrams as usize {
            return Err(DatagramError::QueueFull);
        }
        self.datagrams.to_send.push_back(payload);
        Ok(())
    }

    /// The next datagram.
    pub fn poll_recv_datagram(&mut self, waker: &Waker) -> Poll<Result<Bytes, ConnectionError>> {
        if let Some(cause) = &self.end {
            return Poll::Ready(Err(cause.clone()));
        }
        match self.datagrams.received.pop_front() {
            Some(payload) => Poll::Ready(Ok(payload)),
            None => {
                register(&mut self.datagrams.receiver, waker);
                Poll::Pending
            }
        }
    }

    // --- Steps ---

    /// A DATAGRAM frame of `bytes` bytes came. Its payload is a copy: a slice would keep its block alive for
    /// as long as it waits.
    pub(super) fn on_datagram(&mut self, payload: Bytes, bytes: usize) -> Result<(), Violation> {
        let limit = self.config.limits.max_datagram_frame_bytes;
        // RFC 9221 section 3.
        if bytes as u64 > u64::from(limit) {
            return Err(Violation::new(
                TransportCode::PROTOCOL_VIOLATION,
                format!("datagram frame of {bytes} bytes, limit max_datagram_frame_bytes = {limit}"),
            ));
        }
        let len = payload.len();
        // The newest are worth the most: the oldest goes (qmux-02 "Forward Progress and Flow Control").
        let full = self.datagrams.received.len() >= self.config.limits.max_queued_datagrams as usize;
        if full {
            self.datagrams.received.pop_front();
        }
        if self.config.limits.max_queued_datagrams > 0 {
            self.datagrams.received.push_back(payload);
            self.wakes.take_from(&mut self.datagrams.receiver);
        }
        match (full, len) {
            (true, 0) => return self.budget.spend(1, "an empty datagram that is dropped"),
            (true, _) => {}
            (false, _) => self.budget.payload(len),
        }
        Ok(())
    }
}
