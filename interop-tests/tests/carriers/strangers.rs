//! Peers that speak something else: each is closed and told why where it can hear it, and nobody else
//! notices.

use std::time::Duration;

use ipfi::{ConnectError, ConnectionError, Connector, Limits, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Numbers, Running, greeted, greeter, within, within_time};

/// Says `words` to the server and waits until it hangs up.
async fn is_hung_up_on(server: &Running, words: &[u8]) {
    let mut stranger = TcpStream::connect(server.tcp_address()).await.unwrap();
    let what = format!("hanging up on {:?}", String::from_utf8_lossy(&words[..words.len().min(20)]));
    // Far less than the handshake may take.
    within_time(&what, Duration::from_secs(3), async {
        // It may hang up before it has heard all.
        let _ = stranger.write_all(words).await;
        let mut answer = Vec::new();
        // A reset is hanging up too: there may be words that it never read.
        let _ = stranger.read_to_end(&mut answer).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_speaks_something_else_is_hung_up_on_and_the_server_lives_on() {
    let server = Running::new(Server::new(greeter())).await;
    let wire = ipfi::connect(&server.urls[0]).await.unwrap();
    is_hung_up_on(&server, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n").await;
    is_hung_up_on(&server, b"SSH-2.0-OpenSSH_9.9\r\n").await;
    is_hung_up_on(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS ClientHello").await;
    is_hung_up_on(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    is_hung_up_on(&server, &[0xff; 100]).await;
    is_hung_up_on(&server, &[0; 100]).await;
    let mut numbers = Numbers(0xbad);
    for _ in 0..50 {
        let words: Vec<u8> = (0..70_000).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
        is_hung_up_on(&server, &words).await;
    }
    greeted(&wire).await;
    greeted(&ipfi::connect(&server.urls[0]).await.unwrap()).await;
}

/// Our client's error at a server that says `words` and then waits.
async fn at_a_server_that_says(words: &'static [u8]) -> ConnectionError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(words).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(500);
    let connected = within("an answer", Connector::new().limits(limits).connect(&url)).await;
    within("the end of the server", server).await.unwrap();
    match connected {
        Err(ConnectError::Handshake { source, .. }) => source,
        other => panic!("expected a failed handshake, saw {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_prints_text_is_quoted() {
    for (words, begins) in [
        (&b"220 mail.example.org ESMTP ready\r\n"[..], "220 mail.example.org"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-OpenSSH_9.9"),
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"Segmentation fault (core dumped)\n", "Segmentation fault"),
    ] {
        match at_a_server_that_says(words).await {
            ConnectionError::NotIpfi { seen } => assert!(seen.starts_with(begins), "{seen:?}"),
            other => panic!("expected the text, saw {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out_with_the_limit_named() {
    let error = at_a_server_that_says(b"").await;
    assert_eq!(error, ConnectionError::HandshakeTimeout { after: Duration::from_millis(500) });
}

#[tokio::test]
async fn a_server_that_hangs_up_at_once_is_lost_in_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let error = within("an answer", ipfi::connect(&url)).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Handshake { source: ConnectionError::Lost { .. }, .. }),
        "{error}"
    );
    server.await.unwrap();
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_of_the_system_that_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = within("an answer", ipfi::connect(&url)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Io { .. }), "{error}");
    assert!(error.to_string().contains(&url), "{error}");
    let error = ipfi::connect("unix:/nowhere/at/all").await.unwrap_err();
    assert!(error.to_string().starts_with("connect unix:/nowhere/at/all: "), "{error}");
}
