//! What the tests share: sockets read by hand, and quinn's endpoints with a certificate that is pinned.

use std::future::poll_fn;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{
    AsyncUdpSocket, ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime,
    TransportConfig,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::udp_net::UdpNet;

pub(super) fn client_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5000))
}

pub(super) fn server_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 443))
}

pub(super) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Runs `future` where time stands still unless everything waits, from the very start: two runs are alike.
pub(super) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(future)
}

pub(super) fn send(socket: &Arc<dyn AsyncUdpSocket>, to: SocketAddr, bytes: &[u8]) {
    send_segments(socket, to, bytes, None);
}

pub(super) fn send_segments(
    socket: &Arc<dyn AsyncUdpSocket>,
    to: SocketAddr,
    bytes: &[u8],
    size: Option<usize>,
) {
    let transmit = Transmit { destination: to, ecn: None, contents: bytes, segment_size: size, src_ip: None };
    socket.try_send(&transmit).unwrap();
}

/// The next datagram, and where it seems to come from.
pub(super) async fn receive(socket: &Arc<dyn AsyncUdpSocket>) -> (SocketAddr, Vec<u8>) {
    let mut buf = [0; 2048];
    let mut meta = [RecvMeta::default()];
    let received = poll_fn(|cx| socket.poll_recv(cx, &mut [IoSliceMut::new(&mut buf)], &mut meta)).await;
    assert_eq!(received.unwrap(), 1);
    assert_eq!(meta[0].stride, meta[0].len);
    assert_eq!(meta[0].dst_ip, Some(socket.local_addr().unwrap().ip()));
    (meta[0].addr, buf[..meta[0].len].to_vec())
}

/// The first bytes of the datagrams that come within a second, in order.
pub(super) async fn receive_all(socket: &Arc<dyn AsyncUdpSocket>) -> Vec<u8> {
    let mut firsts = Vec::new();
    while let Ok((_, bytes)) = tokio::time::timeout(ms(1000), receive(socket)).await {
        firsts.push(bytes[0]);
    }
    firsts
}

/// A certificate, the same for a whole process. Ed25519, whose signatures all have one length.
fn identity() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    static IDENTITY: OnceLock<(CertificateDer<'static>, Vec<u8>)> = OnceLock::new();
    let (certificate, key) = IDENTITY.get_or_init(|| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let params = rcgen::CertificateParams::new(vec!["server.test".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().der().clone(), key.serialize_der())
    });
    (certificate.clone(), PrivatePkcs8KeyDer::from(key.clone()).into())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes the one certificate, whatever it says.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("not the certificate that is pinned".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// How long a connection stays without a word.
pub(super) const IDLE: Duration = Duration::from_secs(20);

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(IDLE.try_into().unwrap()));
    Arc::new(transport)
}

pub(super) fn server_config() -> ServerConfig {
    let (certificate, key) = identity();
    let tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    config.transport_config(transport());
    config
}

pub(super) fn client_config() -> ClientConfig {
    let pinned = Pinned { certificate: identity().0, provider: provider() };
    let tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(transport());
    config
}

fn endpoint(socket: Arc<dyn AsyncUdpSocket>, server: Option<ServerConfig>, dice: u8) -> Endpoint {
    let mut config = EndpointConfig::default();
    config.rng_seed(Some([dice; 32]));
    Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime)).unwrap()
}

/// A server that echoes every stream, and a client, on a net.
pub(super) struct Pair {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
}

impl Pair {
    pub(super) fn on(net: &UdpNet) -> Self {
        let server = endpoint(net.socket(server_addr()), Some(server_config()), 1);
        tokio::spawn(echo(server.clone()));
        let mut client = endpoint(net.socket(client_addr()), None, 2);
        client.set_default_client_config(client_config());
        Self { client, server }
    }

    pub(super) async fn connect(&self) -> Connection {
        self.client.connect(server_addr(), "server.test").unwrap().await.unwrap()
    }

    /// Lets both ends go, so that everything that was sent has arrived or is lost.
    pub(super) async fn close(self) {
        self.client.close(0_u32.into(), b"");
        self.server.close(0_u32.into(), b"");
        tokio::join!(self.client.wait_idle(), self.server.wait_idle());
    }
}

/// Gives back what comes on every bidirectional stream.
pub(super) async fn echo(server: Endpoint) {
    while let Some(incoming) = server.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await?;
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    tokio::io::copy(&mut receive, &mut send).await?;
                    send.finish()?;
                    Ok::<_, std::io::Error>(())
                });
            }
            Ok::<_, quinn::ConnectionError>(())
        });
    }
}

/// Bytes that tell where they are.
pub(super) fn numbered(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251 + at % 251).to_le_bytes()[0]).collect()
}

/// Sends `len` bytes to be echoed; they come back whole, or this fails.
pub(super) async fn echoed(connection: &Connection, len: usize) {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let bytes = numbered(len);
    let sent = async {
        send.write_all(&bytes).await.unwrap();
        send.finish().unwrap();
    };
    let ((), back) = tokio::join!(sent, receive.read_to_end(len));
    assert!(back.unwrap() == bytes, "other bytes came back than were sent");
}
