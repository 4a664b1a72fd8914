//! What the abuse budget must not hurt: peers that keep to every rule, in any number, where time stands
//! still and earns nothing back.

use bytes::Bytes;
use ipfi_core::close_code::StreamCode;
use ipfi_mux::StreamKey;
use ipfi_mux::stream_id::Dir;

use crate::support::{Pair, timeless};

/// Both ends are alive and would go on for as long again.
#[track_caller]
fn expect_at_ease(pair: &Pair) {
    for end in [&pair.client, &pair.server] {
        assert_eq!(end.connection.close_reason(), None);
        let tokens = end.connection.abuse_tokens();
        assert!(tokens > 500, "{tokens} of 1000 tokens are left");
    }
}

/// The server takes what was opened, reads what is there and lets go.
fn serve(pair: &mut Pair, dir: Dir) {
    while let Some(key) = pair.server.accept(dir) {
        while pair.server.read(key, usize::MAX).is_some_and(|read| read.is_ok_and(|chunk| !chunk.fin)) {}
        pair.server.drop_both_of(key, dir);
    }
    pair.server.fire();
}

/// A call that is answered.
fn complete(pair: &mut Pair) {
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"request", true);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    pair.server.drain(served);
    assert_eq!(pair.server.write(served, &mut Bytes::from_static(b"answer"), true), Ok(true));
    pair.server.drop_both(served);
    pair.drive();
    pair.client.drain(call);
    pair.client.drop_both(call);
    pair.drive();
}

#[test]
fn calls_cancelled_at_once_cost_nothing_while_as_many_complete() {
    let mut pair = Pair::connected(timeless());
    for round in 0..50_000 {
        complete(&mut pair);
        let key = pair.client.open(Dir::Bi);
        // Before the request has ended, or after: RESET and STOP, or STOP alone.
        pair.client.send(key, b"request", round % 2 == 0);
        pair.client.drop_both(key);
        pair.step();
        serve(&mut pair, Dir::Bi);
        pair.step();
    }
    pair.drive();
    expect_at_ease(&pair);
}

#[test]
fn as_many_calls_as_there_are_places_may_be_cancelled_before_anybody_looked() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..100 {
        for _ in 0..256 {
            complete(&mut pair);
        }
        let keys: Vec<_> = (0..256).map(|_| pair.client.open(Dir::Bi)).collect();
        for key in keys {
            pair.client.send(key, b"request", true);
            pair.client.drop_both(key);
        }
        pair.drive();
        assert_eq!(pair.server.connection.close_reason(), None);
        serve(&mut pair, Dir::Bi);
        pair.drive();
    }
    expect_at_ease(&pair);
}

/// A call that the server has accepted, and its handler.
fn running(pair: &mut Pair) -> (StreamKey, StreamKey) {
    let call = pair.client.open(Dir::Bi);
    pair.client.send(call, b"request", true);
    pair.drive();
    let served = pair.server.accept(Dir::Bi).unwrap();
    pair.server.drain(served);
    (call, served)
}

/// Its caller gives the call up, and the server drops the handler.
fn cancel(pair: &mut Pair, (call, served): (StreamKey, StreamKey)) {
    pair.client.drop_both(call);
    pair.drive();
    pair.server.drop_both(served);
    pair.drive();
}

#[test]
fn half_of_all_calls_may_be_cancelled_while_they_run() {
    let mut pair = Pair::connected(timeless());
    // In no order: runs of cancelled calls come as they do.
    let mut lot = 1_u64;
    for _ in 0..100_000 {
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if lot >> 63 == 0 {
            complete(&mut pair);
        } else {
            let call = running(&mut pair);
            cancel(&mut pair, call);
        }
    }
    expect_at_ease(&pair);
}

#[test]
fn a_search_at_each_key_may_be_cancelled_by_the_next() {
    let mut pair = Pair::connected(timeless());
    for _word in 0..10_000 {
        for _key in 0..8 {
            let call = running(&mut pair);
            cancel(&mut pair, call);
        }
        complete(&mut pair);
    }
    expect_at_ease(&pair);
}

#[test]
fn as_many_running_calls_as_there_are_places_may_be_cancelled_at_once() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..100 {
        let calls: Vec<_> = (0..256).map(|_| running(&mut pair)).collect();
        for (call, _) in &calls {
            pair.client.drop_both(*call);
        }
        pair.drive();
        assert_eq!(pair.server.connection.close_reason(), None);
        for (_, served) in calls {
            pair.server.drop_both(served);
        }
        pair.drive();
        // Fewer than a fifth of them complete.
        for _ in 0..48 {
            complete(&mut pair);
        }
    }
    expect_at_ease(&pair);
}

#[test]
fn calls_whose_deadlines_pass_while_the_callee_stands_still_cost_nothing() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..100 {
        let calls: Vec<_> = (0..256).map(|_| running(&mut pair)).collect();
        pair.advance(core::time::Duration::from_millis(100));
        for call in calls {
            cancel(&mut pair, call);
        }
    }
    expect_at_ease(&pair);
}

#[test]
fn calls_that_their_callers_detach_cost_nothing() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..10_000 {
        let (call, served) = running(&mut pair);
        pair.client.connection.stop(call, StreamCode::DETACHED);
        pair.client.drop_both(call);
        pair.drive();
        pair.server.drop_both(served);
        pair.drive();
    }
    expect_at_ease(&pair);
}

#[test]
fn streams_that_are_dropped_after_their_first_item_cost_nothing() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..10_000 {
        let call = running(&mut pair);
        pair.server.send(call.1, b"item", false);
        pair.drive();
        cancel(&mut pair, call);
    }
    expect_at_ease(&pair);
}

#[test]
fn credit_that_crosses_the_end_of_an_answer_costs_nothing() {
    let mut pair = Pair::connected(timeless());
    pair.cut = 16 << 10;
    let body = Bytes::from(vec![7; 60 << 10]);
    for _ in 0..2000 {
        let call = pair.client.open(Dir::Bi);
        pair.client.send(call, b"download", true);
        pair.drive();
        let served = pair.server.accept(Dir::Bi).unwrap();
        pair.server.drain(served);
        assert_eq!(pair.server.write(served, &mut body.clone(), true), Ok(true));
        pair.server.drop_both(served);
        let mut ended = false;
        while !ended {
            pair.step();
            ended = pair.client.drain(call).1;
        }
        pair.client.drop_both(call);
        pair.drive();
    }
    expect_at_ease(&pair);
}

/// The client sends 2000 notifications of `bytes`, each of which the server looks at as it arrives.
fn notify(bytes: usize, mut accepted: impl FnMut(&mut Pair, StreamKey)) {
    let mut pair = Pair::connected(timeless());
    pair.cut = 4 << 10;
    let body = Bytes::from(vec![7; bytes]);
    for _ in 0..2000 {
        let key = pair.client.open(Dir::Uni);
        assert_eq!(pair.client.write(key, &mut body.clone(), true), Ok(true));
        pair.client.connection.drop_send(key);
        while pair.step() {
            if let Some(key) = pair.server.accept(Dir::Uni) {
                accepted(&mut pair, key);
                pair.server.connection.drop_recv(key);
            }
        }
    }
    expect_at_ease(&pair);
}

#[test]
fn credit_that_crosses_the_end_of_a_notification_costs_nothing() {
    notify(16 << 10, |pair, key| {
        while !pair.server.drain(key).1 {
            pair.step();
        }
    });
}

#[test]
fn notifications_that_the_peer_stops_while_they_come_cost_nothing() {
    notify(12 << 10, |_, _| {});
}

#[test]
fn datagrams_that_come_faster_than_they_are_taken_are_lost_and_cost_nothing() {
    let mut pair = Pair::connected(timeless());
    for _ in 0..100 {
        for _ in 0..64 {
            pair.client.connection.send_datagram(Bytes::from_static(b"position")).unwrap();
        }
        pair.drive();
    }
    expect_at_ease(&pair);
}
