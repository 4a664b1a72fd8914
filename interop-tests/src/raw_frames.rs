//! A client of QUIC that sends whatever frames a test gives it: quinn's own, but for what it encrypts.
//!
//! What a peer may send and no implementation would, gaps that are never filled or frames that are untrue, cannot be
//! had from quinn, and from outside of a packet nothing can be put into it. So the keys are wrapped: a datagram
//! (RFC 9221) that begins with a mark is, as its packet is encrypted, made padding, and what follows the mark stands in
//! the packet as frames. The handshake, acknowledgements and congestion control are quinn's.

use std::any::Any;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ipfi_core::varint;
use ipfi_quic::tls::TlsClient;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::crypto::{
    ClientConfig, CryptoError, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, Session,
};

/// Behind it are frames. Nothing else that a client sends contains it.
const MARK: [u8; 16] = *b"\xf3frames follow\x9c\x01";

/// DATAGRAM with a length (RFC 9221 section 4).
const DATAGRAM: u8 = 0x31;

/// The settings of such a client, whose transport is `transport`.
///
/// # Panics
/// If `tls` is not for QUIC.
pub fn config(tls: &TlsClient, transport: quinn::TransportConfig) -> quinn::ClientConfig {
    let inner = QuicClientConfig::try_from(Arc::clone(tls.as_rustls())).expect("settings for QUIC");
    let mut config = quinn::ClientConfig::new(Arc::new(Framing(Arc::new(inner))));
    config.transport_config(Arc::new(transport));
    config
}

/// Sends `frames` in one packet, as soon as one may leave. They are not sent again if it is lost, and streams that they
/// are of must have been opened.
///
/// # Errors
/// As [`send_datagram_wait`](quinn::Connection::send_datagram_wait).
pub async fn send(connection: &quinn::Connection, frames: &[u8]) -> Result<(), quinn::SendDatagramError> {
    let datagram = Bytes::from([&MARK, frames].concat());
    connection.send_datagram_wait(datagram).await
}

/// How many bytes of frames one packet has room for.
pub fn room(connection: &quinn::Connection) -> usize {
    connection.max_datagram_size().map_or(0, |bytes| bytes.saturating_sub(MARK.len()))
}

/// A STREAM frame (RFC 9000 section 19.8).
pub fn put_stream(out: &mut Vec<u8>, stream: u64, offset: u64, bytes: &[u8]) {
    const STREAM_OFF_LEN: u64 = 0x0e;
    for number in [STREAM_OFF_LEN, stream, offset, bytes.len() as u64] {
        varint::put(out, number);
    }
    out.extend_from_slice(bytes);
}

/// STOP_SENDING (RFC 9000 section 19.5).
pub fn put_stop_sending(out: &mut Vec<u8>, stream: u64, code: u64) {
    const STOP_SENDING: u64 = 0x05;
    for number in [STOP_SENDING, stream, code] {
        varint::put(out, number);
    }
}

struct Framing(Arc<QuicClientConfig>);

impl ClientConfig for Framing {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &quinn_proto::transport_parameters::TransportParameters,
    ) -> Result<Box<dyn Session>, quinn::ConnectError> {
        let inner = Arc::clone(&self.0).start_session(version, server_name, params)?;
        Ok(Box::new(FramingSession(inner)))
    }
}

struct FramingSession(Box<dyn Session>);

impl Session for FramingSession {
    fn initial_keys(&self, dst_cid: &quinn::ConnectionId, side: quinn::Side) -> Keys {
        self.0.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.0.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.0.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.0.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.0.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, quinn_proto::TransportError> {
        self.0.read_handshake(buf)
    }

    fn transport_parameters(
        &self,
    ) -> Result<Option<quinn_proto::transport_parameters::TransportParameters>, quinn_proto::TransportError>
    {
        self.0.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let Keys { header, packet } = self.0.write_handshake(buf)?;
        Some(Keys { header, packet: framing(packet) })
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.0.next_1rtt_keys().map(framing)
    }

    fn is_valid_retry(&self, orig_dst_cid: &quinn::ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.0.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.0.export_keying_material(output, label, context)
    }
}

fn framing(keys: KeyPair<Box<dyn PacketKey>>) -> KeyPair<Box<dyn PacketKey>> {
    KeyPair { local: Box::new(FramingKey(keys.local)), remote: keys.remote }
}

struct FramingKey(Box<dyn PacketKey>);

impl PacketKey for FramingKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        if let Some(payload) = buf.get_mut(header_len..) {
            reframe(payload);
        }
        self.0.encrypt(packet, buf, header_len);
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        self.0.decrypt(packet, header, payload)
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.0.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.0.integrity_limit()
    }
}

/// Makes padding of everything of a marked datagram but the frames behind the mark.
fn reframe(payload: &mut [u8]) {
    let mut from = 0;
    while let Some(at) =
        payload.get(from..).and_then(|rest| rest.windows(MARK.len()).position(|at| at == MARK))
    {
        let (mark, frames) = (from + at, from + at + MARK.len());
        // The length before it has the shortest form: its own says where it begins.
        let header = [1, 2, 4, 8].into_iter().find_map(|len| {
            let length = mark.checked_sub(len)?;
            let kind = length.checked_sub(1)?;
            let (_, read) = varint::get(&payload[length..])?;
            (payload[kind] == DATAGRAM && read == len).then_some(kind)
        });
        payload[header.expect("quinn writes the length of each datagram")..frames].fill(0);
        from = frames;
    }
}

#[cfg(test)]
mod tests;
