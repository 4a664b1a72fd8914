//! ipfi over QUIC: by default, where small calls share a stream, and with a stream for each call.
//!
//! Settings: default limits and options, except that as many calls may be open as the workload has, and that early data
//! is allowed where the workload is about it, with the echo declared idempotent. One client socket.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipfi::{Interface, Role, WireOptions};
use ipfi_quic::QuicOptions;
use ipfi_quic::endpoint::{QuicClient, QuicServer, wire};

use crate::load::check;
use crate::payload::TEXT;
use crate::peer::{Client, Handshake, Kind, Needs, Offers, Peer, Result};
use crate::peers::ipfi::{Counted, ECHO, IpfiClient, interface, limits};
use crate::peers::quic::{self, ANY_PORT, Address, NAME, Once};

/// Where small calls go.
pub(crate) trait Small: Send + 'static {
    const NAME: &'static str;
    const SHARED: bool;
}

/// Onto a stream that they share.
pub(crate) struct Shared;

impl Small for Shared {
    const NAME: &'static str = "ipfi_quic";
    const SHARED: bool = true;
}

/// Each onto one of its own.
pub(crate) struct Streams;

impl Small for Streams {
    const NAME: &'static str = "ipfi_quic_streams";
    const SHARED: bool = false;
}

pub(crate) struct IpfiQuic<S>(PhantomData<S>);

impl<S: Small> IpfiQuic<S> {
    fn options(needs: Needs) -> QuicOptions {
        let mut options = QuicOptions::default();
        options.shared_calls = S::SHARED;
        options.early_data = needs.handshake == Handshake::Early;
        options
    }

    fn client(address: &Address, needs: Needs) -> Result<QuicClient> {
        static CLIENT: Once<QuicClient> = Once::new();
        CLIENT.get(|| {
            let tls = quic::client(address, needs)?;
            Ok(QuicClient::bind(address.socket, &tls, &limits(quic::roomy(needs)), &Self::options(needs))?)
        })
    }
}

fn caller(needs: Needs) -> WireOptions {
    WireOptions::from(Interface::new()).role(Role::CallerOnly).limits(limits(quic::roomy(needs)))
}

impl<S: Small> Peer for IpfiQuic<S> {
    const NAME: &'static str = S::NAME;
    const KIND: Kind = Kind::Ipfi;
    const OFFERS: Offers = Offers::QUIC;
    type Client = IpfiClient<Connection>;

    async fn serve(needs: Needs) -> Result<String> {
        let (tls, address) = quic::server(needs)?;
        let server = QuicServer::bind(ANY_PORT, &tls, &limits(quic::roomy(needs)), &Self::options(needs))?;
        let address = address(server.local_address()?);
        let options = WireOptions::from(interface().idempotent(ECHO)).limits(limits(quic::roomy(needs)));
        tokio::spawn(async move {
            while let Some(incoming) = server.accept().await {
                let options = options.clone();
                tokio::spawn(async move {
                    // A client whose handshake fails says so itself.
                    if let Ok(wire) = incoming.wire(options).await {
                        wire.closed().await;
                    }
                });
            }
        });
        Ok(address)
    }

    async fn connect(address: &str, needs: Needs) -> Result<Self::Client> {
        let address = Address::parse(address)?;
        let client = Self::client(&address, needs)?;
        // As `QuicClient::connect` does it, with quinn's connection kept, which counts.
        let connecting = client.quinn().connect_with(client.config().clone(), address.socket, NAME)?;
        let connection = connecting.await?;
        let wire = wire(connection.clone(), caller(needs), &Self::options(needs));
        Ok(IpfiClient { wire, carrier: Connection(Some(connection)) })
    }

    async fn connect_and_call(address: &str, needs: Needs) -> Result<Self::Client> {
        if needs.handshake != Handshake::Early {
            let client = Self::connect(address, needs).await?;
            check(&client.echo(TEXT).await?)?;
            return Ok(client);
        }
        let address = Address::parse(address)?;
        let client = Self::client(&address, needs)?;
        let asked = AtomicUsize::new(0);
        let first = |wire| {
            asked.fetch_add(1, Ordering::Relaxed);
            async move { IpfiClient { wire, carrier: Connection(None) }.echo(TEXT).await }
        };
        let (wire, answer) = client.connect_early(address.socket, NAME, caller(needs), first).await?;
        check(&answer?)?;
        match asked.into_inner() {
            1 => Ok(IpfiClient { wire, carrier: Connection(None) }),
            _ => Err("the server has refused early data".into()),
        }
    }

    fn tickets_used() -> u64 {
        quic::tickets_used()
    }
}

/// Quinn's own, if it is at hand.
#[derive(Clone)]
pub(crate) struct Connection(Option<quinn::Connection>);

impl Counted for Connection {
    fn stream_frames(&self) -> Result<[u64; 2]> {
        let stats = self.0.as_ref().ok_or("a connection that began early is not counted")?.stats();
        Ok([stats.frame_tx.stream, stats.frame_rx.stream])
    }
}
