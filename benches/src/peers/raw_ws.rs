//! tokio-tungstenite with nothing around it: a message for each call, with an id in front.
//!
//! Settings: `TCP_NODELAY`; tungstenite's defaults, as a program has them that does not think of them. One caller at a time
//! is a ping-pong on the socket itself. More of them give their messages to a writer, which feeds all that there are and
//! flushes once; the server echoes what there is to read and flushes once. No streams, no credit, no codec.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use slab::Slab;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

pub(crate) struct RawWs;

type Web = WebSocketStream<TcpStream>;

/// The last clone closes the connection.
#[derive(Clone)]
pub(crate) enum WsClient {
    PingPong(Arc<tokio::sync::Mutex<Web>>),
    Shared(Arc<Shared>),
}

pub(crate) struct Shared {
    waiting: Arc<Waiting>,
    /// Messages for the writer, which ends with it.
    out: mpsc::UnboundedSender<Message>,
}

type Waiting = Mutex<Slab<oneshot::Sender<Bytes>>>;

impl Peer for RawWs {
    const NAME: &'static str = "raw_ws";
    const KIND: Kind = Kind::Streams;
    const OFFERS: Offers = Offers::CALLS;
    type Client = WsClient;

    async fn serve(_: Needs) -> Result<String> {
        TcpStream::serve(|socket| async move {
            // How it ended is nobody's to read.
            let _ = echo(socket).await;
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<WsClient> {
        let socket = TcpStream::open(address).await?;
        let (web, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), socket).await?;
        if needs.streams <= 1 {
            return Ok(WsClient::PingPong(Arc::new(tokio::sync::Mutex::new(web))));
        }
        let (sink, stream) = web.split();
        let (out, messages) = mpsc::unbounded_channel();
        let waiting = Arc::<Waiting>::default();
        tokio::spawn(write(sink, messages));
        tokio::spawn(read(stream, Arc::clone(&waiting)));
        Ok(WsClient::Shared(Arc::new(Shared { waiting, out })))
    }
}

async fn echo(socket: TcpStream) -> Result<()> {
    let mut web = tokio_tungstenite::accept_async(socket).await?;
    while let Some(message) = web.next().await {
        let mut message = message?;
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
    }
    Ok(())
}

async fn write(
    mut sink: SplitSink<Web, Message>,
    mut messages: mpsc::UnboundedReceiver<Message>,
) -> Result<()> {
    while let Some(message) = messages.recv().await {
        sink.feed(message).await?;
        // Everybody who is about to call gets into it.
        tokio::task::yield_now().await;
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
        match self {
            Self::PingPong(web) => {
                let mut web = web.lock().await;
                web.send(framed(0)).await?;
                let answer = web.next().await.ok_or("the connection has ended")??;
                Ok(answer.into_data().slice(4..))
            }
            Self::Shared(shared) => {
                let (tell, answer) = oneshot::channel();
                let id = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(tell);
                shared.out.send(framed(u32::try_from(id)?))?;
                Ok(answer.await?)
            }
        }
    }
}

impl Client for WsClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(String::from_utf8(self.call(text.as_bytes()).await?.into())?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        self.call(&message).await
    }
}
