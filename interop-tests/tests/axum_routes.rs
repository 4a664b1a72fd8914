//! ipfi on a route of an axum application: what holds at a listener of our own holds there.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use ipfi::{Connector, Context, Interface, Wire, WireOptions, WsOptions};
use ipfi_core::session::Side;
use ipfi_ws::foreign::{self, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

/// Longer than any of these takes on a busy machine; shorter than patience.
const BOUND: Duration = Duration::from_secs(30);

type Made = Result<Wire, String>;

async fn route(State(made): State<UnboundedSender<Made>>, mut request: Request) -> Response {
    let (answer, upgrade) = ipfi_ws::upgrade::upgrade(&mut request, &WsOptions::default());
    if let Some(upgrade) = upgrade {
        tokio::spawn(async move {
            let peer = upgrade.peer().clone().with_address("by axum");
            let wire = upgrade.with_peer(peer).wire(WireOptions::from(interface())).await;
            drop(made.send(wire.map_err(|error| error.to_string())));
        });
    }
    answer
}

/// The same with axum's own WebSocket.
async fn framework(State(made): State<UnboundedSender<Made>>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([ipfi_ws::SUBPROTOCOL]).max_message_size(1 << 20);
    upgrade.on_upgrade(|socket| async move {
        let wire = foreign::wire(socket, Side::Server, frame, Message::Binary, interface()).await;
        drop(made.send(wire.map_err(|error| error.to_string())));
    })
}

fn frame(message: Message) -> Frame {
    match message {
        Message::Binary(record) => Frame::Binary(record),
        Message::Text(_) => Frame::Text,
        Message::Ping(_) | Message::Pong(_) => Frame::Alive,
        Message::Close(close) => Frame::Close(format!("the peer closed the WebSocket: {close:?}")),
    }
}

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| futures_util::stream::iter(0..limit))
        .procedure(2, |(bytes,): (Bytes,)| async move { bytes })
        .procedure(3, |context: Context, (): ()| async move {
            let peer = context.peer();
            (peer.to_string(), peer.path().map(str::to_owned), peer.query_value("q").map(|q| q.into_owned()))
        })
}

/// The application's address, and the wires that its route makes.
async fn application() -> (String, UnboundedReceiver<Made>) {
    let (made, wires) = unbounded_channel();
    let application = Router::new()
        .route("/page", any(|| async { "a page" }))
        .route("/calls", any(route).with_state(made.clone()))
        .route("/framework", any(framework).with_state(made));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, application).await });
    (address, wires)
}

/// The answer to a request by hand.
async fn answer(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn calls_streams_and_bulk_go_over_a_route_beside_others() {
    let (address, mut wires) = application().await;
    let wire = ipfi::connect(&format!("ws://{address}/calls?q=a%20b")).await.unwrap();
    let mut many = JoinSet::new();
    for n in 0..300 {
        let wire = wire.clone();
        many.spawn(async move { wire.call::<String>(0, (n.to_string(),)).await.unwrap() });
    }
    let page = answer(&address, "GET /page HTTP/1.1").await;
    assert!(page.ends_with("a page"), "{page}");
    assert_eq!(timeout(BOUND, many.join_all()).await.unwrap().len(), 300);
    let numbers: Vec<u64> = wire.stream::<u64>(1, (20_000_u64,)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    let bulk = Bytes::from(vec![7; 3 << 20]);
    assert_eq!(wire.call::<Bytes>(2, (bulk.clone(),)).await.unwrap(), bulk);
    let seen: (String, Option<String>, Option<String>) = wire.call(3, ()).await.unwrap();
    assert_eq!(seen, ("ws://by axum".into(), Some("/calls".into()), Some("a b".into())));
    // Either side ends it, and the other is told in order.
    let served = wires.recv().await.unwrap().unwrap();
    wire.close(ipfi::CloseCode::NO_ERROR, "enough");
    let reason = timeout(BOUND, served.closed()).await.unwrap();
    assert_eq!(reason.to_string(), "closed by the peer: NO_ERROR: enough");
    let wire = ipfi::connect(&format!("ws://{address}/calls")).await.unwrap();
    wires.recv().await.unwrap().unwrap().shutdown(Duration::from_secs(1)).await;
    assert!(timeout(BOUND, wire.closed()).await.unwrap().is_orderly());
}

#[tokio::test]
async fn what_is_refused_is_answered_with_the_reason() {
    let (address, _wires) = application().await;
    let url = format!("ws://{address}/calls");
    let evil = Connector::new()
        .header("Origin", "https://evil.example")
        .connect(&url)
        .await
        .unwrap_err()
        .to_string();
    assert!(evil.contains("403 Forbidden") && evil.contains("allowed: same origin"), "{evil}");
    let same = Connector::new().header("Origin", format!("http://{address}"));
    same.connect(&url).await.unwrap();
    let page = ipfi::connect(&format!("ws://{address}/page")).await.unwrap_err().to_string();
    assert!(
        page.contains("the server answered 200 OK in place of 101 Switching Protocols: a page"),
        "{page}"
    );
    let looked = answer(&address, "GET /calls HTTP/1.1").await;
    assert!(looked.starts_with("HTTP/1.1 426 ") && looked.contains("connect by WebSocket"), "{looked}");
    let posted = answer(&address, "POST /calls HTTP/1.1").await;
    assert!(posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET"), "{posted}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_handshake_is_told_to_the_route_alone() {
    let (address, mut wires) = application().await;
    let beside = Arc::new(ipfi::connect(&format!("ws://{address}/calls")).await.unwrap());
    let _served = wires.recv().await.unwrap().unwrap();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /calls HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    timeout(BOUND, stream.read_exact(&mut begin)).await.unwrap().unwrap();
    assert_eq!(&begin, b"HTTP/1.1 101");
    drop(stream);
    let error = timeout(BOUND, wires.recv()).await.unwrap().unwrap().unwrap_err();
    assert!(error.starts_with("connection lost: "), "{error}");
    assert_eq!(beside.call::<String>(0, ("Ada",)).await.unwrap(), "Hello, Ada!");
}

#[tokio::test]
async fn a_websocket_that_the_framework_has_made_carries_the_same_calls() {
    let (address, mut wires) = application().await;
    let wire = ipfi::connect(&format!("ws://{address}/framework")).await.unwrap();
    let mut many = JoinSet::new();
    for n in 0..300 {
        let wire = wire.clone();
        many.spawn(async move { wire.call::<String>(0, (n.to_string(),)).await.unwrap() });
    }
    assert_eq!(timeout(BOUND, many.join_all()).await.unwrap().len(), 300);
    let numbers: Vec<u64> = wire.stream::<u64>(1, (20_000_u64,)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    let bulk = Bytes::from(vec![7; 3 << 20]);
    assert_eq!(wire.call::<Bytes>(2, (bulk.clone(),)).await.unwrap(), bulk);
    // Either side ends it, and the other is told in order.
    let served = wires.recv().await.unwrap().unwrap();
    wire.close(ipfi::CloseCode::NO_ERROR, "enough");
    let reason = timeout(BOUND, served.closed()).await.unwrap();
    assert_eq!(reason.to_string(), "closed by the peer: NO_ERROR: enough");
    let wire = ipfi::connect(&format!("ws://{address}/framework")).await.unwrap();
    wires.recv().await.unwrap().unwrap().shutdown(Duration::from_secs(1)).await;
    assert!(timeout(BOUND, wire.closed()).await.unwrap().is_orderly());
}

#[tokio::test]
async fn what_breaks_a_rule_on_a_frameworks_websocket_ends_its_own_connection() {
    let (address, mut wires) = application().await;
    let beside = ipfi::connect(&format!("ws://{address}/framework")).await.unwrap();
    let _served = wires.recv().await.unwrap().unwrap();
    for (message, expected) in [
        (tungstenite::Message::text("hello"), "a text message, where all are binary"),
        (
            tungstenite::Message::binary(vec![0; 70_000]),
            "a message of 70000 bytes, limit max_record_bytes = 65536",
        ),
        (tungstenite::Message::binary(vec![]), "a record without frames"),
        (tungstenite::Message::Close(None), "the peer closed the WebSocket"),
    ] {
        let mut request = format!("ws://{address}/framework").into_client_request().unwrap();
        let protocol = ipfi_ws::SUBPROTOCOL.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        socket.send(message).await.unwrap();
        let error = timeout(BOUND, wires.recv()).await.unwrap().unwrap().unwrap_err();
        assert!(error.contains(expected), "{error}");
        // The peer hears of it, and the socket is closed.
        timeout(BOUND, async { while let Some(Ok(_)) = socket.next().await {} }).await.unwrap();
    }
    assert_eq!(beside.call::<String>(0, ("Ada",)).await.unwrap(), "Hello, Ada!");
}
