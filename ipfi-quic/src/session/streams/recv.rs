//! The receiving half of a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::ReadError;
use ipfi_core::session::{Chunk, RecvStream};

use super::Stream;
use crate::error;
use crate::session::Shared;
use crate::session::places::Kind;
use crate::session::stalled::{NotRead, Source};
use crate::session::tunnel::{Begun, H3_REQUEST_REJECTED};

/// Chunks taken from quinn in one visit to its lock.
const CHUNKS: usize = 8;

/// A request up to this size is put together if it has come whole, in several packets.
const WHOLE_BYTES: usize = 16 << 10;

/// The receiving half of a stream. Dropped before its end was read, it asks the peer to stop with CANCELLED.
#[derive(Debug)]
pub struct QuicRecvStream {
    stream: Arc<Stream>,
    source: Source,
    id: u64,
    /// Taken from quinn and not read.
    ready: Ready,
    state: Reading,
    /// Its end frees a place of the peer's, which is withheld until this handle is gone.
    keeps_place: bool,
    holds_place: bool,
    /// Nothing was read so far.
    fresh: bool,
    /// What was read of the stream's header, until it has come.
    header: Option<Vec<u8>>,
}

/// How far the reading of a half has come.
#[derive(Debug)]
enum Reading {
    /// Quinn has more, or will have.
    Going,
    /// All has been taken from quinn.
    Taken,
    /// The end or an error was met: it stays so, even when the connection ends after. What came before it is read first.
    Ended(Result<(), ReadError>),
    /// This side stopped it.
    Stopped,
}

/// Chunks in their order; the first is apart, because most streams have no more than that.
#[derive(Debug, Default)]
struct Ready {
    first: Bytes,
    more: VecDeque<Bytes>,
}

impl Ready {
    fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Adds a chunk.
    fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            // It was a stream's header.
        } else if self.is_empty() {
            self.first = chunk;
        } else {
            self.more.push_back(chunk);
        }
    }

    /// The next bytes, at most `max`.
    fn pop(&mut self, max: usize) -> Option<Bytes> {
        if self.first.is_empty() {
            return None;
        }
        if self.first.len() > max {
            return Some(self.first.split_to(max));
        }
        let next = self.more.pop_front().unwrap_or_default();
        Some(std::mem::replace(&mut self.first, next))
    }

    /// All of it in one piece, unless that is more than one that is put together.
    fn take_whole(&mut self) -> Option<Bytes> {
        if self.more.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        let len = self.first.len() + self.more.iter().map(Bytes::len).sum::<usize>();
        if len > WHOLE_BYTES {
            return None;
        }
        let mut whole = BytesMut::with_capacity(len);
        while let Some(chunk) = self.pop(usize::MAX) {
            whole.extend_from_slice(&chunk);
        }
        Some(whole.freeze())
    }
}

impl QuicRecvStream {
    pub(super) fn new(stream: &Arc<Stream>, source: Source) -> Self {
        Self {
            stream: Arc::clone(stream),
            id: source.id(),
            source,
            ready: Ready::default(),
            state: Reading::Going,
            keeps_place: false,
            holds_place: false,
            fresh: true,
            header: None,
        }
    }

    /// The receiving half of a call that the peer opened: within WebTransport it begins with a header.
    pub(super) fn request(stream: &Arc<Stream>, source: Source) -> Self {
        let mut this = Self::new(stream, source);
        this.header = stream.held.shared.tunnel.is_some().then(Vec::new);
        this
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
        let _ = self.poll_source(&mut Context::from_waker(Waker::noop()));
    }

    /// [`poll_chunks`](Self::poll_chunks), with the peer's place withheld from before its end is read, if it is.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.keeps_place || self.holds_place {
            return self.poll_chunks(cx);
        }
        let stream = Arc::clone(&self.stream);
        let places = &stream.held.shared.places;
        places.withhold(Kind::Uni);
        let polled = self.poll_chunks(cx);
        self.holds_place = !matches!(self.state, Reading::Going);
        if !self.holds_place {
            places.release(Kind::Uni);
        }
        polled
    }

    /// Moves what has come from quinn to `ready`, and sees the end; pending only when nothing has come.
    fn poll_chunks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &self.stream.held.shared;
        let mut chunks = [const { Bytes::new() }; CHUNKS];
        let mut took = false;
        loop {
            match self.source.poll_chunks(cx, &mut chunks, &shared.stalled) {
                Poll::Ready(Ok(Some(count))) => {
                    let bytes = chunks[..count].iter().map(Bytes::len).sum();
                    shared.reward(|budget| budget.payload(bytes));
                    if !take_header(&mut self.header, shared, &mut chunks[..count]) {
                        self.source.stop(H3_REQUEST_REJECTED, &shared.stalled);
                        self.stream.given_up(Shared::STRANGER);
                        self.state = Reading::Ended(Err(ReadError::Reset(Shared::STRANGER)));
                        return Poll::Ready(());
                    }
                    chunks[..count].iter_mut().for_each(|chunk| self.ready.push(std::mem::take(chunk)));
                    took = true;
                    // Fewer than there was room for: the end of a small message may have come with it, and is told for
                    // nothing. A stream that was read before is a long one.
                    if count < CHUNKS && std::mem::take(&mut self.fresh) {
                        continue;
                    }
                }
                Poll::Ready(Ok(None)) if self.header.is_some() => {
                    self.stream.given_up(Shared::STRANGER);
                    self.state = Reading::Ended(Err(ReadError::Reset(Shared::STRANGER)));
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(None)) => {
                    self.state = Reading::Taken;
                    return Poll::Ready(());
                }
                Poll::Ready(Err(error)) => {
                    let error = match error {
                        NotRead::Quinn(error) => error::read(error, shared.codes, || shared.ours()),
                        NotRead::GivenUp(limit) => ReadError::Limit(limit),
                    };
                    if let ReadError::Reset(code) = error {
                        self.stream.given_up(code);
                    }
                    self.state = Reading::Ended(Err(error));
                    return Poll::Ready(());
                }
                Poll::Pending if !took => {
                    let Some(cause) = shared.closing() else { return Poll::Pending };
                    self.state = Reading::Ended(Err(ReadError::Connection(cause)));
                    return Poll::Ready(());
                }
                Poll::Pending => {}
            }
            self.source.was_read(&shared.stalled);
            return Poll::Ready(());
        }
    }

    /// The next bytes of `ready`, at most `max`.
    fn pop(&mut self, max: usize) -> Option<Chunk> {
        let bytes = self.ready.pop(max)?;
        let fin = self.ready.is_empty() && matches!(self.state, Reading::Taken);
        if fin {
            self.state = Reading::Ended(Ok(()));
        }
        Some(Chunk { bytes, fin })
    }
}

/// Takes from `chunks` what they have of the stream's header, as far as `due` says that it has not come. False if it is the
/// beginning of something else.
fn take_header(due: &mut Option<Vec<u8>>, shared: &Shared, chunks: &mut [Bytes]) -> bool {
    let Some(tunnel) = &shared.tunnel else { return true };
    for chunk in chunks {
        while let Some(seen) = due
            && !chunk.is_empty()
        {
            if seen.is_empty() && chunk.starts_with(&tunnel.bi.bytes) {
                chunk.advance(tunnel.bi.bytes.len());
                *due = None;
                continue;
            }
            seen.push(chunk.get_u8());
            match tunnel.bi.check(seen) {
                Begun::Undecided => {}
                Begun::Whole => *due = None,
                Begun::Other(_) => return false,
            }
        }
    }
    true
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
                Reading::Ended(Err(error)) => return Poll::Ready(Err(error.clone())),
                Reading::Stopped => return Poll::Ready(Err(ReadError::Stopped)),
            }
            ready!(self.poll_source(cx));
        }
    }

    fn take_whole(&mut self) -> Option<Bytes> {
        if !matches!(self.state, Reading::Taken) {
            return None;
        }
        let whole = self.ready.take_whole()?;
        self.state = Reading::Ended(Ok(()));
        Some(whole)
    }

    fn is_early(&self) -> bool {
        self.source.is_early()
    }

    fn stop(&mut self, code: StreamCode) {
        match self.state {
            Reading::Going if self.stream.held.shared.is_closing() => {}
            Reading::Going => {
                let shared = &self.stream.held.shared;
                self.source.stop(shared.codes.of_stream(code), &shared.stalled);
            }
            // The peer has nothing left to stop.
            Reading::Taken => {}
            Reading::Ended(_) if !self.ready.is_empty() => {}
            Reading::Ended(_) | Reading::Stopped => return,
        }
        self.ready = Ready::default();
        self.state = Reading::Stopped;
    }
}

impl Drop for QuicRecvStream {
    fn drop(&mut self) {
        self.stop(StreamCode::CANCELLED);
        let shared = &self.stream.held.shared;
        let source = self.source.forget(&shared.stalled);
        shared.keep(source);
        if self.holds_place {
            self.stream.held.shared.places.release(Kind::Uni);
        }
    }
}
