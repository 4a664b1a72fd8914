//! tarpc over TCP: its serde transport with bincode, as its documentation has it.
//!
//! Settings: `TCP_NODELAY`; a task for each request, as in its example; as many requests in flight and answers
//! waiting to be written as the workload has calls. It has no streams.

use bytes::Bytes;
use futures_util::StreamExt;
use tarpc::server::{self, BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tarpc::{client, context, serde_transport};
use tokio::net::TcpStream;

use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

#[tarpc::service]
trait Echo {
    async fn echo(text: String) -> String;
    async fn echo_bytes(message: Bytes) -> Bytes;
}

#[derive(Clone)]
struct Server;

impl Echo for Server {
    async fn echo(self, _: context::Context, text: String) -> String {
        text
    }

    async fn echo_bytes(self, _: context::Context, message: Bytes) -> Bytes {
        message
    }
}

pub(crate) struct Tarpc;

#[derive(Clone)]
pub(crate) struct TarpcClient(EchoClient);

impl Peer for Tarpc {
    const NAME: &'static str = "tarpc";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers::CALLS;
    type Client = TarpcClient;

    async fn serve(needs: Needs) -> Result<String> {
        TcpStream::serve(move |socket| async move {
            let framed = LengthDelimitedCodec::builder().new_framed(socket);
            let transport = serde_transport::new(framed, Bincode::default());
            let mut config = server::Config::default();
            config.pending_response_buffer = config.pending_response_buffer.max(needs.streams as usize);
            BaseChannel::new(config, transport)
                .execute(Server.serve())
                .for_each(|response| async move {
                    tokio::spawn(response);
                })
                .await;
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<TarpcClient> {
        let framed = LengthDelimitedCodec::builder().new_framed(TcpStream::open(address).await?);
        let transport = serde_transport::new(framed, Bincode::default());
        let mut config = client::Config::default();
        config.max_in_flight_requests = config.max_in_flight_requests.max(2 * needs.streams as usize);
        config.pending_request_buffer = config.pending_request_buffer.max(needs.streams as usize);
        Ok(TarpcClient(EchoClient::new(config, transport).spawn()))
    }
}

impl Client for TarpcClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.0.echo(context::current(), text.to_owned()).await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.0.echo_bytes(context::current(), message).await?)
    }
}
