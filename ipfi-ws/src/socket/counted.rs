//! A byte stream that counts: what was written, so that a slow peer is told from a dead one, and what was read without a
//! message, because the library says nothing of frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the headers of a message's frames may take beside it: a thousand frames and more.
const OVERHEAD_BYTES: usize = 64 << 10;

pub(super) struct Counted<T> {
    stream: T,
    written: u64,
    /// Bytes read since the last message.
    read: usize,
    /// How many there may be: a message, what is read at once, and [`OVERHEAD_BYTES`].
    limit: usize,
}

impl<T> Counted<T> {
    /// Counts over `stream`, for messages of at most `message` bytes, of which what is read at once may hold several.
    pub(super) fn new(stream: T, message: usize, read_at_once: usize) -> Self {
        let limit = message.saturating_add(read_at_once).saturating_add(OVERHEAD_BYTES);
        Self { stream, written: 0, read: 0, limit }
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn message_came(&mut self) {
        self.read = 0;
    }

    /// What the peer did, if it has sent frames without end and no message.
    pub(super) fn is_flooded(&self) -> Option<String> {
        (self.read > self.limit).then(|| {
            let (seen, limit) = (self.read, self.limit);
            format!("a flood of fragments: {seen} bytes seen without a whole message, limit {limit}")
        })
    }
}

impl<T: AsyncRead + Unpin> Counted<T> {
    /// Reads without counting.
    pub(super) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.read = self.read.saturating_add(buf.filled().len() - before);
        if self.read > self.limit {
            return Poll::Ready(Err(io::Error::other("a flood of fragments")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
