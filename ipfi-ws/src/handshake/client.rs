//! The side that asks.

use http::header::{
    CONTENT_LENGTH, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
};
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::server::put_header;
use super::{head, is_upgrade, list, named};
use crate::config::WsOptions;
use crate::error::WsFault;
use crate::{SUBPROTOCOL, endpoint};

/// How much of the text of an answer is read, in bytes: more than an error shows.
const TEXT_BYTES: u64 = 1 << 10;

/// How much of it an error shows, in characters: a sentence or two, which ours are.
const TEXT_CHARS: usize = 256;

/// Headers of the handshake itself, which options cannot set.
const OURS: [&str; 7] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
];

/// Asks for `target`, a path and perhaps a query, of the server that the URL calls `host`, and reads the answer. Gives what
/// was read beyond it.
pub(crate) async fn connect<T>(
    stream: &mut T,
    host: &str,
    target: &str,
    ws: &WsOptions,
) -> Result<Vec<u8>, WsFault>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    stream.write_all(&request(host, target, &key, ws)?).await?;
    stream.flush().await?;
    answer(stream, &key, ws).await
}

/// Reads the answer to a request that had `key`. Gives what was read beyond it.
pub(crate) async fn answer<T>(stream: &mut T, key: &str, ws: &WsOptions) -> Result<Vec<u8>, WsFault>
where
    T: AsyncRead + Unpin,
{
    let ((status, headers), rest) = head::read(stream, ws.max_handshake_bytes, parse).await?;
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let text = text_of_answer(stream, &headers, rest).await;
        return Err(WsFault::Answered { status: named(status), text });
    }
    check(&headers, key)?;
    Ok(rest)
}

fn request(host: &str, target: &str, key: &str, ws: &WsOptions) -> Result<Vec<u8>, WsFault> {
    let mut request = format!("GET {target} HTTP/1.1\r\n").into_bytes();
    put_header(&mut request, "Host", host.as_bytes());
    put_header(&mut request, "Connection", b"Upgrade");
    put_header(&mut request, "Upgrade", b"websocket");
    put_header(&mut request, "Sec-WebSocket-Version", b"13");
    put_header(&mut request, "Sec-WebSocket-Key", key.as_bytes());
    put_header(&mut request, "Sec-WebSocket-Protocol", SUBPROTOCOL.as_bytes());
    for (name, value) in &ws.headers {
        let bad = || WsFault::BadHeader { name: name.clone() };
        let checked = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value).map_err(|_| bad())?;
        if OURS.contains(&checked.as_str()) {
            return Err(bad());
        }
        put_header(&mut request, name, value.as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    Ok(request)
}

type Parsed = (StatusCode, HeaderMap);

fn parse(bytes: &[u8]) -> Result<Option<(Parsed, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; head::MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) = answer.parse(bytes)? else { return Ok(None) };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    Ok(Some(((status.ok_or(httparse::Error::Status)?, head::headers(answer.headers)), len)))
}

/// RFC 6455 section 4.1, of the server's answer.
fn check(headers: &HeaderMap, key: &str) -> Result<(), WsFault> {
    let bad = |what: &str| Err(WsFault::BadAnswer { what: what.to_owned() });
    if !is_upgrade(headers) {
        return bad("101 without Upgrade: websocket and Connection: Upgrade");
    }
    if headers
        .get(SEC_WEBSOCKET_ACCEPT)
        .is_none_or(|accept| accept != derive_accept_key(key.as_bytes()).as_str())
    {
        return bad("Sec-WebSocket-Accept does not match the key of the request");
    }
    if list(headers, &SEC_WEBSOCKET_EXTENSIONS).any(|name| !name.is_empty()) {
        return bad("it uses an extension that was not offered");
    }
    let agreed = headers.get(SEC_WEBSOCKET_PROTOCOL).map(|name| head::printable(name.as_bytes(), TEXT_CHARS));
    if agreed.as_deref() == Some(SUBPROTOCOL) { Ok(()) } else { Err(WsFault::NotAgreed { agreed }) }
}

/// The beginning of the text that came with an answer, as far as it comes soon: an answer without a length may have none.
async fn text_of_answer<T: AsyncRead + Unpin>(
    stream: &mut T,
    headers: &HeaderMap,
    mut text: Vec<u8>,
) -> String {
    let len = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    let more = len.unwrap_or(0).min(TEXT_BYTES).saturating_sub(text.len() as u64);
    if more > 0 {
        let mut bounded = stream.take(more);
        // Whatever has come by then is the text.
        let _ = tokio::time::timeout(endpoint::LINGER, bounded.read_to_end(&mut text)).await;
    }
    head::printable(&text, TEXT_CHARS).trim().to_owned()
}
