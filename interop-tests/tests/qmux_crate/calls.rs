//! Calls by hand: bytes written as `docs/protocol.md` has them, through the crate, against our server and
//! for our client. No code of ours makes or reads them.

use std::future::Future;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use ipfi::{Code, Connector, Interface, Limits, Server};
use qmux::Version;
use tokio::net::TcpListener;
use web_transport_trait::{Error as _, RecvStream as _, SendStream as _, Session as _};

use crate::support::{SocketPath, their_finish, their_read_all, within};

/// Clauses 2.2 to 2.5: type 0, `ipfi`, version 1, SETTINGS of 5 bytes: setting 1 is 1 048 576.
const CONTROL: &[u8] = b"\x00ipfi\x01\x00\x05\x01\x80\x10\x00\x00";

/// Clause 14.1: procedure 0, codec 1, one item of four bytes: `("Ada",)`.
const HELLO_ADA: &[u8] = b"\x00\x01\x10\x03Ada";

/// Clause 14.1: one item of twelve bytes.
const HELLO_ANSWER: &[u8] = b"\x30\x0bHello, Ada!";

/// Clause 6.2: kind 2, 11 bytes: NOT_FOUND, made by the callee, "not here".
const NOT_FOUND: &[u8] = b"\x2e\x05\x00\x08not here";

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| stream::iter(0..limit))
}

/// Serves, and gives a session of the crate to it over each carrier.
async fn with_server<F>(scenario: impl Fn(qmux::Session) -> F)
where
    F: Future<Output = ()>,
{
    let path = SocketPath::new();
    let server = Server::new(interface())
        .listen("tcp://127.0.0.1:0")
        .listen(format!("unix:{}", path.0.display()))
        .listen("ws://127.0.0.1:0/ipfi")
        .bind()
        .await
        .unwrap();
    let tcp = server.addresses()[0].strip_prefix("tcp://").unwrap().to_owned();
    let web = server.addresses()[2].clone();
    let serving = tokio::spawn(server.run());
    let over_tcp = qmux::tcp::Config::new(Version::QMux02).connect(tcp).await.unwrap();
    within("over TCP", scenario(over_tcp)).await;
    let over_unix = qmux::uds::Config::new(Version::QMux02).connect(&path.0).await.unwrap();
    within("over a Unix socket", scenario(over_unix)).await;
    let client = qmux::ws::Client::new().with_protocol("ipfi-1", &[Version::QMux02]).require_protocol();
    within("over WebSocket", scenario(client.connect(&web).await.unwrap())).await;
    serving.abort();
}

/// Opens the control stream; it must stay open while the connection lives.
async fn say_hello(session: &qmux::Session) -> qmux::SendStream {
    let mut control = session.open_uni().await.unwrap();
    control.write_all(CONTROL).await.unwrap();
    control
}

/// Reads the beginning of the peer's control stream.
async fn hear_hello(session: &qmux::Session) -> qmux::RecvStream {
    let mut control = session.accept_uni().await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 7 {
        seen.extend_from_slice(&control.read_chunk(64).await.unwrap().expect("it stays open"));
    }
    assert_eq!(seen[..7], *b"\x00ipfi\x01\x00", "type, magic, version, SETTINGS");
    control
}

/// One call: the whole request, and the whole response.
async fn call(session: &qmux::Session, request: &[u8]) -> Bytes {
    let (mut send, mut recv) = session.open_bi().await.unwrap();
    let (answer, ()) = tokio::join!(their_read_all(&mut recv), their_finish(&mut send, request));
    answer.expect("a response ends cleanly")
}

#[tokio::test]
async fn our_server_answers_the_example_of_the_specification_byte_for_byte() {
    // Clause 14.1.
    with_server(|session| async move {
        let _control = say_hello(&session).await;
        let _theirs = hear_hello(&session).await;
        assert_eq!(call(&session, HELLO_ADA).await, HELLO_ANSWER);
    })
    .await;
}

#[tokio::test]
async fn our_server_answers_a_sequence_as_items_and_a_clean_end() {
    with_server(|session| async move {
        let _control = say_hello(&session).await;
        // Procedure 1, codec 1; arguments (3,): one byte in bincode. Items 0, 1, 2 of one byte each.
        assert_eq!(call(&session, b"\x01\x01\x04\x03").await, b"\x04\x00\x04\x01\x04\x02".as_slice());
    })
    .await;
}

#[tokio::test]
async fn our_server_answers_an_unknown_procedure_with_a_status_that_names_it() {
    with_server(|session| async move {
        let _control = say_hello(&session).await;
        let answer = call(&session, b"\x3f\x01\x00").await;
        // Clause 4.1: length << 2 | kind, where kind 2 is the status; clause 6: its code is first.
        let (kind, length) = match answer[0] >> 6 {
            0 => (answer[0] & 3, usize::from(answer[0] >> 2)),
            1 => {
                let both = u16::from_be_bytes([answer[0] & 0x3f, answer[1]]);
                ((both & 3) as u8, usize::from(both >> 2))
            }
            _ => panic!("a status of more than 16 KiB"),
        };
        assert_eq!(kind, 2);
        assert_eq!(answer.len(), length + if answer[0] >> 6 == 0 { 1 } else { 2 });
        let code = answer[answer.len() - length];
        assert_eq!(code, 12, "UNIMPLEMENTED");
        assert!(String::from_utf8_lossy(&answer).contains("63"), "it names the procedure: {answer:?}");
    })
    .await;
}

#[tokio::test]
async fn our_server_closes_with_version_when_the_preamble_is_of_another() {
    with_server(|session| async move {
        let mut control = session.open_uni().await.unwrap();
        control.write_all(b"\x00ipfi\x02\x00\x00").await.unwrap();
        let (code, reason) = session.closed().await.session_error().expect("an application close");
        assert_eq!(code, 1, "VERSION");
        assert_eq!(reason, "version mismatch: this side speaks ipfi-1, the peer ipfi-2");
    })
    .await;
}

#[tokio::test]
async fn our_server_stops_a_stream_of_an_unknown_type_and_serves_on() {
    with_server(|session| async move {
        let _control = say_hello(&session).await;
        let mut unknown = session.open_uni().await.unwrap();
        unknown.write_all(b"\x05what is this").await.unwrap();
        assert_eq!(unknown.closed().await.expect_err("stopped").stream_error(), Some(2), "REFUSED");
        assert_eq!(call(&session, HELLO_ADA).await, HELLO_ANSWER);
    })
    .await;
}

/// A carrier over which our client reaches the crate.
#[derive(Clone, Copy)]
enum By {
    Tcp,
    WebSocket,
}

/// Accepts one connection with the crate; answers as many calls as `answers` has, each with its bytes.
async fn answer_by_hand(by: By, listener: TcpListener, answers: Vec<&'static [u8]>) -> Vec<Bytes> {
    let (stream, _) = listener.accept().await.unwrap();
    let session = match by {
        By::Tcp => qmux::tcp::Config::new(Version::QMux02).accept(stream).await.unwrap(),
        By::WebSocket => {
            let server = qmux::ws::Server::new().with_protocol("ipfi-1", &[Version::QMux02]);
            server.require_protocol().accept(stream).await.unwrap()
        }
    };
    let _control = say_hello(&session).await;
    let _theirs = hear_hello(&session).await;
    let mut requests = Vec::new();
    for answer in answers {
        let (mut send, mut recv) = session.accept_bi().await.unwrap();
        requests.push(their_read_all(&mut recv).await.unwrap());
        their_finish(&mut send, answer).await;
    }
    session.closed().await;
    requests
}

#[tokio::test]
async fn our_client_takes_answers_that_were_written_by_hand() {
    takes_answers(By::Tcp).await;
    takes_answers(By::WebSocket).await;
}

async fn takes_answers(by: By) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = match by {
        By::Tcp => "tcp",
        By::WebSocket => "ws",
    };
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    // A greeting; three numbers; a status.
    let answers: Vec<&[u8]> = vec![HELLO_ANSWER, b"\x04\x00\x04\x01\x04\x02", NOT_FOUND];
    let peer = tokio::spawn(answer_by_hand(by, listener, answers));
    within("the calls", async {
        // Without deadlines, the requests are those of the specification to the byte.
        let mut limits = Limits::default();
        limits.default_timeout = None;
        let wire = Connector::new().limits(limits).connect(&url).await.unwrap();
        let greeting: String = wire.call(0, ("Ada",)).await.unwrap();
        assert_eq!(greeting, "Hello, Ada!");
        let numbers = wire.stream::<u64>(1, (3_u64,)).await.unwrap();
        assert_eq!(numbers.try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
        let error = wire.call::<String>(2, ()).await.expect_err("a status");
        assert_eq!((error.code(), error.status().message()), (Code::NotFound, "not here"));
    })
    .await;
    let requests = within("the peer", peer).await.unwrap();
    assert_eq!(requests[0], HELLO_ADA);
    assert_eq!(requests[1], b"\x01\x01\x04\x03".as_slice());
    assert_eq!(requests[2], b"\x02\x01\x00".as_slice());
}
