//! A pipe that can be broken from outside, with a cause that a test can look for.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The means to break pipes: every pipe led through it fails at once.
#[derive(Clone, Debug, Default)]
pub struct Cable(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cut: Option<String>,
    waiting: Vec<Waker>,
}

impl Cable {
    /// A cable that is whole.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leads `pipe` through this cable.
    pub fn lead<T>(&self, pipe: T) -> Cabled<T> {
        Cabled { pipe, cable: self.clone() }
    }

    /// Cuts it: reading and writing fail with `detail`, also where somebody waits already.
    pub fn cut(&self, detail: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cut.get_or_insert_with(|| detail.to_owned());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waker in waiting {
            waker.wake();
        }
    }

    fn whole(&self) -> io::Result<()> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cut.clone().map_or(Ok(()), |detail| Err(io::Error::other(detail)))
    }

    /// `poll`, unless the cable is cut, now or while it waits.
    fn while_whole<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.whole()?;
        let polled = poll(cx);
        if polled.is_pending() {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
        }
        polled
    }
}

/// A pipe through a [`Cable`].
#[derive(Debug)]
pub struct Cabled<T> {
    pipe: T,
    cable: Cable,
}

impl<T: AsyncRead + Unpin> AsyncRead for Cabled<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.cable.while_whole(cx, |cx| Pin::new(&mut this.pipe).poll_read(cx, buf))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Cabled<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.cable.while_whole(cx, |cx| Pin::new(&mut this.pipe).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.cable.while_whole(cx, |cx| Pin::new(&mut this.pipe).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.cable.while_whole(cx, |cx| Pin::new(&mut this.pipe).poll_shutdown(cx))
    }
}
