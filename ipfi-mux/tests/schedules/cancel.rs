//! A call that its caller gives up, whenever that is, ends once at both sides and frees its place.

use std::future::IntoFuture;

use futures_util::future::{Either, select};
use shuttle::future::block_on;

use crate::kit::*;

#[test]
fn a_call_cancelled_before_it_has_started_leaves_nothing_p5() {
    explore(|| {
        let stage = Stage::new(4096);
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let call = stage.client.call::<()>(GATED, ()).into_future();
                // Opened and written at most, by polls that do not wait for an answer.
                spawn(async move { poll_some(call, random(2)).await.map(drop).is_err() })
            })
            .collect();
        for caller in callers {
            assert!(caller.join().unwrap(), "nobody opened the gate");
        }
        stage.expect_clean();
    });
}

#[test]
fn a_call_cancelled_while_its_handler_runs_drops_the_handler_p5() {
    explore(|| {
        let stage = Stage::new(4096);
        let beside = stage.client.clone();
        let beside = spawn(async move { beside.call::<u64>(ECHO, (1_u64,)).await.unwrap() });
        let call = stage.client.call::<()>(GATED, ()).into_future();
        let begun = stage.begun.passed();
        let caller = spawn(async move { matches!(select(call, Box::pin(begun)).await, Either::Right(_)) });
        assert!(caller.join().unwrap(), "it was answered behind a gate that is shut");
        assert_eq!(beside.join().unwrap(), 1);
        assert_eq!(stage.seen.started(), 1);
        stage.expect_clean();
    });
}

#[test]
fn a_stream_dropped_after_its_first_item_drops_its_producer_p5() {
    explore(|| {
        let stage = Stage::new(4096);
        let client = stage.client.clone();
        let caller = spawn(async move {
            let mut items = client.stream::<u64>(GATED_ITEMS, ()).await.unwrap();
            assert_eq!(items.try_next().await.unwrap(), Some(0));
            items
        });
        let items = caller.join().unwrap();
        // The second item may come while the stream is dropped.
        let go_on = stage.go_on.clone();
        let producer = (random(2) == 0).then(|| spawn(async move { go_on.open() }));
        let dropping = spawn(async move { drop(items) });
        dropping.join().unwrap();
        producer.into_iter().for_each(|producer| producer.join().unwrap());
        assert_eq!(stage.seen.started(), 1);
        stage.expect_clean();
    });
}

#[test]
fn a_call_cancelled_while_it_is_answered_ends_once_either_way_p5() {
    explore(|| {
        let stage = Stage::new(4096);
        let give_up = Gate::default();
        let callers: Vec<_> = (0..PLACES)
            .map(|_| {
                let call = stage.client.call::<()>(GATED, ()).into_future();
                let given_up = give_up.passed();
                spawn(async move {
                    match select(call, Box::pin(given_up)).await {
                        // A call that is not given up is answered.
                        Either::Left((answer, _)) => answer.unwrap(),
                        Either::Right(_) => {}
                    }
                })
            })
            .collect();
        let go_on = stage.go_on.clone();
        let answering = spawn(async move { go_on.open() });
        let giving_up = spawn(async move { give_up.open() });
        for thread in callers.into_iter().chain([answering, giving_up]) {
            thread.join().unwrap();
        }
        stage.expect_clean();
    });
}

#[test]
fn a_call_that_waits_for_a_place_gets_the_one_that_a_cancelled_call_frees() {
    explore(|| {
        let stage = Stage::new(4096);
        // Two hold all places of the peer, one waits for its credit, two for a place of this side's.
        let holders: Vec<_> = (0..PLACES)
            .map(|_| {
                let call = stage.client.call::<()>(GATED, ()).into_future();
                spawn(async move { poll_some(call, 1).await.err() })
            })
            .map(|holder| holder.join().unwrap())
            .collect();
        let waiting: Vec<_> = (0..3_u64)
            .map(|n| {
                let call = stage.client.call::<u64>(ECHO, (n,)).into_future();
                spawn(async move {
                    // One of them may lose patience, and must not take the place along.
                    let patience = if n == 1 { 1 + random(3) } else { usize::MAX };
                    if let Ok(answer) = poll_some(call, patience).await {
                        assert_eq!(answer.unwrap(), n);
                    }
                })
            })
            .collect();
        let dropping = spawn(async move { drop(holders) });
        for thread in waiting.into_iter().chain([dropping]) {
            thread.join().unwrap();
        }
        block_on(async { assert_eq!(stage.client.call::<u64>(ECHO, (9_u64,)).await.unwrap(), 9) });
        stage.expect_clean();
    });
}

#[test]
fn callers_that_come_at_once_and_are_more_than_there_are_places_are_all_answered() {
    explore(|| {
        let stage = Stage::new(4096);
        let callers: Vec<_> = (0..5_u64)
            .map(|n| {
                let client = stage.client.clone();
                spawn(async move {
                    for n in [n, n + 10] {
                        assert_eq!(client.call::<u64>(ECHO, (n,)).await.unwrap(), n);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        stage.expect_clean();
    });
}
