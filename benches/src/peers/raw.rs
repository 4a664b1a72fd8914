//! The floor: a socket and lengths, no ids, no tasks in between; over TCP and over a Unix socket.
//!
//! Settings: `TCP_NODELAY`. One caller at a time is a ping-pong, one write a message. More than one are windows:
//! all their questions in one write, all answers before the next, which bounds what any protocol can reach.
//! Whatever is a stream elsewhere is a connection of its own here, as one does without multiplexing.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::load::{BulkLoad, Done, Load, check, histogram};
use crate::payload::TEXT;
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::per_stream::{self, BUFFER, Io, Opens, PerStream};
use crate::peers::socket::Socket;

/// The first byte of a connection that echoes; those of the others are `per_stream`'s.
const MESSAGES: u8 = b'm';
const STREAM: u8 = b's';

pub(crate) trait RawSocket: Socket + Sync {
    const NAME: &'static str;
}

impl RawSocket for TcpStream {
    const NAME: &'static str = "raw_tcp";
}

impl RawSocket for UnixStream {
    const NAME: &'static str = "raw_unix";
}

pub(crate) struct Raw<S>(PhantomData<S>);

pub(crate) struct RawClient<S> {
    address: Arc<str>,
    /// Connections that echo, not in use at present.
    idle: Arc<Mutex<Vec<Messages<S>>>>,
}

impl<S> Clone for RawClient<S> {
    fn clone(&self) -> Self {
        Self { address: Arc::clone(&self.address), idle: Arc::clone(&self.idle) }
    }
}

impl<S: RawSocket> Peer for Raw<S> {
    const NAME: &'static str = S::NAME;
    const KIND: Kind = Kind::Bound;
    const OFFERS: Offers = Offers { idle: false, ..Offers::ALL };
    type Client = RawClient<S>;

    async fn serve(_: Needs) -> Result<String> {
        S::serve(|socket| async move {
            // Ends with the client's end of file, or with its fault, which the client sees as well.
            let _ = serve(socket).await;
        })
        .await
    }

    async fn connect(address: &str, _: Needs) -> Result<RawClient<S>> {
        let client = RawClient { address: Arc::from(address), idle: Arc::default() };
        let first = client.open_messages().await?;
        client.give_back(first);
        Ok(client)
    }
}

async fn serve<S: Socket>(mut socket: S) -> Result<()> {
    match socket.read_u8().await? {
        STREAM => per_stream::serve(Io::new(socket)).await,
        MESSAGES => echo_all(Messages::new(socket)).await,
        other => Err(format!("no service {other}").into()),
    }
}

async fn echo_all<S: Socket>(mut messages: Messages<S>) -> Result<()> {
    loop {
        messages.fill().await?;
        // Whatever came whole in one read goes back in one write.
        while let Some(length) = messages.whole_frame() {
            let frame = messages.input.split_to(length);
            messages.output.put_slice(&frame);
        }
        messages.flush().await?;
    }
}

impl<S: RawSocket> Opens for RawClient<S> {
    type Stream = Io<S>;

    async fn open(&self) -> Result<Io<S>> {
        let mut socket = S::open(&self.address).await?;
        socket.write_u8(STREAM).await?;
        Ok(Io::new(socket))
    }
}

impl<S: RawSocket> RawClient<S> {
    async fn open_messages(&self) -> Result<Messages<S>> {
        let mut messages = Messages::new(S::open(&self.address).await?);
        // Leaves with the first message.
        messages.output.put_u8(MESSAGES);
        Ok(messages)
    }

    /// A connection that nobody uses, or one more.
    async fn take(&self) -> Result<Messages<S>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(messages) => Ok(messages),
            None => self.open_messages().await,
        }
    }

    fn give_back(&self, messages: Messages<S>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(messages);
    }

    async fn call(&self, message: &[u8]) -> Result<BytesMut> {
        let mut messages = self.take().await?;
        messages.put(message)?;
        messages.flush().await?;
        let answer = messages.receive().await?;
        self.give_back(messages);
        Ok(answer)
    }
}

impl<S: RawSocket> Client for RawClient<S> {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(String::from_utf8(self.call(text.as_bytes()).await?.into())?)
    }

    async fn echoes(&self, load: Load) -> Result<Done> {
        let mut messages = self.take().await?;
        let mut latencies = load.timed.then(histogram);
        let mut calls = 0;
        while !load.stop.is_stopped() {
            let start = load.timed.then(Instant::now);
            (0..load.outstanding).try_for_each(|_| messages.put(TEXT.as_bytes()))?;
            messages.flush().await?;
            for _ in 0..load.outstanding {
                let answer = messages.receive().await?;
                check(&String::from_utf8(answer.into())?)?;
            }
            if let (Some(start), Some(latencies)) = (start, &mut latencies) {
                latencies.record(u64::try_from(start.elapsed().as_nanos())?)?;
            }
            calls += load.outstanding as u64;
        }
        self.give_back(messages);
        Ok(Done { calls, latencies })
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.call(&message).await?.freeze())
    }

    async fn items(&self, count: u64) -> Result<()> {
        PerStream(self.clone()).items(count).await
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        PerStream(self.clone()).bulk(load).await
    }
}

/// A connection of messages: 4 bytes of length, then as many bytes.
struct Messages<S> {
    socket: S,
    input: BytesMut,
    output: BytesMut,
}

impl<S: Socket> Messages<S> {
    fn new(socket: S) -> Self {
        Self { socket, input: BytesMut::with_capacity(BUFFER), output: BytesMut::with_capacity(BUFFER) }
    }

    fn put(&mut self, message: &[u8]) -> Result<()> {
        self.output.put_u32(u32::try_from(message.len())?);
        self.output.put_slice(message);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.write_all_buf(&mut self.output).await?)
    }

    async fn receive(&mut self) -> Result<BytesMut> {
        loop {
            if let Some(length) = self.whole_frame() {
                let mut frame = self.input.split_to(length);
                frame.advance(4);
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        // Room for all of a message whose beginning is here.
        let missing = self.frame_length().map_or(0, |length| length.saturating_sub(self.input.len()));
        self.input.reserve(missing.max(BUFFER));
        match self.socket.read_buf(&mut self.input).await? {
            0 => Err("the connection has ended".into()),
            _ => Ok(()),
        }
    }

    fn frame_length(&self) -> Option<usize> {
        let length = self.input.first_chunk::<4>()?;
        Some(4 + u32::from_be_bytes(*length) as usize)
    }

    fn whole_frame(&self) -> Option<usize> {
        self.frame_length().filter(|length| self.input.len() >= *length)
    }
}
