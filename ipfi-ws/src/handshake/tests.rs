//! Requests and answers, each with what is wrong in it.

// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

use ipfi_core::Peer;
use ipfi_core::session::Side;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::{Origins, WsOptions};
use crate::error::WsFault;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A request that is taken, with `change` made to it.
fn request(change: impl Fn(String) -> String) -> String {
    let good = format!(
        "GET /ipfi?x=1 HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\n{KEY}Sec-WebSocket-Protocol: other, qmux-02.ipfi-1\r\nCookie: a=1\r\n\r\n"
    );
    change(good)
}

/// What a server makes of `request`, and what it answers.
async fn ask(request: &str, ws: &WsOptions) -> (Result<Peer, WsFault>, String) {
    let (mut client, mut server) = tokio::io::duplex(1 << 20);
    client.write_all(request.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let peer = Peer::new(Side::Client, "ws");
    let made = super::server::accept(&mut server, Some("/ipfi"), ws, peer).await;
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    (made.map(|(peer, _)| peer), answer)
}

#[tokio::test(start_paused = true)]
async fn a_good_request_is_upgraded_and_described() {
    let (peer, answer) = ask(&request(|good| good), &WsOptions::default()).await;
    let peer = peer.unwrap();
    assert_eq!((peer.path(), peer.query()), (Some("/ipfi"), Some("x=1")));
    assert_eq!(peer.cookie("a"), Some("1"));
    assert_eq!(peer.headers().get_str("host"), Some("example.com"));
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    // The pair of RFC 6455 section 1.3.
    assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: qmux-02.ipfi-1\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_with_a_status_and_a_sentence() {
    let with = |text: &str| request(|good| good.replace("\r\n\r\n", &format!("\r\n{text}\r\n\r\n")));
    let without = |text: &str| request(|good| good.replace(text, ""));
    let instead = |old: &str, new: &str| request(|good| good.replace(old, new));
    for (request, status, why) in [
        (instead("GET", "POST"), "405 Method Not Allowed", "POST is no request for a WebSocket"),
        (instead("/ipfi?", "/other?"), "404 Not Found", "nothing is served at /other"),
        (without("Upgrade: WebSocket\r\n"), "426 Upgrade Required", "connect by WebSocket"),
        (instead("keep-alive, Upgrade", "close"), "426 Upgrade Required", "connect by WebSocket"),
        (instead("Version: 13", "Version: 8"), "426 Upgrade Required", "version 8, here it is 13"),
        (without(KEY), "400 Bad Request", "Sec-WebSocket-Key"),
        (instead("dGhl", "dGhlx"), "400 Bad Request", "Sec-WebSocket-Key"),
        (without(", qmux-02.ipfi-1"), "400 Bad Request", "offered: other"),
        (without("Sec-WebSocket-Protocol: other, qmux-02.ipfi-1\r\n"), "400 Bad Request", "offered: none"),
        (
            with("Origin: https://evil.example"),
            "403 Forbidden",
            "origin https://evil.example not allowed (allowed: same origin)",
        ),
        (
            with("Origin: https://example.com\r\nOrigin: https://evil.example"),
            "400 Bad Request",
            "several headers Origin",
        ),
        (with("Origin: null"), "403 Forbidden", "origin null not allowed"),
    ] {
        let (made, answer) = ask(&request, &WsOptions::default()).await;
        let Err(WsFault::Refused { status: told, why: reason }) = made else { panic!("{request}: {made:?}") };
        assert_eq!(told, status, "{request}");
        assert!(reason.contains(why), "{reason}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{reason}\n")), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_is_let_in_by_the_options() {
    let with =
        |origin: &str| request(|good| good.replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n")));
    let mut ws = WsOptions::default();
    assert!(ask(&with("https://example.com"), &ws).await.0.is_ok());
    ws.origins = Origins::These(vec!["https://app.example".into()]);
    assert!(ask(&with("https://app.example"), &ws).await.0.is_ok());
    assert!(ask(&with("https://example.com"), &ws).await.0.is_err());
    ws.origins = Origins::Any;
    assert!(ask(&with("https://evil.example"), &ws).await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_long_is_told_the_limit() {
    let long = request(|good| good.replace("a=1", &"a".repeat(20_000)));
    let many = request(|good| good.replace("Cookie: a=1\r\n", &"X: y\r\n".repeat(200)));
    // [A11]
    let longer = request(|good| good.replace("a=1", &"a".repeat(70_000)));
    let more = request(|good| good.replace("Cookie: a=1\r\n", &"X-Header: 0123456789\r\n".repeat(1000)));
    for request in [long, many, longer, more] {
        let (made, answer) = ask(&request, &WsOptions::default()).await;
        assert_eq!(made.unwrap_err(), WsFault::TooLarge { limit: 16 << 10 });
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert!(answer.contains("limit max_handshake_bytes = 16384"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_shown() {
    for (sent, seen) in
        [("\u{16}\u{3}\u{1}client hello", "   client hello"), ("{\"jsonrpc\": 2}", "{\"jsonrpc\": 2}")]
    {
        let (made, answer) = ask(sent, &WsOptions::default()).await;
        assert_eq!(made.unwrap_err(), WsFault::NotHttp { seen: seen.into() });
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let (made, _) = ask("GET /ipfi HTTP/1.1\r\nHost: exa", &WsOptions::default()).await;
    assert_eq!(made.unwrap_err(), WsFault::Ended);
}

/// What a client makes of `answer`.
async fn answered(answer: &str) -> WsFault {
    let (mut client, mut server) = tokio::io::duplex(1 << 20);
    let answering = async {
        let mut request = vec![0; 4096];
        let _ = server.read(&mut request).await.unwrap();
        server.write_all(answer.as_bytes()).await.unwrap();
        drop(server);
    };
    let ws = WsOptions::default();
    let (made, ()) = tokio::join!(super::client::connect(&mut client, "example.com", "/", &ws), answering);
    made.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_upgrade_is_told_with_its_text() {
    for (answer, told) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n",
            "the server answered 404 Not Found in place of 101 Switching Protocols: not here",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", "the server answered 200 OK in place of 101 Switching Protocols"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "the peer does not speak HTTP, its first bytes are \"SSH-2.0"),
        ("220 mail.example ESMTP\r\n\r\n", "the peer does not speak HTTP"),
        ("", "the peer closed the connection during the WebSocket handshake"),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "the server's answer is no WebSocket's: 101 without Upgrade",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "Sec-WebSocket-Accept does not match",
        ),
    ] {
        let fault = answered(answer).await.to_string();
        assert!(fault.contains(told), "{answer}: {fault}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(20_000));
    assert_eq!(answered(&endless).await, WsFault::TooLarge { limit: 16 << 10 });
}

#[tokio::test]
async fn a_header_that_http_does_not_allow_is_this_sides_mistake() {
    for (name, value) in [("host", "other"), ("a b", "c"), ("x", "a\r\nb: c")] {
        let mut ws = WsOptions::default();
        ws.headers.push((name.into(), value.into()));
        let (mut client, _server) = tokio::io::duplex(1 << 10);
        let made = super::client::connect(&mut client, "example.com", "/", &ws).await;
        assert_eq!(made.unwrap_err(), WsFault::BadHeader { name: name.into() });
    }
}
