//! The session inside of a WebTransport session (draft-ietf-webtrans-http3, clause 12.6): what is different there, and
//! nothing else.
//!
//! The streams are the connection's own, as without it, so that everything of this module's parent holds unchanged:
//!
//! | | native | within WebTransport |
//! |---|---|---|
//! | a stream begins with | the call | a type and the session's id, before the call (section 4.2, 4.3) |
//! | codes of resets and stops | as they are | in a range of HTTP/3's (section 4.4) |
//! | a datagram begins with | the notification | a quarter of the session's id (RFC 9297 section 2.1) |
//! | a close is | CONNECTION_CLOSE | a capsule on the session's own stream (section 6), and then that |
//! | other streams | there are none | HTTP/3's own: kept, or stopped |
//!
//! A header is written with the first bytes of its stream, and taken off as they are read. A bidirectional stream is handed
//! over before its header has come: so its patience, its place and the abuse budget are those of any call, also where it is
//! reset before, and one of another session is a call that was given up. Of a unidirectional stream the type is awaited,
//! because HTTP/3 has such streams of its own, which must be left open.
//!
//! The connection has one session. A capsule that is followed by CONNECTION_CLOSE at once might never be read: a close is
//! therefore said, and nothing works any more at this side; what waits there ends with the connection, as soon as the peer
//! answers with its own close, or [`LAST_WORD`] and [`GOODBYE`] have passed. That the capsule was acknowledged, or answered with
//! the end of the session's stream, is not enough: a browser that then hears CONNECTION_CLOSE before it has told its page of the
//! one tells it of the other.
//!
//! Nor does the end of this side's half of the session's stream follow the capsule at once, as section 6 has it: Chromium 148
//! ends all streams of the session when it comes, and a page that hears of such a stream before it has heard of the close
//! crashes (its `IncomingStream::ProcessClose` reads the error in no script context). It follows after [`LAST_WORD`], for whom
//! the capsule alone is not the end; Chromium has closed by then.

#![cfg_attr(not(feature = "webtransport"), allow(dead_code, reason = "only WebTransport makes one"))]

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::runtime::Runtime;
use ipfi_mux::TokioRuntime;
use ipfi_mux::abuse::GIVEN_UP;
use quinn::VarInt;

use super::{Incoming, Shared, lock};
use crate::config::varint;
use crate::error::Codes;

/// What a stream's header begins with: the type of a frame, and of a stream.
const BIDIRECTIONAL: u64 = 0x41;
const UNIDIRECTIONAL: u64 = 0x54;

/// The types of QPACK's streams (RFC 9204 section 4.2).
pub(crate) const QPACK: [u64; 2] = [0x02, 0x03];

/// Codes of HTTP/3 (RFC 9114 section 8.1).
pub(crate) const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);
const H3_STREAM_CREATION_ERROR: VarInt = VarInt::from_u32(0x103);
const H3_CLOSED_CRITICAL_STREAM: VarInt = VarInt::from_u32(0x104);
pub(super) const H3_REQUEST_REJECTED: VarInt = VarInt::from_u32(0x10b);

/// The capsule that closes a session, and how long its text may be, in bytes.
const CLOSE_SESSION: u64 = 0x2843;
const MAX_REASON_BYTES: usize = 1024;

/// How long a close waits for the peer's answer, at most; three round trips if they are longer.
const LAST_WORD: Duration = Duration::from_millis(700);

/// The same for the end of the session's stream, which follows.
const GOODBYE: Duration = Duration::from_millis(200);

/// The header of streams of one kind.
#[derive(Clone, Debug)]
pub(super) struct Header {
    kind: u64,
    session: u64,
    /// As it is written; a peer may write it longer.
    pub(super) bytes: Bytes,
}

/// What the first bytes of a stream are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The beginning of something.
    Undecided,
    /// The header.
    Whole,
    /// Something else, of this type.
    Other(u64),
}

impl Header {
    fn new(kind: u64, session: u64) -> Self {
        let mut bytes = BytesMut::new();
        put_varint(&mut bytes, kind);
        put_varint(&mut bytes, session);
        Self { kind, session, bytes: bytes.freeze() }
    }

    /// `seen` is all that was read so far, and without its last byte was undecided.
    pub(super) fn check(&self, seen: &[u8]) -> Begun {
        let Some((kind, rest)) = take_varint(seen) else { return Begun::Undecided };
        if kind != self.kind {
            return Begun::Other(kind);
        }
        match take_varint(rest) {
            None => Begun::Undecided,
            Some((session, _)) if session == self.session => Begun::Whole,
            Some(_) => Begun::Other(kind),
        }
    }
}

/// What a unidirectional stream of the peer's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UniKind {
    /// The session's: what follows is ipfi's.
    Ours,
    /// QPACK's, which never ends before the connection.
    Qpack(u64),
    /// Nobody's here.
    Unknown,
    /// It ended before it said what it is.
    Over,
}

/// What the handshake has left.
#[derive(Debug)]
pub(crate) struct Established {
    /// The id of the stream that the session was asked for on.
    pub(crate) session: u64,
    /// That stream: the session lives as long as it does.
    pub(crate) connect: quinn::SendStream,
    /// The control streams of HTTP/3.
    pub(crate) control: (quinn::SendStream, quinn::RecvStream),
    /// QPACK's streams that came before the peer's control stream, and their types.
    pub(crate) qpack: Vec<(u64, quinn::RecvStream)>,
}

/// How the peer has ended the session; `Err` says what else has happened to the session's stream.
pub(crate) type Ended = Result<(CloseCode, String), &'static str>;

/// One WebTransport session.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) bi: Header,
    pub(super) uni: Header,
    /// What a datagram begins with.
    pub(super) datagram: Bytes,
    connect: Mutex<Option<quinn::SendStream>>,
    /// This side has closed it.
    closing: AtomicBool,
    qpack: Mutex<Vec<(u64, quinn::RecvStream)>>,
    leftovers: Leftovers,
}

/// Halves whose handles went while the close is being said. Quinn would finish or stop each as it is dropped, and the peer
/// take that for the streams' own ends: so they are kept until the connection has ended. This side's control stream is among
/// them from the beginning.
type Leftovers = Arc<Mutex<Vec<Box<dyn Debug + Send>>>>;

impl Tunnel {
    pub(super) fn new(
        session: u64,
        connect: quinn::SendStream,
        control: quinn::SendStream,
        qpack: Vec<(u64, quinn::RecvStream)>,
    ) -> Self {
        let mut datagram = BytesMut::new();
        put_varint(&mut datagram, session / 4);
        Self {
            bi: Header::new(BIDIRECTIONAL, session),
            uni: Header::new(UNIDIRECTIONAL, session),
            datagram: datagram.freeze(),
            connect: Mutex::new(Some(connect)),
            closing: AtomicBool::new(false),
            qpack: Mutex::new(qpack),
            leftovers: Arc::new(Mutex::new(vec![Box::new(control)])),
        }
    }

    /// Whether this side has closed it. The connection may still be there.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// How many unidirectional streams of HTTP/3 the peer has open.
    pub(super) fn peers_uni(&self) -> u32 {
        1 + u32::try_from(lock(&self.qpack).len()).unwrap_or(u32::MAX - 1)
    }

    /// Closes the session, and the connection once the peer has heard of it.
    pub(super) fn close(
        &self,
        connection: &quinn::Connection,
        runtime: &TokioRuntime,
        code: CloseCode,
        reason: &str,
    ) {
        self.closing.store(true, Ordering::Release);
        let reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
        let last_code = Codes::WebTransport.encode(code.0);
        let Some(mut connect) = lock(&self.connect).take() else {
            return connection.close(last_code, reason.as_bytes());
        };
        let qpack = std::mem::take(&mut *lock(&self.qpack));
        lock(&self.leftovers).push(Box::new(qpack));
        let (connection, leftovers) = (connection.clone(), Arc::clone(&self.leftovers));
        runtime.spawn(Box::pin(async move {
            let patience = |least: Duration| tokio::time::sleep(least.max(3 * connection.rtt()));
            let told = async {
                // Ahead of bulk. An error is the connection's end, or the peer's wish for it.
                let _ = connect.set_priority(i32::MAX);
                if connect.write_all(&close_capsule(code, &reason)).await.is_ok() {
                    patience(LAST_WORD).await;
                    let _ = connect.finish();
                    patience(GOODBYE).await;
                }
            };
            tokio::select! {
                () = told => {}
                // The capsule may not find credit.
                () = patience(LAST_WORD + GOODBYE) => {}
                _ = connection.closed() => {}
            }
            connection.close(last_code, reason.as_bytes());
            drop(std::mem::take(&mut *lock(&leftovers)));
        }));
    }

    /// Takes from `datagram` what stands before a notification; `None` if it is none of this session.
    pub(super) fn open_datagram(&self, mut datagram: Bytes) -> Option<Bytes> {
        if datagram.starts_with(&self.datagram) {
            return Some(datagram.split_off(self.datagram.len()));
        }
        let (quarter, rest) = take_varint(&datagram)?;
        (quarter == self.bi.session / 4).then(|| datagram.slice_ref(rest))
    }
}

/// DATA with the capsule (RFC 9297 section 3.2). The code is the largest there, if it is larger.
fn close_capsule(code: CloseCode, reason: &str) -> Bytes {
    let mut capsule = BytesMut::new();
    put_varint(&mut capsule, CLOSE_SESSION);
    put_varint(&mut capsule, 4 + reason.len() as u64);
    capsule.put_u32(u32::try_from(code.0).unwrap_or(u32::MAX));
    capsule.put_slice(reason.as_bytes());
    let mut frame = BytesMut::new();
    put_varint(&mut frame, 0x00);
    put_varint(&mut frame, capsule.len() as u64);
    frame.put_slice(&capsule);
    frame.freeze()
}

/// Watches the session's stream, whose end `ended` is, and HTTP/3's control stream.
pub(super) fn watch(
    shared: &Arc<Shared>,
    ended: Pin<Box<dyn Future<Output = Ended> + Send>>,
    mut control: quinn::RecvStream,
) {
    let weak = Arc::downgrade(shared);
    let leftovers = shared.tunnel.as_ref().map(|tunnel| Arc::clone(&tunnel.leftovers));
    shared.runtime.spawn(Box::pin(async move {
        let control_ended = async {
            // What else HTTP/3 says there is for requests, of which there are no more.
            while let Ok(Some(_)) = control.read_chunk(usize::MAX, true).await {}
        };
        let ended = tokio::select! {
            biased;
            ended = ended => Some(ended),
            () = control_ended => None,
        };
        if let Some(leftovers) = leftovers {
            // A browser takes a stop of it for a fault, of which it tells its page in place of the close.
            lock(&leftovers).push(Box::new(control));
        }
        let Some(shared) = weak.upgrade() else { return };
        let (cause, code) = match ended {
            Some(Ok((code, reason))) => {
                (ConnectionError::PeerClosed { code, reason: reason.into() }, H3_NO_ERROR)
            }
            Some(Err(what)) => (ConnectionError::lost(what), H3_NO_ERROR),
            None => {
                let what =
                    "the peer ended the control stream of HTTP/3, which lives as long as the connection";
                (ConnectionError::lost(what), H3_CLOSED_CRITICAL_STREAM)
            }
        };
        let mut ours = lock(&shared.ours);
        // A connection that has ended says itself why; and what this side has closed is closed when its word has left.
        if ours.closed.is_none() && shared.connection.close_reason().is_none() {
            ours.peers_end = Some(cause);
            drop(ours);
            shared.connection.close(code, b"");
        }
    }));
}

/// The peer's unidirectional streams, once each has said what it is. For that it has as long as a handshake from its first
/// byte on; before that, [`QPACK`]'s two have for ever: Chromium opens both at once, and writes into one when it needs it.
pub(super) fn unidirectional(
    connection: &quinn::Connection,
    tunnel: &Tunnel,
    patience: Duration,
) -> Incoming<(quinn::RecvStream, UniKind)> {
    let (header, leftovers) = (tunnel.uni.clone(), Arc::clone(&tunnel.leftovers));
    let state = (connection.clone(), FuturesUnordered::new(), 0);
    Mutex::new(Box::pin(stream::unfold(state, move |(connection, mut begun, mut silent)| {
        let (header, leftovers) = (header.clone(), Arc::clone(&leftovers));
        async move {
            loop {
                tokio::select! {
                    biased;
                    Some((waiting, kind)) = begun.next(), if !begun.is_empty() => {
                        let kind: Option<UniKind> = kind;
                        if kind.is_none() && silent < QPACK.len() {
                            silent += 1;
                            begun.push(begin(waiting, header.clone(), Duration::MAX, patience));
                        } else if let Some(recv) = waiting.into_inner() {
                            let next = (recv, kind.unwrap_or(UniKind::Unknown));
                            return Some((Ok(next), (connection, begun, silent)));
                        }
                    }
                    accepted = connection.accept_uni() => match accepted {
                        Ok(recv) => {
                            let waiting = Waiting { recv: Some(recv), leftovers: Arc::clone(&leftovers) };
                            begun.push(begin(waiting, header.clone(), patience, patience));
                        }
                        Err(error) => return Some((Err(error), (connection, begun, silent))),
                    },
                }
            }
        }
    })))
}

/// A stream that has not said what it is. With the session it is left over: stopped, it might be QPACK's, and a browser takes
/// that for a fault, of which it tells its page in place of the close.
struct Waiting {
    recv: Option<quinn::RecvStream>,
    leftovers: Leftovers,
}

impl Waiting {
    fn into_inner(mut self) -> Option<quinn::RecvStream> {
        self.recv.take()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(recv) = self.recv.take() {
            lock(&self.leftovers).push(Box::new(recv));
        }
    }
}

/// What a stream is: nothing, if nothing has come of it in the time for its first byte.
async fn begin(
    mut waiting: Waiting,
    header: Header,
    first: Duration,
    rest: Duration,
) -> (Waiting, Option<UniKind>) {
    let Some(recv) = &mut waiting.recv else { return (waiting, Some(UniKind::Over)) };
    let mut seen = [0; 16];
    // No header of ours is shorter than the one that this side writes: nothing behind it is taken.
    let mut wanted = header.bytes.len();
    let Ok(begun) = tokio::time::timeout(first, recv.read(&mut seen[..wanted])).await else {
        return (waiting, None);
    };
    let Ok(Some(mut len)) = begun else { return (waiting, Some(UniKind::Over)) };
    let reading = async {
        loop {
            match header.check(&seen[..len]) {
                Begun::Undecided => wanted = wanted.max(len + 1),
                Begun::Whole => return UniKind::Ours,
                Begun::Other(kind) if QPACK.contains(&kind) => return UniKind::Qpack(kind),
                Begun::Other(_) => return UniKind::Unknown,
            }
            match recv.read(&mut seen[len..wanted]).await {
                Ok(Some(read)) => len += read,
                Ok(None) | Err(_) => return UniKind::Over,
            }
        }
    };
    let kind = tokio::time::timeout(rest, reading).await.unwrap_or(UniKind::Unknown);
    (waiting, Some(kind))
}

impl Shared {
    /// What becomes of a unidirectional stream that is not the session's.
    pub(super) fn sort_out(&self, mut recv: quinn::RecvStream, kind: UniKind) {
        match (&self.tunnel, kind) {
            (Some(tunnel), UniKind::Qpack(kind))
                if lock(&tunnel.qpack).iter().all(|(kept, _)| *kept != kind) =>
            {
                // It does not count among those that ipfi lets the peer open.
                self.places.one_more_uni();
                lock(&tunnel.qpack).push((kind, recv));
            }
            _ => {
                let _ = recv.stop(H3_STREAM_CREATION_ERROR);
                self.charge(GIVEN_UP, "a stream that is none of the session");
            }
        }
    }

    /// Keeps a half, where a close is being said; else it is dropped.
    pub(super) fn keep(&self, half: impl Debug + Send + 'static) {
        if let Some(tunnel) = self.tunnel.as_ref().filter(|tunnel| tunnel.is_closing())
            // Nothing is to be said any more.
            && self.connection.close_reason().is_none()
        {
            lock(&tunnel.leftovers).push(Box::new(half));
        }
    }

    /// Whether nothing is to be said of a stream any more, because a close is being said.
    pub(super) fn is_closing(&self) -> bool {
        self.tunnel.as_ref().is_some_and(Tunnel::is_closing)
    }

    /// The end, where this side has closed a session within the connection, which may still be there.
    pub(super) fn closing(&self) -> Option<ConnectionError> {
        let tunnel = self.tunnel.as_ref()?;
        if !tunnel.is_closing() {
            return None;
        }
        let (code, reason) = lock(&self.ours).closed.clone()?;
        Some(ConnectionError::LocallyClosed { code, reason })
    }

    /// How the peer has given a stream up that was not the session's, or never said so.
    pub(super) const STRANGER: StreamCode = StreamCode::CANCELLED;
}

fn put_varint(out: &mut BytesMut, value: u64) {
    match value {
        0..0x40 => out.put_uint(value, 1),
        0x40..0x4000 => out.put_uint(value | 0x4000, 2),
        0x4000..0x4000_0000 => out.put_uint(value | 0x8000_0000, 4),
        // Ids of streams, and what this file names.
        _ => out.put_u64(varint(value).into_inner() | 0xc000_0000_0000_0000),
    }
}

/// The integer at the beginning (RFC 9000 section 16), and what follows.
fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = 1 << (bytes.first()? >> 6);
    let (number, rest) = bytes.split_at_checked(len)?;
    let first = u64::from(number[0] & 0x3f);
    Some((number[1..].iter().fold(first, |value, byte| value << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests;
