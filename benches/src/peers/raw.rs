//! The floor: a socket and lengths, no ids, no tasks in between; over TCP and over a Unix socket.
//!
//! Settings: one caller at a time is a ping-pong, one write a message. More than one are windows: all their
//! questions in one write, all answers before the next, which bounds what any protocol can reach. Whatever
//! is a stream elsewhere is a connection of its own here, as one would do it without multiplexing.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Mutex;

use crate::load::{BulkLoad, Done, Load, check, histogram};
use crate::payload::{Arrived, Items, TEXT, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

/// The first byte of a connection: what it is for.
const ECHO: u8 = b'e';
const ITEMS: u8 = b'i';
const BULK: u8 = b'b';

/// As much as is read or written at once.
const BUFFER: usize = 64 << 10;

pub(crate) trait RawSocket: Socket {
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
    idle: Arc<Mutex<Vec<Echo<S>>>>,
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
        let first = client.open_echo().await?;
        client.idle.lock().await.push(first);
        Ok(client)
    }
}

async fn serve<S: Socket>(mut socket: S) -> Result<()> {
    match socket.read_u8().await? {
        ECHO => serve_echo(Echo::new(socket)).await,
        ITEMS => serve_items(socket).await,
        BULK => serve_bulk(socket).await,
        other => Err(format!("no service {other}").into()),
    }
}

async fn serve_echo<S: Socket>(mut echo: Echo<S>) -> Result<()> {
    loop {
        echo.fill().await?;
        // Whatever came whole in one read goes back in one write.
        while let Some(length) = echo.whole_frame() {
            let frame = echo.input.split_to(length);
            echo.output.put_slice(&frame);
        }
        echo.flush().await?;
    }
}

async fn serve_items<S: Socket>(mut socket: S) -> Result<()> {
    let count = socket.read_u64().await?;
    let mut output = BytesMut::with_capacity(BUFFER);
    for index in 0..count {
        output.put_u64(item(index));
        if output.len() >= BUFFER {
            socket.write_all_buf(&mut output).await?;
        }
    }
    socket.write_all_buf(&mut output).await?;
    Ok(socket.shutdown().await?)
}

async fn serve_bulk<S: Socket>(mut socket: S) -> Result<()> {
    let mut arrived = Arrived::default();
    let mut input = Vec::with_capacity(2 * BUFFER);
    while socket.read_buf(&mut input).await? > 0 {
        arrived.piece(&input)?;
        input.clear();
    }
    socket.write_u64(arrived.bytes()).await?;
    Ok(socket.shutdown().await?)
}

impl<S: RawSocket> RawClient<S> {
    async fn open(&self, service: u8) -> Result<S> {
        let mut socket = S::open(&self.address).await?;
        socket.write_u8(service).await?;
        Ok(socket)
    }

    async fn open_echo(&self) -> Result<Echo<S>> {
        let socket = S::open(&self.address).await?;
        let mut echo = Echo::new(socket);
        // Leaves with the first message.
        echo.output.put_u8(ECHO);
        Ok(echo)
    }

    /// A connection that nobody uses, or one more.
    async fn take(&self) -> Result<Echo<S>> {
        let idle = self.idle.lock().await.pop();
        match idle {
            Some(echo) => Ok(echo),
            None => self.open_echo().await,
        }
    }

    async fn give_back(&self, echo: Echo<S>) {
        self.idle.lock().await.push(echo);
    }
}

impl<S: RawSocket> Client for RawClient<S> {
    async fn echo(&self, text: &'static str) -> Result<String> {
        let mut echo = self.take().await?;
        let answer = echo.call(text.as_bytes()).await?;
        self.give_back(echo).await;
        Ok(String::from_utf8(answer.into())?)
    }

    async fn echoes(&self, load: Load) -> Result<Done> {
        let mut echo = self.take().await?;
        let mut latencies = load.timed.then(histogram);
        let mut calls = 0;
        while !load.stop.is_stopped() {
            let start = load.timed.then(Instant::now);
            (0..load.outstanding).try_for_each(|_| echo.put(TEXT.as_bytes()))?;
            echo.flush().await?;
            for _ in 0..load.outstanding {
                let answer = echo.receive().await?;
                check(&String::from_utf8(answer.into())?)?;
            }
            if let (Some(start), Some(latencies)) = (start, &mut latencies) {
                latencies.record(u64::try_from(start.elapsed().as_nanos())?)?;
            }
            calls += load.outstanding as u64;
        }
        self.give_back(echo).await;
        Ok(Done { calls, latencies })
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let mut echo = self.take().await?;
        let answer = echo.call(&message).await?;
        self.give_back(echo).await;
        Ok(answer.freeze())
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut socket = self.open(ITEMS).await?;
        socket.write_u64(count).await?;
        let (mut items, mut input) = (Items::default(), BytesMut::with_capacity(2 * BUFFER));
        while socket.read_buf(&mut input).await? > 0 {
            while input.len() >= 8 {
                items.take(input.get_u64())?;
            }
            input.reserve(BUFFER);
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let mut socket = self.open(BULK).await?;
        while let Some(chunk) = load.next() {
            socket.write_all(&chunk).await?;
        }
        socket.shutdown().await?;
        Ok(socket.read_u64().await?)
    }
}

/// A connection of messages: 4 bytes of length, then as many bytes.
struct Echo<S> {
    socket: S,
    input: BytesMut,
    output: BytesMut,
}

impl<S: Socket> Echo<S> {
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

    async fn call(&mut self, message: &[u8]) -> Result<BytesMut> {
        self.put(message)?;
        self.flush().await?;
        self.receive().await
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
