//! The side that is asked.

use bytes::BytesMut;
use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::metadata::Metadata;
use ipfi_core::wire::{Wire, WireOptions};
use quinn::VarInt;
use tokio::io::AsyncReadExt;
use web_transport_proto::http::{StatusCode, header::ORIGIN};
use web_transport_proto::{ConnectError, ConnectRequest, ConnectResponse};

use super::h3::{self, Control, ended, lost};
use super::{ALPN, CARRIER, PROTOCOL, WebTransportFault, WebTransportOptions, named};
use crate::config::{QuicOptions, bidirectional};
use crate::endpoint::{peer, protocol, wire_with};
use crate::session::{Established, H3_NO_ERROR, QuicSession};

/// Takes the WebTransport session that the client of a new connection asks for, which has agreed on [`ALPN`] by TLS; and gives
/// what is known of the client, its request's path, query and headers among it. Must be called within a tokio runtime. The connection's
/// transport should have the settings of [`transport`](crate::config::transport) for `limits`, as for [`QuicSession::new`].
///
/// A client that asks for something else, from a page that may not, or offers protocols and not `ipfi-1` gets an answer of
/// HTTP that says so, and the connection is closed once it has been read.
///
/// # Errors
///
/// [`ConnectionError::Lost`] with the sentence of a [`WebTransportFault`], or why the connection ended. Not bounded in time: the caller
/// has the limit `handshake_timeout` for it.
///
/// Cancel safe: dropped, it leaves a connection that is of no more use.
pub async fn accept(
    connection: quinn::Connection,
    limits: &Limits,
    quic: &QuicOptions,
    web: &WebTransportOptions,
) -> Result<(QuicSession, Peer), ConnectionError> {
    // The session's own stream and the control stream take none of ipfi's places.
    connection.set_max_concurrent_bi_streams(bidirectional(limits, quic).saturating_add(1).into());
    connection.set_max_concurrent_uni_streams(limits.max_inbound_notifications.saturating_add(1).into());
    match take(&connection, web).await {
        Ok((established, recv, peer)) => {
            let ended = Box::pin(h3::end_of_session(recv));
            Ok((QuicSession::within(connection, limits, quic, established, ended), peer))
        }
        Err(fault) => {
            connection.close(H3_NO_ERROR, fault.to_string().as_bytes());
            Err(fault.into())
        }
    }
}

/// The options, if the client chose WebTransport.
pub(crate) fn chosen<'a>(
    connection: &quinn::Connection,
    web: Option<&'a WebTransportOptions>,
) -> Option<&'a WebTransportOptions> {
    web.filter(|_| protocol(connection).as_deref() == Some(ALPN.as_bytes()))
}

/// As [`accept`], and makes a wire.
pub(crate) async fn accept_wire(
    connection: quinn::Connection,
    options: WireOptions,
    quic: &QuicOptions,
    web: &WebTransportOptions,
) -> Result<Wire, ConnectionError> {
    let (session, peer) = accept(connection, options.limits_ref(), quic, web).await?;
    Ok(wire_with(&session, options.peer(peer), quic))
}

async fn take(
    connection: &quinn::Connection,
    web: &WebTransportOptions,
) -> Result<(Established, quinn::RecvStream, Peer), WebTransportFault> {
    // What the client's settings say matters to nothing here: whether it knows WebTransport its request says.
    let Control { streams, qpack, .. } = h3::exchange_settings(connection, web).await?;
    let (mut connect, mut recv) = connection.accept_bi().await.map_err(lost)?;
    let read = ConnectRequest::read(&mut (&mut recv).take(web.max_handshake_bytes as u64)).await;
    let examined = match &read {
        Ok(request) => examine(request, web),
        Err(error) => Err(answer_to(error).ok_or_else(|| ended(connection, "request", error))?),
    };
    let request = match (read, examined) {
        (Ok(request), Ok(())) => request,
        (_, Err((status, why))) => return Err(refuse(connection, connect, status, why).await),
        // What could not be read was not examined.
        (Err(error), Ok(())) => return Err(ended(connection, "request", error)),
    };
    let mut answer = BytesMut::new();
    // Who has offered none is told none (section 3.3 of the draft).
    let accepted = match request.protocols.is_empty() {
        true => ConnectResponse::OK,
        false => ConnectResponse::OK.with_protocol(PROTOCOL),
    };
    let encoded = accepted.encode(&mut answer);
    encoded.map_err(|error| WebTransportFault::Request { what: error.to_string() })?;
    connect.write_all(&answer).await.map_err(|error| ended(connection, "request stream", error))?;
    let session = VarInt::from(connect.id()).into_inner();
    let established = Established { session, connect, control: streams, qpack };
    Ok((established, recv, describe(peer(connection, CARRIER), &request)))
}

type Refusal = (StatusCode, String);

fn examine(request: &ConnectRequest, web: &WebTransportOptions) -> Result<(), Refusal> {
    let path = request.url.path();
    if web.path.as_ref().is_some_and(|served| served != path) {
        return Err((StatusCode::NOT_FOUND, format!("nothing is served at {path}")));
    }
    // A browser that cannot name protocols offers none: its control stream says what it speaks (clauses 2.3, 12.6).
    if !request.protocols.is_empty() && !request.protocols.iter().any(|name| name == PROTOCOL) {
        let offered = request.protocols.join(", ");
        let why = format!("the protocol {PROTOCOL} is needed, offered: {offered}");
        return Err((StatusCode::BAD_REQUEST, why));
    }
    let mut origins = request.headers.get_all(ORIGIN).iter();
    // Programs that are no browsers send none.
    if let Some(origin) = origins.next() {
        if origins.next().is_some() {
            let why = "several headers Origin, where a browser sends one".to_owned();
            return Err((StatusCode::BAD_REQUEST, why));
        }
        // What is no text is nobody's origin.
        let origin = origin.to_str().unwrap_or("(not text)");
        // With the port written out: a page that came over HTTP is of another port.
        let host = request.url.host_str().zip(request.url.port_or_known_default());
        let host = host.map(|(host, port)| format!("{host}:{port}"));
        if !web.origins.allow(origin, host.as_deref()) {
            let why = format!("origin {origin} not allowed (allowed: {})", web.origins);
            return Err((StatusCode::FORBIDDEN, why));
        }
    }
    Ok(())
}

/// The answer to what is no request for WebTransport, if it is a request.
fn answer_to(error: &ConnectError) -> Option<Refusal> {
    let status = match error {
        ConnectError::FieldSectionTooLarge | ConnectError::FrameTooLarge => {
            return Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, error.to_string()));
        }
        ConnectError::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        ConnectError::WrongProtocol(_) => StatusCode::NOT_IMPLEMENTED,
        ConnectError::WrongScheme(_)
        | ConnectError::WrongAuthority
        | ConnectError::WrongPath
        | ConnectError::InvalidMethod
        | ConnectError::InvalidUrl(_)
        | ConnectError::InvalidProtocol
        | ConnectError::InvalidHttpHeaderName
        | ConnectError::InvalidHttpHeaderValue => StatusCode::BAD_REQUEST,
        _ => return None,
    };
    let why = format!("an ipfi server: connect by WebTransport, with the protocol {PROTOCOL} ({error})");
    Some((status, why))
}

/// Answers, and waits shortly for the client to have read it.
async fn refuse(
    connection: &quinn::Connection,
    mut connect: quinn::SendStream,
    status: StatusCode,
    why: String,
) -> WebTransportFault {
    // Nobody's text may shape a log.
    let why = why.replace(char::is_control, " ");
    let mut answer = BytesMut::new();
    // A status alone can be written.
    let _ = ConnectResponse::new(status).encode(&mut answer);
    h3::put_text(&mut answer, &why);
    let told = async {
        if connect.write_all(&answer).await.is_ok() {
            let _ = connect.finish();
            let _ = connect.stopped().await;
        }
    };
    tokio::select! {
        // Whatever comes of it, the fault is known.
        _ = tokio::time::timeout(h3::LINGER, told) => {}
        _ = connection.closed() => {}
    }
    WebTransportFault::Refused { status: named(status), why }
}

/// What the request says of the client. Names that metadata cannot have are left out: they are nobody's.
fn describe(peer: Peer, request: &ConnectRequest) -> Peer {
    let mut headers = Metadata::new();
    for (name, value) in &request.headers {
        let _ = headers.insert(name.as_str(), value.as_bytes().to_vec());
    }
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    peer.with_target(target).with_headers(headers)
}
