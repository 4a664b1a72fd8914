//! One direction by itself: what is decided about each datagram.

use std::time::Duration;

use bytes::Bytes;

use super::peers::ms;
use crate::udp_net::dice::Dice;
use crate::udp_net::link::{Arrival, Link};
use crate::udp_net::{Burst, Loss, Path};

fn link(path: Path) -> Link {
    Link::new(path, Dice::new(1, 2))
}

/// Sends so many datagrams, one each millisecond, and gives what arrives.
fn carried(link: &mut Link, count: u64) -> Vec<Result<Vec<Arrival>, Loss>> {
    let datagram = |at| Bytes::from(vec![u8::try_from(at % 251).unwrap(); 100]);
    let carry = |at| link.carry(ms(at), datagram(at)).map(|copies| copies.into_iter().flatten().collect());
    (0..count).map(carry).collect()
}

fn count(found: usize, expected: usize) {
    assert!(found.abs_diff(expected) * 10 < expected, "{found} is not about {expected}");
}

#[test]
fn a_perfect_path_adds_its_delay_and_nothing_else() {
    let mut link = link(Path::with_delay(ms(7)));
    for (at, arrived) in (0..).zip(carried(&mut link, 100)) {
        let arrived = arrived.unwrap();
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].at, ms(at + 7));
        assert_eq!(arrived[0].bytes, vec![u8::try_from(at).unwrap(); 100]);
    }
}

#[test]
fn faults_are_as_frequent_as_asked() {
    let mut lossy = link(Path { loss: 0.2, ..Path::default() });
    count(carried(&mut lossy, 20_000).iter().filter(|arrived| arrived.is_err()).count(), 4_000);

    let mut others = link(Path { duplicate: 0.1, corrupt: 0.3, reorder: 0.2, ..Path::default() });
    let arrived: Vec<_> = carried(&mut others, 20_000).into_iter().flat_map(Result::unwrap).collect();
    count(arrived.len(), 22_000);
    let corrupt = arrived.iter().filter(|arrival| {
        let ones: u32 = arrival.bytes.iter().map(|byte| (byte ^ arrival.bytes[50]).count_ones()).sum();
        assert!(ones <= 1 || ones == 99, "more than one bit is flipped: {:?}", arrival.bytes);
        ones > 0
    });
    count(corrupt.count(), 22_000 * 3 / 10);
    let counters = &others.counters;
    count(usize::try_from(counters.held_back.datagrams).unwrap(), 22_000 / 5);
    assert_eq!(counters.sent.datagrams + counters.duplicated.datagrams, arrived.len() as u64);
}

#[test]
fn a_burst_takes_as_many_as_it_says() {
    let mut link = link(Path { burst: Burst { start: 0.01, datagrams: 5 }, ..Path::default() });
    let arrived = carried(&mut link, 10_000);
    // By whether it arrived, in runs; the last may be cut short.
    let mut runs: Vec<_> = arrived.chunk_by(|one, other| one.is_ok() == other.is_ok()).collect();
    runs.pop();
    let bursts: Vec<_> = runs.into_iter().filter(|run| run[0].is_err()).collect();
    assert!(bursts.len() > 50, "{} bursts", bursts.len());
    assert!(bursts.iter().all(|burst| burst.len() % 5 == 0));
}

#[test]
fn jitter_keeps_the_order_and_its_bounds() {
    let mut link = link(Path { jitter: ms(20), ..Path::with_delay(ms(50)) });
    let mut last = Duration::ZERO;
    let mut delays = Vec::new();
    for (at, arrived) in (0..).zip(carried(&mut link, 1_000)) {
        let arrived = arrived.unwrap()[0].at;
        assert!(arrived >= last, "{arrived:?} overtook {last:?}");
        last = arrived;
        delays.push(arrived - ms(at));
    }
    assert!(delays.iter().all(|delay| (ms(30)..=ms(70)).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < ms(60)) && delays.iter().any(|delay| *delay > ms(65)));
}

#[test]
fn the_bottleneck_lets_through_its_rate_and_drops_what_finds_no_room() {
    // One datagram takes 10 ms, three may wait.
    let path = Path { bytes_per_second: Some(10_000), queue_bytes: 300, ..Path::default() };
    let mut link = link(path);
    let mut send = |at| link.carry(ms(at), vec![0; 100].into()).map(|[first, _]| first.unwrap().at);
    assert_eq!([send(0), send(0), send(0), send(0)], [Ok(ms(10)), Ok(ms(20)), Ok(ms(30)), Err(Loss::Queue)]);
    // Once there is room again.
    assert_eq!([send(10), send(10)], [Ok(ms(40)), Err(Loss::Queue)]);
    assert_eq!(send(500), Ok(ms(510)));
    assert_eq!(link.counters.lost_by(Loss::Queue).datagrams, 2);
}

#[test]
fn what_one_parameter_does_moves_no_other_fault() {
    let path = Path { loss: 0.1, ..Path::default() };
    let lost = |path: Path| {
        let arrived = carried(&mut link(path), 1_000);
        arrived.iter().map(|arrived| *arrived == Err(Loss::Random)).collect::<Vec<_>>()
    };
    let plain = lost(path.clone());
    assert_eq!(plain, lost(Path { duplicate: 0.5, corrupt: 0.5, jitter: ms(5), ..path }));
    assert_ne!(plain, lost(Path { loss: 0.2, ..path }));
}
