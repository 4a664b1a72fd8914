//! Real sockets on a virtual clock: time stands still while bytes are under way.
//!
//! Tokio's paused clock jumps to the next timer as soon as every task waits, and takes no notice of what
//! the system still carries from one socket to the other. It does not jump while a blocking task runs. So
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

/// One end of a pair of sockets that holds the clock.
#[derive(Debug)]
pub struct HeldClock<T> {
    socket: T,
    sent: Arc<Flight>,
    received: Arc<Flight>,
    shut: bool,
    ended: bool,
}

impl<T> HeldClock<T> {
    /// Both ends of one connection.
    pub fn pair(one: T, other: T) -> (Self, Self) {
        let (there, back) = (Arc::<Flight>::default(), Arc::<Flight>::default());
        let end = |socket, sent: &Arc<Flight>, received: &Arc<Flight>| Self {
            socket,
            sent: Arc::clone(sent),
            received: Arc::clone(received),
            shut: false,
            ended: false,
        };
        (end(one, &there, &back), end(other, &back, &there))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeldClock<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        let count = buf.filled().len() - before;
        if count > 0 {
            this.received.arrive(count);
        } else if buf.remaining() > 0 && !this.ended {
            this.ended = true;
            this.received.arrive(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeldClock<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.socket).poll_write(cx, bytes))?;
        this.sent.depart(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        if !this.shut {
            this.shut = true;
            this.sent.depart(1);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for HeldClock<T> {
    fn drop(&mut self) {
        let mut received = self.received.lock();
        received.reader_gone = true;
        drop(received);
        self.received.landed.notify_all();
        // The socket is closed right after this: the other end is to see that before time goes on. Not
        // where the runtime is going, too: nobody waits there any more.
        if !self.shut && tokio::runtime::Handle::try_current().is_ok() {
            self.sent.depart(1);
        }
    }
}
