//! How streams and connections end between the two: resets, stops and closes, with their codes.

use interop_tests::session_suite::ops::{accept_bi, accept_uni, read, read_all, stopped, write};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::limits::Limits;
use ipfi_core::session::{RecvStream as _, SendStream as _, Session as _};
use web_transport_trait::{Error as _, RecvStream as _, SendStream as _, Session as _};

use crate::support::{config, everywhere, their_finish, their_read_all};

#[tokio::test]
async fn a_reset_of_ours_reaches_the_crate_with_its_code() {
    // Clauses 8.1, 12.1.
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let mut send = ours.open_uni().await.unwrap();
        write(&mut send, "not all").await.unwrap();
        let mut recv = theirs.accept_uni().await.unwrap();
        send.reset(StreamCode::RESOURCE_EXHAUSTED);
        let error = their_read_all(&mut recv).await.expect_err("a reset is no clean end");
        assert_eq!(error.stream_error(), Some(5));
    })
    .await;
}

#[tokio::test]
async fn a_reset_of_the_crate_reaches_us_with_its_code() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let mut send = theirs.open_uni().await.unwrap();
        send.write_all(b"not all").await.unwrap();
        let mut recv = accept_uni(&ours).await.unwrap();
        send.reset(0xdead);
        let error = read_all(&mut recv).await.expect_err("a reset is no clean end");
        assert_eq!(error, ReadError::Reset(StreamCode(0xdead)));
    })
    .await;
}

#[tokio::test]
async fn a_stop_of_ours_reaches_the_crate_with_its_code() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let mut send = theirs.open_uni().await.unwrap();
        send.write_all(b"more than enough").await.unwrap();
        let mut recv = accept_uni(&ours).await.unwrap();
        recv.stop(StreamCode::DEADLINE);
        let error = send.closed().await.expect_err("it was stopped");
        assert_eq!(error.stream_error(), Some(3));
    })
    .await;
}

#[tokio::test]
async fn a_stop_of_the_crate_reaches_us_with_its_code() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let mut send = ours.open_uni().await.unwrap();
        write(&mut send, "more than enough").await.unwrap();
        let mut recv = theirs.accept_uni().await.unwrap();
        recv.stop(0xbeef);
        assert_eq!(stopped(&mut send).await.unwrap(), StreamCode(0xbeef));
        assert_eq!(write(&mut send, "!").await, Err(WriteError::Stopped(StreamCode(0xbeef))));
    })
    .await;
}

#[tokio::test]
async fn one_direction_of_a_stream_outlives_the_other() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let (mut send, mut recv) = ours.open_bi().await.unwrap();
        write(&mut send, "ask").await.unwrap();
        let (mut answer, mut request) = theirs.accept_bi().await.unwrap();
        request.read_chunk(10).await.unwrap();
        request.stop(1);
        assert_eq!(stopped(&mut send).await.unwrap(), StreamCode(1));
        let ((), answered) = tokio::join!(their_finish(&mut answer, b"answer"), read_all(&mut recv));
        assert_eq!(answered.unwrap(), "answer");

        let (mut send, mut recv) = theirs.open_bi().await.unwrap();
        send.write_all(b"ask").await.unwrap();
        let (mut answer, mut request) = accept_bi(&ours).await.unwrap();
        read(&mut request, 10).await.unwrap();
        request.stop(StreamCode(1));
        send.closed().await.expect_err("it was stopped");
        write(&mut answer, "answer").await.unwrap();
        assert_eq!(recv.read_chunk(10).await.unwrap().unwrap(), "answer");
        drop(answer);
        let error = their_read_all(&mut recv).await.expect_err("a dropped half is no clean end");
        assert_eq!(error.stream_error(), Some(1), "CANCELLED");
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_the_crate_drops_is_reset_and_stopped() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let (mut send, mut recv) = ours.open_bi().await.unwrap();
        write(&mut send, "ask").await.unwrap();
        drop(theirs.accept_bi().await.unwrap());
        assert_eq!(stopped(&mut send).await.unwrap(), StreamCode(0));
        assert_eq!(read(&mut recv, 1).await, Err(ReadError::Reset(StreamCode(0))));
    })
    .await;
}

#[tokio::test]
async fn a_thousand_resets_and_stops_that_cross_leave_the_connection_whole() {
    let mut limits = Limits::default();
    // This is about crossing frames, not about who may send how many.
    limits.abuse_budget = 100_000;
    everywhere(limits, config(), |ours, theirs| async move {
        let acting = async {
            for n in 0..1000_u32 {
                let (mut send, mut recv) = ours.open_bi().await.unwrap();
                write(&mut send, "x").await.unwrap();
                if n % 2 == 0 {
                    // Else the reset overtakes the byte, and the crate need not show the stream at all.
                    tokio::task::yield_now().await;
                }
                send.reset(StreamCode(u64::from(n)));
                recv.stop(StreamCode(u64::from(n)));
            }
            let (mut send, mut recv) = ours.open_bi().await.unwrap();
            write(&mut send, "ask").await.unwrap();
            assert_eq!(read_all(&mut recv).await.unwrap(), "answer");
        };
        let answering = async {
            loop {
                let (mut send, mut recv) = theirs.accept_bi().await.unwrap();
                if matches!(recv.read_chunk(10).await, Ok(Some(asked)) if asked == "ask") {
                    return their_finish(&mut send, b"answer").await;
                }
                let _ = send.write_all(b"y").await;
                recv.stop(1);
                send.reset(1);
            }
        };
        tokio::join!(acting, answering);
    })
    .await;
}

#[tokio::test]
async fn our_close_reaches_the_crate_with_code_and_reason() {
    // Clauses 8.2, 12.1.
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let (_send, mut recv) = theirs.open_bi().await.unwrap();
        ours.close(CloseCode::SHUTDOWN, "the house closes");
        let error = theirs.closed().await;
        assert_eq!(error.session_error(), Some((5, "the house closes".to_owned())), "{error}");
        recv.read_chunk(1).await.expect_err("its streams end too");
    })
    .await;
}

#[tokio::test]
async fn the_crates_close_reaches_us_with_code_and_reason() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let (_send, mut recv) = ours.open_bi().await.unwrap();
        theirs.close(77, "enough");
        let closed = ConnectionError::PeerClosed { code: CloseCode(77), reason: "enough".into() };
        assert_eq!(read(&mut recv, 1).await, Err(closed.clone().into()));
        assert_eq!(ours.close_reason(), Some(closed));
    })
    .await;
}

#[tokio::test]
async fn what_was_finished_before_our_orderly_end_reaches_the_crate() {
    everywhere(Limits::default(), config(), |ours, theirs| async move {
        let mut send = ours.open_uni().await.unwrap();
        interop_tests::session_suite::ops::finish_with(&mut send, "the last word").await.unwrap();
        // Nobody holds it any more: it flushes, then closes with NO_ERROR.
        drop((send, ours));
        let mut recv = theirs.accept_uni().await.unwrap();
        assert_eq!(their_read_all(&mut recv).await.unwrap(), "the last word");
        assert_eq!(theirs.closed().await.session_error(), Some((0, String::new())));
    })
    .await;
}
