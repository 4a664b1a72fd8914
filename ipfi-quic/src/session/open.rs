//! Opening a stream, as a future: a place in the queue that is given back when the future is dropped.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use ipfi_core::error::ConnectionError;
use tokio::sync::{Mutex as FairMutex, MutexGuard};

use super::{Held, QuicRecvStream, QuicSendStream, streams};

/// Lets those who wait for credit ask one after another: quinn wakes all of them at once, and whoever runs first
/// would be served first.
#[derive(Clone, Default)]
pub(super) struct Turnstile(Arc<Turns>);

#[derive(Default)]
struct Turns {
    turn: FairMutex<()>,
    /// How many wait for it, or have it.
    waiting: AtomicUsize,
}

/// One who waits.
struct Ticket(Arc<Turns>);

impl Turnstile {
    /// Whether nobody waits. With credit at hand nobody takes a lock to know.
    fn is_free(&self) -> bool {
        self.0.waiting.load(Ordering::Acquire) == 0
    }

    /// Joins the line.
    fn ticket(&self) -> Ticket {
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        Ticket(Arc::clone(&self.0))
    }
}

impl Ticket {
    /// Ready when all who came before have been served, or have gone.
    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, quinn::ConnectionError>> + Send>>;

/// Opens one stream: at once if nobody waits and there is credit, else in turn.
fn poll_open<T, F, N>(
    turnstile: &Turnstile,
    waiting: &mut Option<Waiting<T>>,
    connection: &quinn::Connection,
    now: N,
    later: fn(quinn::Connection) -> F,
    cx: &mut Context<'_>,
) -> Poll<Result<T, quinn::ConnectionError>>
where
    N: FnOnce(&mut Context<'_>) -> Poll<Result<T, quinn::ConnectionError>>,
    F: Future<Output = Result<T, quinn::ConnectionError>> + Send + 'static,
{
    if waiting.is_none() {
        if turnstile.is_free()
            && let Poll::Ready(opened) = now(&mut Context::from_waker(Waker::noop()))
        {
            return Poll::Ready(opened);
        }
        let (ticket, connection) = (turnstile.ticket(), connection.clone());
        *waiting = Some(Box::pin(async move {
            let _turn = ticket.turn().await;
            later(connection).await
        }));
    }
    match waiting {
        Some(opening) => opening.as_mut().poll(cx),
        // It was made above.
        None => Poll::Pending,
    }
}

/// Opens a bidirectional stream for a request that is finished as it is opened, if nobody waits and there is credit.
pub(super) fn now(held: &Arc<Held>) -> Option<Result<(QuicSendStream, QuicRecvStream), ConnectionError>> {
    let shared = &held.shared;
    if let Some(cause) = shared.closing() {
        return Some(Err(cause));
    }
    if !shared.open_bi.is_free() {
        return None;
    }
    match pin!(shared.connection.open_bi()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok((send, recv))) => Some(Ok(streams::opened_whole(held, send, recv))),
        Poll::Ready(Err(error)) => Some(Err(shared.cause(error))),
        Poll::Pending => None,
    }
}

/// Opens a bidirectional stream. Cancel safe: dropped, it gives its place in the queue up.
#[must_use = "futures do nothing unless polled"]
pub struct QuicOpenBi {
    held: Arc<Held>,
    waiting: Option<Waiting<(quinn::SendStream, quinn::RecvStream)>>,
}

impl QuicOpenBi {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { held, waiting: None }
    }

    /// Opens it when the handshake is done: never in early data.
    pub(super) fn confirmed(held: Arc<Held>) -> Self {
        let mut confirmed = held.shared.confirmed.subscribe();
        if *confirmed.borrow_and_update() {
            return Self::new(held);
        }
        let (turnstile, connection) = (held.shared.open_bi.clone(), held.shared.connection.clone());
        let waiting: Waiting<_> = Box::pin(async move {
            // Its sender is the connection's, which this future keeps.
            let _ = confirmed.wait_for(|confirmed| *confirmed).await;
            let ticket = turnstile.ticket();
            let _turn = ticket.turn().await;
            connection.open_bi().await
        });
        Self { held, waiting: Some(waiting) }
    }
}

impl Future for QuicOpenBi {
    type Output = Result<(QuicSendStream, QuicRecvStream), ConnectionError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { held, waiting } = self.get_mut();
        let shared = &held.shared;
        if let Some(cause) = shared.closing() {
            return Poll::Ready(Err(cause));
        }
        let opened = poll_open(
            &shared.open_bi,
            waiting,
            &shared.connection,
            |cx| pin!(shared.connection.open_bi()).poll(cx),
            |connection| async move { connection.open_bi().await },
            cx,
        );
        opened.map(|opened| match opened {
            Ok((send, recv)) => Ok(streams::opened_bi(held, send, recv)),
            Err(error) => Err(shared.cause(error)),
        })
    }
}

/// Opens a unidirectional stream. Cancel safe: dropped, it gives its place in the queue up.
#[must_use = "futures do nothing unless polled"]
pub struct QuicOpenUni {
    held: Arc<Held>,
    waiting: Option<Waiting<quinn::SendStream>>,
}

impl QuicOpenUni {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { held, waiting: None }
    }
}

impl Future for QuicOpenUni {
    type Output = Result<QuicSendStream, ConnectionError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { held, waiting } = self.get_mut();
        let shared = &held.shared;
        if let Some(cause) = shared.closing() {
            return Poll::Ready(Err(cause));
        }
        let opened = poll_open(
            &shared.open_uni,
            waiting,
            &shared.connection,
            |cx| pin!(shared.connection.open_uni()).poll(cx),
            |connection| async move { connection.open_uni().await },
            cx,
        );
        opened.map(|opened| match opened {
            Ok(send) => Ok(streams::opened_uni(held, send)),
            Err(error) => Err(shared.cause(error)),
        })
    }
}

impl std::fmt::Debug for QuicOpenBi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuicOpenBi").field("waits", &self.waiting.is_some()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for QuicOpenUni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuicOpenUni").field("waits", &self.waiting.is_some()).finish_non_exhaustive()
    }
}
