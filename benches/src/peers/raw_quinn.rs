//! quinn as it is, a stream for each call (`per_stream.rs`): nothing but what QUIC itself costs.
//!
//! Settings: as many streams as the workload has. `raw_quinn` has quinn's defaults for the rest; `raw_quinn_mtu` has
//! ipfi's: packets, windows, CUBIC. Writes are of whole `Bytes`, reads take what quinn has
//! in one visit to its lock. One client socket.

use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ipfi_quic::QuicOptions;
use ipfi_quic::config::transport;
use ipfi_quic::endpoint::endpoint_config;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream};
use quinn::{ServerConfig, TokioRuntime, TransportConfig};

use crate::load::check;
use crate::payload::TEXT;
use crate::peer::{Client, Handshake, Kind, Needs, Offers, Peer, Result};
use crate::peers::ipfi::limits;
use crate::peers::per_stream::{self, Duplex, Opens, PerStream};
use crate::peers::quic::{self, ANY_PORT, Address, NAME, Once};

/// Whose settings.
pub(crate) trait Settings: Send + 'static {
    const NAME: &'static str;
    fn endpoint() -> Result<EndpointConfig>;
    fn transport(needs: Needs) -> TransportConfig;
}

/// Quinn's own.
pub(crate) struct Defaults;

impl Settings for Defaults {
    const NAME: &'static str = "raw_quinn";

    fn endpoint() -> Result<EndpointConfig> {
        Ok(EndpointConfig::default())
    }

    fn transport(needs: Needs) -> TransportConfig {
        let mut transport = TransportConfig::default();
        transport.max_concurrent_bidi_streams(quic::roomy(needs).streams.max(100).into());
        transport
    }
}

/// Those of ipfi over QUIC.
pub(crate) struct AsIpfi;

impl Settings for AsIpfi {
    const NAME: &'static str = "raw_quinn_mtu";

    fn endpoint() -> Result<EndpointConfig> {
        Ok(endpoint_config(&QuicOptions::default())?)
    }

    fn transport(needs: Needs) -> TransportConfig {
        let mut transport = transport(&limits(quic::roomy(needs)), &QuicOptions::default());
        // A session of ipfi grants more as it needs more.
        transport.max_concurrent_bidi_streams(quic::roomy(needs).streams.max(100).into());
        transport
    }
}

pub(crate) struct RawQuinn<S>(PhantomData<S>);

impl<S: Settings> RawQuinn<S> {
    fn connecting(address: &str, needs: Needs) -> Result<quinn::Connecting> {
        static CLIENT: Once<(Endpoint, ClientConfig)> = Once::new();
        let address = Address::parse(address)?;
        let (endpoint, config) = CLIENT.get(|| {
            let tls = quic::client(&address, needs)?;
            let crypto = QuicClientConfig::try_from(Arc::clone(tls.as_rustls()))?;
            let mut config = ClientConfig::new(Arc::new(crypto));
            config.transport_config(Arc::new(S::transport(needs)));
            Ok((endpoint::<S>((Ipv4Addr::UNSPECIFIED, 0).into(), None)?, config))
        })?;
        Ok(endpoint.connect_with(config, address.socket, NAME)?)
    }
}

fn endpoint<S: Settings>(address: SocketAddr, server: Option<ServerConfig>) -> Result<Endpoint> {
    let socket = std::net::UdpSocket::bind(address)?;
    Ok(Endpoint::new(S::endpoint()?, server, socket, Arc::new(TokioRuntime))?)
}

impl<S: Settings> Peer for RawQuinn<S> {
    const NAME: &'static str = S::NAME;
    const KIND: Kind = Kind::Encrypted;
    const OFFERS: Offers = Offers::QUIC;
    type Client = PerStream<Opener>;

    async fn serve(needs: Needs) -> Result<String> {
        let (tls, address) = quic::server(needs)?;
        let crypto = QuicServerConfig::try_from(Arc::clone(tls.as_rustls()))?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(Arc::new(S::transport(needs)));
        let endpoint = endpoint::<S>(ANY_PORT, Some(config))?;
        let address = address(endpoint.local_addr()?);
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                tokio::spawn(async move {
                    let connecting = incoming.accept()?;
                    let connection = match needs.handshake {
                        // What came early is answered before the handshake is done.
                        Handshake::Early => match connecting.into_0rtt() {
                            Ok((connection, _)) => connection,
                            Err(connecting) => connecting.await?,
                        },
                        Handshake::Full | Handshake::Resumed => connecting.await?,
                    };
                    loop {
                        let (send, recv) = connection.accept_bi().await?;
                        // A call that fails is seen at the other end.
                        tokio::spawn(per_stream::serve(Stream::new(send, recv)));
                    }
                    #[expect(unreachable_code, reason = "says what `?` gives")]
                    Ok::<(), quinn::ConnectionError>(())
                });
            }
        });
        Ok(address)
    }

    async fn connect(address: &str, needs: Needs) -> Result<Self::Client> {
        Ok(PerStream(Opener(Self::connecting(address, needs)?.await?)))
    }

    async fn connect_and_call(address: &str, needs: Needs) -> Result<Self::Client> {
        let connecting = Self::connecting(address, needs)?;
        let early = match needs.handshake {
            Handshake::Early => connecting.into_0rtt(),
            Handshake::Full | Handshake::Resumed => Err(connecting),
        };
        let (connection, accepted) = match early {
            Ok((connection, accepted)) => (connection, Some(accepted)),
            Err(connecting) => (connecting.await?, None),
        };
        let client = PerStream(Opener(connection));
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

#[derive(Clone)]
pub(crate) struct Opener(Connection);

impl Opens for Opener {
    type Stream = Stream;

    async fn open(&self) -> Result<Stream> {
        let (send, recv) = self.0.open_bi().await?;
        Ok(Stream::new(send, recv))
    }

    fn stream_frames(&self) -> Result<[u64; 2]> {
        let stats = self.0.stats();
        Ok([stats.frame_tx.stream, stats.frame_rx.stream])
    }
}

/// As many as are taken from quinn in one visit to its lock.
const CHUNKS: usize = 4;

pub(crate) struct Stream {
    send: SendStream,
    recv: RecvStream,
    /// Taken, and those before `next` handed on.
    taken: [Bytes; CHUNKS],
    next: usize,
    count: usize,
}

impl Stream {
    fn new(send: SendStream, recv: RecvStream) -> Self {
        Self { send, recv, taken: [const { Bytes::new() }; CHUNKS], next: 0, count: 0 }
    }
}

impl Duplex for Stream {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        Ok(self.send.write_chunk(bytes).await?)
    }

    async fn finish(&mut self) -> Result<()> {
        Ok(self.send.finish()?)
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        if self.next == self.count {
            let Some(count) = self.recv.read_chunks(&mut self.taken).await? else { return Ok(None) };
            (self.next, self.count) = (0, count);
        }
        let chunk = std::mem::take(&mut self.taken[self.next]);
        self.next += 1;
        Ok(Some(chunk))
    }
}
