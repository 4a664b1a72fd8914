//! A pipe that moves one byte at a time, both ways: every boundary of every frame is met.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Hands on one byte per read and per write, and takes a turn between two of them, so that whoever
/// reads or writes in a loop meets `Pending` as well as short counts.
#[derive(Debug)]
pub struct OneByte<T> {
    inner: T,
    read_rests: bool,
    write_rests: bool,
}

impl<T> OneByte<T> {
    /// `inner`, in single bytes.
    pub fn new(inner: T) -> Self {
        Self { inner, read_rests: false, write_rests: false }
    }
}

/// Every other time: `Pending`, woken at once.
fn rests(flag: &mut bool, cx: &Context<'_>) -> bool {
    *flag = !*flag;
    if *flag {
        cx.waker().wake_by_ref();
    }
    *flag
}

impl<T: AsyncRead + Unpin> AsyncRead for OneByte<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if rests(&mut self.read_rests, cx) {
            return Poll::Pending;
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut one))?;
        buf.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for OneByte<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if rests(&mut self.write_rests, cx) {
            return Poll::Pending;
        }
        let one = &bytes[..bytes.len().min(1)];
        Pin::new(&mut self.inner).poll_write(cx, one)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
