//! The stream that small calls share: a QMux session inside of one QUIC stream (`docs/protocol.md` 3.6).
//!
//! Its frames of many calls leave in one write, which quinn packs into one packet: what a stream for each would cost
//! is paid once. QUIC keeps the connection alive and watches it, so that this session needs no pings.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::error::{ReadError, WriteError};
use ipfi_core::session::{RecvStream, SendStream};
use ipfi_core::wire::{SharedStream, Sharing};
use ipfi_mux::driver::tokio::session;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// Longer than any program runs.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Makes the session of a shared stream.
pub(crate) fn over(stream: SharedStream) -> Option<Sharing> {
    let SharedStream { send, recv, first, side, mut limits } = stream;
    limits.ping_interval = None;
    limits.idle_timeout = None;
    limits.write_stall_timeout = FOREVER;
    // The peer takes the stream when it has decided on this side, for which the wire has its own patience.
    limits.handshake_timeout = FOREVER;
    let (written, ended) = oneshot::channel();
    let reader = Reader { recv, rest: first };
    let writer = Writer { send, rest: Bytes::new(), _written: written };
    // The wire was made with these limits; what the mux would say of them is said there.
    let session = session(reader, writer, side, limits).ok()?;
    let established = session.clone();
    let established = async move { established.established().await.is_ok() };
    Some(Sharing::new(session, established, async {
        // The sender is never used: it is dropped with the writer.
        let _ = ended.await;
    }))
}

/// A receiving half as a pipe.
struct Reader {
    recv: Box<dyn RecvStream + Send>,
    rest: Bytes,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            // What is left of a chunk stays with the stream: one copy is all there is.
            let chunk = ready!(this.recv.poll_read(cx, buf.remaining()));
            this.rest = match chunk {
                Ok(chunk) => chunk.bytes,
                Err(ReadError::Connection(cause)) => return Poll::Ready(Err(io::Error::other(cause))),
                Err(error) => return Poll::Ready(Err(io::Error::other(error))),
            };
        }
        let taken = this.rest.split_to(this.rest.len().min(buf.remaining()));
        buf.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

/// A sending half as a pipe. It is finished when the pipe is shut down.
struct Writer {
    send: Box<dyn SendStream + Send>,
    /// Accepted and not handed on.
    rest: Bytes,
    _written: oneshot::Sender<()>,
}

impl Writer {
    fn poll_rest(&mut self, cx: &mut Context<'_>, fin: bool) -> Poll<io::Result<()>> {
        self.send.poll_write(cx, &mut self.rest, fin).map_err(|error| match error {
            WriteError::Connection(cause) => io::Error::other(cause),
            error => io::Error::other(error),
        })
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(cx, false))?;
        self.rest = Bytes::copy_from_slice(buf);
        // What QUIC does not take now waits here: at most what the mux writes at once.
        if let Poll::Ready(Err(error)) = self.poll_rest(cx, false) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_rest(cx, false)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_rest(cx, true)
    }
}
