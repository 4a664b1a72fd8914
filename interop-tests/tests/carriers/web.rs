//! WebSockets through the facade: what a request says of a client, who is let in, and strangers on either side.

use std::time::Duration;

use ipfi::{
    Code, ConnectError, ConnectionError, Connector, Context, Identity, Limits, Origins, Server, Status,
    Trust, WsOptions,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Numbers, Running, greeted, greeter, within, within_time};

/// What the peer said in its request.
type Said = (Option<String>, Option<String>, Option<String>, Option<String>);

/// A server at `/ipfi` that says under 2 what it knows of its caller.
async fn server() -> Running {
    let interface = greeter().procedure(2, |context: Context, (): ()| async move {
        let peer = context.peer();
        let header = peer.headers().get_str("authorization").map(str::to_owned);
        let query = peer.query_value("user").map(|user| user.into_owned());
        (peer.path().map(str::to_owned), query, header, peer.cookie("session").map(str::to_owned)) as Said
    });
    Running::bound(Server::new(interface).listen("ws://127.0.0.1:0/ipfi")).await
}

/// The error of a handshake.
fn handshake(error: ConnectError) -> String {
    match error {
        ConnectError::Handshake { source, .. } => source.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn path_query_headers_and_cookies_of_the_request_are_in_the_context() {
    let server = server().await;
    let connector = Connector::new().header("Authorization", "Bearer x").header("Cookie", "a=b; session=42");
    let url = format!("{}?user=Ada%20L", server.urls[0]);
    let wire = within("connecting", connector.connect(&url)).await.unwrap();
    let said: Said = within("a call", wire.call(2, ())).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(said, (some("/ipfi"), some("Ada L"), some("Bearer x"), some("42")));
}

#[tokio::test]
async fn a_client_is_let_in_by_a_header_of_its_request_or_not_at_all() {
    let server = Server::new(greeter()).listen("ws://127.0.0.1:0").authenticate(|peer| async move {
        match peer.headers().get_str("authorization") {
            Some("Bearer good") => Ok(()),
            _ => Err(Status::unauthenticated("a token is needed")),
        }
    });
    let server = Running::bound(server).await;
    let good = Connector::new().header("Authorization", "Bearer good");
    greeted(&good.connect(&server.urls[0]).await.unwrap()).await;
    let refused = ipfi::connect(&server.urls[0]).await.unwrap();
    let error = within("a refusal", refused.call::<String>(0, ("Ada",))).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated, "{error}");
    let reason = within("the close", refused.closed()).await;
    assert!(
        matches!(&reason, ConnectionError::PeerClosed { reason, .. } if &**reason == "a token is needed"),
        "{reason}"
    );
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_they_are_listed() {
    let mut ws = WsOptions::default();
    ws.origins = Origins::These(vec!["https://app.example".into()]);
    let server = Running::bound(Server::new(greeter()).ws_options(ws).listen("ws://127.0.0.1:0")).await;
    let url = &server.urls[0];
    greeted(&Connector::new().header("Origin", "https://app.example").connect(url).await.unwrap()).await;
    let evil = Connector::new().header("Origin", "https://evil.example").connect(url).await.unwrap_err();
    assert_eq!(
        evil.to_string(),
        format!(
            "connect {url}: connection lost: WebSocket: the server answered 403 Forbidden in place of 101 Switching \
             Protocols: origin https://evil.example not allowed (allowed: https://app.example)"
        )
    );
}

#[tokio::test]
async fn only_the_path_of_the_url_is_served() {
    let server = server().await;
    let elsewhere = server.urls[0].replace("/ipfi", "/");
    let error = handshake(ipfi::connect(&elsewhere).await.unwrap_err());
    assert!(error.contains("404 Not Found") && error.contains("nothing is served at /"), "{error}");
}

#[tokio::test]
async fn a_query_or_a_missing_identity_is_told_where_a_server_listens() {
    let error = Server::new(greeter()).listen("ws://127.0.0.1:0/a?b").bind().await.unwrap_err();
    assert!(error.to_string().contains("a query is the client's to add"), "{error}");
    let error = Server::new(greeter()).listen("wss://127.0.0.1:0").bind().await.unwrap_err();
    assert!(error.to_string().contains("Server::identity"), "{error}");
}

/// Says `words` to the server, and gives its answer.
async fn answer(server: &Running, words: &[u8]) -> String {
    let address = server.urls[0].strip_prefix("ws://").unwrap().split('/').next().unwrap();
    let mut stranger = TcpStream::connect(address).await.unwrap();
    // Far less than the handshake may take.
    within_time("an answer", Duration::from_secs(3), async {
        // It may hang up before it has heard all.
        let _ = stranger.write_all(words).await;
        let _ = stranger.shutdown().await;
        let mut answer = Vec::new();
        // A reset is hanging up too: there may be words that it never read.
        let _ = stranger.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

#[tokio::test]
async fn a_client_that_speaks_something_else_is_answered_and_the_server_lives_on() {
    let server = server().await;
    let wire = ipfi::connect(&server.urls[0]).await.unwrap();
    let get = answer(&server, b"GET /ipfi HTTP/1.1\r\nHost: example.org\r\n\r\n").await;
    assert!(
        get.starts_with("HTTP/1.1 426 Upgrade Required\r\n") && get.contains("connect by WebSocket"),
        "{get}"
    );
    let tls = answer(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS ClientHello").await;
    assert!(tls.starts_with("HTTP/1.1 400 "), "{tls}");
    answer(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    answer(&server, &[0xff; 100]).await;
    let mut numbers = Numbers(0xbad);
    for _ in 0..20 {
        let words: Vec<u8> = (0..70_000).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
        answer(&server, &words).await;
    }
    greeted(&wire).await;
    greeted(&ipfi::connect(&server.urls[0]).await.unwrap()).await;
}

/// Our client's error at a server that says `words` and then waits, or goes.
async fn at_a_server_that_says(words: &'static [u8], goes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/chat", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 2048];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(words).await.unwrap();
        if !goes {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(500);
    let connected = within("an answer", Connector::new().limits(limits).connect(&url)).await;
    within("the end of the server", server).await.unwrap();
    handshake(connected.unwrap_err())
}

#[tokio::test]
async fn a_server_that_is_no_peer_of_ours_is_named_for_what_it_said() {
    for (words, goes, told) in [
        (
            &b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"[..],
            false,
            "404 Not Found in place of 101 Switching Protocols: nope",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, "200 OK in place of 101"),
        (b"", false, "handshake timeout: the peer did not complete its handshake within 500ms"),
        (b"", true, "the peer closed the connection during the WebSocket handshake"),
        (b"HTTP/1.1 101 Swi", true, "the peer closed the connection during the WebSocket handshake"),
        (b"220 mail.example.org ESMTP ready\r\n\r\n", false, "\"220 mail.example.org ESMTP ready"),
    ] {
        let error = at_a_server_that_says(words, goes).await;
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn plain_and_secure_ends_that_meet_say_so() {
    let identity = Identity::development(&[]).unwrap();
    let connector = Connector::new().trust(Trust::pinned([identity.certificate_hash()]));
    let server =
        Server::new(greeter()).identity(identity).listen("ws://127.0.0.1:0").listen("wss://127.0.0.1:0");
    let server = Running::bound(server).await;
    let secure_to_plain = server.urls[0].replace("ws://", "wss://");
    let error = handshake(within("an error", connector.connect(&secure_to_plain)).await.unwrap_err());
    assert!(error.contains("TLS"), "{error}");
    let plain_to_secure = server.urls[1].replace("wss://", "ws://");
    let error = handshake(within("an error", connector.connect(&plain_to_secure)).await.unwrap_err());
    assert!(error.contains("WebSocket"), "{error}");
}

/// Frames of a client, masked with zeros, that break a rule, each after a good handshake.
const BROKEN: [(&str, &[u8]); 6] = [
    ("a text message", b"\x81\x82\0\0\0\0hi"),
    ("an unmasked frame", b"\x82\x01x"),
    ("a record that is none", b"\x82\x84\0\0\0\0oops"),
    ("an announced message above the limit", b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0"),
    ("an empty record", b"\x82\x80\0\0\0\0"),
    ("half of a frame, and the end", b"\x82\xfe\x10"),
];

#[tokio::test]
async fn a_client_that_breaks_a_rule_is_cut_and_calls_of_others_go_on() {
    let interface = greeter().sequence(2, |(limit,): (u64,)| futures_util::stream::iter(0..limit));
    let server = Running::bound(Server::new(interface).listen("ws://127.0.0.1:0")).await;
    let address = server.urls[0].strip_prefix("ws://").unwrap().to_owned();
    let beside = ipfi::connect(&server.urls[0]).await.unwrap();
    let mut numbers = beside.stream::<u64>(2, (u64::MAX,)).await.unwrap();
    for (what, frame) in BROKEN {
        let mut stranger = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n"
        );
        stranger.write_all(request.as_bytes()).await.unwrap();
        stranger.write_all(frame).await.unwrap();
        if what.ends_with("the end") {
            stranger.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        // Whoever broke a rule of the records alone has the time of a goodbye to answer the close.
        within_time(what, Duration::from_secs(8), stranger.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{what}");
        for _ in 0..100 {
            let number =
                within("a number", futures_util::TryStreamExt::try_next(&mut numbers)).await.unwrap();
            assert!(number.is_some());
        }
        greeted(&beside).await;
    }
}
