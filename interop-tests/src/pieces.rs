//! A pipe that moves little at once, both ways: every boundary of every frame is met.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes each way that move one at a time. More than two windows of the session suite; bulk that was
/// moved in single bytes to its end would take minutes and meet nothing new.
const SINGLE_BYTES: usize = 16 << 10;

/// After that, so many powers of two, each as likely as the others, and what lies between it and the next:
/// single bytes stay as frequent as thousands, and bulk does not take for ever.
const SIZES: u32 = 12;

/// What moves at once, at most.
const MAX_PIECE_BYTES: usize = (1 << SIZES) - 1;

/// Moves in a row before a turn is taken, at most: more than a driver reads before it takes one by itself.
const MAX_IN_A_ROW: u32 = 20;

/// Cuts what goes through: the first `SINGLE_BYTES` each way into single bytes, the rest into pieces of
/// uneven size. Takes a turn at uneven intervals, so that whoever reads or writes in a loop meets `Pending`
/// as well as short counts, and several of them in a row.
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
    /// Moves until the next turn is taken.
    moves: u32,
    state: u32,
}

impl Cutter {
    /// A number below `limit`: by a linear congruence, the same in every run.
    fn below(&mut self, limit: u32) -> u32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 16) % limit
    }

    /// The size of the next piece; now and then `Pending`, woken at once.
    fn next(&mut self, cx: &Context<'_>) -> Poll<usize> {
        let Some(moves) = self.moves.checked_sub(1) else {
            self.moves = 1 + self.below(MAX_IN_A_ROW);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.moves = moves;
        if self.moved < SINGLE_BYTES {
            return Poll::Ready(1);
        }
        let power = 1 << self.below(SIZES);
        Poll::Ready((power + self.below(power)) as usize)
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
        let mut piece = [0; MAX_PIECE_BYTES];
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
