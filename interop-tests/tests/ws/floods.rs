//! Floods of what carries nothing: each is cut, and says what it was.

use std::time::Duration;

use ipfi_core::session::Side;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::kit::{BINARY, FIN, PING, PONG, established, frame};

/// RFC 6455 section 5.5.2; each costs a token of the abuse budget (clause 13.4). A server may be as hostile as a client [A14].
#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_is_cut() {
    for (side, opcode) in
        [(Side::Server, PING), (Side::Server, PONG), (Side::Client, PING), (Side::Client, PONG)]
    {
        let (wire, mut raw) = established(side).await;
        let flood = frame(FIN | opcode, b"x", side == Side::Server).repeat(2000);
        raw.stream.write_all(&flood).await.unwrap();
        let (reason, ..) = raw.farewell().await;
        assert!(reason.contains("abuse_budget"), "{reason}");
        let error = wire.closed().await.to_string();
        assert!(error.contains("a ping of the carrier"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_a_second_is_no_flood() {
    let (wire, mut raw) = established(Side::Server).await;
    for second in 0..2000_u32 {
        raw.send(FIN | PING, &second.to_be_bytes()).await;
        sleep(Duration::from_secs(1)).await;
        // The answer has the same bytes.
        loop {
            let (first, payload) = raw.next().await.expect("it goes on");
            if first == FIN | PONG {
                break assert_eq!(payload[..], second.to_be_bytes());
            }
        }
    }
    assert!(wire.close_reason().is_none());
}

/// A message may have any number of fragments (RFC 6455 section 5.4), and they may be empty.
#[tokio::test(start_paused = true)]
async fn a_flood_of_fragments_is_cut() {
    for (side, payload) in
        [(Side::Server, &b""[..]), (Side::Client, b""), (Side::Server, b"x"), (Side::Client, b"x")]
    {
        let (wire, mut raw) = established(side).await;
        let masked = side == Side::Server;
        let mut flood = frame(BINARY, payload, masked);
        flood.extend(frame(0, payload, masked).repeat(131_000));
        // It may have closed before it took all.
        let _ = raw.stream.write_all(&flood).await;
        let (reason, code, text) = raw.farewell().await;
        assert_eq!(code, 1008);
        assert!(
            reason.contains("a flood of fragments") && text.contains("a flood of fragments"),
            "{reason} {text}"
        );
        let error = wire.closed().await.to_string();
        assert!(error.contains("bytes seen without a whole message, limit 147456"), "{error}");
    }
}
