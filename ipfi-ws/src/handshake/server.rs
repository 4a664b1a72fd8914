//! The side that is asked.

use http::header::{
    HOST, HeaderMap, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION,
};
use http::{HeaderValue, Method, StatusCode, header};
use ipfi_core::Peer;
use ipfi_core::metadata::Metadata;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{head, is_upgrade, named, subprotocols};
use crate::config::WsOptions;
use crate::error::WsFault;
use crate::{SUBPROTOCOL, endpoint};

/// What is read of a client that was refused, so that it hears why.
const LINGER_BYTES: u64 = 64 << 10;

/// A request that was read, by us or by an HTTP server.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// An answer that is no upgrade.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Headers that the status asks for.
    pub(crate) headers: Vec<(header::HeaderName, &'static str)>,
    pub(crate) why: String,
}

impl Refusal {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        // A header may have tabs, and nobody's may shape a log.
        let why = why.into().replace(char::is_control, " ");
        Self { status, headers: Vec::new(), why }
    }

    /// The same as this side's error.
    pub(crate) fn fault(&self) -> WsFault {
        WsFault::Refused { status: named(self.status), why: self.why.clone() }
    }
}

/// The headers of the answer that upgrades, or a refusal.
pub(crate) fn examine(
    request: &Request<'_>,
    ws: &WsOptions,
) -> Result<[(header::HeaderName, HeaderValue); 4], Refusal> {
    let headers = request.headers;
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if *request.method != Method::GET {
        let why = format!("{} is no request for a WebSocket, which is GET", request.method);
        let mut refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why);
        refusal.headers = vec![(header::ALLOW, "GET")];
        return Err(refusal);
    }
    if !is_upgrade(headers) {
        let why = format!("an ipfi server: connect by WebSocket, with the subprotocol {SUBPROTOCOL}");
        let mut refusal = Refusal::new(StatusCode::UPGRADE_REQUIRED, why);
        refusal.headers = vec![(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
        return Err(refusal);
    }
    if text(SEC_WEBSOCKET_VERSION) != Some("13") {
        let seen = text(SEC_WEBSOCKET_VERSION).unwrap_or("none");
        let mut refusal =
            Refusal::new(StatusCode::UPGRADE_REQUIRED, format!("WebSocket version {seen}, here it is 13"));
        refusal.headers = vec![(SEC_WEBSOCKET_VERSION, "13")];
        return Err(refusal);
    }
    let key = text(SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let Some(key) = key else {
        let why = "Sec-WebSocket-Key is not the base64 of 16 bytes (RFC 6455 section 4.1)";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    };
    if !subprotocols(headers).any(|name| name == SUBPROTOCOL) {
        let offered: Vec<&str> = subprotocols(headers).collect();
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        let why = format!("the subprotocol {SUBPROTOCOL} is needed, offered: {offered}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    // Programs that are no browsers send none.
    if headers.get_all(ORIGIN).iter().count() > 1 {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "several headers Origin, where a browser sends one",
        ));
    }
    if let Some(origin) = headers.get(ORIGIN) {
        // What is no text is nobody's origin.
        let origin = origin.to_str().unwrap_or("(not text)");
        if !ws.origins.allow(origin, text(HOST)) {
            let why = format!("origin {origin} not allowed (allowed: {})", ws.origins);
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
    }
    // A digest in base64 is a header's value.
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok([
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
        (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
    ])
}

/// 16 bytes in base64: 22 characters and two of padding.
fn is_key(key: &str) -> bool {
    let bare = key.strip_suffix("==").unwrap_or_default();
    bare.len() == 22 && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// What the request says of the client. Names that metadata cannot have are left out: they are nobody's.
pub(crate) fn describe(peer: Peer, request: &Request<'_>) -> Peer {
    let mut headers = Metadata::new();
    for (name, value) in request.headers {
        let _ = headers.insert(name, value.as_bytes().to_vec());
    }
    peer.with_target(request.target).with_headers(headers)
}

/// Reads the request, answers it, and gives what is known of the client then, and what was read beyond the request. `path` is the
/// one that is served, or none if all are.
pub(crate) async fn accept<T>(
    stream: &mut T,
    path: Option<&str>,
    ws: &WsOptions,
    peer: Peer,
) -> Result<(Peer, Vec<u8>), WsFault>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let read = head::read(stream, ws.max_handshake_bytes, parse).await;
    let (method, target, headers, rest) = match read {
        Ok(((method, target, headers), rest)) => (method, target, headers, rest),
        Err(fault) => {
            if let Some(refusal) = answer_to(&fault) {
                refuse(stream, &refusal).await;
            }
            return Err(fault);
        }
    };
    let request = Request { method: &method, target: &target, headers: &headers };
    let peer = describe(peer, &request);
    let found = path.is_none_or(|path| peer.path() == Some(path));
    let examined = if found {
        examine(&request, ws)
    } else {
        Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("nothing is served at {}", peer.path().unwrap_or_default()),
        ))
    };
    match examined {
        Ok(headers) => {
            let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
            for (name, value) in &headers {
                put_header(&mut answer, name.as_str(), value.as_bytes());
            }
            answer.extend_from_slice(b"\r\n");
            stream.write_all(&answer).await?;
            stream.flush().await?;
            Ok((peer, rest))
        }
        Err(refusal) => {
            refuse(stream, &refusal).await;
            Err(refusal.fault())
        }
    }
}

type Parsed = (Method, String, HeaderMap);

fn parse(bytes: &[u8]) -> Result<Option<(Parsed, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; head::MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(len) = request.parse(bytes)? else { return Ok(None) };
    // Complete, it has both.
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes()).unwrap_or_default();
    let target = request.path.unwrap_or_default().to_owned();
    Ok(Some(((method, target, head::headers(request.headers)), len)))
}

/// The answer to what could not be read as a request, if whoever sent it may understand one.
fn answer_to(fault: &WsFault) -> Option<Refusal> {
    match fault {
        WsFault::TooLarge { .. } => {
            Some(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, fault.to_string()))
        }
        WsFault::NotHttp { .. } => Some(Refusal::new(StatusCode::BAD_REQUEST, "this is an HTTP server")),
        _ => None,
    }
}

/// Answers, and waits shortly for the client to have read it.
async fn refuse<T>(stream: &mut T, refusal: &Refusal)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut answer = format!("HTTP/1.1 {}\r\n", named(refusal.status)).into_bytes();
    for (name, value) in &refusal.headers {
        put_header(&mut answer, name.as_str(), value.as_bytes());
    }
    let body = format!("{}\n", refusal.why);
    put_header(&mut answer, "content-type", b"text/plain; charset=utf-8");
    put_header(&mut answer, "content-length", body.len().to_string().as_bytes());
    if !refusal.headers.iter().any(|(name, _)| *name == header::CONNECTION) {
        put_header(&mut answer, "connection", b"close");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    let told = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // A socket that is closed on unread bytes throws away the answer on its way.
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whatever comes of it, the fault is known.
    let _ = tokio::time::timeout(endpoint::LINGER, told).await;
}

pub(super) fn put_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
