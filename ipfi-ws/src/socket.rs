//! A WebSocket of tokio-tungstenite, after its handshake, as the two directions that the driver wants.
//!
//! Both are one object there, so they share it under a lock that is held for a message at a time: while one is parsed, or while
//! one is written to the system. A message is given to the machine after the lock is released.

mod counted;
mod faults;
mod linger;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::driver::tokio::messages::{Incoming, MessageSink, MessageSource};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use self::counted::Counted;
use crate::config::{WsOptions, tungstenite};

/// What is thrown away in one turn, once nothing more is read.
const DISCARD_BYTES: usize = 16 << 10;

/// What is thrown away at all: more than was on its way when the peer was told, and not what a flood goes on with.
const MAX_DISCARD_BYTES: usize = 1 << 20;

/// A byte stream that a WebSocket can run over.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Carrier for T {}

/// A WebSocket and how it will end.
struct Socket<T: Carrier> {
    /// Gone only with the socket itself, to linger.
    ws: Option<WebSocketStream<Counted<T>>>,
    /// What the peer will be told with the close: the fault, if there was one.
    close: (CloseCode, String),
    /// The close has been taken by the library.
    closing: bool,
    /// What still comes is no longer looked at; so many bytes have.
    discarding: bool,
    discarded: usize,
    /// The peer's close, or its end, has come, or the connection broke: there is nothing to linger for.
    over: bool,
    limit: usize,
    side: Side,
    texts: Texts,
}

/// What becomes of text messages.
#[derive(Clone, Copy)]
enum Texts {
    /// They break a rule (clause 12.4).
    Refused,
    /// They are messages, of which this one is; for tests alone.
    Taken { is_text: bool },
}

/// The direction in which messages come.
pub(crate) struct Source<T: Carrier>(Arc<Mutex<Socket<T>>>);

/// The direction in which messages leave.
pub(crate) struct Outgoing<T: Carrier>(Arc<Mutex<Socket<T>>>);

/// Both directions of `stream`, whose handshake is done and of which `read` was read beyond it. Must be called within a tokio
/// runtime.
pub(crate) async fn directions<T: Carrier>(
    stream: T,
    read: Vec<u8>,
    side: Side,
    limits: &Limits,
    ws: &WsOptions,
) -> (Source<T>, Outgoing<T>) {
    let limit = limits.max_record_bytes as usize;
    let role = match side {
        Side::Client => Role::Client,
        Side::Server => Role::Server,
    };
    let config = tungstenite(limits, ws);
    let counted = Counted::new(stream, limit, ws.read_buffer_bytes);
    let ws = WebSocketStream::from_partially_read(counted, read, role, Some(config)).await;
    let socket = Socket {
        ws: Some(ws),
        close: (CloseCode::Normal, String::new()),
        closing: false,
        discarding: false,
        discarded: 0,
        over: false,
        limit,
        side,
        texts: Texts::Refused,
    };
    let socket = Arc::new(Mutex::new(socket));
    (Source(Arc::clone(&socket)), Outgoing(socket))
}

fn lock<T: Carrier>(socket: &Mutex<Socket<T>>) -> MutexGuard<'_, Socket<T>> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Carrier> Socket<T> {
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let Some(ws) = &mut self.ws else { return Poll::Ready(Incoming::End(String::new())) };
        if self.discarding {
            return self.poll_discard(cx);
        }
        let incoming = match ready!(Pin::new(&mut *ws).poll_next(cx)) {
            Some(Ok(Message::Binary(record))) => {
                if let Texts::Taken { is_text } = &mut self.texts {
                    *is_text = false;
                }
                Incoming::Message(record)
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Incoming::Alive,
            Some(Ok(Message::Text(text))) if matches!(self.texts, Texts::Taken { .. }) => {
                self.texts = Texts::Taken { is_text: true };
                Incoming::Message(text.into())
            }
            Some(Ok(Message::Text(text))) => {
                let what = format!("a text message of {} bytes, where all are binary", text.len());
                self.fault(CloseCode::Unsupported, what)
            }
            Some(Ok(Message::Close(close))) => {
                self.over = true;
                Incoming::End(faults::closed(close.as_ref()))
            }
            None => {
                self.over = true;
                Incoming::End("the peer closed the WebSocket".into())
            }
            Some(Err(error)) => {
                let flooded = ws.get_ref().is_flooded();
                self.failed(error, flooded)
            }
        };
        if let (Some(ws), Incoming::Message(_) | Incoming::Alive) = (&mut self.ws, &incoming) {
            ws.get_mut().message_came();
        }
        Poll::Ready(incoming)
    }

    fn failed(&mut self, error: Error, flooded: Option<String>) -> Incoming {
        if let Some(what) = flooded {
            return self.fault(CloseCode::Policy, what);
        }
        match faults::of_peer(&error, self.limit) {
            Some((code, what)) => self.fault(code, what),
            None => {
                self.over = true;
                match error {
                    Error::Io(error) => Incoming::Lost(error),
                    other => Incoming::End(faults::ended(&other)),
                }
            }
        }
    }

    /// The peer broke a rule of the WebSocket, and is told so by the close.
    fn fault(&mut self, code: CloseCode, what: String) -> Incoming {
        self.close = (code, what.clone());
        self.discarding = true;
        Incoming::Violation(what)
    }

    /// Reads what still comes and throws it away: a socket that is closed on unread bytes would throw away, at the peer, the
    /// close that is on its way there.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let Some(ws) = &mut self.ws else { return Poll::Ready(Incoming::End(String::new())) };
        let mut bytes = [0; DISCARD_BYTES];
        let mut bytes = ReadBuf::new(&mut bytes);
        match ready!(ws.get_mut().poll_discard(cx, &mut bytes)) {
            Ok(()) if !bytes.filled().is_empty() && self.discarded < MAX_DISCARD_BYTES => {
                self.discarded += bytes.filled().len();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(()) => {
                self.over = true;
                Poll::Ready(Incoming::End(String::new()))
            }
            Err(error) => {
                self.over = true;
                Poll::Ready(Incoming::Lost(error))
            }
        }
    }

    fn sink(&mut self) -> io::Result<Pin<&mut WebSocketStream<Counted<T>>>> {
        self.ws.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closing {
            self.closing = true;
            let (code, reason) = &self.close;
            let close = CloseFrame { code: *code, reason: faults::short(reason).into() };
            match self.sink()?.start_send(Message::Close(Some(close))) {
                // The peer's close came first, and its answer is what is flushed.
                Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {}
                Err(error) => return Poll::Ready(Err(faults::io(error))),
            }
        }
        match ready!(self.sink()?.poll_flush(cx)) {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {}
            Err(error) => return Poll::Ready(Err(faults::io(error))),
        }
        match &mut self.ws {
            // A peer at fault is not waited for: it is hung up on, once it has been told (RFC 6455 section 7.1.7).
            Some(ws) if self.discarding => Pin::new(ws.get_mut()).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<T: Carrier> Source<T> {
    /// Takes text messages as well, and sends back each message as what it came as.
    pub(crate) fn take_texts(&self) {
        lock(&self.0).texts = Texts::Taken { is_text: false };
    }
}

impl<T: Carrier> MessageSource for Source<T> {
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        lock(&self.0).poll_incoming(cx)
    }
}

impl<T: Carrier> MessageSink for Outgoing<T> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).sink()?.poll_ready(cx).map_err(faults::io)
    }

    fn start_send(&mut self, record: Bytes) -> io::Result<()> {
        let mut socket = lock(&self.0);
        let message = match socket.texts {
            // It came as text.
            Texts::Taken { is_text: true } => Message::Text(record.try_into().map_err(io::Error::other)?),
            _ => Message::Binary(record),
        };
        socket.sink()?.start_send(message).map_err(faults::io)
    }

    fn start_ping(&mut self) -> io::Result<()> {
        let mut socket = lock(&self.0);
        match socket.side {
            Side::Server => socket.sink()?.start_send(Message::Ping(Bytes::new())).map_err(faults::io),
            // A server has no page that stands still, and answers the machine's ping.
            Side::Client => Ok(()),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).sink()?.poll_flush(cx).map_err(faults::io)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_close(cx)
    }

    fn bytes_written(&self) -> u64 {
        lock(&self.0).ws.as_ref().map_or(0, |ws| ws.get_ref().written())
    }
}

impl<T: Carrier> Drop for Socket<T> {
    fn drop(&mut self) {
        if let Some(ws) = self.ws.take()
            && self.closing
        {
            linger::until_the_peer_is_done(ws, self.over || self.discarding);
        }
    }
}
