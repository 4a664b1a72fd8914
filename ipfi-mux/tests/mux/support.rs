//! Two connections on one virtual clock, and a hostile peer that speaks in frames.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use bytes::{Buf, Bytes, BytesMut};
use ipfi_core::close_code::{StreamCode, TransportCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::limits::Limits;
use ipfi_core::session::{Chunk, Side};
use ipfi_core::time::Time;
use ipfi_mux::connection::Transmit;
use ipfi_mux::frame::{ConnectionClose, Frame};
use ipfi_mux::params::TransportParameters;
use ipfi_mux::record::{RecordFraming, RecordReader, begin_record, end_record};
use ipfi_mux::stream_id::{Dir, StreamId};
use ipfi_mux::{Config, Connection, StreamKey};

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (Arc::clone(&counter), Waker::from(counter))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection and its end of the pipe.
pub(crate) struct End {
    pub(crate) connection: Connection,
    /// Read, not yet whole records.
    input: BytesMut,
    /// Being written.
    output: BytesMut,
    /// In the pipe towards this end.
    pub(crate) pipe: BytesMut,
    /// The other end has shut its side.
    shut: bool,
}

impl End {
    fn new(side: Side, limits: Limits, framing: RecordFraming) -> Self {
        let config = Config { limits, framing, ..Config::new(side) };
        let connection = Connection::new(config, Time::ZERO).unwrap();
        let [input, output, pipe] = [(); 3].map(|()| BytesMut::new());
        Self { connection, input, output, pipe, shut: false }
    }

    pub(crate) fn fire(&mut self) {
        self.connection.take_wakes().fire();
    }

    pub(crate) fn open(&mut self, dir: Dir) -> StreamKey {
        match self.connection.poll_open(dir, &mut None, Waker::noop()) {
            Poll::Ready(opened) => opened.unwrap().0,
            Poll::Pending => panic!("no credit to open a stream"),
        }
    }

    pub(crate) fn accept(&mut self, dir: Dir) -> Option<StreamKey> {
        match self.connection.poll_accept(dir, Waker::noop()) {
            Poll::Ready(accepted) => Some(accepted.unwrap().0),
            Poll::Pending => None,
        }
    }

    /// Writes what fits and says whether all did.
    pub(crate) fn write(&mut self, key: StreamKey, data: &mut Bytes, fin: bool) -> Result<bool, WriteError> {
        match self.connection.poll_write(key, Waker::noop(), data, fin) {
            Poll::Ready(done) => done.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    pub(crate) fn send(&mut self, key: StreamKey, data: &'static [u8], fin: bool) {
        assert_eq!(self.write(key, &mut Bytes::from_static(data), fin), Ok(true));
    }

    pub(crate) fn read(&mut self, key: StreamKey, max: usize) -> Option<Result<Chunk, ReadError>> {
        match self.connection.poll_read(key, Waker::noop(), max) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    /// Reads what is there: the bytes, and whether the end came.
    pub(crate) fn drain(&mut self, key: StreamKey) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        while let Some(chunk) = self.read(key, usize::MAX) {
            let chunk = chunk.unwrap();
            all.extend_from_slice(&chunk.bytes);
            if chunk.fin {
                return (all, true);
            }
        }
        (all, false)
    }

    /// Drops the halves that an accepted stream of this kind has.
    pub(crate) fn drop_both_of(&mut self, key: StreamKey, dir: Dir) {
        if dir == Dir::Bi {
            self.connection.drop_send(key);
        }
        self.connection.drop_recv(key);
    }

    pub(crate) fn drop_both(&mut self, key: StreamKey) {
        self.connection.drop_send(key);
        self.connection.drop_recv(key);
    }
}

/// Two ends and the pipe between them.
pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) now: Time,
    /// Bytes that the pipe holds, each way.
    pub(crate) pipe_bytes: usize,
    /// Bytes that arrive at once, at most.
    pub(crate) cut: usize,
    /// Bytes asked for in one batch.
    pub(crate) batch: usize,
}

impl Pair {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::with(limits.clone(), limits)
    }

    pub(crate) fn with(client: Limits, server: Limits) -> Self {
        Self::framed(client, server, RecordFraming::Sized)
    }

    pub(crate) fn framed(client: Limits, server: Limits, framing: RecordFraming) -> Self {
        Self {
            client: End::new(Side::Client, client, framing),
            server: End::new(Side::Server, server, framing),
            now: Time::ZERO,
            pipe_bytes: usize::MAX,
            cut: usize::MAX,
            batch: 64 << 10,
        }
    }

    /// A pair after the handshake.
    pub(crate) fn connected(limits: Limits) -> Self {
        let mut pair = Self::new(limits);
        pair.drive();
        pair
    }

    pub(crate) fn end(&mut self, client: bool) -> &mut End {
        if client { &mut self.client } else { &mut self.server }
    }

    /// Moves bytes once each way; whether anything moved.
    pub(crate) fn step(&mut self) -> bool {
        let Self { client, server, now, pipe_bytes, cut, batch } = self;
        let out = write(client, server, *now, *pipe_bytes, *batch)
            | write(server, client, *now, *pipe_bytes, *batch);
        let arrived = read(client, *now, *cut) | read(server, *now, *cut);
        out | arrived
    }

    /// Moves bytes until nothing moves.
    pub(crate) fn drive(&mut self) {
        assert!(self.drive_bounded(1_000_000), "the pair does not come to rest");
    }

    /// As `drive`, in at most `steps` steps; false when it did not come to rest.
    pub(crate) fn drive_bounded(&mut self, steps: usize) -> bool {
        (0..steps).any(|_| !self.step())
    }

    /// Lets `after` pass, deadline by deadline.
    pub(crate) fn advance(&mut self, after: Duration) {
        let until = self.now + after;
        loop {
            self.drive();
            let next =
                [&self.client, &self.server].into_iter().filter_map(|end| end.connection.poll_timeout());
            let Some(next) = next.min().filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            self.client.connection.handle_timeout(self.now);
            self.server.connection.handle_timeout(self.now);
            if self.client.connection.is_finished() && self.server.connection.is_finished() {
                break;
            }
        }
        self.now = until;
        self.drive();
    }
}

fn write(from: &mut End, to: &mut End, now: Time, pipe_bytes: usize, batch: usize) -> bool {
    let mut moved = false;
    if from.output.is_empty() {
        let pending = from.connection.has_pending_output();
        let did = from.connection.poll_transmit(now, &mut from.output, batch);
        assert_eq!(pending, did != Transmit::Idle, "has_pending_output and poll_transmit disagree");
        moved |= pending;
    }
    let room = pipe_bytes.saturating_sub(to.pipe.len()).min(from.output.len());
    if room > 0 {
        to.pipe.extend_from_slice(&from.output.split_to(room));
        from.connection.handle_write_progress(now);
        moved = true;
        if from.output.is_empty() {
            from.connection.handle_transmitted(now);
        }
    }
    if from.connection.is_write_closed() && from.output.is_empty() && !to.shut {
        to.shut = true;
        moved = true;
    }
    from.fire();
    moved
}

fn read(end: &mut End, now: Time, cut: usize) -> bool {
    let take = match end.connection.framing() {
        RecordFraming::Sized => cut.min(end.pipe.len()),
        RecordFraming::Message => end.pipe.len(),
    };
    if take == 0 {
        if end.shut && !end.connection.is_finished() {
            end.connection.handle_end_of_input(now);
            end.fire();
            return true;
        }
        return false;
    }
    if end.input.capacity() - end.input.len() < take {
        end.input.reserve(take.max(ipfi_mux::connection::READ_BLOCK_BYTES));
    }
    end.input.extend_from_slice(&end.pipe.split_to(take));
    if !end.pipe.is_empty() {
        end.connection.expect_more();
    }
    end.connection.handle_input(now, &mut end.input);
    end.fire();
    true
}

/// A scripted peer that says exactly what it is told to, and the connection it attacks.
pub(crate) struct Hostile {
    pub(crate) victim: Connection,
    pub(crate) now: Time,
    reader: RecordReader,
    said: BytesMut,
}

impl Hostile {
    /// Attacks a server, before any handshake.
    pub(crate) fn unshaken(limits: Limits) -> Self {
        Self::on(Side::Server, limits)
    }

    pub(crate) fn on(side: Side, limits: Limits) -> Self {
        let config = Config { limits, ..Config::new(side) };
        let victim = Connection::new(config, Time::ZERO).unwrap();
        let reader = RecordReader::new(RecordFraming::Sized, 1 << 20);
        Self { victim, now: Time::ZERO, reader, said: BytesMut::new() }
    }

    /// Attacks a server, after a handshake with generous parameters.
    pub(crate) fn new(limits: Limits) -> Self {
        let mut this = Self::unshaken(limits);
        this.send(&[Frame::TransportParameters(generous())]);
        this.receive();
        this
    }

    /// Attacks a client likewise.
    pub(crate) fn against_client(limits: Limits) -> Self {
        let mut this = Self::on(Side::Client, limits);
        this.send(&[Frame::TransportParameters(generous())]);
        this.receive();
        this
    }

    pub(crate) fn send(&mut self, frames: &[Frame]) -> &mut Self {
        let mut out = BytesMut::new();
        let mark = begin_record(&mut out);
        for frame in frames {
            frame.encode(&mut out);
        }
        end_record(&mut out, mark);
        self.send_bytes(&out)
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let mut input = BytesMut::from(bytes);
        self.victim.handle_input(self.now, &mut input);
        self.victim.take_wakes().fire();
        self
    }

    /// What the victim says.
    pub(crate) fn receive(&mut self) -> Vec<Frame> {
        while self.victim.poll_transmit(self.now, &mut self.said, 64 << 10) != Transmit::Idle {
            self.victim.handle_transmitted(self.now);
        }
        self.heard()
    }

    /// What the victim says in one batch for which `max` bytes are asked.
    pub(crate) fn receive_batch(&mut self, max: usize) -> Vec<Frame> {
        let _ = self.victim.poll_transmit(self.now, &mut self.said, max);
        self.victim.handle_transmitted(self.now);
        self.heard()
    }

    fn heard(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(mut record) = self.reader.next(&mut self.said).unwrap() {
            while record.has_remaining() {
                frames.push(Frame::decode(&mut record).unwrap());
            }
        }
        self.victim.take_wakes().fire();
        frames
    }

    /// The victim must have closed with `code`, giving a reason that contains `what`, and say so.
    #[track_caller]
    pub(crate) fn expect_violation(&mut self, code: TransportCode, what: &str) {
        match self.victim.close_reason() {
            Some(ConnectionError::Violation { code: seen, what: said }) => {
                assert_eq!(*seen, code, "{said}");
                assert!(said.contains(what), "{said:?} does not say {what:?}");
            }
            other => panic!("not a violation: {other:?}"),
        }
        let last = self.receive().pop();
        match last {
            Some(Frame::ConnectionClose(ConnectionClose::Transport { code: told, .. })) => {
                assert_eq!(told, code)
            }
            other => panic!("the peer is not told: {other:?}"),
        }
        assert!(self.victim.is_write_closed());
    }

    #[track_caller]
    pub(crate) fn expect_alive(&self) {
        assert_eq!(self.victim.close_reason(), None);
    }
}

pub(crate) fn generous() -> TransportParameters {
    TransportParameters {
        initial_max_data: 1 << 30,
        initial_max_stream_data_bidi_local: 1 << 20,
        initial_max_stream_data_bidi_remote: 1 << 20,
        initial_max_stream_data_uni: 1 << 20,
        initial_max_streams_bidi: 1 << 20,
        initial_max_streams_uni: 1 << 20,
        max_datagram_frame_size: 16_382,
        ..TransportParameters::default()
    }
}

/// The `index`th bidirectional stream of the client.
pub(crate) fn bi(index: u64) -> StreamId {
    StreamId::new(Side::Client, Dir::Bi, index)
}

/// The `index`th unidirectional stream of the client.
pub(crate) fn uni(index: u64) -> StreamId {
    StreamId::new(Side::Client, Dir::Uni, index)
}

pub(crate) fn data(id: StreamId, offset: u64, payload: &'static [u8]) -> Frame {
    Frame::Stream { id, offset, payload: Bytes::from_static(payload), fin: false }
}

pub(crate) fn last(id: StreamId, offset: u64, payload: &'static [u8]) -> Frame {
    Frame::Stream { id, offset, payload: Bytes::from_static(payload), fin: true }
}

pub(crate) fn reset(id: StreamId, final_size: u64) -> Frame {
    Frame::ResetStream { id, code: StreamCode::CANCELLED.0, final_size }
}

pub(crate) fn stop(id: StreamId) -> Frame {
    Frame::StopSending { id, code: StreamCode::CANCELLED.0 }
}

/// Limits without timers, for tests where time stands still.
pub(crate) fn timeless() -> Limits {
    let mut limits = Limits::default();
    limits.ping_interval = None;
    limits.idle_timeout = None;
    limits
}
