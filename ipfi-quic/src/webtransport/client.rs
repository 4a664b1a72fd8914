//! The side that asks.

use std::time::Duration;

use bytes::BytesMut;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use quinn::VarInt;
use tokio::io::AsyncReadExt;
use url::Url;
use web_transport_proto::http::{HeaderName, HeaderValue};
use web_transport_proto::{ConnectError, ConnectRequest, ConnectResponse};

use super::h3::{self, Control, ended, lost};
use super::{PROTOCOL, WebTransportFault, WebTransportOptions, named};
use crate::config::QuicOptions;
use crate::session::{Established, H3_NO_ERROR, QuicSession};

/// How long the text of a refusal is waited for.
const WHY_PATIENCE: Duration = Duration::from_secs(1);

/// Asks for a WebTransport session on a new connection whose peer has agreed on [`ALPN`](super::ALPN), for `url`, which
/// is `https://host:port/path?query`. Must be called within a tokio runtime. The connection's transport should have the settings of
/// [`transport`](crate::config::transport) for `limits`, as for [`QuicSession::new`].
///
/// # Errors
///
/// [`ConnectionError::Lost`] with the sentence of a [`WebTransportFault`], after which the connection is closed; or why the connection
/// ended. Not bounded in time: the caller has the limit `handshake_timeout` for it.
///
/// Cancel safe: dropped, it leaves a connection that is of no more use.
pub async fn connect(
    connection: quinn::Connection,
    url: &str,
    limits: &Limits,
    quic: &QuicOptions,
    web: &WebTransportOptions,
) -> Result<QuicSession, ConnectionError> {
    match ask(&connection, url, web).await {
        Ok((established, recv)) => {
            let ended = Box::pin(h3::end_of_session(recv));
            Ok(QuicSession::within(connection, limits, quic, established, ended))
        }
        Err(fault) => {
            connection.close(H3_NO_ERROR, b"");
            Err(fault.into())
        }
    }
}

async fn ask(
    connection: &quinn::Connection,
    url: &str,
    web: &WebTransportOptions,
) -> Result<(Established, quinn::RecvStream), WebTransportFault> {
    let request = request(url, web)?;
    let Control { streams, qpack, settings } = h3::exchange_settings(connection, web).await?;
    if !h3::offers_webtransport(&settings) {
        return Err(WebTransportFault::NotOffered);
    }
    let (mut connect, mut recv) = connection.open_bi().await.map_err(lost)?;
    connect.write_all(&request).await.map_err(|error| ended(connection, "request stream", error))?;
    let answer = ConnectResponse::read(&mut (&mut recv).take(web.max_handshake_bytes as u64)).await;
    match answer {
        Ok(response) if response.protocol.as_deref() == Some(PROTOCOL) => {
            let session = VarInt::from(connect.id()).into_inner();
            Ok((Established { session, connect, control: streams, qpack }, recv))
        }
        Ok(response) => {
            let seen = response.protocol.map_or_else(|| "none".to_owned(), |name| format!("{name:?}"));
            Err(WebTransportFault::Protocol { seen })
        }
        Err(ConnectError::WrongStatus(Some(status))) => {
            let text = tokio::time::timeout(WHY_PATIENCE, h3::read_text(&mut recv)).await;
            let why = text.ok().flatten().filter(|text| !text.is_empty());
            let why = why.unwrap_or_else(|| "it says no more".to_owned());
            Err(WebTransportFault::ByServer { status: named(status), why })
        }
        Err(error) => Err(ended(connection, "answer", error)),
    }
}

/// The request's frame.
fn request(url: &str, web: &WebTransportOptions) -> Result<BytesMut, WebTransportFault> {
    let failed = |what: String| WebTransportFault::Request { what };
    let parsed = Url::parse(url).map_err(|error| failed(format!("{url:?}: {error}")))?;
    if parsed.scheme() != "https" {
        return Err(failed(format!("{url:?}: WebTransport has the scheme https")));
    }
    let mut request = ConnectRequest::new(parsed).with_protocol(PROTOCOL);
    for (name, value) in &web.headers {
        let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        // Its value may be a secret.
        let (header, value) =
            header.ok_or_else(|| failed(format!("HTTP does not allow the header {name:?}")))?;
        request = request.with_header(header, value);
    }
    let mut bytes = BytesMut::new();
    request.encode(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}
