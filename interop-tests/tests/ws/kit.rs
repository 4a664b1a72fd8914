//! A peer that writes each byte of a WebSocket by hand (RFC 6455 section 5.2), and our side at the other end.

use bytes::{Buf, Bytes, BytesMut};
use ipfi::{ConnectionError, Interface, Limits, Wire, WireOptions, WsOptions};
use ipfi_core::session::Side;
use ipfi_mux::frame::Frame;
use ipfi_mux::params::TransportParameters;
use ipfi_ws::session::Upgraded;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
/// Set in the first byte of a message's last frame.
pub(crate) const FIN: u8 = 0x80;

/// A client's key: any will do.
const MASK: [u8; 4] = [1, 2, 3, 4];

/// Our end, being made.
pub(crate) type Ours = JoinHandle<Result<Wire, ConnectionError>>;

/// The peer that is written by hand.
pub(crate) struct Raw {
    pub(crate) stream: DuplexStream,
    side: Side,
    read: BytesMut,
}

/// What our side offers here.
pub(crate) fn interface() -> Interface {
    Interface::new().procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
}

/// Our side as `side`, with `limits`, after the handshake; and whoever is at its other end.
pub(crate) fn upgraded(side: Side, limits: Limits) -> (Ours, Raw) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let ours = tokio::spawn(async move {
        let options = WireOptions::from(interface()).limits(limits);
        Upgraded::new(ours, Vec::new(), side).wire(options, &WsOptions::default()).await
    });
    let side = if side == Side::Client { Side::Server } else { Side::Client };
    (ours, Raw { stream: theirs, side, read: BytesMut::new() })
}

/// The same with the records' handshake done.
pub(crate) async fn established(side: Side) -> (Wire, Raw) {
    established_with(side, Limits::default()).await
}

/// The same within limits.
pub(crate) async fn established_with(side: Side, limits: Limits) -> (Wire, Raw) {
    let (ours, mut raw) = upgraded(side, limits);
    raw.send(FIN | BINARY, &hello()).await;
    (ours.await.unwrap().unwrap(), raw)
}

/// The first record of a peer: its transport parameters, and a control stream with its SETTINGS (clause 2.4).
pub(crate) fn hello() -> Bytes {
    hello_of(2)
}

fn hello_of(control: u8) -> Bytes {
    let mut record = BytesMut::new();
    let parameters = TransportParameters {
        initial_max_data: 1 << 20,
        initial_max_stream_data_bidi_local: 1 << 16,
        initial_max_stream_data_bidi_remote: 1 << 16,
        initial_max_stream_data_uni: 1 << 16,
        initial_max_streams_bidi: 100,
        initial_max_streams_uni: 100,
        max_record_size: 1 << 16,
        ..TransportParameters::default()
    };
    Frame::TransportParameters(parameters).encode(&mut record);
    // STREAM with a length, of that stream.
    record.extend_from_slice(&[0x0a, control, 8]);
    record.extend_from_slice(b"\x00ipfi\x01\x00\x00");
    record.freeze()
}

impl Raw {
    /// Sends one frame, as a peer of its side does.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        // A server's control stream is the first of its own: 3 (RFC 9000 section 2.1).
        let payload = match self.side {
            Side::Server if payload == &hello()[..] => hello_of(3),
            _ => Bytes::copy_from_slice(payload),
        };
        let frame = frame(first, &payload, self.side == Side::Client);
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The next frame: its first byte and its payload; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some(frame) = take(&mut self.read) {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.read).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// What our side says last: the reason in its CONNECTION_CLOSE, and the code and text of its close.
    pub(crate) async fn farewell(&mut self) -> (String, u16, String) {
        let mut reason = String::new();
        loop {
            let (first, mut payload) = self.next().await.expect("our side says goodbye");
            if first == FIN | CLOSE {
                let code = payload.get_u16();
                return (reason, code, String::from_utf8(payload.to_vec()).unwrap());
            }
            assert!([FIN | BINARY, FIN | PONG, FIN | PING].contains(&first), "frame {first:#x}");
            while first == FIN | BINARY && !payload.is_empty() {
                if let Frame::ConnectionClose(close) = Frame::decode(&mut payload).unwrap() {
                    reason = format!("{close:?}");
                }
            }
        }
    }
}

/// One frame with the shortest length there is.
pub(crate) fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(bit | len.to_be_bytes()[1]),
        Ok(len) => {
            frame.push(bit | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            frame.push(bit | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if masked {
        frame.extend_from_slice(&MASK);
    }
    let key = |at: usize| if masked { MASK[at % 4] } else { 0 };
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ key(at)));
    frame
}

/// Takes a whole frame from the front, unmasked.
fn take(read: &mut BytesMut) -> Option<(u8, Bytes)> {
    let (first, second) = (*read.first()?, *read.get(1)?);
    let (len, at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(read.get(2..4)?.try_into().unwrap())), 4),
        127 => (usize::try_from(u64::from_be_bytes(read.get(2..10)?.try_into().unwrap())).unwrap(), 10),
        len => (usize::from(len), 2),
    };
    let masked = second & 0x80 != 0;
    let begin = if masked { at + 4 } else { at };
    if read.len() < begin + len {
        return None;
    }
    let mut frame = read.split_to(begin + len);
    let key: [u8; 4] = if masked { frame[at..begin].try_into().unwrap() } else { [0; 4] };
    frame.advance(begin);
    frame.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= key[at % 4]);
    Some((first, frame.freeze()))
}
