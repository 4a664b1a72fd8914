//! Frames and records that break a rule: our side tells the peer which, closes with the code of RFC 6455 section 7.4.1, and says
//! the same to its own program.

use ipfi::Limits;
use ipfi_core::session::Side;
use tokio::io::AsyncWriteExt;

use crate::kit::{BINARY, CLOSE, FIN, TEXT, established, frame, hello, upgraded};

/// Sends `bytes` to our `side`, and checks what both sides are told.
async fn breaks(side: Side, bytes: &[u8], code: u16, what: &str) {
    let (wire, mut raw) = established(side).await;
    raw.stream.write_all(bytes).await.unwrap();
    let (reason, told, text) = raw.farewell().await;
    assert!(reason.contains(what), "the peer was told {reason:?}, not {what:?}");
    assert_eq!(told, code, "{what}");
    assert!(what.contains(&text) || text.contains(what), "{text:?}");
    let error = wire.closed().await.to_string();
    assert!(error.starts_with("the peer broke the protocol: ") && error.contains(what), "{error}");
}

/// Clause 12.4: a text message closes with 1003.
#[tokio::test(start_paused = true)]
async fn a_text_message_is_refused() {
    let what = "a text message of 5 bytes, where all are binary";
    breaks(Side::Server, &frame(FIN | TEXT, b"hello", true), 1003, what).await;
    breaks(Side::Client, &frame(FIN | TEXT, b"hello", false), 1003, what).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_message_before_the_first_record_is_refused() {
    let (ours, mut raw) = upgraded(Side::Server, Limits::default());
    raw.send(FIN | TEXT, b"hello").await;
    let (_, code, _) = raw.farewell().await;
    assert_eq!(code, 1003);
    let error = ours.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("a text message of 5 bytes"), "{error}");
}

/// RFC 6455 section 5.1.
#[tokio::test(start_paused = true)]
async fn frames_are_masked_by_clients_and_by_nobody_else() {
    let unmasked = "a client's frame that is not masked";
    breaks(Side::Server, &frame(FIN | BINARY, &[0], false), 1002, unmasked).await;
    let masked = "a server's frame that is masked";
    breaks(Side::Client, &frame(FIN | BINARY, &[0], true), 1002, masked).await;
}

/// Clause 12.4: a message above `max_record_size` closes with 1009. It is told from its announced length alone.
#[tokio::test(start_paused = true)]
async fn a_message_above_the_limit_is_refused_before_it_comes() {
    let what = "record too large: 65537 bytes seen, limit max_record_size = 65536";
    let whole = frame(FIN | BINARY, &[0; 65_537], true);
    breaks(Side::Server, &whole[..14], 1009, what).await;
}

#[tokio::test(start_paused = true)]
async fn fragments_that_add_up_to_more_than_the_limit_are_refused() {
    let mut bytes = frame(BINARY, &[0; 40_000], true);
    bytes.extend(frame(FIN, &[0; 40_000], true));
    breaks(Side::Server, &bytes, 1009, "record too large: 80000 bytes seen, limit max_record_size = 65536")
        .await;
}

/// RFC 6455 sections 5.2, 5.4 and 5.5.
#[tokio::test(start_paused = true)]
async fn frames_of_no_kind_are_refused() {
    for (bytes, what) in [
        // An opcode that is reserved, a reserved bit, a continuation of nothing, a control frame in pieces.
        (frame(FIN | 3, b"", true), "no WebSocket frame of RFC 6455"),
        (frame(FIN | 0x40 | BINARY, b"x", true), "no WebSocket frame of RFC 6455"),
        (frame(FIN, b"x", true), "no WebSocket frame of RFC 6455"),
        (frame(9, b"x", true), "no WebSocket frame of RFC 6455"),
    ] {
        breaks(Side::Server, &bytes, 1002, what).await;
    }
}

/// The record is the message: a frame that goes on beyond it is cut off.
#[tokio::test(start_paused = true)]
async fn a_record_that_ends_inside_a_frame_is_a_violation() {
    // STREAM 0 with a length of 100, and two bytes of it.
    let (wire, mut raw) = established(Side::Server).await;
    raw.send(FIN | BINARY, &[0x0a, 0, 0x40, 100, 1, 2]).await;
    let (reason, ..) = raw.farewell().await;
    let error = wire.closed().await.to_string();
    assert!(
        error.contains("FRAME_ENCODING_ERROR") && error.starts_with("the peer broke the protocol"),
        "{error}"
    );
    assert!(!reason.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_without_frames_is_a_violation() {
    let (wire, mut raw) = established(Side::Server).await;
    raw.send(FIN | BINARY, b"").await;
    let (reason, ..) = raw.farewell().await;
    assert!(reason.contains("a record without frames"), "{reason}");
    let error = wire.closed().await.to_string();
    assert!(error.contains("a record without frames"), "{error}");
}

/// A record with a Size, as on a pipe, is not one of this carrier.
#[tokio::test(start_paused = true)]
async fn a_first_record_that_is_none_is_told_apart() {
    let (ours, mut raw) = upgraded(Side::Server, Limits::default());
    let mut sized = vec![0x40 | hello().len().to_be_bytes()[6], hello().len().to_be_bytes()[7]];
    sized.extend_from_slice(&hello());
    raw.send(FIN | BINARY, &sized).await;
    let error = ours.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("the first frame is not QX_TRANSPORT_PARAMETERS"), "{error}");
}

/// Fragments are the sender's affair: the message counts.
#[tokio::test(start_paused = true)]
async fn a_record_may_come_in_fragments_with_pings_between() {
    let (ours, mut raw) = upgraded(Side::Server, Limits::default());
    let hello = hello();
    let (begin, rest) = hello.split_at(5);
    raw.send(BINARY, begin).await;
    raw.send(FIN | 9, b"still there?").await;
    for byte in &rest[..rest.len() - 1] {
        raw.send(0, &[*byte]).await;
    }
    raw.send(FIN, &rest[rest.len() - 1..]).await;
    let wire = ours.await.unwrap().unwrap();
    loop {
        let (first, payload) = raw.next().await.unwrap();
        assert_ne!(first, FIN | CLOSE);
        if first == FIN | 10 {
            assert_eq!(&payload[..], b"still there?");
            break;
        }
    }
    drop(wire);
}
