//! A WebSocket that somebody else has made: `axum::extract::WebSocketUpgrade`, or whatever else gives and takes messages.
//!
//! ```no_run
//! # mod axum { pub enum Message { Binary(bytes::Bytes), Text(String), Ping(bytes::Bytes), Pong(bytes::Bytes), Close(Option<()>) } }
//! use axum::Message;
//! use ipfi_ws::foreign::Frame;
//!
//! fn frame(message: Message) -> Frame {
//!     match message {
//!         Message::Binary(record) => Frame::Binary(record),
//!         Message::Text(_) => Frame::Text,
//!         Message::Ping(_) | Message::Pong(_) => Frame::Alive,
//!         Message::Close(_) => Frame::Close("the peer closed the WebSocket".into()),
//!     }
//! }
//!
//! // async fn route(upgrade: WebSocketUpgrade) -> Response {
//! //     let upgrade = upgrade.protocols([ipfi_ws::SUBPROTOCOL]).max_message_size(65_536);
//! //     upgrade.on_upgrade(|socket| async move {
//! //         let wire = ipfi_ws::foreign::wire(socket, Side::Server, frame, Message::Binary, interface()).await;
//! //         …
//! //     })
//! // }
//! ```
//!
//! [`upgrade`](crate::upgrade) is better where the request can be had: it checks the origin and the subprotocol, it bounds
//! what a message holds before it has come, it pings by WebSocket's own frames, and a peer at fault is told by a close
//! code. Here all of that is the application's.

use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, Stream, StreamExt};
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use ipfi_mux::driver::tokio::messages::{self, Incoming, MessageSink, MessageSource};

/// What a message is to ipfi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A binary message.
    Binary(Bytes),
    /// A text message, which nobody may send (`docs/protocol.md` 12.4).
    Text,
    /// A ping or its answer, which the library has seen to.
    Alive,
    /// The peer's close, with what it said.
    Close(String),
}

/// Makes a wire of one end of `socket`, on which [`SUBPROTOCOL`](crate::SUBPROTOCOL) was agreed on, and at a server its `Origin`
/// was looked at; `side` is [`Side::Client`] at the end that connected. Otherwise as [`ipfi_mux::accept`]. `read` says what a
/// message is, `write` makes one of a record. Messages that are larger than the limit `max_record_bytes` break a rule; that
/// they are not held before, the socket's own limit sees to.
///
/// # Errors
///
/// As [`ipfi_mux::accept`].
///
/// Cancel safe: dropped, it closes the connection.
pub async fn wire<S, M, E>(
    socket: S,
    side: Side,
    read: impl Fn(M) -> Frame + Send + Unpin + 'static,
    write: impl Fn(Bytes) -> M + Send + Unpin + 'static,
    options: impl Into<WireOptions>,
) -> Result<Wire, ConnectionError>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Send + Unpin + 'static,
    M: Send + Unpin + 'static,
    <S as Sink<M>>::Error: Display,
    E: Display,
{
    let options = options.into();
    let limit = options.limits_ref().max_record_bytes as usize;
    let (sink, stream) = socket.split();
    let source = Source { stream, read, limit, discarding: false };
    let sink = Outgoing { sink, write };
    match side {
        Side::Client => messages::connect(source, sink, options).await,
        Side::Server => messages::accept(source, sink, options).await,
    }
}

struct Source<S, R> {
    stream: SplitStream<S>,
    read: R,
    limit: usize,
    /// A rule was broken: only the end still counts.
    discarding: bool,
}

impl<S, M, E, R> MessageSource for Source<S, R>
where
    S: Stream<Item = Result<M, E>> + Send + Unpin + 'static,
    R: Fn(M) -> Frame + Send + Unpin + 'static,
    E: Display,
{
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            let frame = match ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(message)) => (self.read)(message),
                Some(Err(error)) => return Poll::Ready(Incoming::Lost(other(error))),
                None => Frame::Close("the peer closed the WebSocket".into()),
            };
            let incoming = match frame {
                Frame::Close(why) => return Poll::Ready(Incoming::End(why)),
                _ if self.discarding => continue,
                Frame::Binary(record) if record.len() <= self.limit => Incoming::Message(record),
                Frame::Binary(record) => Incoming::Violation(format!(
                    "a message of {} bytes, limit max_record_bytes = {}",
                    record.len(),
                    self.limit
                )),
                Frame::Text => Incoming::Violation("a text message, where all are binary".into()),
                Frame::Alive => Incoming::Alive,
            };
            self.discarding = matches!(incoming, Incoming::Violation(_));
            return Poll::Ready(incoming);
        }
    }
}

struct Outgoing<S, M, W> {
    sink: SplitSink<S, M>,
    write: W,
}

impl<S, M, W> MessageSink for Outgoing<S, M, W>
where
    S: Sink<M> + Send + Unpin + 'static,
    M: Send + Unpin + 'static,
    W: Fn(Bytes) -> M + Send + Unpin + 'static,
    S::Error: Display,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sink).poll_ready(cx).map_err(other)
    }

    fn start_send(&mut self, record: Bytes) -> io::Result<()> {
        Pin::new(&mut self.sink).start_send((self.write)(record)).map_err(other)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sink).poll_flush(cx).map_err(other)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sink).poll_close(cx).map_err(other)
    }
}

fn other(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}
