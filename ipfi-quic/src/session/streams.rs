//! The halves of a stream, as handles: what a handle's end means is decided here.

mod recv;
mod send;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ipfi_core::close_code::StreamCode;
use ipfi_core::time::Time;
use ipfi_mux::abuse::{COMPLETED, GIVEN_UP, LONG_RUN};

pub use self::recv::QuicRecvStream;
pub use self::send::QuicSendStream;

use super::Held;
use super::stalled::Source;

/// What both halves of a stream have in common; gone when both are.
#[derive(Debug)]
pub(super) struct Stream {
    held: Arc<Held>,
    opened: Time,
    /// The peer opened it.
    peers: bool,
    /// Something was sent on it.
    answered: AtomicBool,
    /// The peer gave it up early and was charged, or late.
    given_up: AtomicBool,
    earns_less: AtomicBool,
}

impl Stream {
    fn new(held: &Arc<Held>, peers: bool) -> Arc<Self> {
        Arc::new(Self {
            held: Arc::clone(held),
            opened: held.shared.now(),
            peers,
            answered: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            earns_less: AtomicBool::new(false),
        })
    }

    /// The peer gave one half up. If it had opened the stream and got nothing for it yet, that is paid for, once
    /// (`docs/protocol.md` 13.5).
    fn given_up(&self, code: StreamCode) {
        let free = !self.peers || code == StreamCode::DETACHED || self.answered.load(Ordering::Relaxed);
        if free || self.given_up.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.held.shared.now().saturating_since(self.opened) < LONG_RUN {
            self.earns_less.store(true, Ordering::Relaxed);
            let what = "a stream that was given up before anything was answered";
            self.held.shared.charge(GIVEN_UP, what);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let earns = match (self.given_up.load(Ordering::Relaxed), self.earns_less.load(Ordering::Relaxed)) {
            (false, _) => COMPLETED,
            (true, true) => GIVEN_UP / 2,
            (true, false) => 0,
        };
        self.held.shared.reward(|budget| budget.stream_ended(earns));
    }
}

pub(super) fn accepted_bi(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, true);
    let mut recv = QuicRecvStream::request(&stream, Source::own(recv));
    recv.take_in();
    (QuicSendStream::new(&stream, send), recv)
}

pub(super) fn accepted_uni(held: &Arc<Held>, recv: quinn::RecvStream) -> QuicRecvStream {
    QuicRecvStream::notification(&Stream::new(held, true), Source::own(recv))
}

pub(super) fn opened_bi(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, false);
    (
        QuicSendStream::watched(&stream, send).beginning(|tunnel| &tunnel.bi),
        QuicRecvStream::new(&stream, Source::opened(recv, &held.shared.stalled)),
    )
}

/// A stream whose request is finished as it is opened.
pub(super) fn opened_whole(
    held: &Arc<Held>,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
) -> (QuicSendStream, QuicRecvStream) {
    let stream = Stream::new(held, false);
    let send = QuicSendStream::new(&stream, send).beginning(|tunnel| &tunnel.bi);
    (send, QuicRecvStream::new(&stream, Source::answer(recv)))
}

pub(super) fn opened_uni(held: &Arc<Held>, send: quinn::SendStream) -> QuicSendStream {
    let stream = Stream::new(held, false);
    QuicSendStream::new(&stream, send).beginning(|tunnel| &tunnel.uni)
}
