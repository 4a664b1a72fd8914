//! tonic: gRPC over HTTP/2, without TLS and with it, messages by prost.
//!
//! Settings: `TCP_NODELAY`; windows of 1 MiB a stream and 16 MiB a connection, which is more than the defaults
//! and less than what costs; frames of 64 KiB; as many streams as the workload has. Bytes are `Bytes`, items
//! `fixed64`. TLS is its own, by rustls and aws-lc-rs, as ipfi has it.

use std::any::Any;
use std::iter;
use std::marker::PhantomData;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use crate::load::BulkLoad;
use crate::payload::{Arrived, Items, chunk, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::listen;

/// What `build.rs` makes of the service.
#[allow(unused_qualifications, clippy::all, clippy::unwrap_used, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Echo.rs"));
}

pub(crate) use generated::echo_client::EchoClient;
use generated::echo_server::Echo;
pub(crate) use generated::echo_server::EchoServer;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Data {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Number {
    #[prost(fixed64, tag = "1")]
    value: u64,
}

pub(crate) struct Service;

type Numbers = Pin<Box<dyn Stream<Item = std::result::Result<Number, Status>> + Send>>;
type Chunks = Pin<Box<dyn Stream<Item = std::result::Result<Data, Status>> + Send>>;
type Answer<T> = std::result::Result<Response<T>, Status>;

fn number(index: u64) -> std::result::Result<Number, Status> {
    Ok(Number { value: item(index) })
}

#[tonic::async_trait]
impl Echo for Service {
    type ItemsStream = Numbers;
    type IdleStream = Numbers;
    type DownloadStream = Chunks;

    async fn echo(&self, request: Request<Text>) -> Answer<Text> {
        Ok(Response::new(request.into_inner()))
    }

    async fn echo_bytes(&self, request: Request<Data>) -> Answer<Data> {
        Ok(Response::new(request.into_inner()))
    }

    async fn items(&self, request: Request<Number>) -> Answer<Numbers> {
        let numbers = stream::iter((0..request.into_inner().value).map(number));
        Ok(Response::new(Box::pin(numbers)))
    }

    async fn bulk(&self, request: Request<Streaming<Data>>) -> Answer<Number> {
        let (mut chunks, mut arrived) = (request.into_inner(), Arrived::default());
        while let Some(chunk) = chunks.message().await? {
            arrived.piece(&chunk.data).map_err(|e| Status::internal(e.to_string()))?;
        }
        Ok(Response::new(Number { value: arrived.bytes() }))
    }

    async fn download(&self, request: Request<Number>) -> Answer<Chunks> {
        let chunks = (0..request.into_inner().value).map(|_| Ok(Data { data: chunk() }));
        Ok(Response::new(Box::pin(stream::iter(chunks))))
    }

    async fn idle(&self, _: Request<Number>) -> Answer<Numbers> {
        Ok(Response::new(Box::pin(stream::iter([number(0)]).chain(stream::pending()))))
    }
}

pub(crate) const STREAM_WINDOW: u32 = 1 << 20;
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;
pub(crate) const FRAME: u32 = 64 << 10;

/// Over what.
pub(crate) trait Carrier: 'static {
    const NAME: &'static str;
    const KIND: Kind;
    const SCHEME: &'static str;

    /// The server with what the carrier needs, and what a client must be told.
    fn secured(server: Server) -> Result<(Server, String)> {
        Ok((server, String::new()))
    }

    fn trusting(endpoint: Endpoint, _told: &str) -> Result<Endpoint> {
        Ok(endpoint)
    }
}

pub(crate) struct Tcp;

impl Carrier for Tcp {
    const NAME: &'static str = "tonic";
    const KIND: Kind = Kind::Rpc;
    const SCHEME: &'static str = "http";
}

#[cfg(feature = "tonic_tls")]
pub(crate) struct Tls;

#[cfg(feature = "tonic_tls")]
impl Carrier for Tls {
    const NAME: &'static str = "tonic_tls";
    const KIND: Kind = Kind::Encrypted;
    const SCHEME: &'static str = "https";

    fn secured(server: Server) -> Result<(Server, String)> {
        use tonic::transport::{Identity, ServerTlsConfig};
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let pem = made.cert.pem();
        let identity = Identity::from_pem(&pem, made.signing_key.serialize_pem());
        // In one line, as an address is.
        let told = pem.replace('\n', "|");
        Ok((server.tls_config(ServerTlsConfig::new().identity(identity))?, told))
    }

    fn trusting(endpoint: Endpoint, told: &str) -> Result<Endpoint> {
        use tonic::transport::{Certificate, ClientTlsConfig};
        let root = Certificate::from_pem(told.replace('|', "\n"));
        Ok(endpoint.tls_config(ClientTlsConfig::new().ca_certificate(root).domain_name("localhost"))?)
    }
}

pub(crate) struct Tonic<C>(PhantomData<C>);

#[derive(Clone)]
pub(crate) struct TonicClient<S>(pub(crate) EchoClient<S>);

impl<C: Carrier> Peer for Tonic<C> {
    const NAME: &'static str = C::NAME;
    const KIND: Kind = C::KIND;
    const OFFERS: Offers = Offers { download: true, ..Offers::ALL };
    type Client = TonicClient<Channel>;

    async fn serve(needs: Needs) -> Result<String> {
        let listener = listen()?;
        let url = format!("{}://{}", C::SCHEME, listener.local_addr()?);
        let (server, told) = C::secured(Server::builder())?;
        let mut server = server
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_concurrent_streams(needs.streams.max(200));
        let server = server
            .add_service(EchoServer::new(Service))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        tokio::spawn(server);
        Ok(format!("{url} {told}"))
    }

    async fn connect(address: &str, _: Needs) -> Result<TonicClient<Channel>> {
        let (url, told) = address.split_once(' ').ok_or("an address and what is told beside it")?;
        let endpoint = C::trusting(Endpoint::from_shared(url.to_owned())?, told)?
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME);
        Ok(TonicClient(EchoClient::new(endpoint.connect().await?)))
    }
}

/// What speaks HTTP for it.
pub(crate) trait Http:
    GrpcService<Body, ResponseBody: Answered, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Http for S where
    S: GrpcService<Body, ResponseBody: Answered, Future: Send> + Clone + Send + Sync + 'static
{
}

/// A body that it reads.
pub(crate) trait Answered:
    http_body::Body<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static
{
}

impl<B: http_body::Body<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static> Answered for B {}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S: Http> TonicClient<S> {
    /// A call borrows its client mutably; cloning one is what its documentation asks for.
    fn client(&self) -> EchoClient<S> {
        self.0.clone()
    }
}

impl<S: Http> Client for TonicClient<S> {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.client().echo(Text { text: text.to_owned() }).await?.into_inner().text)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.client().echo_bytes(Data { data: message }).await?.into_inner().data)
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut numbers = self.client().items(Number { value: count }).await?.into_inner();
        let mut items = Items::default();
        while let Some(number) = numbers.message().await? {
            items.take(number.value)?;
        }
        items.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let chunks = iter::from_fn(move || load.next().map(|data| Data { data }));
        Ok(self.client().bulk(stream::iter(chunks)).await?.into_inner().value)
    }

    async fn download(&self, count: u64) -> Result<u64> {
        let mut chunks = self.client().download(Number { value: count }).await?.into_inner();
        let mut arrived = Arrived::default();
        while let Some(chunk) = chunks.message().await? {
            arrived.piece(&chunk.data)?;
        }
        Ok(arrived.bytes())
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut numbers = self.client().idle(Number::default()).await?.into_inner();
        match numbers.message().await? {
            Some(first) if first.value == item(0) => Ok(Box::new(numbers)),
            other => Err(format!("the first item is {other:?}").into()),
        }
    }
}
