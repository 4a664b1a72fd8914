use super::*;
use crate::stream_id::Dir;

use ipfi_core::session::Side;

fn id(index: u64) -> StreamId {
    StreamId::new(Side::Client, Dir::Bi, index)
}

/// One grant at `at` that is used `took` later.
fn measure(queueing: &mut Queueing, at: Duration, took: Duration) {
    queueing.granted(id(0), 100, true, Time::ZERO + at);
    queueing.arrived(id(0), 101, Time::ZERO + at + took);
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn what_was_never_measured_permits_growth_and_so_does_a_clock_that_stands_still() {
    let mut queueing = Queueing::default();
    assert!(queueing.permits_growth());
    measure(&mut queueing, Duration::ZERO, Duration::ZERO);
    assert!(queueing.permits_growth());
}

#[test]
fn growth_ends_when_credit_takes_twice_the_round_trip_and_goes_on_when_the_queue_is_gone() {
    let mut queueing = Queueing::default();
    for (took, permits) in [(40 * MS, true), (60 * MS, true), (81 * MS, false), (60 * MS, true)] {
        measure(&mut queueing, Duration::ZERO, took);
        assert_eq!(queueing.permits_growth(), permits, "{took:?}");
    }
}

#[test]
fn a_queue_of_a_quarter_of_a_millisecond_disturbs_nobody() {
    let mut queueing = Queueing::default();
    for (micros, permits) in [(20, true), (290, true), (291, false)] {
        measure(&mut queueing, Duration::ZERO, Duration::from_micros(micros));
        assert_eq!(queueing.permits_growth(), permits, "{micros} us");
    }
}

#[test]
fn the_first_answer_and_the_answers_to_pings_of_an_idle_connection_are_the_round_trip() {
    let mut queueing = Queueing::default();
    queueing.asked(Time::ZERO);
    queueing.answered(Time::ZERO + 10 * MS);
    // Only what was asked for: later streams tell nothing.
    queueing.answered(Time::ZERO + 90 * MS);
    measure(&mut queueing, MS, 100 * MS);
    assert!(!queueing.permits_growth());
    queueing.asked(Time::ZERO);
    queueing.answered(Time::ZERO + 60 * MS);
    assert!(queueing.permits_growth(), "the path has become a longer one");
}

#[test]
fn a_grant_that_crosses_the_word_of_being_blocked_counts_and_one_that_came_in_time_does_not() {
    let mut queueing = Queueing::default();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, false, Time::ZERO);
    queueing.arrived(id(1), 101, Time::ZERO + 50 * MS);
    assert!(queueing.permits_growth(), "the sender had not waited");
    queueing.granted(id(1), 200, false, Time::ZERO);
    queueing.blocked(id(1), 200);
    queueing.arrived(id(1), 201, Time::ZERO + 50 * MS);
    assert!(!queueing.permits_growth());
}

#[test]
fn only_bytes_that_the_grant_permits_count_and_only_of_its_stream() {
    let mut queueing = Queueing::default();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, true, Time::ZERO);
    queueing.arrived(id(1), 100, Time::ZERO + 50 * MS);
    queueing.arrived(id(2), 500, Time::ZERO + 50 * MS);
    assert!(queueing.permits_growth(), "nothing was measured");
    // A stream that has ended uses no credit; the next grant is measured.
    queueing.ended(id(1));
    measure(&mut queueing, Duration::ZERO, 50 * MS);
    assert!(!queueing.permits_growth());
}

#[test]
fn a_stream_that_did_not_wait_makes_way_for_one_that_does() {
    let mut queueing = Queueing::default();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, false, Time::ZERO);
    measure(&mut queueing, Duration::ZERO, 50 * MS);
    assert!(!queueing.permits_growth());
}
