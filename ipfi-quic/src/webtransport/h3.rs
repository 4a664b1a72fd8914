//! HTTP/3, as far as one WebTransport session needs it (RFC 9114).

use std::time::Duration;

use bytes::BytesMut;
use ipfi_core::close_code::CloseCode;
use tokio::io::AsyncReadExt;
use web_transport_proto::{Capsule, Frame, Http3CapsuleReader, Setting, Settings, SettingsError, VarInt};

use super::{WebTransportFault, WebTransportOptions};
use crate::error::{self, Codes, Ours};
use crate::session::{Ended, QPACK};

/// What is kept of the text that comes with a refusal, in bytes.
pub(super) const WHY_BYTES: usize = 1 << 10;

/// How long a refusal waits for the client to have read it.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The control streams of both sides, and what came before the peer's.
pub(super) struct Control {
    pub(super) streams: (quinn::SendStream, quinn::RecvStream),
    pub(super) qpack: Vec<(u64, quinn::RecvStream)>,
    pub(super) settings: Settings,
}

/// Exchanges settings (RFC 9114 section 6.2.1).
pub(super) async fn exchange_settings(
    connection: &quinn::Connection,
    web: &WebTransportOptions,
) -> Result<Control, WebTransportFault> {
    let mut settings = Settings::default();
    settings.enable_webtransport(1);
    if connection.max_datagram_size().is_none() {
        // HTTP/3's datagrams need those of QUIC (RFC 9297 section 2.1.1).
        settings.remove(&Setting::ENABLE_DATAGRAM);
        settings.remove(&Setting::ENABLE_DATAGRAM_DEPRECATED);
    }
    let mut bytes = BytesMut::new();
    settings.encode(&mut bytes);
    let ours = async {
        let mut send = connection.open_uni().await.map_err(lost)?;
        send.write_all(&bytes).await.map_err(|error| ended(connection, "settings", error))?;
        Ok(send)
    };
    let theirs = async {
        let mut qpack = Vec::new();
        loop {
            let mut recv = connection.accept_uni().await.map_err(lost)?;
            match Settings::read(&mut (&mut recv).take(web.max_handshake_bytes as u64)).await {
                Ok(settings) => return Ok((recv, qpack, settings)),
                // Opened before the control stream. There is one of each.
                Err(SettingsError::UnexpectedStreamType(kind))
                    if QPACK.contains(&kind.0.into_inner()) && qpack.len() < QPACK.len() =>
                {
                    qpack.push((kind.0.into_inner(), recv));
                }
                Err(error) => return Err(ended(connection, "settings", error)),
            }
        }
    };
    let (send, (recv, qpack, settings)) = tokio::try_join!(ours, theirs)?;
    Ok(Control { streams: (send, recv), qpack, settings })
}

/// Whether these settings offer WebTransport, in any of the drafts that browsers and servers have.
pub(super) fn offers_webtransport(settings: &Settings) -> bool {
    [
        Setting::WEBTRANSPORT_MAX_SESSIONS,
        Setting::WEBTRANSPORT_MAX_SESSIONS_DEPRECATED,
        Setting::WEBTRANSPORT_ENABLE_DEPRECATED,
    ]
    .iter()
    .any(|offer| settings.get(offer).is_some_and(|value| value.into_inner() > 0))
}

/// How the peer ends the session: by a capsule, or by the end of its stream, which is an orderly end too (section 6 of the draft).
pub(super) async fn end_of_session(recv: quinn::RecvStream) -> Ended {
    let mut capsules = Http3CapsuleReader::new(recv);
    loop {
        match capsules.read().await {
            Ok(Some(Capsule::CloseWebTransportSession { code, reason })) => {
                return Ok((CloseCode(code.into()), kept(reason)));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok((CloseCode::NO_ERROR, String::new())),
            Err(_) => return Err("the peer has given up the stream of its WebTransport session"),
        }
    }
}

/// A receiver keeps at most so much of a reason (`docs/protocol.md` 8.2).
fn kept(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(256));
    reason
}

/// Text as a frame of DATA.
pub(super) fn put_text(out: &mut BytesMut, text: &str) {
    let text = &text[..text.floor_char_boundary(WHY_BYTES)];
    Frame::DATA.encode(out);
    // At most `WHY_BYTES`.
    VarInt::from_u32(u32::try_from(text.len()).unwrap_or_default()).encode(out);
    out.extend_from_slice(text.as_bytes());
}

/// The text of an answer, as far as there is one.
pub(super) async fn read_text(recv: &mut quinn::RecvStream) -> Option<String> {
    let mut body = recv.take(WHY_BYTES as u64 + 16);
    let kind = VarInt::read(&mut body).await.ok()?;
    let len = VarInt::read(&mut body).await.ok()?.into_inner();
    if Frame(kind) != Frame::DATA {
        return None;
    }
    let mut text = Vec::new();
    body.take(len.min(WHY_BYTES as u64)).read_to_end(&mut text).await.ok()?;
    // Nobody's text may shape a log.
    Some(String::from_utf8_lossy(&text).replace(char::is_control, " ").trim().to_owned())
}

/// The connection ended.
pub(super) fn lost(error: quinn::ConnectionError) -> WebTransportFault {
    let ours = Ours { codes: Codes::WebTransport, ..Ours::default() };
    WebTransportFault::Connection(error::connection(error, &ours))
}

/// A part of the handshake failed: because the connection ended, if it has.
pub(super) fn ended(
    connection: &quinn::Connection,
    part: &'static str,
    error: impl ToString,
) -> WebTransportFault {
    match connection.close_reason() {
        Some(reason) => lost(reason),
        None => WebTransportFault::Invalid { part, what: error.to_string() },
    }
}
