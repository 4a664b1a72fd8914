//! Every handle and every future of a call, dropped at a random one of the points where it waits, by the
//! thread that polled it or by another: nothing is left, nothing hangs. [R4]

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use ipfi_core::call::CallError;
use ipfi_core::{Terminator, Wire};

use crate::kit::*;

type Script = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

/// Enough for the script that is polled most often, and few enough to drop most of them.
const MOST_POLLS: usize = 12;

/// Drops the script at a random poll, in its own thread or in another, beside one that is left alone.
fn dropped_anywhere(script: fn(Wire) -> Script) {
    explore(move || {
        // So small that writing waits too.
        let stage = Stage::new(48);
        let (cut, whole) = (script(stage.client.clone()), script(stage.client.clone()));
        let polls = random(MOST_POLLS);
        let polled = spawn(poll_some(cut, polls));
        let whole = spawn(whole);
        if let Err(unfinished) = polled.join().unwrap() {
            spawn(async move { drop(unfinished) }).join().unwrap();
        }
        whole.join().unwrap().unwrap();
        stage.expect_clean();
    });
}

#[test]
fn a_unary_call_r4() {
    dropped_anywhere(|wire| {
        Box::pin(async move {
            assert_eq!(wire.call::<u64>(ECHO, (7_u64,)).await?, 7);
            Ok(())
        })
    });
}

#[test]
fn a_detached_call_r4() {
    dropped_anywhere(|wire| Box::pin(async move { wire.call::<u64>(ECHO, (7_u64,)).detached().await }));
}

#[test]
fn a_stream_and_its_receiver_r4() {
    dropped_anywhere(|wire| {
        Box::pin(async move {
            // More than the window of a stream holds.
            let items: Vec<u64> = wire.stream::<u64>(COUNT, (40_u64,)).await?.try_collect().await?;
            assert_eq!(items, (0..40).collect::<Vec<_>>());
            Ok(())
        })
    });
}

#[test]
fn an_upload_and_its_sender_r4() {
    dropped_anywhere(|wire| {
        Box::pin(async move {
            assert_eq!(wire.upload::<u64, u64>(SUM, ()).items(stream::iter(0..40)).await?, 780);
            Ok(())
        })
    });
}

#[test]
fn both_halves_of_a_duplex_r4() {
    dropped_anywhere(|wire| {
        Box::pin(async move {
            let (mut send, mut receive) = wire.duplex::<u64, u64>(TIMES, (3_u64,)).await?;
            for n in 0..3 {
                send.send(n).await?;
                assert_eq!(receive.try_next().await?, Some(3 * n));
            }
            send.finish().await?;
            assert_eq!(receive.try_next().await?, None);
            Ok(())
        })
    });
}

#[test]
fn the_halves_of_a_duplex_in_two_threads_r4() {
    explore(|| {
        let stage = Stage::new(48);
        let client = stage.client.clone();
        let (mut send, receive) =
            spawn(async move { client.duplex::<u64, u64>(TIMES, (1_u64,)).await.unwrap() }).join().unwrap();
        let sending = spawn(async move {
            for n in 0..20 {
                // The callee stops the items once nobody takes its answers.
                if send.send(n).await.is_err() {
                    break;
                }
            }
        });
        let receiving = spawn(async move {
            let mut receive = receive;
            for n in 0..random(6) as u64 {
                match receive.try_next().await {
                    Ok(item) => assert_eq!(item, Some(n)),
                    // The sender was dropped without its end, and the handler passed that on.
                    Err(_) => break,
                }
            }
        });
        sending.join().unwrap();
        receiving.join().unwrap();
        stage.expect_clean();
    });
}

#[test]
fn a_call_in_pieces_r4() {
    dropped_anywhere(|wire| {
        Box::pin(async move {
            let mut call = wire.start(ECHO).await?;
            call.write_fragment(Bytes::from_static(&[7]), Terminator::Chunk).await?;
            call.end().await?;
            while call.read().await?.is_some() {}
            Ok(())
        })
    });
}

#[test]
fn a_notification_r4() {
    dropped_anywhere(|wire| Box::pin(async move { wire.notify(NOTE, (1_u64,)).await }));
}
