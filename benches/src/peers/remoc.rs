//! remoc over TCP: a remote trait, its channels for items, its binary channel for chunks.
//!
//! Settings: `TCP_NODELAY`; its default configuration, which its documentation calls balanced, with the queue of
//! connection requests as long as the workload has calls and as many ports; its default codec with the compact
//! names that its documentation proposes.

use std::any::Any;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use remoc::prelude::*;
use remoc::rtc::CallError;
use tokio::net::TcpStream;

use crate::load::BulkLoad;
use crate::payload::{Arrived, Items, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

/// What a call gives, or the text of what went wrong at the other end.
type Answer<T> = std::result::Result<T, Failed>;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Failed {
    Call(CallError),
    Other(String),
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Other(text) => text.fmt(f),
        }
    }
}

impl std::error::Error for Failed {}

#[rtc::remote]
pub(crate) trait Echo {
    #[serde(rename = "_0")]
    async fn echo(&self, #[serde(rename = "_0")] text: String) -> Answer<String>;
    #[serde(rename = "_1")]
    async fn echo_bytes(&self, #[serde(rename = "_0")] message: Bytes) -> Answer<Bytes>;
    #[serde(rename = "_2")]
    async fn items(&self, #[serde(rename = "_0")] count: u64) -> Answer<rch::mpsc::Receiver<u64>>;
    #[serde(rename = "_3")]
    async fn bulk(&self, #[serde(rename = "_0")] chunks: rch::bin::Receiver) -> Answer<u64>;
    #[serde(rename = "_4")]
    async fn idle(&self) -> Answer<rch::mpsc::Receiver<u64>>;
}

struct Service;

impl Echo for Service {
    async fn echo(&self, text: String) -> Answer<String> {
        Ok(text)
    }

    async fn echo_bytes(&self, message: Bytes) -> Answer<Bytes> {
        Ok(message)
    }

    async fn items(&self, count: u64) -> Answer<rch::mpsc::Receiver<u64>> {
        let (sender, receiver) = rch::mpsc::channel();
        tokio::spawn(async move {
            for index in 0..count {
                // The client misses what cannot be sent.
                if sender.send(item(index)).await.is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    async fn bulk(&self, mut chunks: rch::bin::Receiver) -> Answer<u64> {
        let other = |error: &dyn std::fmt::Display| Failed::Other(error.to_string());
        let chunks = chunks.get().await.map_err(|e| other(&e))?;
        let mut arrived = Arrived::default();
        while let Some(mut chunk) = chunks.recv().await.map_err(|e| other(&e))? {
            while chunk.has_remaining() {
                let piece = chunk.chunk();
                arrived.piece(piece).map_err(|e| other(&e))?;
                let length = piece.len();
                chunk.advance(length);
            }
        }
        Ok(arrived.bytes())
    }

    async fn idle(&self) -> Answer<rch::mpsc::Receiver<u64>> {
        let (sender, receiver) = rch::mpsc::channel();
        tokio::spawn(async move {
            if sender.send(item(0)).await.is_ok() {
                sender.closed().await;
            }
        });
        Ok(receiver)
    }
}

pub(crate) struct Remoc;

#[derive(Clone)]
pub(crate) struct RemocClient(EchoClient);

impl Peer for Remoc {
    const NAME: &'static str = "remoc";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers::ALL;
    type Client = RemocClient;

    async fn serve(needs: Needs) -> Result<String> {
        TcpStream::serve(move |socket| async move {
            let (server, client) = EchoServerShared::<_, remoc::codec::Default>::new(Arc::new(Service));
            let (read, write) = socket.into_split();
            // A connection that fails is seen at the other end.
            if remoc::Connect::io(config(needs), read, write).provide(client).await.is_ok() {
                let _ = server.serve().await;
            }
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<RemocClient> {
        let (read, write) = TcpStream::open(address).await?.into_split();
        Ok(RemocClient(remoc::Connect::io(config(needs), read, write).consume().await?))
    }
}

fn config(needs: Needs) -> remoc::Cfg {
    let mut config = remoc::Cfg::default();
    // A stream has a port or two at each end, beside that of its call.
    config.max_ports = config.max_ports.max(4 * needs.streams);
    config.connect_queue = config.connect_queue.max(u16::try_from(needs.streams).unwrap_or(u16::MAX));
    config
}

impl Client for RemocClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.0.echo(text.to_owned()).await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.0.echo_bytes(message).await?)
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut receiver = self.0.items(count).await?;
        let mut items = Items::default();
        while let Some(item) = receiver.recv().await? {
            items.take(item)?;
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let (mut sender, receiver) = rch::bin::channel();
        let sending = async move {
            let sender = sender.get().await?;
            while let Some(chunk) = load.next() {
                sender.send(chunk).await?;
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        };
        // The sender is dropped where it ends, and that ends the stream.
        let (sent, counted) = tokio::join!(sending, self.0.bulk(receiver));
        sent?;
        Ok(counted?)
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut receiver = self.0.idle().await?;
        match receiver.recv().await? {
            Some(first) if first == item(0) => Ok(Box::new(receiver)),
            other => Err(format!("the first item is {other:?}").into()),
        }
    }
}
