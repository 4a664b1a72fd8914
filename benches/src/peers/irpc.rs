//! irpc: postcard over noq, which is n0's quinn, a stream for each call.
//!
//! Settings: as many streams as the workload has, noq's defaults for the rest, and the TLS of the other peers over
//! QUIC, since its own helpers are for tests. A task for each request, as in its example; 128 items between
//! the connection and a task, likewise. What comes as early data (0-RTT) its own `listen` does not answer before the
//! handshake is done: there connections are accepted here and handed to its `handle_connection`.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use ::irpc::channel::{mpsc, oneshot};
use ::irpc::rpc::RemoteService;
use ::irpc::{Client as Remote, WithChannels, rpc_requests};
use bytes::Bytes;
use noq::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use noq::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig};
use serde::{Deserialize, Serialize};

use crate::load::{BulkLoad, check};
use crate::payload::{Arrived, Items, TEXT, item};
use crate::peer::{Client, Handshake, Kind, Needs, Offers, Peer, Result};
use crate::peers::quic::{self, ANY_PORT, Address, NAME, Once};

/// Between the connection and whoever sends or takes items.
const ITEMS: usize = 128;

#[derive(Debug, Serialize, Deserialize)]
struct Echo(String);

#[derive(Debug, Serialize, Deserialize)]
struct EchoBytes(Bytes);

#[derive(Debug, Serialize, Deserialize)]
struct Count(u64);

#[derive(Debug, Serialize, Deserialize)]
struct Bulk;

#[derive(Debug, Serialize, Deserialize)]
struct Idle;

#[rpc_requests(message = Message, no_spans)]
#[derive(Debug, Serialize, Deserialize)]
enum Protocol {
    #[rpc(tx=oneshot::Sender<String>)]
    Echo(Echo),
    #[rpc(tx=oneshot::Sender<Bytes>)]
    EchoBytes(EchoBytes),
    #[rpc(tx=mpsc::Sender<u64>)]
    Count(Count),
    #[rpc(rx=mpsc::Receiver<Bytes>, tx=oneshot::Sender<u64>)]
    Bulk(Bulk),
    #[rpc(tx=mpsc::Sender<u64>)]
    Idle(Idle),
}

async fn handle(message: Message) -> Result<()> {
    match message {
        Message::Echo(WithChannels { inner, tx, .. }) => tx.send(inner.0).await?,
        Message::EchoBytes(WithChannels { inner, tx, .. }) => tx.send(inner.0).await?,
        Message::Count(WithChannels { inner, tx, .. }) => {
            for index in 0..inner.0 {
                tx.send(item(index)).await?;
            }
        }
        Message::Bulk(WithChannels { tx, mut rx, .. }) => {
            let mut arrived = Arrived::default();
            while let Some(chunk) = rx.recv().await? {
                arrived.piece(&chunk)?;
            }
            tx.send(arrived.bytes()).await?;
        }
        Message::Idle(WithChannels { tx, .. }) => {
            tx.send(item(0)).await?;
            tx.closed().await;
        }
    }
    Ok(())
}

pub(crate) struct Irpc;

fn transport(needs: Needs) -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(quic::roomy(needs).streams.max(100).into());
    Arc::new(transport)
}

fn endpoint(address: SocketAddr, server: Option<ServerConfig>) -> Result<Endpoint> {
    let socket = std::net::UdpSocket::bind(address)?;
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

impl Peer for Irpc {
    const NAME: &'static str = "irpc";
    const KIND: Kind = Kind::Encrypted;
    const OFFERS: Offers = Offers { tickets: true, ..Offers::ALL };
    type Client = IrpcClient;

    async fn serve(needs: Needs) -> Result<String> {
        let (tls, address) = quic::server(needs)?;
        let crypto = QuicServerConfig::try_from(Arc::clone(tls.as_rustls()))?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(transport(needs));
        let endpoint = endpoint(ANY_PORT, Some(config))?;
        let address = address(endpoint.local_addr()?);
        let (requests, mut waiting) = tokio::sync::mpsc::channel(needs.streams as usize + ITEMS);
        tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                // A call that fails is seen at the other end.
                tokio::spawn(handle(message));
            }
        });
        let local = Remote::<Protocol>::local(requests);
        let local = local.as_local().ok_or("it was made local")?;
        let handler = Protocol::remote_handler(local);
        match needs.handshake {
            Handshake::Early => tokio::spawn(listen_early(endpoint, handler)),
            Handshake::Full | Handshake::Resumed => tokio::spawn(::irpc::rpc::listen(endpoint, handler)),
        };
        Ok(address)
    }

    async fn connect(address: &str, needs: Needs) -> Result<IrpcClient> {
        let (endpoint, address) = Self::endpoint(address, needs)?;
        // It connects with the first call, to the server name `localhost`.
        debug_assert_eq!(NAME, "localhost");
        Ok(IrpcClient(Remote::noq(endpoint, address)))
    }

    async fn connect_and_call(address: &str, needs: Needs) -> Result<IrpcClient> {
        let early = match needs.handshake {
            Handshake::Early => {
                let (endpoint, address) = Self::endpoint(address, needs)?;
                endpoint.connect(address, NAME)?.into_0rtt()
            }
            Handshake::Full | Handshake::Resumed => {
                let client = Self::connect(address, needs).await?;
                check(&client.echo(TEXT).await?)?;
                return Ok(client);
            }
        };
        let (connection, accepted) = match early {
            Ok((connection, accepted)) => (connection, Some(accepted)),
            Err(connecting) => (connecting.await?, None),
        };
        let client = IrpcClient(Remote::boxed(connection));
        check(&client.echo(TEXT).await?)?;
        if let Some(accepted) = accepted
            && !accepted.await
        {
            return Err("the server has refused early data".into());
        }
        Ok(client)
    }

    fn tickets_used() -> u64 {
        quic::tickets_used()
    }
}

/// Its `listen`, but that calls which come early are answered before the handshake is done.
async fn listen_early(endpoint: Endpoint, handler: ::irpc::rpc::Handler<Protocol>) {
    while let Some(incoming) = endpoint.accept().await {
        let handler = handler.clone();
        tokio::spawn(async move {
            let connection = match incoming.accept()?.into_0rtt() {
                Ok((connection, _)) => connection,
                Err(connecting) => connecting.await?,
            };
            // A call that fails is seen at the other end.
            Ok::<_, std::io::Error>(::irpc::rpc::handle_connection(connection, handler).await?)
        });
    }
}

impl Irpc {
    /// The client's one endpoint, and where the server is.
    fn endpoint(address: &str, needs: Needs) -> Result<(Endpoint, SocketAddr)> {
        static CLIENT: Once<Endpoint> = Once::new();
        let address = Address::parse(address)?;
        let endpoint = CLIENT.get(|| {
            let tls = quic::client(&address, needs)?;
            let crypto = QuicClientConfig::try_from(Arc::clone(tls.as_rustls()))?;
            let mut config = ClientConfig::new(Arc::new(crypto));
            config.transport_config(transport(needs));
            let endpoint = endpoint((std::net::Ipv4Addr::UNSPECIFIED, 0).into(), None)?;
            endpoint.set_default_client_config(config);
            Ok(endpoint)
        })?;
        Ok((endpoint, address.socket))
    }
}

#[derive(Clone)]
pub(crate) struct IrpcClient(Remote<Protocol>);

impl Client for IrpcClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.0.rpc(Echo(text.to_owned())).await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.0.rpc(EchoBytes(message)).await?)
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut sent = self.0.server_streaming(Count(count), ITEMS).await?;
        let mut items = Items::default();
        while let Some(item) = sent.recv().await? {
            items.take(item)?;
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let (chunks, counted) = self.0.client_streaming(Bulk, ITEMS).await?;
        while let Some(chunk) = load.next() {
            chunks.send(chunk).await?;
        }
        drop(chunks);
        Ok(counted.await?)
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut items = self.0.server_streaming(Idle, ITEMS).await?;
        match items.recv().await? {
            Some(first) if first == item(0) => Ok(Box::new(items)),
            other => Err(format!("the first item is {other:?}").into()),
        }
    }
}
