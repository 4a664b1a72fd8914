//! Commands: opening and accepting streams, and the end of a stream's slot.

use core::task::{Poll, Waker};

use bytes::Bytes;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::News;

use super::{Connection, OpenTicket, register};
use crate::stream_id::{Dir, StreamId};
use crate::streams::{RecvHalf, SendHalf, Stream, StreamKey};

impl Connection {
    // --- Commands ---

    /// Opens a stream, or waits for a place: first come first served, and nobody overtakes those who
    /// wait. `ticket` is the place in the queue; it starts as `None`, is kept between polls, and must be
    /// given to [`cancel_open`](Self::cancel_open) if it is still there when the caller loses interest.
    ///
    /// The bidirectional streams of this side are bounded by the peer's MAX_STREAMS and by
    /// `max_outbound_calls`. Before the peer's transport parameters came, opening waits.
    pub fn poll_open(
        &mut self,
        dir: Dir,
        ticket: &mut Option<OpenTicket>,
        waker: &Waker,
    ) -> Poll<Result<(StreamKey, StreamId), ConnectionError>> {
        if let Some(cause) = &self.end {
            *ticket = None;
            return Poll::Ready(Err(cause.clone()));
        }
        let local = self.local.get_mut(dir);
        if local.is_exhausted() {
            *ticket = None;
            return Poll::Ready(Err(ConnectionError::StreamIdsExhausted));
        }
        if !local.may_open(ticket) {
            local.wait(ticket, waker);
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.open(dir)))
    }

    /// Opens a bidirectional stream now, with `waker` as that of its reader and, if they fit, `data` and the
    /// FIN as all that it sends: then its sending half is let go of. `None` when opening has to wait, and then
    /// nothing has happened.
    pub fn try_open_whole(
        &mut self,
        waker: &Waker,
        data: &[u8],
    ) -> Option<Result<(StreamKey, StreamId, bool), ConnectionError>> {
        if let Some(cause) = &self.end {
            return Some(Err(cause.clone()));
        }
        if !self.local.bi.may_open(&mut None) {
            return None;
        }
        let (key, id) = self.open(Dir::Bi);
        if let Some(half) = self.streams.get_mut(key).and_then(|stream| stream.recv.as_mut()) {
            register(&mut half.reader, waker);
        }
        // The connection is open and so is the stream: what can be refused is the size.
        let taken = self.try_write(key, data, true).is_some();
        if taken {
            self.release_send(key);
        }
        Some(Ok((key, id, taken)))
    }

    /// Opens a stream for which there is a place.
    fn open(&mut self, dir: Dir) -> (StreamKey, StreamId) {
        let local = self.local.get_mut(dir);
        let index = local.open();
        if local.is_exhausted() {
            // No MAX_STREAMS will ever come that they could wait for.
            local.end(&mut self.wakes);
        }
        let id = StreamId::new(self.config.side, dir, index);
        let peer = self.peer.as_ref().expect("streams can be opened only after the peer's parameters");
        let stream = match dir {
            Dir::Uni => Stream::new(id, Some(SendHalf::new(peer.initial_max_stream_data_uni)), None),
            Dir::Bi => {
                let window = u64::from(self.config.limits.stream_window_bytes);
                let mut recv = RecvHalf::new(window);
                recv.local_window = window;
                self.credit.open_local(window);
                let send = SendHalf::new(peer.initial_max_stream_data_bidi_remote);
                Stream::new(id, Some(send), Some(recv))
            }
        };
        (self.streams.insert(stream), id)
    }

    /// Ready when the peer's transport parameters came, so that streams can be opened, or with the reason
    /// why they never will. One task waits.
    pub fn poll_established(&mut self, waker: &Waker) -> Poll<Result<(), ConnectionError>> {
        match &self.end {
            // Also when the connection has ended since: it was established.
            _ if self.peer.is_some() => Poll::Ready(Ok(())),
            Some(cause) => Poll::Ready(Err(cause.clone())),
            None => {
                register(&mut self.established, waker);
                Poll::Pending
            }
        }
    }

    /// Gives a place in the queue of those who wait to open a stream back.
    pub fn cancel_open(&mut self, dir: Dir, ticket: OpenTicket) {
        let local = self.local.get_mut(dir);
        local.cancel(ticket);
        local.grant(&mut self.wakes);
    }

    /// The next stream that the peer opened, in the order of their indices.
    pub fn poll_accept(
        &mut self,
        dir: Dir,
        waker: &Waker,
    ) -> Poll<Result<(StreamKey, StreamId), ConnectionError>> {
        if let Some(cause) = &self.end {
            // What had arrived whole before the end.
            let late = if dir == Dir::Uni { self.late_accept.pop_first() } else { None };
            return Poll::Ready(late.map_or_else(|| Err(cause.clone()), |(id, key)| Ok((key, id))));
        }
        let remote = self.remote.get_mut(dir);
        let Some(key) = remote.accept.pop_front() else {
            register(&mut remote.acceptor, waker);
            return Poll::Pending;
        };
        let stream = self.streams.get_mut(key).expect("a stream in the accept queue is in the table");
        stream.unaccepted = false;
        Poll::Ready(Ok((key, stream.id)))
    }

    /// The next bidirectional stream that the peer opened and, if it has come whole and in one piece of at
    /// most `max` bytes, all of it: small requests are accepted and read in one step.
    // What it gives is read where it is called, once: an alias would only hide it.
    #[allow(clippy::type_complexity)]
    pub fn poll_accept_bi(
        &mut self,
        waker: &Waker,
        max: usize,
    ) -> Poll<Result<(StreamKey, StreamId, Option<Bytes>), ConnectionError>> {
        self.poll_accept(Dir::Bi, waker).map_ok(|(key, id)| (key, id, self.take_whole(key, max)))
    }

    /// What there may be to take; where there is nothing, `waker` is that of the one who takes it. See
    /// [`Session::poll_news`](ipfi_core::session::Session::poll_news).
    pub fn poll_news(&mut self, waker: &Waker) -> News {
        if self.end.is_some() {
            return News::ALL;
        }
        let mut accept = |dir: Dir| {
            let remote = self.remote.get_mut(dir);
            let any = !remote.accept.is_empty();
            if !any {
                register(&mut remote.acceptor, waker);
            }
            any
        };
        let (bi, uni) = (accept(Dir::Bi), accept(Dir::Uni));
        let uni_data = core::mem::take(&mut self.uni_data);
        News { bi, uni, uni_data, datagrams: self.datagrams.poll_any(waker), end: false }
    }

    // --- Steps ---

    /// Lets go of one handle of `key`, which need not be dropped any more.
    pub(super) fn drop_handle(&mut self, key: StreamKey) {
        if let Some(stream) = self.streams.get_mut(key) {
            stream.handles = stream.handles.saturating_sub(1);
            self.retire(key);
        }
    }

    /// Removes `key` if it is over: the one place where a slot goes and a place becomes free.
    pub(super) fn retire(&mut self, key: StreamKey) {
        if !self.streams.get(key).is_some_and(Stream::is_over) {
            return;
        }
        let (id, earns) = self.streams.remove(key);
        self.budget.stream_ended(earns);
        if id.initiator() == self.config.side {
            let local = self.local.get_mut(id.dir());
            local.close();
            local.grant(&mut self.wakes);
        } else {
            self.remote.get_mut(id.dir()).close();
        }
    }

    /// For tests of stream ids beyond 2^30 and 2^32: as if `index` streams had been opened and closed,
    /// by this side and by the peer.
    #[cfg(test)]
    pub(crate) fn skip_to_index(&mut self, dir: Dir, index: u64) {
        let local = self.local.get_mut(dir);
        local.raise((index + 100).min(StreamId::MAX_INDEX + 1));
        local.next = index;
        self.remote.get_mut(dir).skip_to(index);
    }
}
