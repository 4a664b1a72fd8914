//! The procedures over streams of bytes, one call to a stream: a byte that says which, what is asked up to
//! the end, the answer up to its end. For peers that carry streams and know no calls.

use std::any::Any;
use std::future::Future;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::load::BulkLoad;
use crate::payload::{Arrived, Items, item};
use crate::peer::{Client, Result};

const ECHO: u8 = b'e';
const ITEMS: u8 = b'i';
const BULK: u8 = b'b';
const IDLE: u8 = b'o';

/// As much as is read or written at once.
pub(crate) const BUFFER: usize = 64 << 10;

/// A stream in both directions.
pub(crate) trait Duplex: Send + 'static {
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<()>> + Send;
    /// Ends this direction.
    fn finish(&mut self) -> impl Future<Output = Result<()>> + Send;
    /// What there is, `None` at the end.
    fn read(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

/// Something that opens streams.
pub(crate) trait Opens: Clone + Send + Sync + 'static {
    type Stream: Duplex;
    fn open(&self) -> impl Future<Output = Result<Self::Stream>> + Send;

    /// STREAM frames sent and received, where it is QUIC.
    fn stream_frames(&self) -> Result<[u64; 2]> {
        Err("only QUIC has STREAM frames".into())
    }
}

/// Serves the one call of `stream`.
pub(crate) async fn serve<S: Duplex>(mut stream: S) -> Result<()> {
    let mut first = stream.read().await?.ok_or("a stream without a call")?;
    match first.get_u8() {
        ECHO => {
            let asked = read_to_end(&mut stream, first).await?;
            stream.write(asked).await?;
        }
        ITEMS => {
            let count = read_to_end(&mut stream, first).await?.get_u64();
            let mut output = BytesMut::with_capacity(BUFFER);
            for index in 0..count {
                output.put_u64(item(index));
                if output.len() >= BUFFER {
                    stream.write(output.split().freeze()).await?;
                    output.reserve(BUFFER);
                }
            }
            stream.write(output.freeze()).await?;
        }
        BULK => {
            let mut arrived = Arrived::default();
            arrived.piece(&first)?;
            while let Some(piece) = stream.read().await? {
                arrived.piece(&piece)?;
            }
            stream.write(Bytes::copy_from_slice(&arrived.bytes().to_be_bytes())).await?;
        }
        IDLE => {
            stream.write(first).await?;
            // Open until the client has had enough.
            while stream.read().await?.is_some() {}
        }
        other => return Err(format!("no service {other}").into()),
    }
    stream.finish().await
}

/// `first`, and whatever follows it.
async fn read_to_end<S: Duplex>(stream: &mut S, first: Bytes) -> Result<Bytes> {
    let Some(second) = stream.read().await? else { return Ok(first) };
    let mut all = BytesMut::with_capacity(2 * (first.len() + second.len()));
    all.put(first);
    all.put(second);
    while let Some(piece) = stream.read().await? {
        all.put(piece);
    }
    Ok(all.freeze())
}

/// A request: the service, then `bytes`.
fn request(service: u8, bytes: &[u8]) -> Bytes {
    let mut request = BytesMut::with_capacity(1 + bytes.len());
    request.put_u8(service);
    request.put_slice(bytes);
    request.freeze()
}

/// The calling end.
#[derive(Clone)]
pub(crate) struct PerStream<O>(pub(crate) O);

impl<O: Opens> PerStream<O> {
    async fn start(&self, service: u8, bytes: &[u8]) -> Result<O::Stream> {
        let mut stream = self.0.open().await?;
        stream.write(request(service, bytes)).await?;
        Ok(stream)
    }

    /// One call with nothing more to send.
    async fn call(&self, service: u8, bytes: &[u8]) -> Result<O::Stream> {
        let mut stream = self.start(service, bytes).await?;
        stream.finish().await?;
        Ok(stream)
    }
}

impl<O: Opens> Client for PerStream<O> {
    fn stream_frames(&self) -> Result<[u64; 2]> {
        self.0.stream_frames()
    }

    async fn echo(&self, text: &'static str) -> Result<String> {
        let mut stream = self.call(ECHO, text.as_bytes()).await?;
        let answer = read_to_end(&mut stream, Bytes::new()).await?;
        Ok(String::from_utf8(answer.into())?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let mut stream = self.start(ECHO, &[]).await?;
        stream.write(message).await?;
        stream.finish().await?;
        read_to_end(&mut stream, Bytes::new()).await
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut stream = self.call(ITEMS, &count.to_be_bytes()).await?;
        let (mut items, mut cut) = (Items::default(), BytesMut::new());
        while let Some(mut piece) = stream.read().await? {
            if !cut.is_empty() {
                cut.put(piece);
                piece = cut.split().freeze();
            }
            while piece.len() >= 8 {
                items.take(piece.get_u64())?;
            }
            cut.put(piece);
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let mut stream = self.start(BULK, &[]).await?;
        while let Some(chunk) = load.next() {
            stream.write(chunk).await?;
        }
        stream.finish().await?;
        Ok(read_to_end(&mut stream, Bytes::new()).await?.get_u64())
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut stream = self.start(IDLE, b"?").await?;
        match stream.read().await? {
            Some(answer) if *answer == *b"?" => Ok(Box::new(stream)),
            other => Err(format!("an idle stream answers {other:?}").into()),
        }
    }
}

/// Anything that reads and writes as a stream.
pub(crate) struct Io<S> {
    io: S,
    input: BytesMut,
    /// How much the next read may bring: little at first, so that a stream that says nothing holds nothing.
    room: usize,
}

impl<S> Io<S> {
    pub(crate) fn new(io: S) -> Self {
        Self { io, input: BytesMut::new(), room: 64 }
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for Io<S> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.io.write_all(&bytes).await?;
        Ok(self.io.flush().await?)
    }

    async fn finish(&mut self) -> Result<()> {
        Ok(self.io.shutdown().await?)
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        self.input.reserve(self.room);
        match self.io.read_buf(&mut self.input).await? {
            0 => Ok(None),
            read => {
                if read >= self.room {
                    self.room = BUFFER.min(4 * self.room);
                }
                Ok(Some(self.input.split().freeze()))
            }
        }
    }
}
