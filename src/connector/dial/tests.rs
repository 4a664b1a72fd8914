//! Several addresses of one host, of which some do not answer.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::{HEAD_START, first};

fn addresses(count: u16) -> Vec<SocketAddr> {
    (1..=count).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect()
}

/// What the attempts do, by port: nothing for ever, fail, or succeed after a time.
async fn attempt(address: SocketAddr) -> Result<u16, u16> {
    let port = address.port();
    match port {
        1 => pending().await,
        2 => Err(port),
        _ => {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(port)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_silent_costs_a_head_start_and_one_that_fails_costs_nothing() {
    let began = Instant::now();
    assert_eq!(first(addresses(3), attempt, |_, _| false).await, Ok(3));
    assert_eq!(began.elapsed(), HEAD_START + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn the_first_to_succeed_wins_though_it_began_later() {
    let slow = |address: SocketAddr| async move {
        tokio::time::sleep(Duration::from_secs(if address.port() == 1 { 5 } else { 1 })).await;
        Ok::<_, ()>(address.port())
    };
    assert_eq!(first(addresses(2), slow, |_, _| false).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_failure_that_says_most_is_given() {
    let seen = Mutex::new(Vec::new());
    let failing = |address: SocketAddr| {
        seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(address.port());
        async move { Err::<(), _>(if address.port() == 2 { "refused" } else { "silence" }) }
    };
    let error = first(addresses(3), failing, |new, _| *new == "refused").await;
    assert_eq!(error, Err("refused"));
    assert_eq!(*seen.lock().expect("nobody panics"), [1, 2, 3]);
}
