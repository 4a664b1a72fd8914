//! Small windows on either side, so that credit, its return and the frames that say BLOCKED are in every
//! transfer (RFC 9000 section 4.1).

use interop_tests::session_suite::ops::{
    accept_bi, accept_uni, finish_with, pattern, read, read_all, stopped,
};
use ipfi_core::close_code::StreamCode;
use ipfi_core::limits::Limits;
use ipfi_core::session::{RecvStream as _, SendStream as _, Session as _};
use ipfi_mux::MuxSession;
use web_transport_trait::{RecvStream as _, SendStream as _, Session as _};

use crate::support::{
    config, everywhere, small_config, small_limits, their_echo, their_finish, their_read_all,
};

/// Eight times the connection's window.
const MUCH: usize = 512 << 10;

async fn we_send(session: &MuxSession, seed: usize, len: usize) {
    let mut send = session.open_uni().await.unwrap();
    finish_with(&mut send, pattern(seed, len)).await.unwrap();
}

#[tokio::test]
async fn much_arrives_exactly_through_small_windows_of_the_crate() {
    everywhere(Limits::default(), small_config(), |ours, theirs| async move {
        let (mut send, mut recv) = ours.open_bi().await.unwrap();
        let data = pattern(1, MUCH);
        let (_, sent, echoed) =
            tokio::join!(their_echo(&theirs, 1), finish_with(&mut send, data.clone()), read_all(&mut recv));
        sent.unwrap();
        assert!(echoed.unwrap() == data);
    })
    .await;
}

#[tokio::test]
async fn much_arrives_exactly_through_small_windows_of_ours() {
    everywhere(small_limits(), config(), |ours, theirs| async move {
        let data = pattern(2, MUCH);
        let sending = async {
            let mut send = theirs.open_uni().await.unwrap();
            their_finish(&mut send, &data).await;
        };
        let reading = async {
            let mut recv = accept_uni(&ours).await.unwrap();
            read_all(&mut recv).await.unwrap()
        };
        let ((), seen) = tokio::join!(sending, reading);
        assert!(seen == data);
    })
    .await;
}

#[tokio::test]
async fn much_arrives_exactly_through_small_windows_of_both_in_both_directions() {
    everywhere(small_limits(), small_config(), |ours, theirs| async move {
        let data = pattern(3, MUCH);
        let asking = async {
            let (mut send, mut recv) = theirs.open_bi().await.unwrap();
            tokio::join!(their_finish(&mut send, &data), their_read_all(&mut recv)).1.unwrap()
        };
        let answering = async {
            let (mut send, mut recv) = accept_bi(&ours).await.unwrap();
            loop {
                let chunk = read(&mut recv, 5000).await.unwrap();
                let fin = chunk.fin;
                let mut bytes = chunk.bytes;
                std::future::poll_fn(|cx| send.poll_write(cx, &mut bytes, fin)).await.unwrap();
                if fin {
                    return;
                }
            }
        };
        let (seen, ()) = tokio::join!(asking, answering);
        assert!(seen == data);
    })
    .await;
}

#[tokio::test]
async fn an_unread_stream_of_the_crate_stops_at_its_window_and_its_credit_comes_back_when_it_is_stopped() {
    let mut limits = Limits::default();
    limits.stream_window_bytes = 16 << 10;
    limits.notification_window_bytes = 16 << 10;
    everywhere(limits, config(), |ours, theirs| async move {
        // Nobody reads: the crate may send what was granted and no more.
        let mut send = theirs.open_uni().await.unwrap();
        let data = pattern(4, MUCH);
        let mut recv = {
            let stuck = send.write_all(&data);
            tokio::select! {
                _ = stuck => panic!("512 KiB went through a window of 16 KiB that nobody reads"),
                recv = accept_uni(&ours) => recv.unwrap(),
            }
        };
        recv.stop(StreamCode(7));
        // The credit of what is thrown away comes back: the connection is as good as new.
        we_send(&ours, 5, 1000).await;
        let mut other = theirs.accept_uni().await.unwrap();
        assert_eq!(their_read_all(&mut other).await.unwrap(), pattern(5, 1000));
    })
    .await;
}

#[tokio::test]
async fn streams_that_the_crate_does_not_read_hurt_no_other_within_its_connection_window() {
    everywhere(Limits::default(), small_config(), |ours, theirs| async move {
        // Three unread streams of 16 KiB leave a quarter of the 64 KiB.
        let mut held = Vec::new();
        for n in 0..3 {
            let mut send = ours.open_uni().await.unwrap();
            let mut data = pattern(n, 16 << 10);
            std::future::poll_fn(|cx| send.poll_write(cx, &mut data, false)).await.unwrap();
            held.push((send, theirs.accept_uni().await.unwrap()));
        }
        let sending = we_send(&ours, 9, MUCH);
        let reading = async {
            let mut recv = theirs.accept_uni().await.unwrap();
            their_read_all(&mut recv).await.unwrap()
        };
        let ((), seen) = tokio::join!(sending, reading);
        assert!(seen == pattern(9, MUCH));
    })
    .await;
}

#[tokio::test]
async fn credit_comes_back_from_streams_that_were_given_up() {
    everywhere(small_limits(), small_config(), |ours, theirs| async move {
        // Forty times 12 KiB, stopped or reset half way, is seven connection windows each way.
        for n in 0..40 {
            let mut send = ours.open_uni().await.unwrap();
            let mut data = pattern(n, 12 << 10);
            std::future::poll_fn(|cx| send.poll_write(cx, &mut data, false)).await.unwrap();
            let mut recv = theirs.accept_uni().await.unwrap();
            if n % 2 == 0 {
                // The crate (0.6.6) never gives back the credit of what it holds unread when it stops, so
                // it reads what has come. On our side nothing is read.
                let mut seen = 0;
                while seen < 12 << 10 {
                    seen += recv.read_chunk(64 << 10).await.unwrap().expect("no end yet").len();
                }
                recv.stop(3);
                stopped(&mut send).await.unwrap();
            } else {
                recv.read_chunk(10).await.unwrap();
                send.reset(StreamCode(3));
                while let Ok(Some(_)) = recv.read_chunk(4096).await {}
            }

            let mut send = theirs.open_uni().await.unwrap();
            send.write_all(&pattern(n, 12 << 10)).await.unwrap();
            let mut recv = accept_uni(&ours).await.unwrap();
            read(&mut recv, 10).await.unwrap();
            if n % 2 == 0 {
                recv.stop(StreamCode(3));
                send.closed().await.expect_err("it was stopped");
            } else {
                send.reset(3);
                while let Ok(chunk) = read(&mut recv, 4096).await {
                    assert!(!chunk.fin, "a reset is no clean end");
                }
            }
        }
        let sending = we_send(&ours, 9, MUCH);
        let reading = async {
            let mut recv = theirs.accept_uni().await.unwrap();
            their_read_all(&mut recv).await.unwrap()
        };
        let ((), seen) = tokio::join!(sending, reading);
        assert!(seen == pattern(9, MUCH));
    })
    .await;
}
