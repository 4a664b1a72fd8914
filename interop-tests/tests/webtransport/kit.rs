//! A server of both, and clients of either.

use std::sync::{Arc, Mutex};

use interop_tests::quic_pair::{CLIENT, SERVER, identity, web_tls};
use interop_tests::udp_net::UdpNet;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Context, Interface, Limits, Wire};
use ipfi_quic::endpoint::{endpoint_config, server_config};
use ipfi_quic::tls::{TlsClient, Trust};
use ipfi_quic::{QuicClient, QuicOptions, QuicServer, WebTransportOptions};
use quinn::{Endpoint, TokioRuntime};

/// Names the carrier, the path and the query's `user` of its caller, under 0.
pub(crate) fn interface() -> Interface {
    Interface::new().procedure(0, |context: Context, (): ()| async move {
        let peer = context.peer();
        let user = peer.query_value("user").map(|user| user.into_owned());
        (peer.carrier().to_owned(), peer.path().map(str::to_owned), user)
    })
}

/// What [`interface`] says.
pub(crate) type Said = (String, Option<String>, Option<String>);

/// A network with a server of [`interface`].
pub(crate) struct Lab {
    net: UdpNet,
    /// Why there was no wire, at the server.
    failed: Arc<Mutex<Vec<String>>>,
    /// Why wires have ended there.
    ended: Arc<Mutex<Vec<ConnectionError>>>,
}

impl Lab {
    pub(crate) fn new(web: WebTransportOptions) -> Self {
        Self::serving(web, interface)
    }

    /// A server of something else.
    pub(crate) fn serving(
        web: WebTransportOptions,
        offered: impl Fn() -> Interface + Send + 'static,
    ) -> Self {
        let (net, limits, options) = (UdpNet::new(7), Limits::default(), QuicOptions::default());
        let tls = web_tls().1;
        let config = server_config(&tls, &limits, &options).unwrap();
        let endpoint = endpoint(&net, SERVER.into(), Some(config));
        let server = QuicServer::over(endpoint, &tls, &limits, &options).unwrap().with_webtransport(web);
        let failed = Arc::<Mutex<Vec<String>>>::default();
        let failures = Arc::clone(&failed);
        let ended = Arc::<Mutex<Vec<ConnectionError>>>::default();
        let ends = Arc::clone(&ended);
        tokio::spawn(async move {
            while let Some(incoming) = server.accept().await {
                let (failures, ends, offered) = (Arc::clone(&failures), Arc::clone(&ends), offered());
                tokio::spawn(async move {
                    match incoming.wire(offered).await {
                        Ok(wire) => {
                            let end = wire.closed().await;
                            ends.lock().unwrap().push(end);
                        }
                        Err(error) => failures.lock().unwrap().push(error.to_string()),
                    }
                });
            }
        });
        Self { net, failed, ended }
    }

    /// The one error at the server.
    pub(crate) fn at_server(&self) -> String {
        let failed = self.failed.lock().unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        failed[0].clone()
    }

    /// How the one wire that has ended at the server did.
    pub(crate) fn end_at_server(&self) -> ConnectionError {
        let ended = self.ended.lock().unwrap();
        assert_eq!(ended.len(), 1, "{ended:?}");
        ended[0].clone()
    }

    /// How many connections have come to nothing or to an end at the server.
    pub(crate) fn over_at_server(&self) -> usize {
        self.failed.lock().unwrap().len() + self.ended.lock().unwrap().len()
    }

    /// A connection of HTTP/3 on which nothing was said.
    pub(crate) async fn quic(&self, last: u8) -> quinn::Connection {
        let client = self.client(last, "h3");
        client
            .quinn()
            .connect_with(client.config().clone(), SERVER.into(), "localhost")
            .unwrap()
            .await
            .unwrap()
    }

    /// A client that offers `protocol` by ALPN.
    pub(crate) fn client(&self, last: u8, protocol: &str) -> QuicClient {
        client(&self.net, last, protocol)
    }

    /// Connects by WebTransport.
    pub(crate) async fn connect(
        &self,
        last: u8,
        url: &str,
        web: &WebTransportOptions,
    ) -> Result<Wire, ConnectionError> {
        let client = self.client(last, "h3");
        client.connect_webtransport(SERVER.into(), "localhost", url, web, Interface::new()).await
    }
}

fn endpoint(net: &UdpNet, at: std::net::SocketAddr, server: Option<quinn::ServerConfig>) -> Endpoint {
    let mut config = endpoint_config(&QuicOptions::default()).unwrap();
    config.rng_seed(Some([3; 32]));
    Endpoint::new_with_abstract_socket(config, server, net.socket(at), Arc::new(TokioRuntime)).unwrap()
}

/// A server that is none of ours, on a network of its own: what an endpoint accepts.
pub(crate) fn listen() -> (UdpNet, Endpoint) {
    let net = UdpNet::new(7);
    let config = server_config(&web_tls().1, &Limits::default(), &QuicOptions::default()).unwrap();
    let endpoint = endpoint(&net, SERVER.into(), Some(config));
    (net, endpoint)
}

/// A client of ours that offers `protocol` by ALPN.
pub(crate) fn client(net: &UdpNet, last: u8, protocol: &str) -> QuicClient {
    let trust = Trust::pinned([identity().certificate_hash()]);
    let tls = TlsClient::builder(trust).build(&[protocol]).unwrap();
    let ([a, b, c, _], port) = CLIENT;
    let endpoint = endpoint(net, ([a, b, c, last], port).into(), None);
    QuicClient::over(endpoint, &tls, &Limits::default(), &QuicOptions::default()).unwrap()
}
