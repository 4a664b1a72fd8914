//! A client of `web-transport-quinn`, which nobody here wrote, and a server of ours. What is sent and what must come back are
//! bytes written by hand from `docs/protocol.md`.

use bytes::Bytes;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_quic::WebTransportOptions;
use web_transport_proto::ConnectRequest;
use web_transport_quinn::{ReadError, ReadToEndError, RecvStream, SendStream, Session, SessionError};
use web_transport_quinn::{WebTransportError, WriteError};

use crate::kit::Lab;
use crate::quic_lab::{Seen, interface, within};
use crate::strangers::{CONTROL, HELLO_ADA, HELLO_ANSWER};

struct Pair {
    lab: Lab,
    session: Session,
    /// The control streams of both sides.
    _control: (SendStream, RecvStream),
}

async fn pair(protocols: &[&str]) -> Pair {
    let lab = Lab::serving(WebTransportOptions::default(), || interface(&Seen::default()));
    let url: url::Url = "https://localhost/any?path=too".parse().unwrap();
    let request = ConnectRequest::new(url).with_protocols(protocols.iter().map(|&name| name.to_owned()));
    let session = within("a session", Session::connect(lab.quic(2).await, request)).await.unwrap();
    let mut ours = session.open_uni().await.unwrap();
    ours.write_all(CONTROL).await.unwrap();
    let mut theirs = within("our control stream", session.accept_uni()).await.unwrap();
    let mut seen = [0; 7];
    theirs.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"\x00ipfi\x01\x00", "type, magic, version, SETTINGS");
    Pair { lab, session, _control: (ours, theirs) }
}

/// One call: the whole request, and the whole response or the code of its reset.
async fn call(session: &Session, request: &[u8]) -> Result<Vec<u8>, u32> {
    let (mut send, mut recv) = within("a stream", session.open_bi()).await.unwrap();
    send.write_all(request).await.unwrap();
    send.finish().unwrap();
    match within("an answer", recv.read_to_end(1 << 21)).await {
        Ok(answer) => Ok(answer),
        Err(ReadToEndError::ReadError(ReadError::Reset(code))) => Err(code),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn unary_and_streams_both_ways_byte_for_byte() {
    // With the protocol, beside another, and without any (clause 12.6).
    for (offered, named) in
        [(&["ipfi-1"][..], Some("ipfi-1")), (&["other", "ipfi-1"], Some("ipfi-1")), (&[], None)]
    {
        let pair = pair(offered).await;
        assert_eq!(pair.session.protocol(), named);
        // Clause 14.1.
        assert_eq!(call(&pair.session, HELLO_ADA).await.unwrap(), HELLO_ANSWER);
        assert_eq!(call(&pair.session, b"\x01\x01\x04\x03").await.unwrap(), b"\x04\x00\x04\x01\x04\x02");
        assert_eq!(call(&pair.session, b"\x02\x01\x00\x04\x05\x04\x06\x04\x07").await.unwrap(), b"\x04\x12");
        let (mut send, mut recv) = pair.session.open_bi().await.unwrap();
        send.write_all(b"\x03\x01\x04\x03").await.unwrap();
        for number in 0..20_u8 {
            send.write_all(&[4, number]).await.unwrap();
            let mut answer = [0; 2];
            within("an item", recv.read_exact(&mut answer)).await.unwrap();
            assert_eq!(answer, [4, 3 * number]);
        }
        send.finish().unwrap();
        assert!(recv.read_to_end(1).await.unwrap().is_empty());
        // Procedure 63 is unknown: a status, UNIMPLEMENTED of the callee.
        let answer = call(&pair.session, b"\x3f\x01\x00").await.unwrap();
        assert_eq!((answer[1] & 3, answer[2], answer[3]), (2, 12, 0), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn five_hundred_calls_at_once_and_a_mebibyte() {
    let pair = pair(&["ipfi-1"]).await;
    let calls = (0..500).map(|_| call(&pair.session, HELLO_ADA));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), HELLO_ANSWER);
    }
    let bytes: Vec<u8> = (0..0xf_fff0).map(|n: u32| n.to_le_bytes()[0]).collect();
    // bincode: fc and the length in four bytes; the item: its length times 4 in four bytes (tag 80).
    let message = [&[0xfc, 0xf0, 0xff, 0x0f, 0][..], &bytes].concat();
    let head = (0x8000_0000_u32 | u32::try_from(message.len() << 2).unwrap()).to_be_bytes();
    let answer = call(&pair.session, &[&[12, 1][..], &head, &message].concat()).await.unwrap();
    assert!(answer.ends_with(&bytes), "the same bytes instead of {}", answer.len());
}

#[tokio::test(start_paused = true)]
async fn codes_of_resets_and_stops_are_the_sessions() {
    let pair = pair(&["ipfi-1"]).await;
    // Clause 5.5: procedure 6 never answers.
    for code in [1, 3, 4] {
        let (mut send, mut recv) = pair.session.open_bi().await.unwrap();
        send.write_all(b"\x06\x01\x0c\x02it").await.unwrap();
        send.finish().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        recv.stop(code).unwrap();
        let cause = ["Caller", "", "Deadline", "Shutdown"][code as usize - 1];
        within(cause, async {
            let wanted = format!("it {cause}");
            while !String::from_utf8_lossy(&call(&pair.session, b"\x05\x01\x00").await.unwrap())
                .contains(&wanted)
            {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    // Clause 5.3: procedure 19 answers with the first item, and wants no more.
    let (mut send, mut recv) = pair.session.open_bi().await.unwrap();
    send.write_all(b"\x13\x01\x00\x04\x07").await.unwrap();
    assert_eq!(within("an answer", recv.read_to_end(10)).await.unwrap(), b"\x04\x07");
    assert_eq!(within("a stop", send.stopped()).await.unwrap(), Some(0), "NO_ERROR");
    assert!(matches!(send.write_all(b"\x04\x08").await, Err(WriteError::Stopped(0))));
    // Clause 2.8.
    let mut unknown = pair.session.open_uni().await.unwrap();
    unknown.write_all(b"\x05what is this").await.unwrap();
    assert_eq!(within("a stop", unknown.stopped()).await.unwrap(), Some(2), "REFUSED");
}

#[tokio::test(start_paused = true)]
async fn a_datagram_is_a_notification() {
    let pair = pair(&["ipfi-1"]).await;
    // Procedure 4, bincode, `("hello",)`; procedure 5 says what was noted.
    pair.session.send_datagram(Bytes::from_static(b"\x04\x01\x05hello")).unwrap();
    within("a note", async {
        while !String::from_utf8_lossy(&call(&pair.session, b"\x05\x01\x00").await.unwrap())
            .contains("note hello")
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn closes_carry_code_and_reason_both_ways() {
    // Procedure 18 closes with 77 and "x".
    let asked = pair(&["ipfi-1"]).await;
    let (mut send, _recv) = asked.session.open_bi().await.unwrap();
    send.write_all(b"\x12\x01\x0c\x4d\x01x").await.unwrap();
    let end = within("a close", asked.session.closed()).await;
    let SessionError::WebTransportError(WebTransportError::Closed(77, reason)) = &end else {
        panic!("{end:?}")
    };
    assert_eq!(reason, "x");
    // Another version (clause 2.3).
    let other = pair(&["ipfi-1"]).await;
    let mut second = other.session.open_uni().await.unwrap();
    second.write_all(CONTROL).await.unwrap();
    let end = within("a close", other.session.closed()).await;
    assert!(matches!(end, SessionError::WebTransportError(WebTransportError::Closed(2, _))), "{end:?}");
    // And theirs.
    let closing = pair(&["ipfi-1"]).await;
    closing.session.close(5, b"enough");
    within("the end", closing.session.closed()).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let expected = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "enough".into() };
    assert_eq!(closing.lab.end_at_server(), expected);
}
