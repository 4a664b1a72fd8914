//! Both ends of the connection and the two lanes between them, under one lock.
//!
//! An end never touches the other: it puts events on its lane, and [`Link::deliver`] applies them at
//! the far end, in order, before the lock is released. Only a stalled lane keeps any. So a test that
//! stalls a lane sees exactly what a slow network would show, and everything else is immediate.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use slab::Slab;

use super::half::{After, Kind, RecvState, SendState, Stream, WakerSlot, side_index};
use super::open::{AcceptQueue, Openers};
use super::options::{EndpointOptions, MemoryOptions};
use crate::close_code::{CloseCode, StreamCode};
use crate::error::ConnectionError;
use crate::session::Side;
use crate::sync::Mutex;
use crate::varint;

/// The most a peer is told of the reason for a close, as on every carrier.
const MAX_REASON_BYTES: usize = 256;

/// What one end tells the other; the names are those of the frames of RFC 9000 section 19.
#[derive(Debug)]
pub(super) enum Event {
    /// The stream was used for the first time: STREAM_DATA_BLOCKED would say as much.
    Opened { key: usize },
    /// STREAM.
    Data { key: usize, bytes: Bytes, fin: bool },
    /// RESET_STREAM.
    Reset { key: usize, code: StreamCode },
    /// STOP_SENDING.
    Stop { key: usize, code: StreamCode },
    /// MAX_STREAM_DATA, as a difference.
    Credit { key: usize, bytes: usize },
    /// MAX_STREAMS, as a difference of one.
    StreamCredit(Kind),
    /// DATAGRAM (RFC 9221).
    Datagram(Bytes),
    /// CONNECTION_CLOSE of type 0x1d.
    Close { code: CloseCode, reason: Arc<str> },
}

impl Event {
    const fn key(&self) -> Option<usize> {
        match self {
            Self::Opened { key }
            | Self::Data { key, .. }
            | Self::Reset { key, .. }
            | Self::Stop { key, .. }
            | Self::Credit { key, .. } => Some(*key),
            Self::StreamCredit(_) | Self::Datagram(_) | Self::Close { .. } => None,
        }
    }
}

/// What one end has sent and the other not yet received.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) queue: VecDeque<Event>,
    /// Datagrams among them.
    pub(super) datagrams: usize,
    pub(super) stalled: bool,
    /// Bytes of streams that have arrived.
    pub(super) crossed: u64,
    pub(super) cut_after: Option<u64>,
}

/// One end.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Why the connection is over here.
    pub(super) cause: Option<ConnectionError>,
    /// By kind: this end's streams.
    pub(super) openers: [Openers; 2],
    /// By kind: the peer's streams.
    pub(super) accept: [AcceptQueue; 2],
    /// By kind: how much of a stream's unread bytes this end holds.
    pub(super) window: [usize; 2],
    pub(super) datagrams: VecDeque<Bytes>,
    pub(super) datagram_ready: WakerSlot,
    pub(super) max_queued_datagrams: usize,
    /// The largest payload this end takes.
    pub(super) max_datagram: Option<usize>,
    /// Streams whose FIN was accepted here and has not arrived there.
    pub(super) finishing: usize,
    pub(super) flushed: WakerSlot,
    pub(super) max_read: usize,
}

impl Endpoint {
    fn new(own: &EndpointOptions, peer: &EndpointOptions) -> Self {
        let limits = &own.limits;
        let frame = limits.max_datagram_frame_bytes;
        // RFC 9221 section 3: the limit counts the type and the length of the frame, too. There is no
        // frame here; subtracting them anyway keeps payloads portable.
        let header = 1 + varint::len(u64::from(frame));
        Self {
            cause: None,
            openers: [
                Openers::new(peer.limits.max_inbound_calls),
                Openers::new(peer.limits.max_inbound_notifications),
            ],
            accept: Default::default(),
            window: [
                at_least_one(limits.stream_window_bytes),
                at_least_one(limits.notification_window_bytes),
            ],
            datagrams: VecDeque::new(),
            datagram_ready: WakerSlot::default(),
            max_queued_datagrams: to_usize(limits.max_queued_datagrams),
            max_datagram: to_usize(frame).checked_sub(header),
            finishing: 0,
            flushed: WakerSlot::default(),
            max_read: own.max_read_bytes.max(1),
        }
    }

    /// The cause, for a half that [`SendState::Cut`] or [`RecvState::Cut`] says has one.
    pub(super) fn cause(&self) -> ConnectionError {
        self.cause.clone().expect("halves are cut only by `Link::end`, which sets the cause first")
    }
}

fn to_usize(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn at_least_one(window: u32) -> usize {
    to_usize(window).max(1)
}

/// The whole connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) endpoints: [Endpoint; 2],
    /// By sender.
    pub(super) lanes: [Lane; 2],
    pub(super) streams: Slab<Stream>,
    pub(super) after: After,
}

/// The lock around it.
#[derive(Debug)]
pub(super) struct Shared(Mutex<Link>);

impl Shared {
    pub(super) fn new(options: &MemoryOptions) -> Arc<Self> {
        let lane = |from: &EndpointOptions| Lane {
            queue: VecDeque::new(),
            datagrams: 0,
            stalled: from.stalled,
            crossed: 0,
            cut_after: from.cut_after_bytes,
        };
        let (client, server) = (&options.client, &options.server);
        let mut link = Link {
            endpoints: [Endpoint::new(client, server), Endpoint::new(server, client)],
            lanes: [lane(client), lane(server)],
            streams: Slab::new(),
            after: After::default(),
        };
        link.cut_where_due();
        Arc::new(Self(Mutex::new(link)))
    }

    /// Acts on the link, delivers what that sent, and wakes whom it concerns once the lock is free.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Link) -> R) -> R {
        let (result, after) = {
            // Cloning a foreign waker is the only thing under the lock that may panic, and it
            // happens before or after a change, never inside one: the link is whole.
            let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let result = act(&mut link);
            link.deliver();
            (result, core::mem::take(&mut link.after))
        };
        after.run();
        result
    }
}

impl Link {
    pub(super) fn endpoint(&mut self, side: Side) -> &mut Endpoint {
        &mut self.endpoints[side_index(side)]
    }

    pub(super) fn lane(&mut self, from: Side) -> &mut Lane {
        &mut self.lanes[side_index(from)]
    }

    /// Puts an event on the lane of `from`.
    pub(super) fn push(&mut self, from: Side, event: Event) {
        if let Some(key) = event.key() {
            self.streams[key].in_flight += 1;
        }
        self.lane(from).queue.push_back(event);
    }

    /// Applies what the lanes carry until both are empty or stand still. Ends, because an event
    /// brings forth at most one other and never one of its own kind.
    fn deliver(&mut self) {
        loop {
            let mut moved = false;
            for from in [Side::Client, Side::Server] {
                while !self.lane(from).stalled && self.step(from) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Applies the oldest event that `from` sent; `false` if there is none.
    pub(super) fn step(&mut self, from: Side) -> bool {
        let Some(event) = self.lane(from).queue.pop_front() else { return false };
        let key = event.key();
        self.apply(from, event);
        if let Some(key) = key {
            // Still there: a stream outlives the events that name it.
            self.streams[key].in_flight -= 1;
            self.settle(key);
        }
        true
    }

    fn apply(&mut self, from: Side, event: Event) {
        let to = from.peer();
        let over = self.endpoint(to).cause.is_some();
        match event {
            Event::Data { key, bytes, fin } => self.on_data(from, key, bytes, fin),
            Event::Datagram(payload) => {
                self.lane(from).datagrams -= 1;
                self.on_datagram(to, payload);
            }
            // Whoever has ended hears nothing any more.
            _ if over => {}
            Event::Opened { key } => {
                let kind = self.streams[key].kind;
                self.endpoints[side_index(to)].accept[kind as usize].push(key, &mut self.after);
            }
            Event::Reset { key, code } => {
                if let Some(pipe) = self.streams[key].pipe_from(from) {
                    match pipe.recv.state {
                        RecvState::Open => pipe.recv.end(RecvState::Reset(code), &mut self.after),
                        RecvState::Stopped { .. } => pipe.recv.state = RecvState::Stopped { over: true },
                        // RFC 9000 section 3.2: a reset behind all of the data changes nothing.
                        RecvState::Whole | RecvState::Read | RecvState::Reset(_) | RecvState::Cut => {}
                    }
                }
            }
            Event::Stop { key, code } => self.on_stop(to, key, code),
            Event::Credit { key, bytes } => {
                if let Some(pipe) = self.streams[key].pipe_from(to) {
                    pipe.send.window += bytes;
                    pipe.send.writable.wake(&mut self.after);
                }
            }
            Event::StreamCredit(kind) => {
                self.endpoints[side_index(to)].openers[kind as usize].grant(&mut self.after);
            }
            Event::Close { code, reason } => self.end(to, ConnectionError::PeerClosed { code, reason }),
        }
    }

    fn on_data(&mut self, from: Side, key: usize, mut bytes: Bytes, mut fin: bool) {
        let lane = &mut self.lanes[side_index(from)];
        if let Some(cut) = lane.cut_after {
            let left = usize::try_from(cut.saturating_sub(lane.crossed)).unwrap_or(usize::MAX);
            if left <= bytes.len() {
                bytes.truncate(left);
                fin = false;
            }
        }
        lane.crossed += u64::try_from(bytes.len()).expect("a length in memory fits 64 bits");

        let Some(pipe) = self.streams[key].pipe_from(from) else { return };
        if fin && pipe.send.state == SendState::Finishing {
            pipe.send.state = SendState::Finished;
            // Nobody can stop it any more.
            pipe.send.stopped.clear(&mut self.after);
            self.endpoints[side_index(from)].finished_one(&mut self.after);
        }
        let recv = &mut pipe.recv;
        match recv.state {
            RecvState::Open => {
                if !bytes.is_empty() {
                    recv.buffer.push_back(bytes);
                }
                if fin {
                    recv.state = RecvState::Whole;
                }
                recv.readable.wake(&mut self.after);
            }
            RecvState::Stopped { over } => {
                recv.state = RecvState::Stopped { over: over || fin };
                self.after.discard([bytes]);
            }
            RecvState::Whole | RecvState::Read | RecvState::Reset(_) | RecvState::Cut => {
                self.after.discard([bytes]);
            }
        }
        self.cut_where_due();
    }

    fn on_stop(&mut self, sender: Side, key: usize, code: StreamCode) {
        let Some(pipe) = self.streams[key].pipe_from(sender) else { return };
        match pipe.send.state {
            SendState::Open => {
                pipe.send.end(SendState::Stopped(code), &mut self.after);
                // RFC 9000 section 3.5: whoever is asked to stop resets, with the code it was given.
                self.push(sender, Event::Reset { key, code });
            }
            SendState::Finishing => {
                // The FIN is on its way and ends the peer's half; no reset is needed.
                pipe.send.end(SendState::Stopped(code), &mut self.after);
                self.endpoints[side_index(sender)].finished_one(&mut self.after);
            }
            SendState::Finished | SendState::Reset | SendState::Stopped(_) | SendState::Cut => {}
        }
    }

    fn on_datagram(&mut self, to: Side, payload: Bytes) {
        let endpoint = &mut self.endpoints[side_index(to)];
        if endpoint.cause.is_some() || endpoint.datagrams.len() >= endpoint.max_queued_datagrams {
            self.after.discard([payload]);
        } else {
            endpoint.datagrams.push_back(payload);
            endpoint.datagram_ready.wake(&mut self.after);
        }
    }

    /// Gives the opener its place back and forgets the stream, as soon as either is due.
    pub(super) fn settle(&mut self, key: usize) {
        let stream = &mut self.streams[key];
        let acceptor = stream.opener.peer();
        if !stream.credited && stream.is_over_for_acceptor() {
            stream.credited = true;
            let kind = stream.kind;
            if self.endpoint(acceptor).cause.is_none() {
                self.push(acceptor, Event::StreamCredit(kind));
            }
        }
        if self.streams[key].is_gone() {
            self.streams.remove(key);
        }
    }

    /// Closes the connection at `side` and tells the peer.
    pub(super) fn close(&mut self, side: Side, code: CloseCode, reason: &str) {
        if self.endpoint(side).cause.is_some() {
            return;
        }
        self.drop_unsent(side);
        self.end(side, ConnectionError::LocallyClosed { code, reason: reason.into() });
        let told = reason.floor_char_boundary(MAX_REASON_BYTES);
        self.push(side, Event::Close { code, reason: reason[..told].into() });
    }

    /// Breaks the link for both ends.
    pub(super) fn lose(&mut self, detail: &str) {
        for side in [Side::Client, Side::Server] {
            self.drop_unsent(side);
            self.end(side, ConnectionError::lost(detail));
        }
    }

    /// Breaks the link if as many bytes have crossed as it was made for.
    pub(super) fn cut_where_due(&mut self) {
        let due = self.lanes.iter().find_map(|lane| lane.cut_after.filter(|cut| lane.crossed >= *cut));
        if let Some(cut) = due {
            self.lose(&format!("the link was cut after {cut} bytes"));
        }
    }

    fn drop_unsent(&mut self, from: Side) {
        let lane = &mut self.lanes[side_index(from)];
        lane.datagrams = 0;
        for event in lane.queue.drain(..) {
            if let Some(key) = event.key() {
                self.streams[key].in_flight -= 1;
            }
            if let Event::Data { bytes, .. } | Event::Datagram(bytes) = event {
                self.after.discard([bytes]);
            }
        }
    }

    /// Ends the connection at `side`: everything that waits there is told, all that nobody can read
    /// any more goes.
    fn end(&mut self, side: Side, cause: ConnectionError) {
        let after = &mut self.after;
        let endpoint = &mut self.endpoints[side_index(side)];
        if endpoint.cause.is_some() {
            return;
        }
        // This side's own close means it wants nothing more; the peer's, or a loss, does not take
        // away what had arrived whole before it.
        let keep_whole = !matches!(cause, ConnectionError::LocallyClosed { .. });
        endpoint.cause = Some(cause);

        for (_, stream) in &mut self.streams {
            if let Some(pipe) = stream.pipe_from(side) {
                if pipe.send.state.is_over() {
                    // Whoever waits after its own reset learns of the end, too.
                    pipe.send.stopped.wake(after);
                } else {
                    pipe.send.end(SendState::Cut, after);
                }
            }
            let mut whole = false;
            if let Some(pipe) = stream.pipe_from(side.peer()) {
                match pipe.recv.state {
                    RecvState::Whole if keep_whole => whole = true,
                    RecvState::Open | RecvState::Whole => pipe.recv.end(RecvState::Cut, after),
                    _ => {}
                }
            }
            if stream.opener != side {
                // A bidirectional stream could not be answered any more.
                stream.acceptable &= whole && stream.kind == Kind::Uni;
            }
        }
        for kind in [Kind::Bi, Kind::Uni] {
            endpoint.openers[kind as usize].wake_all(after);
            endpoint.accept[kind as usize].end(|key| self.streams[key].acceptable, after);
        }
        after.discard(endpoint.datagrams.drain(..));
        endpoint.datagram_ready.wake(after);
        endpoint.finishing = 0;
        endpoint.flushed.wake(after);
        self.streams.retain(|_, stream| !stream.is_gone());
    }
}

impl Endpoint {
    /// One stream less whose FIN is on its way.
    pub(super) fn finished_one(&mut self, after: &mut After) {
        self.finishing -= 1;
        if self.finishing == 0 {
            self.flushed.wake(after);
        }
    }
}
