//! What the halves of a stream do to the link; the rules are those of
//! [`SendStream`](crate::session::SendStream) and [`RecvStream`](crate::session::RecvStream).

use std::task::{Context, Poll};

use bytes::Bytes;
use slab::Slab;

use super::half::{Pipe, RecvState, SendState, Stream, side_index};
use super::link::{Event, Link};
use crate::close_code::StreamCode;
use crate::error::{ConnectionError, DatagramError, ReadError, WriteError};
use crate::session::{Chunk, Side};

/// The direction of a stream in which `sender` sends: a method of the table and not of the link, so that
/// the link's other parts stay usable beside it.
pub(super) fn pipe(streams: &mut Slab<Stream>, sender: Side, key: usize) -> &mut Pipe {
    streams[key].pipe_from(sender).expect("handles exist only for directions that the stream has")
}

impl Link {
    pub(super) fn poll_write(
        &mut self,
        side: Side,
        key: usize,
        cx: &Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>> {
        let send = &mut pipe(&mut self.streams, side, key).send;
        match send.state {
            SendState::Open => {}
            SendState::Finishing | SendState::Finished if data.is_empty() => return Poll::Ready(Ok(())),
            SendState::Finishing | SendState::Finished | SendState::Reset => {
                return Poll::Ready(Err(WriteError::Finished));
            }
            SendState::Stopped(code) => return Poll::Ready(Err(WriteError::Stopped(code))),
            SendState::Cut => return Poll::Ready(Err(self.endpoint(side).cause().into())),
        }
        let taken = send.window.min(data.len());
        let all = taken == data.len();
        let fin = fin && all;
        send.window -= taken;
        if fin {
            send.state = SendState::Finishing;
            self.endpoint(side).finishing += 1;
        }
        if taken > 0 || fin {
            let bytes = data.split_to(taken);
            self.push_on_stream(side, key, Event::Data { key, bytes, fin });
        }
        if all {
            return Poll::Ready(Ok(()));
        }
        pipe(&mut self.streams, side, key).send.writable.register(cx, &mut self.after);
        Poll::Pending
    }

    pub(super) fn reset(&mut self, side: Side, key: usize, code: StreamCode) {
        let direction = pipe(&mut self.streams, side, key);
        if direction.send.state.is_over() {
            return;
        }
        if direction.send.end(SendState::Reset, &mut self.after) == SendState::Finishing {
            self.endpoints[side_index(side)].finished_one(&mut self.after);
        }
        self.drop_unsent_of(side, key);
        self.push_on_stream(side, key, Event::Reset { key, code });
    }

    /// Takes back the bytes of a stream that are still on the lane: a reset overtakes them.
    fn drop_unsent_of(&mut self, from: Side, stream: usize) {
        let queue = &mut self.lanes[side_index(from)].queue;
        let (mut kept, mut dropped) = (0, Vec::new());
        while let Some(event) = queue.get_mut(kept) {
            match event {
                Event::Data { key, bytes, .. } if *key == stream => {
                    dropped.push(core::mem::take(bytes));
                    queue.remove(kept);
                }
                _ => kept += 1,
            }
        }
        self.streams[stream].in_flight -= dropped.len();
        self.after.discard(dropped);
    }

    pub(super) fn poll_stopped(
        &mut self,
        side: Side,
        key: usize,
        cx: &Context<'_>,
    ) -> Poll<Result<StreamCode, ConnectionError>> {
        let send = &mut pipe(&mut self.streams, side, key).send;
        match (send.state, &self.endpoints[side_index(side)].cause) {
            (SendState::Stopped(code), _) => Poll::Ready(Ok(code)),
            (SendState::Finished, _) => Poll::Pending,
            (_, Some(cause)) => Poll::Ready(Err(cause.clone())),
            (_, None) => {
                send.stopped.register(cx, &mut self.after);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        side: Side,
        key: usize,
        cx: &Context<'_>,
        max: usize,
    ) -> Poll<Result<Chunk, ReadError>> {
        let max = max.clamp(1, self.endpoint(side).max_read);
        let direction = pipe(&mut self.streams, side.peer(), key);
        let recv = &mut direction.recv;
        match recv.state {
            RecvState::Open | RecvState::Whole => {}
            RecvState::Read => return Poll::Ready(Ok(Chunk { bytes: Bytes::new(), fin: true })),
            RecvState::Reset(code) => return Poll::Ready(Err(ReadError::Reset(code))),
            RecvState::Stopped { .. } => return Poll::Ready(Err(ReadError::Stopped)),
            RecvState::Cut => return Poll::Ready(Err(self.endpoint(side).cause().into())),
        }
        let bytes = match recv.buffer.front_mut() {
            Some(front) if front.len() > max => front.split_to(max),
            Some(_) => recv.buffer.pop_front().expect("it has a front"),
            None if recv.state == RecvState::Open => {
                recv.readable.register(cx, &mut self.after);
                return Poll::Pending;
            }
            None => Bytes::new(),
        };
        let whole = recv.state == RecvState::Whole;
        let fin = whole && recv.buffer.is_empty();
        if fin {
            recv.state = RecvState::Read;
        }
        if !whole {
            // Credit follows reading. Once all has come, nobody needs any.
            self.push_on_stream(side, key, Event::Credit { key, bytes: bytes.len() });
        }
        Poll::Ready(Ok(Chunk { bytes, fin }))
    }

    pub(super) fn stop(&mut self, side: Side, key: usize, code: StreamCode) {
        let direction = pipe(&mut self.streams, side.peer(), key);
        match direction.recv.state {
            RecvState::Open => {
                direction.recv.end(RecvState::Stopped { over: false }, &mut self.after);
                self.push_on_stream(side, key, Event::Stop { key, code });
            }
            // RFC 9000 section 3.5: there is nothing left to stop.
            RecvState::Whole => direction.recv.end(RecvState::Stopped { over: true }, &mut self.after),
            RecvState::Read | RecvState::Reset(_) | RecvState::Stopped { .. } | RecvState::Cut => {}
        }
    }

    /// The handle of a sending half is gone. An accepted FIN is kept: the stream was finished, if
    /// perhaps not delivered yet.
    pub(super) fn drop_send(&mut self, side: Side, key: usize) {
        if pipe(&mut self.streams, side, key).send.state == SendState::Open {
            self.reset(side, key, StreamCode::CANCELLED);
        }
        self.release(side, key);
    }

    /// A handle of `side` is gone; its half was ended before.
    pub(super) fn release(&mut self, side: Side, key: usize) {
        self.streams[key].handles[side_index(side)] -= 1;
        self.settle(key);
    }

    pub(super) fn send_datagram(&mut self, from: Side, payload: Bytes) -> Result<(), DatagramError> {
        if let Some(cause) = &self.endpoint(from).cause {
            return Err(cause.clone().into());
        }
        let limit = self.endpoint(from.peer()).max_datagram.ok_or(DatagramError::Unsupported)?;
        if payload.len() > limit {
            return Err(DatagramError::TooLarge { seen: payload.len(), limit });
        }
        let max_queued = self.endpoint(from).max_queued_datagrams;
        let lane = self.lane(from);
        if lane.datagrams >= max_queued {
            return Err(DatagramError::QueueFull);
        }
        lane.datagrams += 1;
        self.push(from, Event::Datagram(payload));
        Ok(())
    }

    pub(super) fn poll_recv_datagram(
        &mut self,
        side: Side,
        cx: &Context<'_>,
    ) -> Poll<Result<Bytes, ConnectionError>> {
        let endpoint = &mut self.endpoints[side_index(side)];
        if let Some(payload) = endpoint.datagrams.pop_front() {
            return Poll::Ready(Ok(payload));
        }
        if let Some(cause) = &endpoint.cause {
            return Poll::Ready(Err(cause.clone()));
        }
        endpoint.datagram_ready.register(cx, &mut self.after);
        Poll::Pending
    }

    pub(super) fn poll_flushed(&mut self, side: Side, cx: &Context<'_>) -> Poll<()> {
        let endpoint = &mut self.endpoints[side_index(side)];
        if endpoint.finishing == 0 || endpoint.cause.is_some() {
            return Poll::Ready(());
        }
        endpoint.flushed.register(cx, &mut self.after);
        Poll::Pending
    }
}
