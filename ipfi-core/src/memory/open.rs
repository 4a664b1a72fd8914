//! Opening streams and accepting them: credit, the order of those who wait for it, the queues.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::half::{After, Kind, Pipe, Stream, WakerSlot, side_index, stream_id};
use super::link::{Event, Link};
use crate::error::ConnectionError;
use crate::session::Side;

/// One end's streams of one kind that are to be opened.
#[derive(Debug)]
pub(super) struct Openers {
    /// Streams opened so far: the index of the next.
    opened: u64,
    /// Streams that the peer lets this end open, all told (MAX_STREAMS, RFC 9000 section 4.6).
    max: u64,
    /// Whoever waits, first come first; the numbers rise.
    waiting: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    /// Streams opened and not used yet, which the peer does not know of; indices rise.
    unannounced: VecDeque<(u64, usize)>,
}

impl Openers {
    pub(super) fn new(max: u32) -> Self {
        Self {
            opened: 0,
            max: u64::from(max),
            waiting: VecDeque::new(),
            next_ticket: 0,
            unannounced: VecDeque::new(),
        }
    }

    /// How many of those who wait may go ahead. Credit belongs to the first in the queue and to
    /// nobody in particular, so that one who leaves after being woken takes none of it along.
    fn available(&self) -> usize {
        usize::try_from(self.max - self.opened).unwrap_or(usize::MAX)
    }

    pub(super) fn grant(&mut self, after: &mut After) {
        self.max += 1;
        self.wake_available(after);
    }

    fn wake_available(&self, after: &mut After) {
        let available = self.available();
        after.wake_also(self.waiting.iter().take(available).map(|(_, waker)| waker));
    }

    pub(super) fn wake_all(&mut self, after: &mut After) {
        after.wake_also(self.waiting.iter().map(|(_, waker)| waker));
    }

    fn position(&self, ticket: u64) -> usize {
        self.waiting.partition_point(|(other, _)| *other < ticket)
    }

    /// Whether the holder of `ticket` may open now; otherwise it waits with `cx`.
    fn poll(&mut self, ticket: &mut Option<u64>, cx: &Context<'_>, after: &mut After) -> bool {
        let place = ticket.map_or(self.waiting.len(), |ticket| self.position(ticket));
        if place < self.available() {
            if ticket.take().is_some() {
                after.drop_later(self.waiting.remove(place).map(|(_, waker)| waker));
            }
            return true;
        }
        match ticket {
            Some(_) => after.drop_later(
                self.waiting
                    .get_mut(place)
                    .filter(|(_, waker)| !waker.will_wake(cx.waker()))
                    .map(|(_, waker)| core::mem::replace(waker, cx.waker().clone())),
            ),
            None => {
                self.waiting.push_back((self.next_ticket, cx.waker().clone()));
                *ticket = Some(self.next_ticket);
                self.next_ticket += 1;
            }
        }
        false
    }

    fn leave(&mut self, ticket: u64, after: &mut After) {
        let place = self.position(ticket);
        after.drop_later(self.waiting.remove(place).map(|(_, waker)| waker));
        // Everyone behind moved up, perhaps to where there is credit.
        self.wake_available(after);
    }
}

/// Streams of one kind that the peer opened and nobody has accepted yet. Bounded by the limit on
/// streams itself.
#[derive(Debug, Default)]
pub(super) struct AcceptQueue {
    queue: VecDeque<usize>,
    ready: WakerSlot,
}

impl AcceptQueue {
    pub(super) fn push(&mut self, key: usize, after: &mut After) {
        self.queue.push_back(key);
        self.ready.wake(after);
    }

    /// The connection ended: only streams that satisfy `keep` can be accepted still.
    pub(super) fn end(&mut self, keep: impl Fn(usize) -> bool, after: &mut After) {
        self.queue.retain(|key| keep(*key));
        self.ready.wake(after);
    }
}

impl Link {
    pub(super) fn poll_open(
        &mut self,
        side: Side,
        kind: Kind,
        ticket: &mut Option<u64>,
        cx: &Context<'_>,
    ) -> Poll<Result<usize, ConnectionError>> {
        let endpoint = &mut self.endpoints[side_index(side)];
        let openers = &mut endpoint.openers[kind as usize];
        if let Some(cause) = &endpoint.cause {
            let cause = cause.clone();
            if let Some(ticket) = ticket.take() {
                openers.leave(ticket, &mut self.after);
            }
            return Poll::Ready(Err(cause));
        }
        if !openers.poll(ticket, cx, &mut self.after) {
            return Poll::Pending;
        }
        let index = openers.opened;
        openers.opened += 1;
        let own_window = endpoint.window[kind as usize];
        let peer = &self.endpoints[side_index(side.peer())];
        let peer_window = peer.window[kind as usize];
        // The peer's end may be over while word of that is under way: nobody is left to accept.
        let acceptable = peer.cause.is_none();

        let mut handles = [0, 0];
        handles[side_index(side)] = if kind == Kind::Bi { 2 } else { 1 };
        let key = self.streams.insert(Stream {
            id: stream_id(side, kind, index),
            kind,
            opener: side,
            forward: Pipe::new(peer_window),
            backward: (kind == Kind::Bi).then(|| Pipe::new(own_window)),
            handles,
            acceptable,
            credited: false,
            in_flight: 0,
        });
        self.endpoint(side).openers[kind as usize].unannounced.push_back((index, key));
        Poll::Ready(Ok(key))
    }

    pub(super) fn leave_open(&mut self, side: Side, kind: Kind, ticket: u64) {
        self.endpoints[side_index(side)].openers[kind as usize].leave(ticket, &mut self.after);
    }

    /// Sends an event about a stream. The first one makes the peer aware of the stream, and of those
    /// of its kind that were opened before it (RFC 9000 section 3.2).
    pub(super) fn push_on_stream(&mut self, from: Side, key: usize, event: Event) {
        let stream = &self.streams[key];
        if stream.opener == from {
            let (index, kind) = (stream.id >> 2, stream.kind);
            loop {
                let unannounced = &mut self.endpoint(from).openers[kind as usize].unannounced;
                match unannounced.front() {
                    Some(&(first, key)) if first <= index => {
                        unannounced.pop_front();
                        self.push(from, Event::Opened { key });
                    }
                    _ => break,
                }
            }
        }
        self.push(from, event);
    }

    pub(super) fn poll_accept(
        &mut self,
        side: Side,
        kind: Kind,
        cx: &Context<'_>,
    ) -> Poll<Result<usize, ConnectionError>> {
        let endpoint = &mut self.endpoints[side_index(side)];
        let accept = &mut endpoint.accept[kind as usize];
        if let Some(key) = accept.queue.pop_front() {
            let stream = &mut self.streams[key];
            stream.acceptable = false;
            stream.handles[side_index(side)] = if kind == Kind::Bi { 2 } else { 1 };
            return Poll::Ready(Ok(key));
        }
        if let Some(cause) = &endpoint.cause {
            return Poll::Ready(Err(cause.clone()));
        }
        accept.ready.register(cx, &mut self.after);
        Poll::Pending
    }
}
