//! A pipe of bytes as a carrier: batches of many records, and reads into a block whose size follows what comes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use ipfi_core::time::Time;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::TokioRuntime;
use super::carrier::{Inlet, Outlet, Taken, Written};
use crate::connection::{Output, READ_BLOCK_BYTES, Transmit};
use crate::session::{Backlog, Shared};

/// What one write takes from the machine.
const BATCH_BYTES: usize = 64 << 10;

/// Pieces of one write: more than the headers and payloads of a batch of full frames are.
const WRITE_PIECES: usize = 16;

/// The read buffer of a quiet connection; it grows to [`READ_BLOCK_BYTES`] while reads fill it.
const MIN_READ_BYTES: usize = 2 << 10;

/// What is written to.
pub(super) struct ByteOutlet<W> {
    writer: W,
    /// A batch, of which the front has been written.
    batch: Output,
}

impl<W> ByteOutlet<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, batch: Output::default() }
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Outlet for ByteOutlet<W> {
    #[inline]
    fn is_writing(&self) -> bool {
        !self.batch.is_empty()
    }

    #[inline]
    fn poll_collect(
        &mut self,
        shared: &Shared,
        now: Time,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<Transmit>> {
        // A pipe that takes one piece at a time is given one.
        Poll::Ready(Ok(if self.writer.is_write_vectored() {
            shared.poll_transmit_pieces(now, &mut self.batch, BATCH_BYTES)
        } else {
            shared.poll_transmit(now, self.batch.copied(), BATCH_BYTES)
        }))
    }

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>> {
        let writer = Pin::new(&mut self.writer);
        let polled = match self.batch.in_one_piece() {
            Some(batch) => writer.poll_write(cx, batch),
            None => {
                let mut pieces = [IoSlice::new(&[]); WRITE_PIECES];
                let count = self.batch.chunks_vectored(&mut pieces);
                writer.poll_write_vectored(cx, &pieces[..count])
            }
        };
        match polled {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => {
                self.batch.advance(written);
                Poll::Ready(Ok(if self.batch.is_empty() { Written::All } else { Written::Some }))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

/// What is read from.
pub(super) struct ByteInlet<R> {
    reader: R,
    buffer: BytesMut,
    read_bytes: usize,
}

impl<R> ByteInlet<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new(), read_bytes: MIN_READ_BYTES }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Inlet for ByteInlet<R> {
    #[inline]
    fn poll_take_in(&mut self, shared: &Shared, runtime: &TokioRuntime, cx: &mut Context<'_>) -> Poll<Taken> {
        let Self { reader, buffer, read_bytes } = self;
        // What is left of the last block counts: in a larger one, no full frame would be a quarter, and
        // all would be copied.
        let room = read_bytes.saturating_sub(buffer.len()).max(MIN_READ_BYTES);
        make_room(buffer, room);
        let spare = buffer.capacity() - buffer.len();
        let read = pin!(reader.read_buf(buffer)).poll(cx);
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => {
                shared.handle_end_of_input(runtime.time());
                Poll::Ready(Taken::End)
            }
            Poll::Ready(Ok(count)) => {
                // Quiet connections hold little; busy ones read much at once.
                *read_bytes = if count >= room {
                    (*read_bytes * 4).min(READ_BLOCK_BYTES)
                } else if count < *read_bytes / 8 {
                    (*read_bytes / 2).max(MIN_READ_BYTES)
                } else {
                    *read_bytes
                };
                let backlog = if count == spare { Backlog::More } else { Backlog::Empty };
                shared.handle_input_within(runtime.time(), buffer, backlog, cx.waker());
                Poll::Ready(Taken::Input)
            }
            Poll::Ready(Err(error)) => {
                shared.handle_lost(&error.to_string());
                Poll::Ready(Taken::End)
            }
        }
    }
}

/// Makes room for `room` bytes in a block that is no larger than it must be: `reserve` would double the last
/// one, and of a larger block no frame is a quarter.
fn make_room(buffer: &mut BytesMut, room: usize) {
    if buffer.capacity() - buffer.len() < room && !buffer.try_reclaim(room) {
        let mut block = BytesMut::with_capacity(buffer.len() + room);
        block.extend_from_slice(buffer);
        *buffer = block;
    }
}
