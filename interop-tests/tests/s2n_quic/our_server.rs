//! A client of s2n-quic and a server of ours, which offers what `quic_lab` says.

use bytes::Bytes;
use ipfi_core::limits::Limits;
use s2n_quic::connection::Connection;
use tokio::task::JoinHandle;

use crate::quic_lab::{Certificate, serve, within};
use crate::support::*;

/// A connection to a server of ours, with control streams both ways.
struct Pair {
    theirs: Connection,
    _control: [Box<dyn Send>; 2],
    _serving: JoinHandle<()>,
}

async fn pair() -> Pair {
    let certificate = Certificate::new();
    let (address, serving) = serve(&certificate, Limits::default()).await;
    let mut theirs = connect(&certificate, address).await;
    let control = say_hello(&mut theirs).await;
    let heard = hear_hello(&mut theirs).await;
    Pair { theirs, _control: [Box::new(control), Box::new(heard)], _serving: serving }
}

#[tokio::test]
async fn the_example_of_the_specification_byte_for_byte() {
    // Clause 14.1.
    let mut pair = pair().await;
    assert_eq!(call(&mut pair.theirs, HELLO_ADA).await, Ok(Bytes::from_static(HELLO_ANSWER)));
}

#[tokio::test]
async fn streams_both_ways() {
    let mut pair = pair().await;
    // Procedure 1, codec 1; arguments (3,): items 0, 1, 2 of one byte each.
    let numbers = call(&mut pair.theirs, b"\x01\x01\x04\x03").await.unwrap();
    assert_eq!(numbers, b"\x04\x00\x04\x01\x04\x02".as_slice());
    // Procedure 2: no arguments, then 5, 6 and 7; their sum.
    assert_eq!(
        call(&mut pair.theirs, b"\x02\x01\x00\x04\x05\x04\x06\x04\x07").await.unwrap(),
        b"\x04\x12".as_slice()
    );
    // Procedure 3: times 3, each answer before the next item.
    let (mut recv, mut send) = pair.theirs.open_bidirectional_stream().await.unwrap().split();
    send.send(Bytes::from_static(b"\x03\x01\x04\x03")).await.unwrap();
    for number in 0..20_u8 {
        send.send(Bytes::copy_from_slice(&[4, number])).await.unwrap();
        assert_eq!(read(&mut recv, 2).await, [4, 3 * number].as_slice());
    }
    send.finish().unwrap();
    assert_eq!(read_all(&mut recv).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn five_hundred_calls_at_once() {
    let pair = pair().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut handle = pair.theirs.handle();
        tasks.spawn(async move {
            let stream = within("a stream", handle.open_bidirectional_stream()).await.unwrap();
            let (mut recv, mut send) = stream.split();
            send.send(Bytes::from_static(HELLO_ADA)).await.unwrap();
            send.finish().unwrap();
            assert_eq!(read_all(&mut recv).await, Ok(Bytes::from_static(HELLO_ANSWER)));
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_message_of_a_mebibyte_comes_back() {
    let mut pair = pair().await;
    // As large as its SETTINGS allow: 2^20 bytes, less what says so.
    let bytes: Vec<u8> = (0..0xf_fff0).map(|n: u32| n.to_le_bytes()[0]).collect();
    // bincode: fc and the length in four bytes; the item: its length times 4 in four bytes (tag 80).
    let mut message = vec![0xfc, 0xf0, 0xff, 0x0f, 0];
    message.extend_from_slice(&bytes);
    let head = (0x8000_0000_u32 | u32::try_from(message.len() << 2).unwrap()).to_be_bytes();
    let request = [&[12, 1][..], &head, &message].concat();
    let answer = call(&mut pair.theirs, &request).await.unwrap();
    assert!(answer.ends_with(&bytes), "the same bytes instead of {}", answer.len());
}

#[tokio::test]
async fn a_status_names_what_does_not_exist() {
    let mut pair = pair().await;
    // Procedure 63: an item of kind 2 whose body begins with 12, UNIMPLEMENTED, and 0, made by the callee.
    let answer = call(&mut pair.theirs, b"\x3f\x01\x00").await.unwrap();
    assert_eq!(answer[0] >> 6, 1, "a length of two bytes: {answer:?}");
    assert_eq!((answer[1] & 3, answer[2], answer[3]), (2, 12, 0), "{answer:?}");
    assert!(String::from_utf8_lossy(&answer).contains("63"), "{answer:?}");
    // Procedure 7: NOT_FOUND with details.
    let answer = call(&mut pair.theirs, b"\x07\x01\x00").await.unwrap();
    assert_eq!(answer[2..4], [5, 0], "NOT_FOUND: {answer:?}");
    assert!(answer.ends_with(b"\x00\xffdetails"), "{answer:?}");
}

#[tokio::test]
async fn cancelled_calls_are_reset_with_the_same_code() {
    // Clause 5.5; procedure 6 never answers.
    let mut pair = pair().await;
    for reason in [1, 3, 4] {
        let (mut recv, mut send) = pair.theirs.open_bidirectional_stream().await.unwrap().split();
        send.send(Bytes::from_static(b"\x06\x01\x0c\x02it")).await.unwrap();
        send.finish().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        recv.stop_sending(code(reason)).unwrap();
        // What s2n-quic reads then is its own; that the handler was told, procedure 5 says.
        let cause = ["Caller", "", "Deadline", "Shutdown"][usize::try_from(reason - 1).unwrap()];
        let wanted = format!("it {cause}");
        within(&wanted, async {
            while !String::from_utf8_lossy(&call(&mut pair.theirs, b"\x05\x01\x00").await.unwrap())
                .contains(&wanted)
            {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_reset_request_ends_its_call() {
    let mut pair = pair().await;
    // Procedure 2, whose items break off.
    let (mut recv, mut send) = pair.theirs.open_bidirectional_stream().await.unwrap().split();
    send.send(Bytes::from_static(b"\x02\x01\x00\x04\x05")).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    send.reset(code(1)).unwrap();
    // A status is not owed; the handler, which was reading, gives one.
    match read_all(&mut recv).await {
        Err(code) => assert_eq!(code, 1, "CANCELLED"),
        Ok(status) => assert_eq!(status[2..4], [1, 0], "CANCELLED: {status:?}"),
    }
}

#[tokio::test]
async fn an_early_answer_stops_the_request_with_no_error() {
    // Clause 5.3: procedure 19 answers with the first item.
    let mut pair = pair().await;
    let (mut recv, mut send) = pair.theirs.open_bidirectional_stream().await.unwrap().split();
    send.send(Bytes::from_static(b"\x13\x01\x00\x04\x07")).await.unwrap();
    assert_eq!(read_all(&mut recv).await, Ok(Bytes::from_static(b"\x04\x07")));
    assert_eq!(stopped(&mut send, b"\x04\x08").await, 0, "NO_ERROR");
}

#[tokio::test]
async fn a_stream_of_an_unknown_type_is_stopped_with_refused() {
    // Clause 2.8.
    let mut pair = pair().await;
    let mut unknown = pair.theirs.open_send_stream().await.unwrap();
    assert_eq!(stopped(&mut unknown, b"\x05what is this").await, 2, "REFUSED");
    assert_eq!(call(&mut pair.theirs, HELLO_ADA).await, Ok(Bytes::from_static(HELLO_ANSWER)));
}

#[tokio::test]
async fn closes_carry_their_code() {
    // A second control stream: PROTOCOL.
    let mut second = pair().await;
    let _more = say_hello(&mut second.theirs).await;
    assert_eq!(close_code(&mut second.theirs).await, 2);

    // Procedure 18 closes with 77; its reason is "x".
    let mut asked = pair().await;
    let (_recv, mut send) = asked.theirs.open_bidirectional_stream().await.unwrap().split();
    send.send(Bytes::from_static(b"\x12\x01\x0c\x4d\x01x")).await.unwrap();
    assert_eq!(close_code(&mut asked.theirs).await, 77);

    // Another version: VERSION.
    let certificate = Certificate::new();
    let (address, serving) = serve(&certificate, Limits::default()).await;
    let mut other = connect(&certificate, address).await;
    let mut control = other.open_send_stream().await.unwrap();
    control.send(Bytes::from_static(b"\x00ipfi\x02")).await.unwrap();
    assert_eq!(close_code(&mut other).await, 1);
    serving.abort();
}

#[tokio::test]
async fn a_shutdown_refuses_what_comes_late() {
    // Procedure 17 shuts down with a grace of 2000 ms (fb d007), which procedure 6 uses up.
    let mut pair = pair().await;
    let (mut running, mut send) = pair.theirs.open_bidirectional_stream().await.unwrap().split();
    send.send(Bytes::from_static(b"\x06\x01\x0c\x02it")).await.unwrap();
    send.finish().unwrap();
    assert_eq!(call(&mut pair.theirs, b"\x11\x01\x0c\xfb\xd0\x07").await, Ok(Bytes::from_static(b"\x00")));
    assert_eq!(call(&mut pair.theirs, HELLO_ADA).await, Err(2), "REFUSED");
    match read_all(&mut running).await {
        Err(code) => assert_eq!(code, 4, "SHUTDOWN"),
        Ok(status) => assert_eq!(status[2..4], [14, 0], "UNAVAILABLE: {status:?}"),
    }
    assert_eq!(close_code(&mut pair.theirs).await, 5, "SHUTDOWN");
}
