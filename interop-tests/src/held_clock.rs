//! Real sockets and pipes on a virtual clock: time stands still while bytes are under way.
//!
//! Tokio's paused clock jumps to the next timer as soon as every task waits, and takes no notice of what
//! the system still carries from one end to the other. It does not jump while a blocking task runs. So
//! what is written and not yet read is counted, and a blocking task runs until that is nothing. For a
//! runtime of one thread, on which nothing is read between a write and its being counted.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is under way in one direction.
#[derive(Debug, Default)]
struct Flight {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes, and one for the end.
    under_way: usize,
    /// A blocking task holds the clock.
    held: bool,
    /// Nobody will read what comes.
    reader_gone: bool,
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn depart(self: &Arc<Self>, count: usize) {
        let mut state = self.lock();
        state.under_way += count;
        if state.held || state.reader_gone || state.under_way == 0 {
            return;
        }
        state.held = true;
        let flight = Arc::clone(self);
        drop(tokio::task::spawn_blocking(move || {
            let mut state = flight
                .landed
                .wait_while(flight.lock(), |state| state.under_way > 0 && !state.reader_gone)
                .unwrap_or_else(PoisonError::into_inner);
            state.held = false;
        }));
    }

    fn arrive(&self, count: usize) {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_sub(count);
        drop(state);
        self.landed.notify_all();
    }
}

/// Both ends of one direction: what goes into `writer` comes out of `reader`. Either may be half of a socket,
/// or an end of a pipe.
pub fn hold<W, R>(writer: W, reader: R) -> (HeldWriter<W>, HeldReader<R>) {
    let flight = Arc::<Flight>::default();
    (
        HeldWriter { writer, flight: Arc::clone(&flight), shut: false },
        HeldReader { reader, flight, ended: false },
    )
}

/// What one end reads from, and what it writes to, of those.
pub type HeldEnd<R, W> = (HeldReader<R>, HeldWriter<W>);

/// Both directions between two ends, each of which is what it reads from and what it writes to.
pub fn hold_both<CR, CW, SR, SW>(client: (CR, CW), server: (SR, SW)) -> (HeldEnd<CR, CW>, HeldEnd<SR, SW>) {
    let (client_writes, server_reads) = hold(client.1, server.0);
    let (server_writes, client_reads) = hold(server.1, client.0);
    ((client_reads, client_writes), (server_reads, server_writes))
}

/// The end of a direction that is written to, and holds the clock.
#[derive(Debug)]
pub struct HeldWriter<W> {
    writer: W,
    flight: Arc<Flight>,
    shut: bool,
}

/// The end of a direction that is read from, and lets the clock go.
#[derive(Debug)]
pub struct HeldReader<R> {
    reader: R,
    flight: Arc<Flight>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for HeldReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.reader).poll_read(cx, buf))?;
        let count = buf.filled().len() - before;
        if count > 0 {
            this.flight.arrive(count);
        } else if buf.remaining() > 0 && !this.ended {
            this.ended = true;
            this.flight.arrive(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<R> Drop for HeldReader<R> {
    fn drop(&mut self) {
        let mut state = self.flight.lock();
        state.reader_gone = true;
        drop(state);
        self.flight.landed.notify_all();
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for HeldWriter<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.writer).poll_write(cx, bytes))?;
        this.flight.depart(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.writer).poll_shutdown(cx))?;
        // A pipe's end is under way only once it is dropped; whoever shuts it and keeps it holds the clock
        // for ever, and so is found out.
        if !this.shut {
            this.shut = true;
            this.flight.depart(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<W> Drop for HeldWriter<W> {
    fn drop(&mut self) {
        // It is closed right after this: the other end is to see that before time goes on. Not where the
        // runtime is going, too: nobody waits there any more.
        if !self.shut && tokio::runtime::Handle::try_current().is_ok() {
            self.flight.depart(1);
        }
    }
}
