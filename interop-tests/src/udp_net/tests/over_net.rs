//! Quinn over the net, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::ConnectionError;
use tokio::time::Instant;

use super::peers::{IDLE, Pair, client_addr, echoed, in_virtual_time, ms, server_addr};
use crate::udp_net::{Burst, Counters, Loss, Path, UdpNet};

#[tokio::test(start_paused = true)]
async fn a_handshake_and_an_echo_take_exactly_one_round_trip_each() {
    let net = UdpNet::new(1);
    net.set_default_path(Path::with_delay(ms(25)));
    let pair = Pair::on(&net);
    let begun = Instant::now();
    let connection = pair.connect().await;
    assert_eq!(begun.elapsed(), ms(50));
    echoed(&connection, 100).await;
    assert_eq!(begun.elapsed(), ms(100));
    assert_eq!(connection.rtt(), ms(50));
}

/// Everything this net does wrong, a little of each.
fn rough() -> Path {
    Path {
        jitter: ms(10),
        loss: 0.02,
        burst: Burst { start: 0.002, datagrams: 4 },
        reorder: 0.05,
        duplicate: 0.02,
        corrupt: 0.01,
        ..Path::with_delay(ms(25))
    }
}

#[tokio::test(start_paused = true)]
async fn streams_stay_whole_whatever_happens_to_datagrams() {
    let net = UdpNet::new(3);
    net.set_default_path(rough());
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    echoed(&connection, 2 << 20).await;
    pair.close().await;
    for (from, to) in [(client_addr(), server_addr()), (server_addr(), client_addr())] {
        let counters = net.counters(from, to);
        let happened = [counters.held_back, counters.duplicated, counters.corrupted]
            .into_iter()
            .chain([Loss::Random, Loss::Burst].map(|cause| counters.lost_by(cause)));
        assert!(happened.into_iter().all(|tally| tally.datagrams > 0), "{counters:#?}");
    }
}

/// What happened, as far as it should be alike: how long it took, when which datagrams were sent, the net's
/// own fingerprint, and its counters.
#[derive(Debug, PartialEq)]
struct Run {
    took: Duration,
    sent: Vec<(Duration, bool, usize)>,
    fingerprint: u64,
    counters: Counters,
}

fn run(seed: u64) -> Run {
    in_virtual_time(async {
        let net = UdpNet::new(seed);
        net.set_default_path(rough());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let begun = Instant::now();
        net.on_datagram({
            let sent = Arc::clone(&sent);
            move |from, _, bytes: &[u8]| {
                sent.lock().unwrap().push((begun.elapsed(), from == client_addr(), bytes.len()));
            }
        });
        let pair = Pair::on(&net);
        let connection = pair.connect().await;
        let bulk = echoed(&connection, 300 << 10);
        let small = async {
            for _ in 0..20 {
                echoed(&connection, 1000).await;
            }
        };
        tokio::join!(bulk, small);
        pair.close().await;
        let sent = std::mem::take(&mut *sent.lock().unwrap());
        Run { took: begun.elapsed(), sent, fingerprint: net.fingerprint(), counters: net.total() }
    })
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    for seed in 1..6 {
        let first = run(seed);
        let second = run(seed);
        // Not by `assert_eq`, which would print thousands of datagrams.
        let differs = first.sent.iter().zip(&second.sent).position(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}: the first datagram that differs");
        assert_eq!(first.counters, second.counters, "seed {seed}");
        assert!(first == second, "seed {seed}");
        let other = run(seed + 100);
        assert_ne!(first.fingerprint, other.fingerprint);
        assert_ne!(first.sent, other.sent);
    }
}

#[tokio::test(start_paused = true)]
async fn probes_larger_than_the_path_are_lost_and_data_is_not() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { mtu_bytes: 1300, ..Path::with_delay(ms(5)) });
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    echoed(&connection, 1 << 20).await;
    let mtu = connection.stats().path.current_mtu;
    assert!((1200..=1300).contains(&mtu), "{mtu}");
    let counters = net.counters(client_addr(), server_addr());
    assert!((1..20).contains(&counters.lost_by(Loss::Mtu).datagrams), "{counters:#?}");
    assert_eq!(counters.lost_by(Loss::Mtu), counters.lost_in_all());
}

#[tokio::test(start_paused = true)]
async fn a_path_too_narrow_for_quic_connects_nobody() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { mtu_bytes: 1199, ..Path::default() });
    let pair = Pair::on(&net);
    let connecting = pair.client.connect(server_addr(), "server.test").unwrap();
    assert_eq!(connecting.await.unwrap_err(), ConnectionError::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn bulk_takes_as_long_as_the_bottleneck_says() {
    let net = UdpNet::new(1);
    let narrow = Path { bytes_per_second: Some(1_000_000), queue_bytes: 64 << 10, ..Path::default() };
    net.set_default_path(Path { delay: ms(10), ..narrow });
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let begun = Instant::now();
    echoed(&connection, 5_000_000).await;
    let took = begun.elapsed();
    assert!((ms(5_000)..ms(7_000)).contains(&took), "{took:?}");
    let counters = net.counters(client_addr(), server_addr());
    assert!(counters.lost_by(Loss::Queue).datagrams > 0, "{counters:#?}");
    assert_eq!(counters.lost_by(Loss::Queue), counters.lost_in_all());
}

#[tokio::test(start_paused = true)]
async fn in_a_blackhole_both_ends_give_up_once_idle_for_long_enough() {
    let net = UdpNet::new(1);
    net.set_default_path(Path::with_delay(ms(10)));
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    echoed(&connection, 100).await;
    // Whatever is still to be said.
    tokio::time::sleep(ms(1000)).await;
    net.change_both(client_addr(), server_addr(), |path| path.blackhole = true);
    let begun = Instant::now();
    let mut asked = connection.open_uni().await.unwrap();
    asked.write_all(b"anybody there?").await.unwrap();
    assert_eq!(connection.closed().await, ConnectionError::TimedOut);
    let took = begun.elapsed();
    assert!((IDLE..IDLE + ms(1000)).contains(&took), "{took:?}");
    assert_eq!(pair.server.open_connections(), 0);
    assert!(net.counters(client_addr(), server_addr()).lost_by(Loss::Blackhole).datagrams > 0);
}

#[tokio::test(start_paused = true)]
async fn a_blackhole_that_ends_in_time_is_survived() {
    let net = UdpNet::new(1);
    net.set_default_path(Path::with_delay(ms(10)));
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let pause = async {
        tokio::time::sleep(ms(50)).await;
        net.change_both(client_addr(), server_addr(), |path| path.blackhole = true);
        tokio::time::sleep(ms(8_000)).await;
        net.change_both(client_addr(), server_addr(), |path| path.blackhole = false);
    };
    tokio::join!(echoed(&connection, 4 << 20), pause);
    assert!(net.total().lost_by(Loss::Blackhole).datagrams > 0);
}

#[tokio::test(start_paused = true)]
async fn forged_datagrams_by_the_thousand_hurt_nobody() {
    let net = UdpNet::new(1);
    net.set_default_path(Path::with_delay(ms(10)));
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let forge = async {
        for number in 0..5_000_u64 {
            let mut junk = number.to_be_bytes().repeat(150);
            junk[0] |= 0xC0; // looks like a long header of some version
            net.inject(client_addr(), server_addr(), junk);
            if number % 500 == 0 {
                tokio::time::sleep(ms(1)).await;
            }
        }
    };
    tokio::join!(echoed(&connection, 1 << 20), forge);
    assert_eq!(net.counters(client_addr(), server_addr()).injected.datagrams, 5_000);
}

#[tokio::test(start_paused = true)]
async fn bulk_passes_where_nothing_takes_time() {
    let net = UdpNet::new(1);
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let begun = Instant::now();
    echoed(&connection, 4 << 20).await;
    assert!(begun.elapsed() < ms(1000), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_net_works_in_real_time_and_on_several_threads() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { loss: 0.01, ..Path::with_delay(ms(1)) });
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let begun = Instant::now();
    echoed(&connection, 1 << 20).await;
    assert!(begun.elapsed() >= ms(2));
    assert!(net.total().lost_by(Loss::Random).datagrams > 0);
}
