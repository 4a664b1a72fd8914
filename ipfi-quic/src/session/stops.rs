//! Answering the peer's STOP_SENDING, whoever holds the stream.
//!
//! A side that is asked to stop resets the stream (RFC 9000 section 3.5), and quinn leaves that to the program. Until
//! it is done, the peer's place for the stream stays taken. Who writes is told and gives the stream up; but a stream
//! may lie open with nobody writing. One task a connection therefore waits for the stops of all streams that
//! were opened to stay open. A small request, which is finished as it is opened, is none of them.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use ipfi_core::close_code::StreamCode;
use quinn::VarInt;
use tokio::sync::mpsc;

use super::lock;
use crate::error::Codes;

type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task's end of the queue, once there is one.
#[derive(Debug)]
pub(super) struct Stops {
    queue: OnceLock<mpsc::UnboundedSender<Stop>>,
    codes: Codes,
}

/// A sending half that is reset when the peer asks for it.
#[derive(Debug)]
pub(crate) struct Watched {
    send: Mutex<quinn::SendStream>,
    stopped: OnceLock<VarInt>,
    codes: Codes,
    /// Wakes whoever waits for the peer's stop, once nobody has the half.
    gone: Arc<AtomicWaker>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.gone.wake();
    }
}

impl Watched {
    /// Uses the half, or gives the code with which the peer stopped it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut quinn::SendStream) -> R) -> Result<R, StreamCode> {
        let mut send = lock(&self.send);
        match self.stopped.get() {
            Some(code) => Err(self.codes.stream(*code)),
            None => Ok(act(&mut send)),
        }
    }

    /// The code with which the peer stopped it.
    pub(super) fn stopped(&self) -> Option<StreamCode> {
        self.stopped.get().map(|code| self.codes.stream(*code))
    }
}

impl Stops {
    pub(super) fn new(codes: Codes) -> Self {
        Self { queue: OnceLock::new(), codes }
    }

    /// Watches `send`.
    pub(super) fn watch(&self, send: quinn::SendStream) -> Arc<Watched> {
        let stopped = send.stopped();
        let gone = Arc::new(AtomicWaker::new());
        let watched = Arc::new(Watched {
            send: Mutex::new(send),
            stopped: OnceLock::new(),
            codes: self.codes,
            gone: Arc::clone(&gone),
        });
        let weak = Arc::downgrade(&watched);
        let stop: Stop = Box::pin(async move {
            let mut stopped = pin!(stopped);
            // Quinn says nothing of a half that this side has reset.
            let stopped = std::future::poll_fn(|cx| {
                gone.register(cx.waker());
                if weak.strong_count() == 0 { Poll::Ready(Ok(None)) } else { stopped.as_mut().poll(cx) }
            });
            if let Ok(Some(code)) = stopped.await
                && let Some(watched) = weak.upgrade()
            {
                let mut send = lock(&watched.send);
                // Only here, and once.
                let _ = watched.stopped.set(code);
                // It was finished or reset in the meantime: then that is its end.
                let _ = send.reset(code);
            }
        });
        let task = self.queue.get_or_init(|| {
            let (queue, stops) = mpsc::unbounded_channel();
            tokio::spawn(wait_for(stops));
            queue
        });
        // The task ends with the connection, and after that nobody stops anything.
        let _ = task.send(stop);
        watched
    }
}

/// Ends when the connection's state is gone.
async fn wait_for(mut queue: mpsc::UnboundedReceiver<Stop>) {
    let mut stops = FuturesUnordered::new();
    loop {
        tokio::select! {
            stop = queue.recv() => match stop {
                Some(stop) => stops.push(stop),
                None => return,
            },
            Some(()) = stops.next(), if !stops.is_empty() => {}
        }
    }
}
