//! The stream that small calls share, where a stream of its own costs a call more than the call itself
//! (`docs/protocol.md` 3.6, 12.5).
//!
//! A session over one stream of another: the client opens it as a call of a reserved procedure once the server's
//! SETTINGS allow it, and from the header on both directions are whatever the carrier's [`Sharing`] makes of
//! them. Small calls go there, all others keep streams of their own; the wire's limits, its GOAWAY and its end are
//! the same for both.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;

use super::core::WireCore;
use super::erased::{BoxRecv, BoxSend, ErasedSession, SendSession};
use crate::ProcedureIndex;
use crate::limits::Limits;
use crate::proto::{RequestHeader, SHARED_STREAM_PROCEDURE};
use crate::session::{RecvStream, SendStream, Side};
use crate::sync::atomic::{AtomicBool, Ordering};

/// A stream whose bytes, from here on, are a session's.
#[derive(Debug)]
pub struct SharedStream {
    /// What goes to the peer. To be dropped once the session's last word is written.
    pub send: Box<dyn SendStream + Send>,
    /// What comes from the peer, after `first`.
    pub recv: Box<dyn RecvStream + Send>,
    /// What has come already.
    pub first: Bytes,
    /// Which end of the connection this is.
    pub side: Side,
    /// The limits of the wire, which hold for the session too.
    pub limits: Limits,
}

/// What a carrier makes of a [`SharedStream`].
pub struct Sharing {
    session: Box<dyn ErasedSession>,
    established: Pin<Box<dyn Future<Output = bool> + Send>>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Sharing {
    /// The session; a future that is ready when streams can be opened in it, or with `false` never will be; and one
    /// that is ready when its last byte was handed to the stream and the sending half finished.
    pub fn new(
        session: impl SendSession,
        established: impl Future<Output = bool> + Send + 'static,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { session: Box::new(session), established: Box::pin(established), ended: Box::pin(ended) }
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").finish_non_exhaustive()
    }
}

/// Makes the session of a shared stream; `None` where the limits forbid it.
pub(crate) type Share = Arc<dyn Fn(SharedStream) -> Option<Sharing> + Send + Sync>;

/// The shared stream of a wire, once there is one.
#[derive(Default)]
pub(super) struct SharedSession {
    session: OnceLock<Box<dyn ErasedSession>>,
    /// It has been offered, or asked for.
    claimed: AtomicBool,
    /// It takes calls: it is established, and has not ended.
    open: AtomicBool,
    /// Who waits until there is one.
    begun: AtomicWaker,
    /// Ready when it is established.
    established: Mutex<Option<Pin<Box<dyn Future<Output = bool> + Send>>>>,
    /// Ready when its last byte was handed over.
    written: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl WireCore {
    /// Where small calls go, if they have a stream to share.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&dyn ErasedSession> {
        let session = self.shared.session.get()?;
        self.shared.open.load(Ordering::Relaxed).then_some(&**session)
    }

    /// The shared stream's session, though it may not be established yet, or have ended.
    pub(super) fn shared_or_over(&self) -> Option<&dyn ErasedSession> {
        self.shared.session.get().map(|session| &**session)
    }

    /// The shared stream takes no more calls.
    pub(super) fn end_sharing(&self) {
        self.shared.open.store(false, Ordering::Relaxed);
    }

    /// Whether a call of `procedure` that the peer opened asks for the shared stream, and may have it: the first does.
    pub(crate) fn offers_sharing(&self, procedure: u64) -> bool {
        procedure == SHARED_STREAM_PROCEDURE
            && self.session().side() == Side::Server
            && self.options().sharing.is_some()
            && !self.shared.claimed.swap(true, Ordering::Relaxed)
    }

    /// Makes `send` and `recv` the shared stream. Where the limits forbid it they are dropped, which the peer sees.
    pub(crate) fn share(&self, mut send: BoxSend, recv: BoxRecv, first: Bytes) {
        // Small calls must not wait behind anybody's bulk; only the control stream is more urgent.
        send.set_priority(i8::MAX - 1);
        let (side, limits) = (self.session().side(), self.limits().clone());
        let stream = SharedStream { send, recv, first, side, limits };
        let Some(Sharing { session, established, ended }) =
            self.options().sharing.as_ref().and_then(|share| share(stream))
        else {
            return;
        };
        *self.shared.established.lock().unwrap_or_else(PoisonError::into_inner) = Some(established);
        *self.shared.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        // One is offered, and one was asked for.
        if self.shared.session.set(session).is_ok() {
            self.shared.begun.wake();
        }
    }

    /// Wakes the task once there is a shared stream.
    pub(super) fn await_sharing(&self, cx: &Context<'_>) {
        self.shared.begun.register(cx.waker());
        // It may have begun before the waker was in its place.
        if self.shared_or_over().is_some() {
            cx.waker().wake_by_ref();
        }
    }

    /// Opens the shared stream to calls once it is established.
    pub(super) fn poll_shared_established(&self, cx: &mut Context<'_>) {
        let mut established = self.shared.established.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Poll::Ready(is)) = established.as_mut().map(|waiting| waiting.as_mut().poll(cx)) {
            *established = None;
            self.shared.open.store(is, Ordering::Relaxed);
        }
    }

    /// Ready when all that the shared stream's session says has been written.
    pub(super) fn poll_shared_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = written.as_mut() {
            ready!(waiting.as_mut().poll(cx));
            *written = None;
        }
        Poll::Ready(())
    }

    /// Whether calls of `procedure` want streams of their own: the peer has said so.
    pub(crate) fn is_isolated(&self, procedure: ProcedureIndex) -> bool {
        self.peer_settings.isolated.get().is_some_and(|isolated| isolated.contains(&procedure.get()))
    }
}

/// What opens the shared stream.
pub(super) fn header() -> Bytes {
    let mut header = BytesMut::new();
    RequestHeader::new(SHARED_STREAM_PROCEDURE, 0).encode(&mut header);
    header.freeze()
}
