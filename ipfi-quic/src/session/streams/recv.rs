//! The receiving half of a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::ReadError;
use ipfi_core::session::{Chunk, RecvStream};

use super::Stream;
use crate::config::varint;
use crate::error;
use crate::session::places::Kind;
use crate::session::stalled::Source;

/// Chunks taken from quinn in one visit to its lock.
const CHUNKS: usize = 4;

/// A request up to this size is put together if it has come whole, in several packets.
const WHOLE_BYTES: usize = 16 << 10;

/// The receiving half of a stream. Dropped before its end was read, it asks the peer to stop with CANCELLED.
#[derive(Debug)]
pub struct QuicRecvStream {
    stream: Arc<Stream>,
    source: Source,
    id: u64,
    /// Taken from quinn and not read.
    ready: VecDeque<Bytes>,
    state: Reading,
    /// Its end frees a place of the peer's, which is withheld until this handle is gone.
    keeps_place: bool,
    holds_place: bool,
}

/// How far the reading of a half has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// Quinn has more, or will have.
    Going,
    /// All has been taken from quinn.
    Taken,
    /// The end or a reset was read: it stays so, even when the connection ends after.
    Ended(Result<(), StreamCode>),
    /// This side stopped it.
    Stopped,
}

impl QuicRecvStream {
    pub(super) fn new(stream: &Arc<Stream>, source: Source) -> Self {
        Self {
            stream: Arc::clone(stream),
            id: source.id(),
            source,
            ready: VecDeque::new(),
            state: Reading::Going,
            keeps_place: false,
            holds_place: false,
        }
    }

    /// The receiving half of a notification that the peer opened.
    pub(super) fn notification(stream: &Arc<Stream>, source: Source) -> Self {
        let mut this = Self::new(stream, source);
        this.keeps_place = true;
        this
    }

    /// What has come by the time the stream is accepted, which for a small request is all of it.
    pub(super) fn take_in(&mut self) {
        // A reset or the connection's end is told to whoever reads.
        if let Poll::Ready(Err(ReadError::Reset(code))) =
            self.poll_source(&mut Context::from_waker(Waker::noop()))
        {
            self.state = Reading::Ended(Err(code));
        }
    }

    /// [`poll_chunks`](Self::poll_chunks), with the peer's place withheld from before its end is read, if it is.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        if !self.keeps_place || self.holds_place {
            return self.poll_chunks(cx);
        }
        let stream = Arc::clone(&self.stream);
        let places = &stream.held.shared.places;
        places.withhold(Kind::Uni);
        let polled = self.poll_chunks(cx);
        self.holds_place = self.state != Reading::Going || matches!(polled, Poll::Ready(Err(_)));
        if !self.holds_place {
            places.release(Kind::Uni);
        }
        polled
    }

    /// Moves what has come from quinn to `ready`; pending only when nothing has.
    fn poll_chunks(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        let shared = &self.stream.held.shared;
        let mut chunks = [const { Bytes::new() }; CHUNKS];
        let mut took = false;
        loop {
            match self.source.poll_chunks(cx, &mut chunks, &shared.stalled) {
                Poll::Pending if took => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(count))) => {
                    let bytes = chunks[..count].iter().map(Bytes::len).sum();
                    shared.reward(|budget| budget.payload(bytes));
                    self.ready.extend(chunks[..count].iter_mut().map(std::mem::take));
                    took = true;
                    if count == CHUNKS {
                        return Poll::Ready(Ok(()));
                    }
                    // Fewer than there was room for: the end may have come with them, and is told for nothing.
                }
                Poll::Ready(Ok(None)) => {
                    self.state = Reading::Taken;
                    return Poll::Ready(Ok(()));
                }
                // What came before the error is read before it.
                Poll::Ready(Err(_)) if took => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => {
                    let error = error::read(error, || shared.ours());
                    if let ReadError::Reset(code) = error {
                        self.stream.given_up(code);
                    }
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// The next bytes of `ready`, at most `max`.
    fn pop(&mut self, max: usize) -> Option<Chunk> {
        let front = self.ready.front_mut()?;
        let bytes = if front.len() > max { front.split_to(max) } else { self.ready.pop_front()? };
        let fin = self.ready.is_empty() && self.state == Reading::Taken;
        if fin {
            self.state = Reading::Ended(Ok(()));
        }
        Some(Chunk { bytes, fin })
    }
}

impl RecvStream for QuicRecvStream {
    fn id(&self) -> u64 {
        self.id
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        let max = max.max(1);
        loop {
            if let Some(chunk) = self.pop(max) {
                return Poll::Ready(Ok(chunk));
            }
            match &self.state {
                Reading::Going => {}
                Reading::Taken => {
                    self.state = Reading::Ended(Ok(()));
                    continue;
                }
                Reading::Ended(Ok(())) => return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true })),
                Reading::Ended(Err(code)) => return Poll::Ready(Err(ReadError::Reset(*code))),
                Reading::Stopped => return Poll::Ready(Err(ReadError::Stopped)),
            }
            match self.poll_source(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    if let ReadError::Reset(code) = error {
                        self.state = Reading::Ended(Err(code));
                    }
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    fn take_whole(&mut self) -> Option<Bytes> {
        if self.state != Reading::Taken {
            return None;
        }
        let whole = match self.ready.len() {
            0 => Bytes::new(),
            1 => self.ready.pop_front()?,
            _ => {
                let len = self.ready.iter().map(Bytes::len).sum::<usize>();
                if len > WHOLE_BYTES {
                    return None;
                }
                let mut whole = BytesMut::with_capacity(len);
                self.ready.drain(..).for_each(|bytes| whole.extend_from_slice(&bytes));
                whole.freeze()
            }
        };
        self.state = Reading::Ended(Ok(()));
        Some(whole)
    }

    fn is_early(&self) -> bool {
        self.source.is_early()
    }

    fn stop(&mut self, code: StreamCode) {
        match self.state {
            Reading::Going => self.source.stop(varint(code.0), &self.stream.held.shared.stalled),
            // The peer has nothing left to stop.
            Reading::Taken => {}
            Reading::Ended(_) | Reading::Stopped => return,
        }
        self.ready.clear();
        self.state = Reading::Stopped;
    }
}

impl Drop for QuicRecvStream {
    fn drop(&mut self) {
        self.stop(StreamCode::CANCELLED);
        self.source.forget(&self.stream.held.shared.stalled);
        if self.holds_place {
            self.stream.held.shared.places.release(Kind::Uni);
        }
    }
}
