//! jsonrpsee over WebSocket, subscriptions for sequences.
//!
//! Settings: `TCP_NODELAY` (its default); WebSocket only, no pings; as many requests and subscriptions as the
//! workload has, and a subscription may buffer whatever comes, because it is closed when it cannot. Bytes are
//! base64 in JSON. It has no stream from the client.

use std::any::Any;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jsonrpsee::core::client::{ClientT, Subscription, SubscriptionClientT};
use jsonrpsee::rpc_params;
use jsonrpsee::server::{RpcModule, Server, ServerConfig, SubscriptionMessage};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::value::to_raw_value;

use crate::payload::{Items, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};

pub(crate) struct Jsonrpsee;

#[derive(Clone)]
pub(crate) struct JsonrpseeClient(Arc<WsClient>);

impl Peer for Jsonrpsee {
    const NAME: &'static str = "jsonrpsee";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers { bulk: false, ..Offers::ALL };
    type Client = JsonrpseeClient;

    async fn serve(needs: Needs) -> Result<String> {
        let config = ServerConfig::builder()
            .max_connections(needs.connections + 1)
            .max_subscriptions_per_connection(needs.streams.max(1024))
            .set_message_buffer_capacity(needs.streams.max(1024))
            .ws_only()
            .build();
        let server = Server::builder().set_config(config).build("127.0.0.1:0").await?;
        let address = format!("ws://{}", server.local_addr()?);
        let handle = server.start(module()?);
        tokio::spawn(handle.stopped());
        Ok(address)
    }

    async fn connect(address: &str, needs: Needs) -> Result<JsonrpseeClient> {
        let client = WsClientBuilder::default()
            .disable_ws_ping()
            .max_concurrent_requests((2 * needs.streams as usize).max(256))
            .max_buffer_capacity_per_subscription(1 << 24)
            .build(address)
            .await?;
        Ok(JsonrpseeClient(Arc::new(client)))
    }
}

fn module() -> Result<RpcModule<()>> {
    let mut module = RpcModule::new(());
    module.register_async_method("echo", |params, _, _| async move {
        Ok::<String, ErrorObjectOwned>(params.one()?)
    })?;
    module.register_async_method("echo_bytes", |params, _, _| async move {
        let message: String = params.one()?;
        let bytes =
            STANDARD.decode(message).map_err(|e| ErrorObjectOwned::owned(1, e.to_string(), None::<()>))?;
        Ok::<String, ErrorObjectOwned>(STANDARD.encode(bytes))
    })?;
    module.register_subscription("items", "item", "stop", |params, pending, _, _| async move {
        let count: u64 = params.one()?;
        let sink = pending.accept().await?;
        for index in 0..count {
            sink.send(SubscriptionMessage::from(to_raw_value(&item(index))?)).await?;
        }
        // Open until the client has had enough.
        sink.closed().await;
        Ok(())
    })?;
    Ok(module)
}

impl JsonrpseeClient {
    async fn subscribe(&self, count: u64) -> Result<Subscription<u64>> {
        Ok(self.0.subscribe("items", rpc_params![count], "stop").await?)
    }
}

impl Client for JsonrpseeClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.0.request("echo", rpc_params![text]).await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let answer: String = self.0.request("echo_bytes", rpc_params![STANDARD.encode(message)]).await?;
        Ok(STANDARD.decode(answer)?.into())
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut subscription = self.subscribe(count).await?;
        let mut items = Items::default();
        for _ in 0..count {
            items.take(subscription.next().await.ok_or("the subscription has ended")??)?;
        }
        subscription.unsubscribe().await?;
        items.end(count)
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut subscription = self.subscribe(1).await?;
        match subscription.next().await.transpose()? {
            Some(first) if first == item(0) => Ok(Box::new(subscription)),
            other => Err(format!("the first item is {other:?}").into()),
        }
    }
}
