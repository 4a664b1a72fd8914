//! A pipe that moves little at once, both ways: every boundary of every frame is met.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes each way that move one at a time. More than two windows of the session suite; bulk that was
/// moved in single bytes to its end would take minutes and meet nothing new.
const SINGLE_BYTES: usize = 16 << 10;

/// What moves at once after that, at most.
const MAX_PIECE_BYTES: u32 = 100;

/// Cuts what goes through: the first `SINGLE_BYTES` each way into single bytes, the rest into pieces of
/// uneven size. Takes a turn between any two, so that whoever reads or writes in a loop meets `Pending`
/// as well as short counts.
#[derive(Debug)]
pub struct Pieces<T> {
    inner: T,
    reading: Cutter,
    writing: Cutter,
}

impl<T> Pieces<T> {
    /// `inner`, in pieces.
    pub fn new(inner: T) -> Self {
        Self { inner, reading: Cutter::default(), writing: Cutter::default() }
    }
}

/// The state of one direction.
#[derive(Debug, Default)]
struct Cutter {
    moved: usize,
    rested: bool,
    state: u32,
}

impl Cutter {
    /// Every other time `Pending`, woken at once; then the size of the next piece.
    fn next(&mut self, cx: &Context<'_>) -> Poll<usize> {
        self.rested = !self.rested;
        if self.rested {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.moved < SINGLE_BYTES {
            return Poll::Ready(1);
        }
        // A linear congruence, the same in every run.
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Poll::Ready(1 + (self.state >> 16) as usize % MAX_PIECE_BYTES as usize)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Pieces<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let count = ready!(this.reading.next(cx)).min(buf.remaining());
        let mut piece = [0; MAX_PIECE_BYTES as usize];
        let mut piece = ReadBuf::new(&mut piece[..count]);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
        buf.put_slice(piece.filled());
        this.reading.moved += piece.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Pieces<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let count = ready!(this.writing.next(cx)).min(bytes.len());
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, &bytes[..count]))?;
        this.writing.moved += written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
