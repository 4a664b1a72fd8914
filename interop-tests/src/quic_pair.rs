//! Two QUIC endpoints on a simulated network, in virtual time.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use ipfi_core::limits::Limits;
use ipfi_core::{Wire, WireOptions};
use ipfi_quic::config::QuicOptions;
use ipfi_quic::endpoint::{ALPN, QuicClient, QuicServer, endpoint_config, server_config};
use ipfi_quic::tls::{Identity, TlsClient, TlsServer, Trust};
use ipfi_quic::webtransport;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Endpoint, TokioRuntime, UdpPoller};

use crate::udp_net::UdpNet;

/// Where the server is.
pub const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 443);
/// Where the client is.
pub const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 2], 5000);

/// A client, a server, and the network between them.
#[derive(Debug)]
pub struct QuicPair {
    breakers: [Arc<Breakable>; 2],
    /// The network, whose paths can be changed at any time.
    pub net: UdpNet,
    /// The end that connects.
    pub client: QuicClient,
    /// The end that is connected to.
    pub server: QuicServer,
}

/// The identity of every server here: making one takes longer than most tests.
pub fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| Identity::development(&["localhost"]).expect("the provider makes keys")).clone()
}

/// The TLS settings of both ends: the client trusts [`identity`] and nobody else.
pub fn tls(early_data: bool) -> (TlsClient, TlsServer) {
    let trust = Trust::pinned([identity().certificate_hash()]);
    (
        TlsClient::builder(trust).early_data(early_data).build(&[ALPN]).expect("settings that work"),
        TlsServer::builder(identity()).early_data(early_data).build(&[ALPN]).expect("settings that work"),
    )
}

/// The same where the server takes native QUIC and WebTransport, and the client asks for WebTransport.
pub fn web_tls() -> (TlsClient, TlsServer) {
    let trust = Trust::pinned([identity().certificate_hash()]);
    (
        TlsClient::builder(trust).build(&[webtransport::ALPN]).expect("settings that work"),
        TlsServer::builder(identity()).build(&[ALPN, webtransport::ALPN]).expect("settings that work"),
    )
}

impl QuicPair {
    /// Both ends on a perfect network. Must be called within a tokio runtime.
    pub fn new(limits: &Limits, options: &QuicOptions) -> Self {
        Self::with_limits(limits, limits, options)
    }

    /// The same with limits for each end.
    pub fn with_limits(client: &Limits, server: &Limits, options: &QuicOptions) -> Self {
        let tls = tls(options.early_data);
        Self::with_tls((client, &tls.0), (server, &tls.1), options)
    }

    /// The same with TLS settings of the test's own.
    pub fn with_tls(
        client: (&Limits, &TlsClient),
        server: (&Limits, &TlsServer),
        options: &QuicOptions,
    ) -> Self {
        let net = UdpNet::new(7);
        let breakers = [CLIENT, SERVER].map(|at| Arc::new(Breakable::new(net.socket(SocketAddr::from(at)))));
        let endpoint = |at: usize, server| {
            let mut config = endpoint_config(options).expect("options that work");
            config.rng_seed(Some([3; 32]));
            let socket: Arc<dyn AsyncUdpSocket> = Arc::clone(&breakers[at]) as _;
            Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
                .expect("a socket in memory")
        };
        let config = server_config(server.1, server.0, options).expect("settings that work");
        let listening = QuicServer::over(endpoint(1, Some(config)), server.1, server.0, options);
        let connecting = QuicClient::over(endpoint(0, None), client.1, client.0, options);
        Self {
            client: connecting.expect("settings that work"),
            server: listening.expect("settings that work"),
            breakers,
            net,
        }
    }

    /// What makes both sockets fail, at once.
    pub fn cutter(&self) -> impl Fn() + 'static {
        let breakers = self.breakers.clone();
        move || breakers.iter().for_each(|socket| socket.fail())
    }

    /// Connects, and makes a wire at each end.
    pub async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire) {
        let accept = async {
            let incoming = self.server.accept().await.expect("the endpoint is open");
            incoming.wire(server).await
        };
        let (client, server) = tokio::join!(self.client.connect(SERVER.into(), "localhost", client), accept);
        (client.expect("it connects"), server.expect("it is connected to"))
    }
}

/// A socket that can be made to fail, as the system's do when an interface goes.
#[derive(Debug)]
struct Breakable {
    inner: Arc<dyn AsyncUdpSocket>,
    state: Mutex<(bool, Option<Waker>)>,
}

impl Breakable {
    fn new(inner: Arc<dyn AsyncUdpSocket>) -> Self {
        Self { inner, state: Mutex::new((false, None)) }
    }

    fn fail(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        state.1.take().into_iter().for_each(Waker::wake);
    }
}

impl AsyncUdpSocket for Breakable {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(Err(io::Error::other("the socket failed")));
        }
        state.1 = Some(cx.waker().clone());
        drop(state);
        self.inner.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}
