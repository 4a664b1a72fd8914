//! How a WebSocket ends, and what either side says of it.

use ipfi::ConnectionError;
use ipfi_core::session::Side;

use crate::kit::{BINARY, CLOSE, FIN, established};

#[tokio::test(start_paused = true)]
async fn a_wire_that_is_closed_says_goodbye_twice_and_waits_for_the_answer() {
    for side in [Side::Server, Side::Client] {
        let (wire, mut raw) = established(side).await;
        wire.close(ipfi::CloseCode::NO_ERROR, "enough");
        let (reason, code, _) = raw.farewell().await;
        assert!(reason.contains("Application"), "{reason}");
        assert_eq!(code, 1000);
        raw.send(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
        assert!(raw.next().await.is_none(), "nothing follows a close");
        assert!(wire.closed().await.is_orderly());
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_the_websocket_alone_is_told_by_its_code() {
    let (wire, mut raw) = established(Side::Server).await;
    let mut close = 1001_u16.to_be_bytes().to_vec();
    close.extend_from_slice(b"the page was left");
    raw.send(FIN | CLOSE, &close).await;
    let lost = ConnectionError::lost("the peer closed the WebSocket with code 1001: the page was left");
    assert_eq!(wire.closed().await, lost);
    // Its close is answered with its own code (RFC 6455 section 5.5.1).
    loop {
        match raw.next().await {
            Some((first, payload)) if first == FIN | CLOSE => break assert_eq!(payload[..2], close[..2]),
            Some((first, _)) => assert_eq!(first, FIN | BINARY),
            None => panic!("the close was not answered"),
        }
    }
    assert!(raw.next().await.is_none(), "the server ends the connection");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_just_ends_is_lost() {
    for side in [Side::Server, Side::Client] {
        let (wire, raw) = established(side).await;
        drop(raw);
        let lost = ConnectionError::lost("the peer closed the connection without closing the WebSocket");
        assert_eq!(wire.closed().await, lost);
    }
}
