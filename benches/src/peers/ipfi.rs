//! ipfi itself, as a user has it: the facade, over TCP, over a Unix socket, over WebSocket, and over TLS over TCP.
//!
//! Settings: default limits, except that as many calls may be open as the workload has (the default of 256
//! would queue the rest). The default codec for text and numbers, `Raw` where bytes are bytes.

use std::any::Any;
use std::marker::PhantomData;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi::{Connector, Interface, Limits, Raw, Receiver, Role, Server, Status, Wire};

use crate::load::BulkLoad;
use crate::payload::{Arrived, Items, chunk, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::socket_path;

pub(crate) const ECHO: u64 = 0;
const ITEMS: u64 = 1;
const BULK: u64 = 2;
const ECHO_BYTES: u64 = 3;
const IDLE: u64 = 4;
const DOWNLOAD: u64 = 5;

/// What carries the bytes.
pub(crate) trait Carrier: Send + 'static {
    const NAME: &'static str;
    fn url() -> Result<String>;

    /// What the server is given beside; and what a client must be told beside the server's address.
    fn secured(server: Server) -> Result<(Server, String)> {
        Ok((server, String::new()))
    }

    /// A connector that knows what it was told.
    fn connector(_told: &str) -> Result<Connector> {
        Ok(Connector::new())
    }
}

pub(crate) struct Tcp;

impl Carrier for Tcp {
    const NAME: &'static str = "ipfi";

    fn url() -> Result<String> {
        Ok("tcp://127.0.0.1:0".to_owned())
    }
}

pub(crate) struct Unix;

impl Carrier for Unix {
    const NAME: &'static str = "ipfi_unix";

    fn url() -> Result<String> {
        Ok(format!("unix:{}", socket_path()?.display()))
    }
}

#[cfg(feature = "ipfi_ws")]
pub(crate) struct Ws;

#[cfg(feature = "ipfi_ws")]
impl Carrier for Ws {
    const NAME: &'static str = "ipfi_ws";

    fn url() -> Result<String> {
        Ok("ws://127.0.0.1:0".to_owned())
    }
}

/// Settings: a certificate made on the spot, which the client pins by its hash; each connection a full handshake.
#[cfg(feature = "ipfi_tls")]
pub(crate) struct Tls;

#[cfg(feature = "ipfi_tls")]
impl Carrier for Tls {
    const NAME: &'static str = "ipfi_tls";

    fn url() -> Result<String> {
        Ok("tls://127.0.0.1:0".to_owned())
    }

    fn secured(server: Server) -> Result<(Server, String)> {
        let identity = ipfi::Identity::development(&[])?;
        let hash = identity.certificate_hash();
        Ok((server.identity(identity), hash.to_string()))
    }

    fn connector(told: &str) -> Result<Connector> {
        // Each connector has a memory of sessions of its own.
        Ok(Connector::new().trust(ipfi::Trust::pinned([told.parse()?])))
    }
}

pub(crate) struct Ipfi<C>(PhantomData<C>);

/// A wire is a handle already. `carrier` is what else is known of it.
#[derive(Clone)]
pub(crate) struct IpfiClient<K = ()> {
    pub(crate) wire: Wire,
    pub(crate) carrier: K,
}

/// What a carrier says of itself.
pub(crate) trait Counted: Clone + Send + Sync + 'static {
    fn stream_frames(&self) -> Result<[u64; 2]> {
        Err("only QUIC has STREAM frames".into())
    }
}

impl Counted for () {}

impl<C: Carrier> Peer for Ipfi<C> {
    const NAME: &'static str = C::NAME;
    const KIND: Kind = Kind::Ipfi;
    const OFFERS: Offers = Offers { download: true, ..Offers::ALL };
    type Client = IpfiClient;

    async fn serve(needs: Needs) -> Result<String> {
        let connections = needs.connections as usize + 1;
        let server = Server::new(interface())
            .limits(limits(needs))
            .max_connections(connections)
            .max_connections_per_address(connections)
            .listen(C::url()?);
        let (server, told) = C::secured(server)?;
        let server = server.bind().await?;
        let url = server.addresses().remove(0);
        tokio::spawn(server.run());
        Ok(format!("{url} {told}"))
    }

    async fn connect(address: &str, needs: Needs) -> Result<IpfiClient> {
        // As `ipfi::connect` does it.
        let (url, told) = address.split_once(' ').ok_or("an address and what is told beside it")?;
        let connector = C::connector(told)?.role(Role::CallerOnly).limits(limits(needs));
        Ok(IpfiClient { wire: connector.connect(url).await?, carrier: () })
    }
}

pub(crate) fn limits(needs: Needs) -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = limits.max_inbound_calls.max(needs.streams);
    limits.max_outbound_calls = limits.max_outbound_calls.max(needs.streams);
    // As the limits ask: each call that may be open can hold 2 tokens.
    limits.abuse_budget = limits.abuse_budget.max(3 * limits.max_inbound_calls);
    limits
}

pub(crate) fn interface() -> Interface {
    Interface::new()
        .procedure(ECHO, |(text,): (String,)| async move { text })
        .sequence(ITEMS, |(count,): (u64,)| stream::iter((0..count).map(item)))
        .procedure_with_items(BULK, |(): (), mut chunks: Receiver<Raw>| async move {
            let mut arrived = Arrived::default();
            while let Some(chunk) = chunks.try_next().await? {
                arrived.piece(&chunk.0).map_err(|e| Status::internal(e.to_string()))?;
            }
            Ok::<u64, Status>(arrived.bytes())
        })
        .procedure(ECHO_BYTES, |message: Raw| async move { message })
        .sequence(DOWNLOAD, |(count,): (u64,)| stream::iter((0..count).map(|_| Raw(chunk()))))
        .sequence(IDLE, |(): ()| stream::iter([item(0)]).chain(stream::pending()))
}

impl<K: Counted> Client for IpfiClient<K> {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(self.wire.call(ECHO, (text,)).await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let answer: Raw = self.wire.call(ECHO_BYTES, Raw(message)).await?;
        Ok(answer.0)
    }

    async fn items(&self, count: u64) -> Result<()> {
        let mut items = self.wire.stream::<u64>(ITEMS, (count,)).await?;
        let mut seen = Items::default();
        while let Some(item) = items.try_next().await? {
            seen.take(item)?;
        }
        seen.end(count)
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let mut upload = self.wire.upload::<Raw, u64>(BULK, ()).await?;
        while let Some(chunk) = load.next() {
            upload.send(Raw(chunk)).await?;
        }
        Ok(upload.finish().await?)
    }

    fn stream_frames(&self) -> Result<[u64; 2]> {
        self.carrier.stream_frames()
    }

    async fn download(&self, count: u64) -> Result<u64> {
        let mut chunks = self.wire.stream::<Raw>(DOWNLOAD, (count,)).await?;
        let mut arrived = Arrived::default();
        while let Some(Raw(chunk)) = chunks.try_next().await? {
            arrived.piece(&chunk)?;
        }
        Ok(arrived.bytes())
    }

    async fn idle(&self) -> Result<Box<dyn Any + Send>> {
        let mut items = self.wire.stream::<u64>(IDLE, ()).await?;
        match items.try_next().await? {
            Some(first) if first == item(0) => Ok(Box::new(items)),
            other => Err(format!("the first item is {other:?}").into()),
        }
    }
}
