//! A client that speaks QMux frame by frame and keeps to no limit that it is not held to.
//!
//! It knows the credit it was granted, so that it can use up all of it, says honestly that it is blocked
//! (which makes windows grow), and can be told to read nothing of what it is sent. Everything is virtual:
//! the pipe is memory, and [`settle`](HostilePeer::settle) lets the other side run until it has nothing
//! to do, without a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use ipfi_core::proto::RequestHeader;
use ipfi_core::session::Side;
use ipfi_core::{Wire, WireOptions};
use ipfi_mux::frame::{ConnectionClose, Frame, stream};
use ipfi_mux::params::TransportParameters;
use ipfi_mux::record::{RecordFraming, RecordReader, begin_record, end_record};
use ipfi_mux::stream_id::{Dir, StreamId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What the pipe holds, each way: part of what a test must allow for.
pub const PIPE_BYTES: usize = 64 << 10;

/// The largest record made here: what every peer accepts.
const RECORD_BYTES: usize = 16_382;

/// How often the other side is let run before it counts as settled: every task of it several times, and
/// all that its answers wake.
const SETTLED: usize = 64;

/// What the other side granted on one stream.
#[derive(Clone, Copy, Debug)]
struct Credit {
    max: u64,
    sent: u64,
    /// The limit at which it was told that we are blocked.
    told: Option<u64>,
}

/// The hostile end of a connection.
#[derive(Debug)]
pub struct HostilePeer {
    pipe: DuplexStream,
    /// Whole records to be written, and perhaps one that is being made, begun at `record`.
    out: BytesMut,
    record: Option<usize>,
    input: BytesMut,
    reader: RecordReader,
    granted: TransportParameters,
    max_data: u64,
    sent_data: u64,
    opened: [u64; 2],
    streams: BTreeMap<u64, Credit>,
    /// Reads nothing of what it is sent while this is set.
    pub deaf: bool,
    /// What was answered on each stream, while this is there.
    pub answers: Option<BTreeMap<StreamId, Vec<u8>>>,
    /// RESET_STREAM and STOP_SENDING frames that came.
    pub given_up: u64,
    /// Why the other side closed the connection, if it said.
    pub closed: Option<ConnectionClose>,
    /// Nothing more can be written.
    pub broken: bool,
}

impl HostilePeer {
    /// What it declares unless a test has a reason: all the credit there can be.
    pub fn generous() -> TransportParameters {
        let most = 1 << 60;
        TransportParameters {
            initial_max_data: most,
            initial_max_stream_data_bidi_local: most,
            initial_max_stream_data_bidi_remote: most,
            initial_max_stream_data_uni: most,
            initial_max_streams_bidi: most,
            initial_max_streams_uni: most,
            max_datagram_frame_size: 1 << 16,
            ..TransportParameters::default()
        }
    }

    /// Connects to a server with `options` in this process; gives the server's wire too, unless the
    /// handshake failed.
    pub async fn connect(options: WireOptions, declares: &TransportParameters) -> (Self, Option<Wire>) {
        let (mut peer, server) = Self::begin(options);
        peer.put(&Frame::TransportParameters(declares.clone()));
        peer.flush().await;
        let wire = server.await.expect("accepting does not panic").ok();
        peer.settle().await;
        (peer, wire)
    }

    /// A connection on which nothing was said, and the server that waits for it.
    pub fn begin(
        options: WireOptions,
    ) -> (Self, tokio::task::JoinHandle<Result<Wire, ipfi_core::error::ConnectionError>>) {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let (reader, writer) = tokio::io::split(far);
        let server = tokio::spawn(ipfi_mux::accept(reader, writer, options));
        let peer = Self {
            pipe: near,
            out: BytesMut::with_capacity(2 * PIPE_BYTES),
            record: None,
            input: BytesMut::with_capacity(2 * PIPE_BYTES),
            reader: RecordReader::new(RecordFraming::Sized, 1 << 20),
            granted: TransportParameters::default(),
            max_data: 0,
            sent_data: 0,
            opened: [0; 2],
            streams: BTreeMap::new(),
            deaf: false,
            answers: None,
            given_up: 0,
            closed: None,
            broken: false,
        };
        (peer, server)
    }

    // --- What it says ---

    /// Appends a frame to the record being made; written with [`flush`](Self::flush).
    pub fn put(&mut self, frame: &Frame) {
        self.put_with(|out| frame.encode(out));
    }

    /// Appends bytes to the record being made, whatever they are.
    pub fn put_with(&mut self, put: impl FnOnce(&mut BytesMut)) {
        let out = &mut self.out;
        let mark = *self.record.get_or_insert_with(|| begin_record(out));
        put(out);
        if out.len() - mark > RECORD_BYTES / 2 {
            self.end_record();
        }
    }

    /// Ends the record being made: what follows is in another.
    pub fn end_record(&mut self) {
        if let Some(mark) = self.record.take() {
            end_record(&mut self.out, mark);
        }
    }

    /// Appends bytes as they are, without a record around them.
    pub fn put_raw(&mut self, bytes: &[u8]) {
        self.end_record();
        self.out.extend_from_slice(bytes);
    }

    /// Opens a stream, if the other side lets it.
    pub fn open(&mut self, dir: Dir) -> Option<StreamId> {
        let (place, granted, window) = match dir {
            Dir::Bi => {
                (0, self.granted.initial_max_streams_bidi, self.granted.initial_max_stream_data_bidi_remote)
            }
            Dir::Uni => (1, self.granted.initial_max_streams_uni, self.granted.initial_max_stream_data_uni),
        };
        let index = self.opened[place];
        (index < granted).then(|| {
            self.opened[place] += 1;
            let id = StreamId::new(Side::Client, dir, index);
            self.streams.insert(id.get(), Credit { max: window, sent: 0, told: None });
            id
        })
    }

    /// Appends `bytes` of stream `id` in frames of at most `frame` bytes, credit or not.
    pub fn stream(&mut self, id: StreamId, bytes: &[u8], frame: usize, fin: bool) {
        let mut rest = bytes;
        loop {
            let (now, later) = rest.split_at(rest.len().min(frame));
            let credit = self.streams.get_mut(&id.get()).expect("the stream was opened");
            let offset = credit.sent;
            credit.sent += now.len() as u64;
            self.sent_data += now.len() as u64;
            let last = later.is_empty();
            if now.len() > RECORD_BYTES / 2 {
                self.end_record();
            }
            self.put_with(|out| {
                stream::put_header(out, id, offset, Some(now.len()), fin && last);
                out.extend_from_slice(now);
            });
            rest = later;
            if last {
                return;
            }
        }
    }

    /// Bytes that may be sent on `id` now.
    pub fn credit(&self, id: StreamId) -> u64 {
        let own = self.streams.get(&id.get()).map_or(0, |credit| credit.max.saturating_sub(credit.sent));
        own.min(self.max_data.saturating_sub(self.sent_data))
    }

    /// Forgets a stream that nothing more is sent on, so that floods cost this side nothing.
    pub fn forget(&mut self, id: StreamId) {
        self.streams.remove(&id.get());
    }

    /// Bytes sent on `id`.
    pub fn sent(&self, id: StreamId) -> u64 {
        self.streams.get(&id.get()).map_or(0, |credit| credit.sent)
    }

    /// Sends on `id`, in frames of `frame` bytes, all that the other side grants and goes on granting
    /// (`grow` says truly that we are blocked, which asks for more). `pattern` is repeated.
    pub async fn fill(&mut self, id: StreamId, frame: usize, grow: bool, pattern: &[u8]) {
        let mut at = 0;
        loop {
            let mut left = usize::try_from(self.credit(id)).unwrap_or(usize::MAX).min(1 << 20);
            let sent = left > 0;
            while left > 0 && !self.broken {
                let now = left.min(pattern.len() - at);
                self.stream(id, &pattern[at..at + now], frame, false);
                left -= now;
                at = (at + now) % pattern.len();
                if self.out.len() > PIPE_BYTES {
                    self.flush().await;
                }
            }
            self.flush().await;
            self.settle().await;
            // Of the credit that it was blocked at: what came since is granted for having been read.
            let credit = self.streams.get_mut(&id.get()).expect("the stream was opened");
            let limit = credit.sent;
            if grow && credit.told.replace(limit) != Some(limit) {
                self.put(&Frame::StreamDataBlocked { id, limit });
                self.flush().await;
                self.settle().await;
            } else if !sent || self.broken {
                return;
            }
        }
    }

    /// Writes what was appended.
    pub async fn flush(&mut self) {
        self.end_record();
        if self.pipe.write_all(&self.out).await.is_err() {
            self.broken = true;
        }
        self.out.clear();
    }

    // --- What it hears ---

    /// Lets the other side run until it has nothing to do, and hears what it says unless deaf.
    pub async fn settle(&mut self) {
        for _ in 0..SETTLED {
            tokio::task::yield_now().await;
            self.hear();
        }
    }

    fn hear(&mut self) {
        while !self.deaf {
            if self.input.capacity() < PIPE_BYTES {
                self.input.reserve(PIPE_BYTES);
            }
            match self.pipe.read_buf(&mut self.input).now_or_never() {
                None | Some(Err(_)) => return,
                Some(Ok(0)) => return self.broken = true,
                Some(Ok(_)) => {}
            }
            while let Some(mut record) = self.reader.next(&mut self.input).expect("our side sends records") {
                while !record.is_empty() {
                    let frame = Frame::decode(&mut record).expect("our side sends frames");
                    self.heard(frame);
                }
            }
        }
    }

    fn heard(&mut self, frame: Frame) {
        match frame {
            Frame::TransportParameters(parameters) => {
                self.max_data = parameters.initial_max_data;
                self.granted = parameters;
            }
            Frame::MaxData { max } => self.max_data = max,
            Frame::MaxStreams { dir: Dir::Bi, max } => self.granted.initial_max_streams_bidi = max,
            Frame::MaxStreams { dir: Dir::Uni, max } => self.granted.initial_max_streams_uni = max,
            Frame::MaxStreamData { id, max } => {
                if let Some(credit) = self.streams.get_mut(&id.get()) {
                    credit.max = max;
                }
            }
            Frame::ResetStream { .. } | Frame::StopSending { .. } => self.given_up += 1,
            Frame::Stream { id, payload, .. } => {
                if let Some(answers) = &mut self.answers {
                    answers.entry(id).or_default().extend_from_slice(&payload);
                }
            }
            Frame::ConnectionClose(close) => self.closed = Some(close),
            Frame::Ping { sequence } => self.put(&Frame::Pong { sequence }),
            _ => {}
        }
    }

    /// Goes away without a word, and lets the time pass (of a paused clock) that the other side may take
    /// over that.
    pub async fn vanish(self) {
        drop(self);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// The beginning of a call: its header, codec bincode, and empty arguments.
pub fn call_of(procedure: u8) -> [u8; 3] {
    [procedure, 1, 0]
}

/// Calls of `procedure`, which takes `()` and no items, that their callee has to end while the handler runs, and what
/// each is.
pub fn doomed_calls(procedure: u64) -> [(&'static str, Vec<u8>); 3] {
    let call = |timeout, rest: &[u8]| {
        let mut header = RequestHeader::new(procedure, 1);
        header.timeout = timeout;
        let mut call = BytesMut::new();
        header.encode(&mut call);
        call.extend_from_slice(rest);
        call.to_vec()
    };
    [
        ("a second message", call(None, &[0, 0])),
        ("an empty fragment behind the arguments", call(None, &[0, 1])),
        ("a timeout of a millisecond", call(Some(Duration::from_millis(1)), &[0])),
    ]
}
