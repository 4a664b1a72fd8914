//! The bodies on seeds, and on those with a byte changed, cut at each place.

use super::{KEY, client, frames, handshake, runtime};
use crate::config::WsOptions;

/// Each seed whole, cut short at each place, and with each byte changed.
fn around(seed: &[u8], body: fn(&[u8])) {
    body(seed);
    for at in 0..seed.len() {
        body(&seed[..at]);
        for change in [0x01, 0x80, 0xff] {
            let mut changed = seed.to_vec();
            changed[at] ^= change;
            body(&changed);
        }
    }
}

/// What the answers that are tried are around.
const ANSWER: &[u8] =
    b"\x01HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n";

#[test]
fn the_answer_that_others_are_made_of_is_taken() {
    let taken = runtime().block_on(client::answer(&mut &ANSWER[1..], KEY, &WsOptions::default()));
    assert_eq!(taken.expect("it is right"), b"");
}

#[test]
fn handshakes_around_good_ones() {
    around(
        b"\x00GET /ipfi HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n",
        handshake,
    );
    around(ANSWER, handshake);
    around(b"\x01HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nn\x1b\x00o", handshake);
}

#[test]
fn frames_around_good_ones() {
    // A server's: parameters (none but the type and a length of 0), a ping, the same in two fragments, text, and a close.
    let parameters = b"\xff\x51\x53\x30\x0d\x0a\x0d\x0a\x00";
    let mut seed = vec![1, 0x82, 9];
    seed.extend_from_slice(parameters);
    seed.extend_from_slice(b"\x89\x02hi\x02\x01\x00\x80\x01\x00\x81\x01t\x88\x05\x03\xe8bye");
    around(&seed, frames);
    // A client's, masked with zeros.
    let mut seed = vec![0, 0x82, 0x89, 0, 0, 0, 0];
    seed.extend_from_slice(parameters);
    seed.extend_from_slice(b"\x8a\x80\0\0\0\0\x82\xfe\x00\x01\0\0\0\0\x00\x88\x80\0\0\0\0");
    around(&seed, frames);
}
