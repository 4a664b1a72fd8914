//! What was finished and is not acknowledged: a close before that would lose it.
//!
//! Quinn tells of each stream whether the peer has acknowledged its end, and of all of them together nothing. So
//! finished halves are kept, and the older half of them is looked through when they have become many: twice as many as
//! were left the last time, which makes it one look for each.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::lock;
use super::stops::Watched;

/// Fewer than this are kept without a look.
const FEW: usize = 64;

/// A half that is finished.
#[derive(Debug)]
pub(crate) enum Unacknowledged {
    /// Nobody else has it.
    Own(quinn::SendStream),
    /// It is watched for the peer's stop.
    Watched(Arc<Watched>),
}

impl Unacknowledged {
    /// Ready when its end is acknowledged, stopped by the peer, or lost with the connection. Quinn's handle is kept until
    /// then.
    async fn settled(self) {
        let stopped = match &self {
            Self::Own(send) => send.stopped(),
            Self::Watched(watched) => match watched.with(|send| send.stopped()) {
                Ok(stopped) => stopped,
                Err(_) => return,
            },
        };
        let _ = stopped.await;
    }

    /// Whether it is so now.
    fn is_settled(&self) -> bool {
        let now = &mut Context::from_waker(Waker::noop());
        match self {
            Self::Own(send) => pin!(send.stopped()).poll(now).is_ready(),
            Self::Watched(watched) => {
                watched.with(|send| pin!(send.stopped()).poll(now).is_ready()).unwrap_or(true)
            }
        }
    }
}

/// The finished halves of one connection.
#[derive(Default)]
pub(crate) struct Finished {
    streams: Mutex<Streams>,
    /// Those whose end somebody waits for.
    awaited: Mutex<FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

#[derive(Default)]
struct Streams {
    /// In the order in which they were finished, but for those that were looked at before.
    finished: VecDeque<Unacknowledged>,
    /// To be looked through at this length.
    full: usize,
}

impl Finished {
    /// Keeps a half that is finished.
    pub(crate) fn push(&self, stream: Unacknowledged) {
        let mut streams = lock(&self.streams);
        streams.finished.push_back(stream);
        let count = streams.finished.len();
        if count < streams.full.max(FEW) {
            return;
        }
        // The older half: what was finished just now is hardly acknowledged yet, and a look at it would be for nothing.
        let mut older: Vec<_> = streams.finished.drain(..count / 2).collect();
        // Not under the lock: each look takes the connection's.
        drop(streams);
        older.retain(|stream| !stream.is_settled());
        let mut streams = lock(&self.streams);
        streams.finished.extend(older);
        streams.full = streams.finished.len() * 2;
    }

    /// Ready when all that was finished so far is acknowledged, or never will be.
    pub(crate) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut awaited = lock(&self.awaited);
        for stream in std::mem::take(&mut lock(&self.streams).finished) {
            awaited.push(Box::pin(stream.settled()));
        }
        loop {
            match awaited.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
