//! What was finished and is not acknowledged: a close before that would lose it.
//!
//! Quinn tells of each stream whether the peer has acknowledged its end, and of all of them together nothing. So
//! finished halves are kept, and looked through when they have become many: twice as many as were left the last
//! time, which makes it one look for each.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::lock;
use super::stops::Watched;

/// Fewer than this are kept without a look.
const FEW: usize = 64;

type Acknowledged = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A half that is finished.
#[derive(Debug)]
pub(crate) enum Unacknowledged {
    /// Nobody else has it.
    Own(quinn::SendStream),
    /// It is watched for the peer's stop.
    Watched(Arc<Watched>),
}

impl Unacknowledged {
    /// Ready when its end is acknowledged, stopped by the peer, or lost with the connection.
    fn settled(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let stopped = match self {
            Self::Own(send) => send.stopped(),
            Self::Watched(watched) => match watched.with(|send| send.stopped()) {
                Ok(stopped) => stopped,
                Err(_) => return Box::pin(std::future::ready(())),
            },
        };
        Box::pin(async move {
            let _ = stopped.await;
        })
    }
}

/// The finished halves of one connection.
#[derive(Default)]
pub(crate) struct Finished {
    streams: Mutex<Streams>,
    /// Those whose end somebody waits for.
    awaited: Mutex<FuturesUnordered<Acknowledged>>,
}

#[derive(Default)]
struct Streams {
    finished: Vec<Unacknowledged>,
    /// To be looked through at this length.
    full: usize,
}

impl Finished {
    /// Keeps a half that is finished.
    pub(crate) fn push(&self, stream: Unacknowledged) {
        let mut streams = lock(&self.streams);
        streams.finished.push(stream);
        if streams.finished.len() >= streams.full.max(FEW) {
            let mut looked_at = std::mem::take(&mut streams.finished);
            // Not under the lock: each look takes the connection's.
            drop(streams);
            looked_at.retain(|stream| {
                stream.settled().as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
            });
            let mut streams = lock(&self.streams);
            streams.finished.append(&mut looked_at);
            streams.full = streams.finished.len() * 2;
        }
    }

    /// Ready when all that was finished so far is acknowledged, or never will be.
    pub(crate) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut awaited = lock(&self.awaited);
        for stream in std::mem::take(&mut lock(&self.streams).finished) {
            let settled = stream.settled();
            awaited.push(Box::pin(async move {
                // Quinn's handle is kept until then.
                let _stream = stream;
                settled.await;
            }));
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
