//! Streams of both kinds, both ways, byte for byte; more of them than the limits let live at once.

use std::time::Duration;

use bytes::Bytes;
use interop_tests::session_suite::ops::{
    accept_bi, accept_uni, finish_with, pattern, read, read_all, recv_datagram, write,
};
use ipfi_core::error::DatagramError;
use ipfi_core::limits::Limits;
use ipfi_core::session::{SendStream as _, Session as _};
use ipfi_mux::MuxSession;
use web_transport_trait::Session as _;

use crate::support::{
    config, everywhere, small_config, small_limits, their_echo, their_finish, their_read_all,
};

/// More than any window, and no multiple of a record.
const LARGE: usize = (3 << 20) + 17;

/// Our side answers each of `streams` streams with what it was sent.
async fn our_echo(session: MuxSession, streams: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..streams {
        let (mut send, mut recv) = accept_bi(&session).await.unwrap();
        tasks.spawn(async move {
            loop {
                let chunk = read(&mut recv, 64 << 10).await.unwrap();
                if chunk.fin {
                    return finish_with(&mut send, chunk.bytes).await.unwrap();
                }
                write(&mut send, chunk.bytes).await.unwrap();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

async fn we_ask(session: &MuxSession, data: Bytes) {
    let (mut send, mut recv) = session.open_bi().await.unwrap();
    let (sent, echoed) = tokio::join!(finish_with(&mut send, data.clone()), read_all(&mut recv));
    sent.unwrap();
    assert!(echoed.unwrap() == data, "the crate's echo differs from the {} bytes sent", data.len());
}

async fn they_ask(session: &qmux::Session, data: Bytes) {
    let (mut send, mut recv) = session.open_bi().await.unwrap();
    let (echoed, ()) = tokio::join!(their_read_all(&mut recv), their_finish(&mut send, &data));
    assert!(echoed.unwrap() == data, "our echo differs from the {} bytes sent", data.len());
}

#[tokio::test]
async fn large_bidirectional_streams_arrive_exactly_both_ways_at_once() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        tokio::join!(
            our_echo(ours.clone(), 1),
            their_echo(&theirs, 1),
            we_ask(&ours, pattern(1, LARGE)),
            they_ask(&theirs, pattern(2, LARGE)),
        );
    })
    .await;
}

#[tokio::test]
async fn large_unidirectional_streams_arrive_exactly_both_ways_at_once() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let data = pattern(3, LARGE);
        let from_us = async {
            let mut send = ours.open_uni().await.unwrap();
            finish_with(&mut send, data.clone()).await.unwrap();
        };
        let at_them = async {
            let mut recv = theirs.accept_uni().await.unwrap();
            assert!(their_read_all(&mut recv).await.unwrap() == data);
        };
        let from_them = async {
            let mut send = theirs.open_uni().await.unwrap();
            their_finish(&mut send, &data).await;
        };
        let at_us = async {
            let mut recv = accept_uni(&ours).await.unwrap();
            assert!(read_all(&mut recv).await.unwrap() == data);
        };
        tokio::join!(from_us, at_them, from_them, at_us);
    })
    .await;
}

#[tokio::test]
async fn empty_streams_arrive_as_streams() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        tokio::join!(
            our_echo(ours.clone(), 1),
            their_echo(&theirs, 1),
            we_ask(&ours, Bytes::new()),
            they_ask(&theirs, Bytes::new()),
        );
    })
    .await;
}

#[tokio::test]
async fn streams_beyond_the_crates_limit_wait_for_places_and_all_arrive() {
    everywhere(Limits::default(), small_config(), |ours, theirs| async move {
        const STREAMS: usize = 300;
        let asking =
            futures_util::future::join_all((0..STREAMS).map(|n| we_ask(&ours, pattern(n, 1 + 37 * n))));
        tokio::join!(their_echo(&theirs, STREAMS), asking);
    })
    .await;
}

#[tokio::test]
async fn streams_beyond_our_limit_wait_for_places_and_all_arrive() {
    everywhere(small_limits(), config(), |ours, theirs| async move {
        const STREAMS: usize = 300;
        let asking =
            futures_util::future::join_all((0..STREAMS).map(|n| they_ask(&theirs, pattern(n, 1 + 37 * n))));
        tokio::join!(our_echo(ours, STREAMS), asking);
    })
    .await;
}

#[tokio::test]
async fn a_thousand_short_unidirectional_streams_arrive_both_ways() {
    everywhere(small_limits(), small_config(), |ours, theirs| async move {
        const STREAMS: usize = 1000;
        let from_us = async {
            for n in 0..STREAMS {
                let mut send = ours.open_uni().await.unwrap();
                finish_with(&mut send, pattern(n, 100)).await.unwrap();
            }
        };
        let at_them = async {
            for n in 0..STREAMS {
                let mut recv = theirs.accept_uni().await.unwrap();
                assert_eq!(their_read_all(&mut recv).await.unwrap(), pattern(n, 100));
            }
        };
        let from_them = async {
            for n in 0..STREAMS {
                let mut send = theirs.open_uni().await.unwrap();
                their_finish(&mut send, &pattern(n, 100)).await;
            }
        };
        let at_us = async {
            for n in 0..STREAMS {
                let mut recv = accept_uni(&ours).await.unwrap();
                assert_eq!(read_all(&mut recv).await.unwrap(), pattern(n, 100));
            }
        };
        tokio::join!(from_us, at_them, from_them, at_us);
    })
    .await;
}

#[tokio::test]
async fn datagrams_arrive_whole_both_ways_up_to_the_limit_each_side_states() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let largest = ours.max_datagram_bytes().expect("the crate takes datagrams");
        for len in [0, 1, 1000, largest] {
            ours.send_datagram(pattern(len, len)).unwrap();
            assert_eq!(theirs.recv_datagram().await.unwrap(), pattern(len, len));
        }
        let more = ours.send_datagram(pattern(1, largest + 1));
        assert_eq!(more, Err(DatagramError::TooLarge { seen: largest + 1, limit: largest }));

        let largest = theirs.max_datagram_size();
        assert!(largest >= 1000, "the crate may send us {largest} bytes");
        for len in [0, 1, 1000, largest] {
            theirs.send_datagram(pattern(len, len)).unwrap();
            assert_eq!(recv_datagram(&ours).await.unwrap(), pattern(len, len));
        }
    })
    .await;
}

#[tokio::test]
async fn a_side_that_takes_no_datagrams_is_sent_none() {
    let mut limits = Limits::default();
    limits.max_datagram_frame_bytes = 0;
    let mut config = config();
    config.max_datagram_frame_size = 0;
    everywhere(limits, config, |ours, theirs| async move {
        assert_eq!(ours.max_datagram_bytes(), None);
        assert_eq!(ours.send_datagram("x".into()), Err(DatagramError::Unsupported));
        assert!(matches!(theirs.send_datagram("x".into()), Err(qmux::Error::DatagramsUnsupported)));
    })
    .await;
}

#[tokio::test]
async fn an_urgent_stream_overtakes_bulk_that_waits_for_the_crates_credit() {
    everywhere(Limits::default(), small_config(), |ours, theirs| async move {
        // Four bulk streams fill the connection's window exactly; nobody reads them.
        let mut held = Vec::new();
        for n in 0..4 {
            let mut send = ours.open_uni().await.unwrap();
            let mut data = pattern(n, 1 << 20);
            let stuck = std::future::poll_fn(|cx| send.poll_write(cx, &mut data, false));
            assert!(tokio::time::timeout(Duration::from_millis(50), stuck).await.is_err());
            held.push((send, theirs.accept_uni().await.unwrap()));
        }
        let mut urgent = ours.open_uni().await.unwrap();
        urgent.set_priority(1);
        finish_with(&mut urgent, "first").await.unwrap();
        // One of them is read: of the credit that comes back, the urgent one has the first part.
        let reading = async {
            let (_, recv) = &mut held[0];
            their_read_all(recv).await
        };
        let arrives = async {
            let mut recv = theirs.accept_uni().await.unwrap();
            their_read_all(&mut recv).await.unwrap()
        };
        tokio::select! {
            seen = arrives => assert_eq!(seen, Bytes::from("first")),
            seen = reading => panic!("the bulk ended before the urgent stream came: {seen:?}"),
        }
    })
    .await;
}
