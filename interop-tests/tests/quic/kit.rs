//! Ends on a simulated network that a test can set up apart from each other, and a client that speaks QUIC and
//! nothing else.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use interop_tests::quic_pair;
use interop_tests::udp_net::{Path, UdpNet};
use ipfi_core::close_code::StreamCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::proto::control::put_preamble;
use ipfi_core::proto::{Direction, ItemDecoder, Part, SHARED_STREAM_PROCEDURE, Settings};
use ipfi_core::{Interface, Status, Wire, WireOptions};
use ipfi_quic::endpoint::{endpoint_config, server_config};
use ipfi_quic::tls::{TlsClient, TlsServer};
use ipfi_quic::{QuicClient, QuicOptions, QuicServer};
use quinn::{Endpoint, TokioRuntime, VarInt};

pub(crate) fn server_address() -> SocketAddr {
    quic_pair::SERVER.into()
}

pub(crate) fn client_address() -> SocketAddr {
    quic_pair::CLIENT.into()
}

pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A network whose every path takes so many milliseconds.
pub(crate) fn net(delay_ms: u64) -> UdpNet {
    let net = UdpNet::new(7);
    net.set_default_path(Path::with_delay(ms(delay_ms)));
    net
}

/// The default options, changed.
pub(crate) fn options(change: impl FnOnce(&mut QuicOptions)) -> QuicOptions {
    let mut options = QuicOptions::default();
    change(&mut options);
    options
}

/// The default limits, changed.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

pub(crate) fn some_endpoint(
    net: &UdpNet,
    address: SocketAddr,
    options: &QuicOptions,
    server: Option<quinn::ServerConfig>,
) -> Endpoint {
    let mut config = endpoint_config(options).unwrap();
    config.rng_seed(Some([3; 32]));
    let socket = net.socket(address);
    Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime)).unwrap()
}

/// A client at `address`.
pub(crate) fn client_at(
    net: &UdpNet,
    address: SocketAddr,
    tls: &TlsClient,
    limits: &Limits,
    options: &QuicOptions,
) -> QuicClient {
    QuicClient::over(some_endpoint(net, address, options, None), tls, limits, options).unwrap()
}

/// The one client, with the limits that are the default.
pub(crate) fn client(net: &UdpNet, tls: &TlsClient, options: &QuicOptions) -> QuicClient {
    client_at(net, client_address(), tls, &Limits::default(), options)
}

/// A server that takes whoever comes.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) server: QuicServer,
    pub(crate) wires: Arc<Mutex<Vec<Wire>>>,
    /// Why handshakes failed.
    pub(crate) failed: Arc<Mutex<Vec<ConnectionError>>>,
    task: tokio::task::AbortHandle,
}

/// Serves `offered` at the server's address; whoever served there before hears nothing more.
pub(crate) fn serve(
    net: &UdpNet,
    tls: &TlsServer,
    options: &QuicOptions,
    offered: impl Into<WireOptions>,
) -> Serving {
    let offered = offered.into();
    let config = server_config(tls, offered.limits_ref(), options).unwrap();
    let endpoint = some_endpoint(net, server_address(), options, Some(config));
    let server = QuicServer::over(endpoint, tls, offered.limits_ref(), options).unwrap();
    let (wires, failed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (accepting, made, refused) = (server.clone(), Arc::clone(&wires), Arc::clone(&failed));
    let task = tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let (offered, made, refused) = (offered.clone(), Arc::clone(&made), Arc::clone(&refused));
            tokio::spawn(async move {
                match incoming.wire(offered).await {
                    Ok(wire) => made.lock().unwrap().push(wire),
                    Err(error) => refused.lock().unwrap().push(error),
                }
            });
        }
    });
    Serving { server, wires, failed, task: task.abort_handle() }
}

impl Serving {
    /// The wire of the client that came last.
    pub(crate) fn last(&self) -> Wire {
        self.wires.lock().unwrap().last().unwrap().clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both ends of one connection, and quinn's handle of each.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) net: UdpNet,
    pub(crate) connecting: QuicClient,
    pub(crate) serving: Serving,
    pub(crate) client: Wire,
    pub(crate) server: Wire,
    pub(crate) client_quinn: quinn::Connection,
}

/// Connects a client with `client` to a server with `server`.
pub(crate) async fn ends(
    net: UdpNet,
    client: (impl Into<WireOptions>, &QuicOptions),
    server: (impl Into<WireOptions>, &QuicOptions),
) -> Ends {
    let tls = quic_pair::tls(false);
    let serving = serve(&net, &tls.1, server.1, server.0);
    let options = client.0.into();
    let connecting = client_at(&net, client_address(), &tls.0, options.limits_ref(), client.1);
    let client_quinn = connect_quinn(&connecting).await;
    let wire = ipfi_quic::endpoint::wire(client_quinn.clone(), options, client.1);
    // The shared stream is there once the settings have come and it was opened.
    tokio::time::sleep(ms(1500)).await;
    let server = serving.last();
    Ends { net, connecting, serving, client: wire, server, client_quinn }
}

/// The same with the default limits and options.
pub(crate) async fn plain_ends(net: UdpNet, interface: Interface) -> Ends {
    let options = QuicOptions::default();
    ends(net, (Interface::new(), &options), (interface, &options)).await
}

/// A connection of quinn's that agreed on our protocol.
pub(crate) async fn connect_quinn(client: &QuicClient) -> quinn::Connection {
    let config = client.config().clone();
    client.quinn().connect_with(config, server_address(), "localhost").unwrap().await.unwrap()
}

/// A client that says what a test tells it to. Its control stream is as it should be.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) quinn: quinn::Connection,
    _control: quinn::SendStream,
}

impl Raw {
    pub(crate) async fn new(quinn: quinn::Connection, settings: Settings) -> Self {
        let mut control = quinn.open_uni().await.unwrap();
        let mut preamble = BytesMut::new();
        put_preamble(&mut preamble, &settings);
        control.write_all(&preamble).await.unwrap();
        Self { quinn, _control: control }
    }

    pub(crate) async fn connect(client: &QuicClient) -> Self {
        Self::new(connect_quinn(client).await, Settings::default()).await
    }

    /// Opens a stream and writes `bytes`.
    pub(crate) async fn call(&self, bytes: &[u8], fin: bool) -> RawStream {
        let (mut send, recv) = self.quinn.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        if fin {
            send.finish().unwrap();
        }
        RawStream { send, recv }
    }

    /// With what code and reason the wire closed the connection.
    pub(crate) async fn closed(&self) -> (u64, String) {
        match tokio::time::timeout(Duration::from_secs(60), self.quinn.closed()).await {
            Ok(quinn::ConnectionError::ApplicationClosed(close)) => {
                (close.error_code.into_inner(), String::from_utf8_lossy(&close.reason).into_owned())
            }
            other => panic!("the wire did not close the connection: {other:?}"),
        }
    }
}

/// A stream of a [`Raw`] client.
#[derive(Debug)]
pub(crate) struct RawStream {
    pub(crate) send: quinn::SendStream,
    pub(crate) recv: quinn::RecvStream,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Answer {
    Messages(Vec<Bytes>),
    Status(Status),
    Reset(u64),
    Lost,
}

impl RawStream {
    /// Reads to the end, as a good caller would.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut decoder = ItemDecoder::new(Direction::Response, &Limits::default());
        let (mut messages, mut message, mut status) = (Vec::new(), BytesMut::new(), None);
        loop {
            match decoder.next().unwrap() {
                Some(Part::Data { bytes, end, .. }) => {
                    message.extend_from_slice(&bytes);
                    if end {
                        messages.push(message.split().freeze());
                    }
                }
                Some(Part::Metadata(_)) => {}
                Some(Part::Status(came)) => status = Some(came),
                Some(Part::End) => {
                    return status.map_or(Answer::Messages(messages), Answer::Status);
                }
                None => match self.recv.read_chunk(64 << 10, true).await {
                    Ok(Some(chunk)) => decoder.push(chunk.bytes, false),
                    Ok(None) => decoder.push(Bytes::new(), true),
                    Err(quinn::ReadError::Reset(code)) => return Answer::Reset(code.into_inner()),
                    Err(quinn::ReadError::ConnectionLost(_)) => return Answer::Lost,
                    Err(other) => panic!("{other:?}"),
                },
            }
        }
    }

    /// The status it must end with.
    pub(crate) async fn status(&mut self) -> Status {
        match self.answer().await {
            Answer::Status(status) => status,
            other => panic!("expected a status, saw {other:?}"),
        }
    }
}

pub(crate) fn code(code: StreamCode) -> VarInt {
    VarInt::from_u64(code.0).unwrap()
}

/// The header of a call of the shared stream.
pub(crate) fn shared_header() -> Bytes {
    let mut header = BytesMut::new();
    ipfi_core::proto::RequestHeader::new(SHARED_STREAM_PROCEDURE, 0).encode(&mut header);
    header.freeze()
}

/// The header of a call of `procedure`, and the arguments `()`.
pub(crate) fn request(procedure: u64) -> Bytes {
    let mut request = BytesMut::new();
    ipfi_core::proto::RequestHeader::new(procedure, 1).encode(&mut request);
    request.extend_from_slice(&[0]);
    request.freeze()
}

/// A request of procedure 0 with `("Ada",)`.
pub(crate) const ADA: &[u8] = b"\x00\x01\x10\x03Ada";

/// How often something happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a long or short header says a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    Version,
    Short,
}

/// The packets of a datagram (RFC 9000 section 17.2): several may come together.
pub(crate) fn packets(mut datagram: &[u8]) -> Vec<Packet> {
    let mut found = Vec::new();
    while let Some((packet, rest)) = packet(datagram) {
        found.push(packet);
        datagram = rest;
    }
    found
}

fn packet(bytes: &[u8]) -> Option<(Packet, &[u8])> {
    let first = *bytes.first()?;
    if first & 0x80 == 0 {
        return Some((Packet::Short, &[]));
    }
    let version = bytes.get(1..5)?;
    if version == [0; 4] {
        return Some((Packet::Version, &[]));
    }
    let mut rest = bytes.get(5..)?;
    for _connection_id in 0..2 {
        let len = usize::from(*rest.first()?);
        rest = rest.get(1 + len..)?;
    }
    let packet = match first >> 4 & 3 {
        0 => Packet::Initial,
        1 => Packet::ZeroRtt,
        2 => Packet::Handshake,
        _ => return Some((Packet::Retry, &[])),
    };
    if packet == Packet::Initial {
        let token = varint(&mut rest)?;
        rest = rest.get(token..)?;
    }
    let len = varint(&mut rest)?;
    Some((packet, rest.get(len..)?))
}

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let (value, len) = ipfi_core::varint::get(bytes)?;
    *bytes = &bytes[len..];
    usize::try_from(value).ok()
}

/// Counts packets of one kind that are sent from `from` or, without it, by anyone.
pub(crate) fn count_packets(net: &UdpNet, from: Option<SocketAddr>, wanted: Packet) -> Count {
    let count = Count::default();
    let counted = count.clone();
    net.on_datagram(move |by, _, bytes| {
        if from.is_none_or(|from| from == by) {
            packets(bytes).iter().filter(|packet| **packet == wanted).for_each(|_| counted.add());
        }
    });
    count
}
