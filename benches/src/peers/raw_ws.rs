//! tokio-tungstenite with nothing around it: a message for each call, with an id in front. No streams, no credit, no codec.
//!
//! Settings: `TCP_NODELAY`; tungstenite's defaults, as a program has them that does not think of them. One caller at a time
//! is a ping-pong on the socket itself. More of them give their messages to a task that writes, and another reads; they
//! differ in when that task flushes, and so in how many messages one write of the system carries. A sequence and a stream
//! of chunks are a connection of their own, as of the other raw peers, an item or a chunk a message.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use slab::Slab;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::load::BulkLoad;
use crate::payload::{Arrived, Items, chunk, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

/// When messages are flushed.
pub(crate) trait Flush: Send + Sync + 'static {
    const NAME: &'static str;
    const WHEN: When;
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Once all are fed that are ready after everybody had a turn. The server echoes where it reads, and flushes when
    /// there is nothing more to read: no task, no queue.
    Together,
    /// Once all are fed that are ready. The server has a task that writes as well.
    #[cfg(feature = "raw_ws_ready")]
    Ready,
    /// After each, which is `send`.
    #[cfg(feature = "raw_ws_each")]
    Each,
}

pub(crate) struct Together;

impl Flush for Together {
    const NAME: &'static str = "raw_ws";
    const WHEN: When = When::Together;
}

#[cfg(feature = "raw_ws_ready")]
pub(crate) struct Ready;

#[cfg(feature = "raw_ws_ready")]
impl Flush for Ready {
    const NAME: &'static str = "raw_ws_ready";
    const WHEN: When = When::Ready;
}

#[cfg(feature = "raw_ws_each")]
pub(crate) struct Each;

#[cfg(feature = "raw_ws_each")]
impl Flush for Each {
    const NAME: &'static str = "raw_ws_each";
    const WHEN: When = When::Each;
}

pub(crate) struct RawWs<F>(PhantomData<F>);

type Web = WebSocketStream<TcpStream>;

/// The last clone closes the connection.
#[derive(Clone)]
pub(crate) struct WsClient {
    address: Arc<str>,
    calls: Calls,
}

#[derive(Clone)]
enum Calls {
    PingPong(Arc<tokio::sync::Mutex<Web>>),
    Shared(Arc<Shared>),
}

struct Shared {
    waiting: Arc<Waiting>,
    /// Messages for the writer, which ends with it.
    out: mpsc::UnboundedSender<Message>,
}

type Waiting = Mutex<Slab<oneshot::Sender<Bytes>>>;

impl<F: Flush> Peer for RawWs<F> {
    const NAME: &'static str = F::NAME;
    const KIND: Kind = Kind::Streams;
    const OFFERS: Offers = Offers { items: true, bulk: true, download: true, ..Offers::CALLS };
    type Client = WsClient;

    async fn serve(_: Needs) -> Result<String> {
        TcpStream::serve(|socket| async move {
            // How it ended is nobody's to read.
            let _ = serve::<F>(socket).await;
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<WsClient> {
        let web = open(address).await?;
        let calls = if needs.streams <= 1 {
            Calls::PingPong(Arc::new(tokio::sync::Mutex::new(web)))
        } else {
            let (sink, stream) = web.split();
            let (out, messages) = mpsc::unbounded_channel();
            let waiting = Arc::<Waiting>::default();
            tokio::spawn(write::<F>(sink, messages));
            tokio::spawn(read(stream, Arc::clone(&waiting)));
            Calls::Shared(Arc::new(Shared { waiting, out }))
        };
        Ok(WsClient { address: address.into(), calls })
    }
}

async fn open(address: &str) -> Result<Web> {
    let socket = TcpStream::open(address).await?;
    Ok(tokio_tungstenite::client_async(format!("ws://{address}/"), socket).await?.0)
}

/// What a connection is for that is none of calls, told by a text.
const ITEMS: &str = "items ";
const CHUNKS: &str = "chunks ";
const BULK: &str = "bulk";
/// Ends a stream of chunks.
const END: &str = "end";

async fn serve<F: Flush>(socket: TcpStream) -> Result<()> {
    let mut web = tokio_tungstenite::accept_async(socket).await?;
    let Some(first) = web.next().await else { return Ok(()) };
    let first = first?;
    let Message::Text(purpose) = &first else {
        return match F::WHEN {
            When::Together => echo(web, first).await,
            #[cfg(any(feature = "raw_ws_ready", feature = "raw_ws_each"))]
            _ => echo_by_writer::<F>(web, first).await,
        };
    };
    if let Some(count) = purpose.strip_prefix(ITEMS) {
        for index in 0..count.parse()? {
            web.feed(Message::Binary(Bytes::copy_from_slice(&item(index).to_le_bytes()))).await?;
        }
        web.flush().await?;
    } else if let Some(count) = purpose.strip_prefix(CHUNKS) {
        for _ in 0..count.parse::<u64>()? {
            web.send(Message::Binary(chunk())).await?;
        }
    } else {
        let mut arrived = Arrived::default();
        while let Message::Binary(piece) = next(&mut web).await? {
            arrived.piece(&piece)?;
        }
        web.send(Message::text(arrived.bytes().to_string())).await?;
    }
    Ok(web.close(None).await?)
}

async fn next(web: &mut Web) -> Result<Message> {
    Ok(web.next().await.ok_or("the connection has ended")??)
}

async fn echo(mut web: Web, mut message: Message) -> Result<()> {
    loop {
        loop {
            if message.is_binary() {
                web.feed(message).await?;
            }
            match web.next().now_or_never() {
                Some(Some(next)) => message = next?,
                Some(None) => return Ok(()),
                None => break,
            }
        }
        web.flush().await?;
        match web.next().await {
            Some(next) => message = next?,
            None => return Ok(()),
        }
    }
}

#[cfg(any(feature = "raw_ws_ready", feature = "raw_ws_each"))]
async fn echo_by_writer<F: Flush>(web: Web, first: Message) -> Result<()> {
    let (sink, mut stream) = web.split();
    let (out, messages) = mpsc::unbounded_channel();
    tokio::spawn(write::<F>(sink, messages));
    out.send(first)?;
    while let Some(message) = stream.next().await {
        let message = message?;
        if message.is_binary() {
            out.send(message)?;
        }
    }
    Ok(())
}

async fn write<F: Flush>(
    mut sink: SplitSink<Web, Message>,
    mut messages: mpsc::UnboundedReceiver<Message>,
) -> Result<()> {
    while let Some(message) = messages.recv().await {
        sink.feed(message).await?;
        match F::WHEN {
            // Everybody who is about to call gets into it.
            When::Together => tokio::task::yield_now().await,
            #[cfg(feature = "raw_ws_ready")]
            When::Ready => {}
            #[cfg(feature = "raw_ws_each")]
            When::Each => {
                sink.flush().await?;
                continue;
            }
        }
        while let Ok(message) = messages.try_recv() {
            sink.feed(message).await?;
        }
        sink.flush().await?;
    }
    sink.close().await?;
    Ok(())
}

async fn read(mut stream: SplitStream<Web>, waiting: Arc<Waiting>) -> Result<()> {
    while let Some(message) = stream.next().await {
        let mut body = message?.into_data();
        if body.len() < 4 {
            continue;
        }
        let id = body.get_u32() as usize;
        let caller = waiting.lock().unwrap_or_else(PoisonError::into_inner).try_remove(id);
        if let Some(caller) = caller {
            // A caller that has gone has no use for it.
            let _ = caller.send(body);
        }
    }
    // Whoever waits is told by this.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Ok(())
}

impl WsClient {
    async fn call(&self, body: &[u8]) -> Result<Bytes> {
        let framed = |id: u32| {
            let mut message = BytesMut::with_capacity(4 + body.len());
            message.put_u32(id);
            message.put_slice(body);
            Message::Binary(message.freeze())
        };
        match &self.calls {
            Calls::PingPong(web) => {
                let mut web = web.lock().await;
                web.send(framed(0)).await?;
                Ok(next(&mut web).await?.into_data().slice(4..))
            }
            Calls::Shared(shared) => {
                let (tell, answer) = oneshot::channel();
                let id = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(tell);
                shared.out.send(framed(u32::try_from(id)?))?;
                Ok(answer.await?)
            }
        }
    }

    /// A connection for something else.
    async fn open(&self, purpose: String) -> Result<Web> {
        let mut web = open(&self.address).await?;
        web.send(Message::text(purpose)).await?;
        Ok(web)
    }
}

impl Client for WsClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(String::from_utf8(self.call(text.as_bytes()).await?.into())?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        self.call(&message).await
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut web = self.open(format!("{ITEMS}{count}")).await?;
        let mut items = Items::default();
        while let Message::Binary(number) = next(&mut web).await? {
            items.take(u64::from_le_bytes(number[..].try_into()?))?;
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let mut web = self.open(BULK.to_owned()).await?;
        while let Some(chunk) = load.next() {
            web.send(Message::Binary(chunk)).await?;
        }
        web.send(Message::text(END)).await?;
        Ok(next(&mut web).await?.into_text()?.parse()?)
    }

    async fn download(&self, count: u64) -> Result<u64> {
        let mut web = self.open(format!("{CHUNKS}{count}")).await?;
        let mut arrived = Arrived::default();
        while let Message::Binary(piece) = next(&mut web).await? {
            arrived.piece(&piece)?;
        }
        Ok(arrived.bytes())
    }
}
