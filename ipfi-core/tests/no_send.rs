//! A peer made of `Rc`s and stepped by hand implements the session traits.
//!
//! Nothing here may cross a thread, nothing is driven by a runtime, and no time passes: if a `Send`
//! bound, a runtime or a clock creeps into `ipfi_core::session`, this file no longer compiles. The peer
//! is as plain as can be: frames wait in an outbox until the test carries them over.

// A test that unwraps nothing has failed: that is the message.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, DatagramError, ReadError, WriteError};
use ipfi_core::session::{Chunk, RecvStream, SendStream, Session, Side};

/// How many unread bytes of a stream a peer holds.
const WINDOW: usize = 4;

enum Frame {
    Stream { id: u64, bytes: Bytes, fin: bool },
    Reset { id: u64, code: StreamCode },
    Stop { id: u64, code: StreamCode },
    Credit { id: u64, bytes: usize },
    Datagram(Bytes),
    Close { code: CloseCode, reason: String },
}

#[derive(Default)]
struct Sending {
    window: usize,
    finished: bool,
    reset: bool,
    stopped: Option<StreamCode>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Receiving {
    chunks: VecDeque<Bytes>,
    fin: bool,
    reset: Option<StreamCode>,
    stopped: bool,
    waker: Option<Waker>,
}

/// Everything a peer knows. Indices of pairs: 0 bidirectional, 1 unidirectional.
#[derive(Default)]
struct State {
    outbox: VecDeque<Frame>,
    next: [u64; 2],
    sending: BTreeMap<u64, Sending>,
    receiving: BTreeMap<u64, Receiving>,
    accept: [VecDeque<u64>; 2],
    datagrams: VecDeque<Bytes>,
    cause: Option<ConnectionError>,
    waker: Option<Waker>,
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<Result<T, ConnectionError>> {
        if let Some(cause) = &self.cause {
            return Poll::Ready(Err(cause.clone()));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

struct Peer {
    side: Side,
    state: Rc<RefCell<State>>,
}

impl Peer {
    fn new(side: Side) -> Self {
        Self { side, state: Rc::default() }
    }

    /// Carries one frame from `self` to `other`; `false` if there was none.
    fn step(&self, other: &Self) -> bool {
        let Some(frame) = self.state.borrow_mut().outbox.pop_front() else { return false };
        // Woken when nothing is borrowed any more: whoever wakes may come back at once.
        let woken = other.receive(frame);
        woken.into_iter().for_each(Waker::wake);
        true
    }

    /// Makes room for the halves of a stream that the other peer opens with this frame.
    fn meet(&self, state: &mut State, id: u64) {
        let theirs = id & 1 != u64::from(self.side == Side::Server);
        if theirs && !state.receiving.contains_key(&id) {
            state.receiving.insert(id, Receiving::default());
            if id & 2 == 0 {
                state.sending.insert(id, Sending { window: WINDOW, ..Sending::default() });
            }
            state.accept[usize::from(id & 2 != 0)].push_back(id);
        }
    }

    fn receive(&self, frame: Frame) -> Vec<Waker> {
        let state = &mut *self.state.borrow_mut();
        let mut woken = Vec::from_iter(state.waker.take());
        match frame {
            Frame::Stream { id, bytes, fin } => {
                self.meet(state, id);
                let half = state.receiving.get_mut(&id).unwrap();
                half.chunks.extend(Some(bytes).filter(|bytes| !bytes.is_empty()));
                half.fin = fin;
                woken.extend(half.waker.take());
            }
            Frame::Reset { id, code } => {
                self.meet(state, id);
                let half = state.receiving.get_mut(&id).unwrap();
                half.reset = Some(code);
                woken.extend(half.waker.take());
            }
            Frame::Stop { id, code } => {
                self.meet(state, id);
                let half = state.sending.get_mut(&id).unwrap();
                half.stopped = Some(code);
                woken.extend(half.waker.take());
            }
            Frame::Credit { id, bytes } => {
                let half = state.sending.get_mut(&id).unwrap();
                half.window += bytes;
                woken.extend(half.waker.take());
            }
            Frame::Datagram(payload) => state.datagrams.push_back(payload),
            Frame::Close { code, reason } => {
                state.cause = Some(ConnectionError::PeerClosed { code, reason: reason.into() });
                woken.extend(state.sending.values_mut().filter_map(|half| half.waker.take()));
                woken.extend(state.receiving.values_mut().filter_map(|half| half.waker.take()));
            }
        }
        woken
    }

    fn open(&self, one_way: bool) -> Half {
        let state = &mut *self.state.borrow_mut();
        let index = &mut state.next[usize::from(one_way)];
        let id = *index << 2 | u64::from(one_way) << 1 | u64::from(self.side == Side::Server);
        *index += 1;
        state.sending.insert(id, Sending { window: WINDOW, ..Sending::default() });
        if !one_way {
            state.receiving.insert(id, Receiving::default());
        }
        self.half(id)
    }

    fn half(&self, id: u64) -> Half {
        Half { id, state: self.state.clone() }
    }
}

/// A half of a stream; which one, its wrapper says.
#[derive(Clone)]
struct Half {
    id: u64,
    state: Rc<RefCell<State>>,
}

struct RcSend(Half);
struct RcRecv(Half);

impl std::fmt::Debug for RcSend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RcSend({})", self.0.id)
    }
}

impl std::fmt::Debug for RcRecv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RcRecv({})", self.0.id)
    }
}

impl Session for Peer {
    type SendStream = RcSend;
    type RecvStream = RcRecv;
    type OpenBi = Ready<Result<(RcSend, RcRecv), ConnectionError>>;
    type OpenUni = Ready<Result<RcSend, ConnectionError>>;

    fn side(&self) -> Side {
        self.side
    }

    fn open_bi(&self) -> Self::OpenBi {
        let half = self.open(false);
        ready(Ok((RcSend(half.clone()), RcRecv(half))))
    }

    fn open_uni(&self) -> Self::OpenUni {
        ready(Ok(RcSend(self.open(true))))
    }

    fn poll_accept_bi(&self, cx: &mut Context<'_>) -> Poll<Result<(RcSend, RcRecv), ConnectionError>> {
        let mut state = self.state.borrow_mut();
        match state.accept[0].pop_front() {
            Some(id) => Poll::Ready(Ok((RcSend(self.half(id)), RcRecv(self.half(id))))),
            None => state.wait(cx),
        }
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<RcRecv, ConnectionError>> {
        let mut state = self.state.borrow_mut();
        match state.accept[1].pop_front() {
            Some(id) => Poll::Ready(Ok(RcRecv(self.half(id)))),
            None => state.wait(cx),
        }
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        self.state.borrow_mut().outbox.push_back(Frame::Datagram(payload));
        Ok(())
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>> {
        let mut state = self.state.borrow_mut();
        match state.datagrams.pop_front() {
            Some(payload) => Poll::Ready(Ok(payload)),
            None => state.wait(cx),
        }
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        Some(1000)
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.outbox.is_empty() {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn close(&self, code: CloseCode, reason: &str) {
        let mut state = self.state.borrow_mut();
        if state.cause.is_none() {
            state.cause = Some(ConnectionError::LocallyClosed { code, reason: reason.into() });
            state.outbox = VecDeque::from([Frame::Close { code, reason: reason.into() }]);
        }
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        self.state.borrow().cause.clone()
    }
}

impl SendStream for RcSend {
    fn id(&self) -> u64 {
        self.0.id
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        let state = &mut *self.0.state.borrow_mut();
        let half = state.sending.get_mut(&self.0.id).unwrap();
        if half.finished && data.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if half.finished || half.reset {
            return Poll::Ready(Err(WriteError::Finished));
        }
        if let Some(code) = half.stopped {
            return Poll::Ready(Err(WriteError::Stopped(code)));
        }
        if let Some(cause) = &state.cause {
            return Poll::Ready(Err(cause.clone().into()));
        }
        let bytes = data.split_to(half.window.min(data.len()));
        half.window -= bytes.len();
        half.finished = fin && data.is_empty();
        let (id, fin) = (self.0.id, half.finished);
        if fin || !bytes.is_empty() {
            state.outbox.push_back(Frame::Stream { id, bytes, fin });
        }
        if data.is_empty() {
            return Poll::Ready(Ok(()));
        }
        half.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn reset(&mut self, code: StreamCode) {
        let state = &mut *self.0.state.borrow_mut();
        let half = state.sending.get_mut(&self.0.id).unwrap();
        if !half.finished && !half.reset && state.cause.is_none() {
            half.reset = true;
            state.outbox.push_back(Frame::Reset { id: self.0.id, code });
        }
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        let state = &mut *self.0.state.borrow_mut();
        let half = state.sending.get_mut(&self.0.id).unwrap();
        match (half.stopped, &state.cause) {
            (Some(code), _) => Poll::Ready(Ok(code)),
            (None, Some(cause)) => Poll::Ready(Err(cause.clone())),
            (None, None) => {
                half.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn set_priority(&mut self, _: i8) {}
}

impl Drop for RcSend {
    fn drop(&mut self) {
        self.reset(StreamCode::CANCELLED);
    }
}

impl RecvStream for RcRecv {
    fn id(&self) -> u64 {
        self.0.id
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>> {
        let state = &mut *self.0.state.borrow_mut();
        let half = state.receiving.get_mut(&self.0.id).unwrap();
        if half.stopped {
            return Poll::Ready(Err(ReadError::Stopped));
        }
        if let Some(code) = half.reset {
            return Poll::Ready(Err(ReadError::Reset(code)));
        }
        if let Some(front) = half.chunks.front_mut() {
            let bytes = front.split_to(max.max(1).min(front.len()));
            if front.is_empty() {
                half.chunks.pop_front();
            }
            state.outbox.push_back(Frame::Credit { id: self.0.id, bytes: bytes.len() });
            return Poll::Ready(Ok(Chunk { bytes, fin: half.fin && half.chunks.is_empty() }));
        }
        if half.fin {
            return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true }));
        }
        if let Some(cause) = &state.cause {
            return Poll::Ready(Err(cause.clone().into()));
        }
        half.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn stop(&mut self, code: StreamCode) {
        let state = &mut *self.0.state.borrow_mut();
        let half = state.receiving.get_mut(&self.0.id).unwrap();
        let over = half.stopped || half.fin || half.reset.is_some() || state.cause.is_some();
        if !over {
            half.stopped = true;
            half.chunks.clear();
            state.outbox.push_back(Frame::Stop { id: self.0.id, code });
        }
    }
}

impl Drop for RcRecv {
    fn drop(&mut self) {
        self.stop(StreamCode::CANCELLED);
    }
}

fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

fn value<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("expected it to be ready, it waits"),
    }
}

/// Generic code as it stands above the traits: all it knows is `Session`.
fn open<S: Session>(session: &S) -> (S::SendStream, S::RecvStream) {
    value(now(|cx| std::pin::pin!(session.open_bi()).poll(cx))).unwrap()
}

/// Reads what is there, at most three bytes of it, behind `seen`; whether that was the end.
fn read_on(recv: &mut impl RecvStream, seen: &mut Vec<u8>) -> bool {
    let Poll::Ready(chunk) = now(|cx| recv.poll_read(cx, 3)) else { return false };
    let chunk = chunk.unwrap();
    seen.extend_from_slice(&chunk.bytes);
    chunk.fin
}

#[test]
fn two_peers_of_rcs_exchange_bytes_both_ways_stepped_by_hand() {
    let (client, server) = (Peer::new(Side::Client), Peer::new(Side::Server));
    let request = Bytes::from_static(b"a request that is longer than the window");
    let answer = Bytes::from_static(b"and its answer, likewise");
    let (mut unsent, mut unanswered) = (request.clone(), answer.clone());
    let (mut seen, mut answered) = (Vec::new(), Vec::new());

    let (mut send, mut recv) = open(&client);
    let _waits = now(|cx| send.poll_write(cx, &mut unsent, true));
    client.step(&server);
    let (mut response, mut incoming) = value(now(|cx| server.poll_accept_bi(cx))).unwrap();

    let (mut request_ended, mut answer_ended) = (false, false);
    // One frame each way a turn, as two programs on a telegraph would.
    for _turn in 0..1000 {
        let _waits = now(|cx| send.poll_write(cx, &mut unsent, true));
        client.step(&server);
        request_ended |= read_on(&mut incoming, &mut seen);
        let _waits = now(|cx| response.poll_write(cx, &mut unanswered, true));
        server.step(&client);
        answer_ended |= read_on(&mut recv, &mut answered);
    }
    assert_eq!((&seen[..], request_ended), (&request[..], true));
    assert_eq!((&answered[..], answer_ended), (&answer[..], true));
}

#[test]
fn ends_of_halves_and_of_the_connection_cross_by_hand_too() {
    let (client, server) = (Peer::new(Side::Client), Peer::new(Side::Server));
    let (mut send, recv) = open(&client);
    value(now(|cx| send.poll_write(cx, &mut Bytes::from_static(b"ab"), false))).unwrap();
    client.step(&server);
    let (mut answer, mut request) = value(now(|cx| server.poll_accept_bi(cx))).unwrap();
    drop((send, recv));
    while client.step(&server) {}
    let cancelled = StreamCode::CANCELLED;
    assert_eq!(now(|cx| request.poll_read(cx, 9)), Poll::Ready(Err(ReadError::Reset(cancelled))));
    assert_eq!(now(|cx| answer.poll_stopped(cx)), Poll::Ready(Ok(cancelled)));

    server.close(CloseCode::SHUTDOWN, "bye");
    assert!(server.step(&client));
    let cause = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "bye".into() };
    assert_eq!(value(now(|cx| client.poll_accept_uni(cx))).unwrap_err(), cause);
    assert_eq!(client.close_reason(), Some(cause));
}
