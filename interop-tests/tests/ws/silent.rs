//! Peers of which nothing comes, or only what their browser says for them.

use std::time::Duration;

use ipfi::{ConnectionError, Limits};
use ipfi_core::session::Side;
use tokio::time::{Instant, sleep, timeout};

use crate::kit::{FIN, PING, PONG, established, established_with};

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_any_more_is_dead() {
    for side in [Side::Server, Side::Client] {
        let (wire, _raw) = established(side).await;
        let began = Instant::now();
        let after = Duration::from_secs(20);
        assert_eq!(wire.closed().await, ConnectionError::IdleTimeout { after });
        assert!(began.elapsed() < Duration::from_secs(21), "{:?}", began.elapsed());
    }
}

/// A page at a breakpoint: its program stands still, and its browser answers pings.
#[tokio::test(start_paused = true)]
async fn a_browser_that_answers_pings_for_its_page_is_alive() {
    let (wire, mut raw) = established(Side::Server).await;
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < Duration::from_secs(600) {
        let Ok(frame) = timeout(Duration::from_secs(60), raw.next()).await else { panic!("no ping came") };
        let (first, payload) = frame.expect("the server keeps the connection");
        if first == FIN | PING {
            pings += 1;
            raw.send(FIN | PONG, &payload).await;
        }
    }
    // Half of what it takes to be dead is sooner than `ping_interval` (RFC 9000 section 10.1.2).
    assert!((55..=65).contains(&pings), "{pings} pings in ten minutes, one in 10 s");
    // The page goes away with the browser.
    let after = Duration::from_secs(20);
    assert_eq!(wire.closed().await, ConnectionError::IdleTimeout { after });
}

#[tokio::test(start_paused = true)]
async fn pings_come_as_often_as_the_limit_says() {
    let mut limits = Limits::default();
    limits.ping_interval = Some(Duration::from_millis(500));
    let (wire, mut raw) = established_with(Side::Server, limits).await;
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < Duration::from_secs(10) {
        let (first, payload) = raw.next().await.expect("the server keeps the connection");
        if first == FIN | PING {
            pings += 1;
            raw.send(FIN | PONG, &payload).await;
        }
    }
    assert!((18..=22).contains(&pings), "{pings} pings in ten seconds, one in half a second");
    drop(wire);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_cut() {
    let (wire, raw) = established(Side::Server).await;
    // More than the pipe holds, and nobody reads.
    for _ in 0..40 {
        let wire = wire.clone();
        tokio::spawn(async move { wire.notify(0, (vec![0_u8; 60_000],)).await });
    }
    sleep(Duration::from_millis(1)).await;
    let error = wire.closed().await;
    assert!(
        matches!(error, ConnectionError::WriteStall { .. } | ConnectionError::IdleTimeout { .. }),
        "{error}"
    );
    drop(raw);
}
