//! Which calls share a stream, and what the others cost. `docs/protocol.md` 3.6 and 12.5.

use bytes::Bytes;
use interop_tests::conformance::kit::{COUNT, ECHO, ECHO_BYTES, OWN, SLEEP, SUM, standard};
use ipfi_core::call::Isolation;
use ipfi_core::{Interface, Wire};

use super::kit::{Ends, ends, ms, net, options, plain_ends};

/// As `ECHO`, and declared isolated.
const APART: u64 = OWN;
/// A notification that may come by datagram.
const DATAGRAM: u64 = OWN + 1;
/// One that may not.
const STREAM_ONLY: u64 = OWN + 2;

fn interface() -> Interface {
    standard()
        .procedure(APART, |(text,): (String,)| async move { text })
        .isolated(APART)
        .notification(DATAGRAM, |(): ()| async {})
        .by_datagram(DATAGRAM)
        .notification(STREAM_ONLY, |(): ()| async {})
}

/// How many calls shared a stream, as both ends counted it.
fn shared(ends: &Ends) -> u64 {
    let (out, came) = (ends.client.stats().calls_out_shared, ends.server.stats().calls_in_shared);
    assert_eq!(out, came, "calls that shared, as the two ends count them");
    out
}

async fn echo(wire: &Wire, procedure: u64, isolation: Isolation) {
    assert_eq!(wire.call::<String>(procedure, ("x",)).isolation(isolation).await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn small_unary_calls_share_a_stream_by_themselves() {
    let ends = plain_ends(net(1), interface()).await;
    for n in 1..=10 {
        echo(&ends.client, ECHO, Isolation::Auto).await;
        assert_eq!(shared(&ends), n);
    }
    assert_eq!((ends.client.stats().calls_out, ends.server.stats().calls_in), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn large_urgent_and_streaming_calls_have_streams_of_their_own_by_themselves() {
    let ends = plain_ends(net(1), interface()).await;
    let wire = &ends.client;
    for bytes in [5 << 10, 1 << 20] {
        wire.call::<Bytes>(ECHO_BYTES, (Bytes::from(vec![1; bytes]),)).await.unwrap();
    }
    wire.call::<String>(ECHO, ("x",)).priority(1).await.unwrap();
    drop(wire.stream::<u64>(COUNT, (1_u64,)).await.unwrap());
    assert_eq!(wire.upload::<u64, u64>(SUM, ()).await.unwrap().finish().await.unwrap(), 0);
    assert_eq!(shared(&ends), 0);
    // At the border.
    wire.call::<Bytes>(ECHO_BYTES, (Bytes::from(vec![1; 4000]),)).await.unwrap();
    assert_eq!(shared(&ends), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_for_it_shares_or_does_not() {
    let ends = plain_ends(net(1), interface()).await;
    echo(&ends.client, ECHO, Isolation::OwnStream).await;
    assert_eq!(shared(&ends), 0);
    let large = Bytes::from(vec![1; 100 << 10]);
    let answer = ends.client.call::<Bytes>(ECHO_BYTES, (large.clone(),)).isolation(Isolation::Shared).await;
    assert_eq!(answer.unwrap(), large);
    assert_eq!(shared(&ends), 1);
}

#[tokio::test(start_paused = true)]
async fn a_procedure_that_declares_itself_isolated_shares_with_nobody_whatever_its_caller_asks() {
    let ends = plain_ends(net(1), interface()).await;
    for isolation in [Isolation::Auto, Isolation::Shared, Isolation::OwnStream] {
        echo(&ends.client, APART, isolation).await;
    }
    assert_eq!(shared(&ends), 0);
    echo(&ends.client, ECHO, Isolation::Auto).await;
    assert_eq!(shared(&ends), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_calls_its_client_on_the_stream_that_the_client_has_opened() {
    let (server, client) = (Interface::new(), interface());
    let options = options(|_| {});
    let ends = ends(net(1), (client, &options), (server, &options)).await;
    echo(&ends.server, ECHO, Isolation::Auto).await;
    let counted = (ends.server.stats().calls_out_shared, ends.client.stats().calls_in_shared);
    assert_eq!(counted, (1, 1));
    echo(&ends.server, APART, Isolation::Auto).await;
    assert_eq!(ends.server.stats().calls_out_shared, 1);
}

#[tokio::test(start_paused = true)]
async fn where_one_end_does_not_share_every_call_has_its_own_stream() {
    for (client_shares, server_shares) in [(true, false), (false, true), (false, false)] {
        let client = options(|options| options.shared_calls = client_shares);
        let server = options(|options| options.shared_calls = server_shares);
        let ends = ends(net(1), (Interface::new(), &client), (interface(), &server)).await;
        for isolation in [Isolation::Auto, Isolation::Shared] {
            echo(&ends.client, ECHO, isolation).await;
        }
        assert_eq!(shared(&ends), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_limit_of_calls_holds_for_the_shared_stream_and_the_others_together() {
    let mut limited = ipfi_core::WireOptions::from(interface());
    limited = limited.limits(super::kit::limits(|limits| limits.max_inbound_calls = 8));
    let options = options(|_| {});
    let ends = ends(net(1), (Interface::new(), &options), (limited, &options)).await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..64 {
        let (wire, isolation) =
            (ends.client.clone(), [Isolation::Shared, Isolation::OwnStream][usize::from(n % 2 == 0)]);
        calls.spawn(async move { wire.call::<u64>(SLEEP, (100_u64,)).isolation(isolation).await });
    }
    let mut most = 0;
    while !calls.is_empty() {
        tokio::time::sleep(ms(5)).await;
        most = most.max(ends.server.inbound_calls());
        while let Some(ended) = calls.try_join_next() {
            ended.unwrap().unwrap();
        }
    }
    assert_eq!(most, 8);
}

#[tokio::test(start_paused = true)]
async fn a_small_call_on_its_own_stream_is_one_stream_frame_each_way() {
    const CALLS: u64 = 1000;
    let options = options(|options| options.shared_calls = false);
    let ends = ends(net(1), (Interface::new(), &options), (interface(), &options)).await;
    let before = ends.client_quinn.stats();
    for _ in 0..CALLS / 10 {
        let calls = (0..10).map(|_| echo(&ends.client, ECHO, Isolation::OwnStream));
        futures_util::future::join_all(calls).await;
    }
    let after = ends.client_quinn.stats();
    let sent = after.frame_tx.stream - before.frame_tx.stream;
    let came = after.frame_rx.stream - before.frame_rx.stream;
    println!("STREAM frames of {CALLS} small calls: {sent} sent, {came} received");
    assert!(sent * 100 <= CALLS * 105 && came * 100 <= CALLS * 105, "{sent} sent, {came} received");
}

#[tokio::test(start_paused = true)]
async fn small_calls_at_once_that_share_cost_far_fewer_stream_frames_than_calls() {
    const CALLS: u64 = 1000;
    let ends = plain_ends(net(1), interface()).await;
    let before = ends.client_quinn.stats();
    for _ in 0..CALLS / 100 {
        let calls = (0..100).map(|_| echo(&ends.client, ECHO, Isolation::Auto));
        futures_util::future::join_all(calls).await;
    }
    assert_eq!(shared(&ends), CALLS);
    let sent = ends.client_quinn.stats().frame_tx.stream - before.frame_tx.stream;
    println!("STREAM frames of {CALLS} small calls that share: {sent} sent");
    assert!(sent * 4 <= CALLS, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_datagram_reaches_only_a_notification_that_has_opted_in() {
    let ends = plain_ends(net(1), interface()).await;
    ends.client.notify(DATAGRAM, ()).datagram().unwrap();
    ends.client.notify(STREAM_ONLY, ()).datagram().unwrap();
    ends.client.notify(ECHO, ()).datagram().unwrap();
    tokio::time::sleep(ms(10)).await;
    let stats = ends.server.stats();
    assert_eq!((stats.notifications_in, stats.notifications_in_dropped), (1, 2));
    // By a stream both come.
    ends.client.notify(DATAGRAM, ()).await.unwrap();
    ends.client.notify(STREAM_ONLY, ()).await.unwrap();
    tokio::time::sleep(ms(10)).await;
    assert_eq!(ends.server.stats().notifications_in, 3);
}
