//! Ends of s2n-quic, and what is read and said with them.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use ipfi_quic::ALPN;
use s2n_quic::client::Connect;
use s2n_quic::connection::{Connection, Error as ConnectionError};
use s2n_quic::provider::tls::rustls;
use s2n_quic::stream::{Error as StreamError, ReceiveStream, SendStream};
use s2n_quic::{Client, Server, application};

use crate::quic_lab::{Certificate, within};

/// Clauses 2.2 to 2.5: type 0, `ipfi`, version 1, SETTINGS of 5 bytes: setting 1 is 1 048 576.
pub(crate) const CONTROL: &[u8] = b"\x00ipfi\x01\x00\x05\x01\x80\x10\x00\x00";

/// Clause 14.1: procedure 0, codec 1, one item of four bytes: `("Ada",)`.
pub(crate) const HELLO_ADA: &[u8] = b"\x00\x01\x10\x03Ada";

/// Clause 14.1: one item of twelve bytes.
pub(crate) const HELLO_ANSWER: &[u8] = b"\x30\x0bHello, Ada!";

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A client of s2n-quic, connected.
pub(crate) async fn connect(certificate: &Certificate, server: SocketAddr) -> Connection {
    let tls = rustls::Client::builder().with_certificate(certificate.pem.as_str()).unwrap();
    let tls = tls.with_application_protocols([ALPN].iter()).unwrap().build().unwrap();
    let client = Client::builder().with_tls(tls).unwrap().with_io(any()).unwrap().start().unwrap();
    let to = Connect::new(server).with_server_name("localhost");
    let mut connection = within("the handshake", client.connect(to)).await.unwrap();
    connection.keep_alive(true).unwrap();
    connection
}

/// A server of s2n-quic.
pub(crate) fn listen(certificate: &Certificate) -> (Server, SocketAddr) {
    let tls = rustls::Server::builder();
    let tls = tls.with_certificate(certificate.pem.as_str(), certificate.key.as_str()).unwrap();
    let tls = tls.with_application_protocols([ALPN].iter()).unwrap().build().unwrap();
    let server = Server::builder().with_tls(tls).unwrap().with_io(any()).unwrap().start().unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

/// Opens the control stream; it must stay open while the connection lives.
pub(crate) async fn say_hello(connection: &mut Connection) -> SendStream {
    let mut control = connection.open_send_stream().await.unwrap();
    control.send(Bytes::from_static(CONTROL)).await.unwrap();
    control
}

/// Reads the beginning of the peer's control stream.
pub(crate) async fn hear_hello(connection: &mut Connection) -> ReceiveStream {
    let accepted = within("our control stream", connection.accept_receive_stream()).await;
    let mut control = accepted.unwrap().expect("the connection lives");
    let seen = read(&mut control, 7).await;
    assert_eq!(seen[..7], *b"\x00ipfi\x01\x00", "type, magic, version, SETTINGS");
    control
}

/// At least `least` bytes.
pub(crate) async fn read(stream: &mut ReceiveStream, least: usize) -> Bytes {
    let mut all = BytesMut::new();
    while all.len() < least {
        let chunk = within("bytes of ours", stream.receive()).await.unwrap();
        all.extend_from_slice(&chunk.expect("more bytes of ours"));
    }
    all.freeze()
}

/// All bytes to FIN, or the code of the reset.
pub(crate) async fn read_all(stream: &mut ReceiveStream) -> Result<Bytes, u64> {
    let mut all = BytesMut::new();
    loop {
        match within("the end of a stream of ours", stream.receive()).await {
            Ok(Some(chunk)) => all.extend_from_slice(&chunk),
            Ok(None) => return Ok(all.freeze()),
            Err(error) => return Err(reset_code(error)),
        }
    }
}

/// Sends until the peer stops it; gives the code.
pub(crate) async fn stopped(stream: &mut SendStream, filler: &'static [u8]) -> u64 {
    within("STOP_SENDING of ours", async {
        loop {
            if let Err(error) = stream.send(Bytes::from_static(filler)).await {
                return reset_code(error);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
}

fn reset_code(error: StreamError) -> u64 {
    match error {
        StreamError::StreamReset { error, .. } => error.into(),
        other => panic!("no reset: {other}"),
    }
}

/// One call: the whole request, and the whole response.
pub(crate) async fn call(connection: &mut Connection, request: &[u8]) -> Result<Bytes, u64> {
    let stream = within("a stream", connection.open_bidirectional_stream()).await.unwrap();
    let (mut recv, mut send) = stream.split();
    send.send(Bytes::copy_from_slice(request)).await.unwrap();
    send.finish().unwrap();
    read_all(&mut recv).await
}

/// The code of the close with which our side ended the connection.
pub(crate) async fn close_code(connection: &mut Connection) -> u64 {
    let ended = within("a close of ours", async {
        loop {
            match connection.accept_receive_stream().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    });
    match ended.await {
        Some(ConnectionError::Application { error, .. }) => error.into(),
        other => panic!("no close of the application: {other:?}"),
    }
}

/// A code of section 8.
pub(crate) fn code(code: u64) -> application::Error {
    application::Error::new(code).unwrap()
}
