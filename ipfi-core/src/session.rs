//! What a carrier must offer: streams of bytes with the semantics of QUIC (RFC 9000 sections 2 to 4),
//! as clause 1.1 asks for.
//!
//! A [`Session`] opens and accepts streams; a [`SendStream`] and a [`RecvStream`] are the halves of
//! one. Nothing above these traits knows which carrier it runs on, and they ask for the least: no
//! `Send`, no runtime, no clock, so that a peer made of `Rc`s and stepped by hand can implement them
//! (`tests/no_send.rs` does).
//!
//! Opening is a future, because it may wait for credit; a stream's halves have poll methods over
//! [`Bytes`], so that no future is made per chunk. Whoever drops a half before its end gives it up:
//! a send half resets, a receive half stops, both with [`StreamCode::CANCELLED`], never a clean finish.
//!
//! A peer's stream holds its place among those that are allowed until the handles at this side are gone,
//! not only until the peer has lost interest: that is what stops a flood of calls that are opened and given
//! up. A half that can say nothing any more may count as gone: a sending half that was
//! [finished with that promise](SendStream::release_at_finish), and the receiving half of a bidirectional
//! stream that was read to its end.

use core::fmt::Debug;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use bytes::Bytes;

use crate::close_code::{CloseCode, StreamCode};
use crate::error::{ConnectionError, DatagramError, ReadError, WriteError};

/// Which end of the connection this is: it decides who owns which stream ids, nothing else.
/// Procedures may be offered and called by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that connected (or started the process at the other end).
    Client,
    /// The end that was connected to.
    Server,
}

impl Side {
    /// The other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One connection to one peer, as a carrier sees it.
pub trait Session: 'static {
    /// The sending half of a stream.
    type SendStream: SendStream;
    /// The receiving half of a stream.
    type RecvStream: RecvStream;
    /// Opens a bidirectional stream; dropped, it gives up its place in the queue for credit.
    type OpenBi: Future<Output = Result<(Self::SendStream, Self::RecvStream), ConnectionError>> + 'static;
    /// Opens a unidirectional stream; dropped, it gives up its place in the queue for credit.
    type OpenUni: Future<Output = Result<Self::SendStream, ConnectionError>> + 'static;

    /// Which end this is.
    fn side(&self) -> Side;

    /// Opens a bidirectional stream. Waits, first come first served, while the peer's limit on
    /// concurrent streams is reached. With credit at hand the first poll is ready.
    fn open_bi(&self) -> Self::OpenBi;

    /// Opens the stream that small calls share, which must not leave before the handshake is done; otherwise as
    /// [`open_bi`](Self::open_bi).
    fn open_shared(&self) -> Self::OpenBi {
        self.open_bi()
    }

    /// Opens a unidirectional stream; otherwise as [`open_bi`](Self::open_bi).
    fn open_uni(&self) -> Self::OpenUni;

    /// Opens a bidirectional stream whose sending half is `data` and nothing more, in one step; `None` when
    /// opening has to wait, and then nothing has happened.
    ///
    /// An optional shortcut for small requests, which a session behind a lock takes once: the same as polling
    /// [`open_bi`](Self::open_bi), [`try_write`](SendStream::try_write) with the FIN, and, for `cx`,
    /// [`poll_read`](RecvStream::poll_read). [`Opened`] says how much of that was done.
    // As of `poll_accept_bi`: an alias would only hide it.
    #[allow(clippy::type_complexity)]
    fn try_open_whole(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Option<Result<Opened<Self::SendStream, Self::RecvStream>, ConnectionError>> {
        let _ = (cx, data);
        let opening = pin!(self.open_bi());
        match opening.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(opened) => {
                Some(opened.map(|(send, recv)| Opened { send: Some(send), recv, waits: false }))
            }
            Poll::Pending => None,
        }
    }

    /// The next bidirectional stream that the peer opened. One task accepts: the waker of the last
    /// poll is the one that is woken. Streams the peer opened before the connection ended may be
    /// lost to its end.
    // The pair is what it is; an alias would only hide it.
    #[allow(clippy::type_complexity)]
    fn poll_accept_bi(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Self::SendStream, Self::RecvStream), ConnectionError>>;

    /// The next unidirectional stream that the peer opened; otherwise as
    /// [`poll_accept_bi`](Self::poll_accept_bi).
    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Result<Self::RecvStream, ConnectionError>>;

    /// What there may be to take, in one step instead of a poll of each: false only where that poll would be
    /// pending, and then `cx` is woken when there is something. An optional shortcut for the one task that
    /// accepts; by default there may be anything.
    fn poll_news(&self, cx: &mut Context<'_>) -> News {
        let _ = cx;
        News::ALL
    }

    /// Sends a datagram that may be lost (RFC 9221). Never waits: a full queue loses it.
    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError>;

    /// The next datagram. One task receives, as with [`poll_accept_bi`](Self::poll_accept_bi).
    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectionError>>;

    /// The largest datagram payload that can be sent now, in bytes; `None` where the carrier or the
    /// peer takes none.
    fn max_datagram_bytes(&self) -> Option<usize>;

    /// Ready when the bytes of every stream finished so far have been handed over: to the pipe on a
    /// mux, acknowledged on QUIC. Closing after this loses nothing that was finished before it. Ready
    /// also when the connection has ended. One task waits, as with accepting.
    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Closes the connection at once: streams end with the error, unsent bytes are discarded, the
    /// peer is told `code` and `reason`. Later calls do nothing.
    fn close(&self, code: CloseCode, reason: &str);

    /// Why the connection ended, if it has.
    fn close_reason(&self) -> Option<ConnectionError>;

    /// What the carrier has measured of the path; `None` where it measures nothing.
    fn path_stats(&self) -> Option<PathStats> {
        None
    }
}

/// What a carrier has measured of the path to its peer, since the connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathStats {
    /// The round trip, as it is estimated now.
    pub round_trip: Duration,
    /// The shortest round trip seen.
    pub least_round_trip: Option<Duration>,
    /// What may be under way without an acknowledgement, in bytes.
    pub congestion_window_bytes: u64,
    /// The largest packet that the path is known to carry, in bytes of UDP payload.
    pub mtu_bytes: u16,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets of those that were declared lost.
    pub lost_packets: u64,
    /// How often loss, or the network's word, made this side send less.
    pub congestion_events: u64,
    /// Bytes sent, all of UDP's payload.
    pub sent_bytes: u64,
    /// Bytes received, all of UDP's payload.
    pub received_bytes: u64,
}

impl PathStats {
    /// Nothing measured but the round trip.
    pub const fn new(round_trip: Duration) -> Self {
        Self {
            round_trip,
            least_round_trip: None,
            congestion_window_bytes: 0,
            mtu_bytes: 0,
            sent_packets: 0,
            lost_packets: 0,
            congestion_events: 0,
            sent_bytes: 0,
            received_bytes: 0,
        }
    }
}

/// What a session may have for the task that accepts: see [`Session::poll_news`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Bidirectional streams to accept.
    pub bi: bool,
    /// Unidirectional streams to accept.
    pub uni: bool,
    /// Bytes, an end or a reset on a unidirectional stream, accepted or not, since this was last asked.
    pub uni_data: bool,
    /// Datagrams.
    pub datagrams: bool,
    /// The connection has ended.
    pub end: bool,
}

impl News {
    /// Anything may be there.
    pub const ALL: Self = Self { bi: true, uni: true, uni_data: true, datagrams: true, end: true };

    /// Nothing is there.
    pub const NONE: Self = Self { bi: false, uni: false, uni_data: false, datagrams: false, end: false };

    /// What either of the two has.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            bi: self.bi || other.bi,
            uni: self.uni || other.uni,
            uni_data: self.uni_data || other.uni_data,
            datagrams: self.datagrams || other.datagrams,
            end: self.end || other.end,
        }
    }
}

/// A stream that [`Session::try_open_whole`] opened.
#[derive(Debug)]
pub struct Opened<S, R> {
    /// Its sending half, if nothing was taken; otherwise it is finished, and has nothing more to say.
    pub send: Option<S>,
    /// Its receiving half.
    pub recv: R,
    /// The waker is woken when there is something to read: there is no need to poll before.
    pub waits: bool,
}

/// The sending half of a stream (RFC 9000 section 3.1). Dropped before its FIN was accepted by
/// [`poll_write`](Self::poll_write), it resets the stream with [`StreamCode::CANCELLED`].
pub trait SendStream: Debug + 'static {
    /// The stream's id (RFC 9000 section 2.1).
    fn id(&self) -> u64;

    /// Moves bytes from the front of `data` into the send buffer, as many as fit. `Ready(Ok(()))`
    /// means that all of `data` was taken and, with `fin`, that the stream is finished: `fin` with
    /// the last bytes leaves in the same frame. `Pending` means that some is left in `data`; what
    /// was taken stays taken, so calling again with the rest continues. Nothing is taken from `data`
    /// that is not accepted: dropping the caller between polls loses and repeats nothing.
    ///
    /// Writing after the FIN is an error of the caller ([`WriteError::Finished`]); finishing again
    /// with no data is not.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        fin: bool,
    ) -> Poll<Result<(), WriteError>>;

    /// Takes all of `data` by copying it and, with `fin`, finishes the stream, as
    /// [`poll_write`](Self::poll_write) would; or nothing: `None`, when it does not fit now or there is no
    /// such shortcut. For small writes, whose own allocation would cost more than the copy.
    fn try_write(&mut self, data: &[u8], fin: bool) -> Option<Result<(), WriteError>> {
        let _ = (data, fin);
        None
    }

    /// A promise that nothing but writing follows: once the FIN is accepted, this half is not asked or
    /// told anything any more, and dropped it has nothing to say. The stream's place may be free then,
    /// without waiting for the drop.
    fn release_at_finish(&mut self) {}

    /// Gives the stream up: unsent bytes are discarded and the peer's reads end with `code`. Does
    /// nothing once all bytes and the FIN have left, or after an earlier reset.
    fn reset(&mut self, code: StreamCode);

    /// Ready with the peer's code when it asked us to stop sending (STOP_SENDING), or with the error
    /// when the connection ended. May be ready forever once it is. Never ready after the stream's end
    /// was handed over without either.
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>>;

    /// How urgent this stream's bytes are beside other streams' of this connection: strictly higher
    /// first, 0 by default.
    fn set_priority(&mut self, priority: i8);
}

/// Bytes of a stream, in order, and whether they are the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes; empty only together with `fin`.
    pub bytes: Bytes,
    /// Nothing follows: the peer finished the stream.
    pub fin: bool,
}

/// The receiving half of a stream (RFC 9000 section 3.2). Dropped before its end was read, it asks
/// the peer to stop with [`StreamCode::CANCELLED`].
pub trait RecvStream: Debug + 'static {
    /// The stream's id (RFC 9000 section 2.1).
    fn id(&self) -> u64;

    /// The next bytes, at most `max` (at least 1). Reading returns credit to the peer. After a chunk
    /// with `fin` every further read is `Ready` with an empty chunk and `fin`.
    fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Chunk, ReadError>>;

    /// All of a small stream that has come whole, the end included, if nothing of it was read: then this half
    /// is done. An optional shortcut to [`poll_read`](Self::poll_read), which gives the same.
    fn take_whole(&mut self) -> Option<Bytes> {
        None
    }

    /// Whether the stream came before the handshake was done (0-RTT): then it may be a recording that somebody
    /// plays again, and carries only calls of procedures that are marked idempotent.
    fn is_early(&self) -> bool {
        false
    }

    /// Asks the peer to stop sending and throws away what is buffered and what still comes. Does
    /// nothing once the end was read or reset.
    fn stop(&mut self, code: StreamCode);
}
