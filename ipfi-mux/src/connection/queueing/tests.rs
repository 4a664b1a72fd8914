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

/// Windows of 1000 to 100 000 bytes.
fn queueing() -> Queueing {
    Queueing::new(1000, 100_000)
}

/// Whether a stream that is blocked at the ceiling raises it.
fn rises(queueing: &mut Queueing) -> bool {
    let ceiling = queueing.ceiling();
    queueing.room_above(ceiling) > ceiling
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_first_growth_needs_no_measurement_and_a_clock_that_stands_still_permits_any() {
    let mut queueing = queueing();
    assert!(rises(&mut queueing));
    assert!(!rises(&mut queueing), "what the first one did is not known yet");
    measure(&mut queueing, Duration::ZERO, Duration::ZERO);
    assert!(rises(&mut queueing));
    assert_eq!(queueing.ceiling(), 4000);
}

#[test]
fn growth_ends_when_credit_takes_twice_the_round_trip_and_goes_on_when_the_queue_is_gone() {
    let mut queueing = queueing();
    for (took, permits) in [(40 * MS, true), (60 * MS, true), (81 * MS, false), (60 * MS, true)] {
        measure(&mut queueing, Duration::ZERO, took);
        assert_eq!(rises(&mut queueing), permits, "{took:?}");
    }
}

#[test]
fn a_queue_of_fifty_microseconds_disturbs_nobody() {
    let mut queueing = queueing();
    for (micros, permits) in [(20, true), (90, true), (91, false)] {
        measure(&mut queueing, Duration::ZERO, Duration::from_micros(micros));
        assert_eq!(rises(&mut queueing), permits, "{micros} us");
    }
}

#[test]
fn the_first_answer_and_the_answers_to_pings_of_an_idle_connection_are_the_round_trip() {
    let mut queueing = queueing();
    queueing.asked(Time::ZERO);
    queueing.answered(Time::ZERO + 10 * MS);
    // Only what was asked for: later streams tell nothing.
    queueing.answered(Time::ZERO + 90 * MS);
    measure(&mut queueing, MS, 100 * MS);
    assert!(!rises(&mut queueing));
    queueing.asked(Time::ZERO);
    queueing.answered(Time::ZERO + 60 * MS);
    assert!(rises(&mut queueing), "the path has become a longer one");
}

#[test]
fn a_grant_that_crosses_the_word_of_being_blocked_counts_and_one_that_came_in_time_does_not() {
    let mut queueing = queueing();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, false, Time::ZERO);
    queueing.arrived(id(1), 101, Time::ZERO + 50 * MS);
    assert_eq!(queueing.last, MS, "the sender had not waited");
    queueing.granted(id(1), 200, false, Time::ZERO);
    queueing.blocked(id(1), 200);
    queueing.arrived(id(1), 201, Time::ZERO + 50 * MS);
    assert_eq!(queueing.last, 50 * MS);
}

#[test]
fn only_bytes_that_the_grant_permits_count_and_only_of_its_stream() {
    let mut queueing = queueing();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, true, Time::ZERO);
    queueing.arrived(id(1), 100, Time::ZERO + 50 * MS);
    queueing.arrived(id(2), 500, Time::ZERO + 50 * MS);
    assert_eq!(queueing.last, MS, "nothing was measured");
    // A stream that has ended uses no credit; the next grant is measured.
    queueing.ended(id(1));
    measure(&mut queueing, Duration::ZERO, 50 * MS);
    assert_eq!(queueing.last, 50 * MS);
}

#[test]
fn a_stream_that_did_not_wait_makes_way_for_one_that_does() {
    let mut queueing = queueing();
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.granted(id(1), 100, false, Time::ZERO);
    measure(&mut queueing, Duration::ZERO, 50 * MS);
    assert_eq!(queueing.last, 50 * MS);
}

#[test]
fn a_stream_that_waited_and_sends_nothing_makes_way_after_a_second_or_eight_round_trips() {
    for (round_trip, patience) in [(MS, 1000 * MS), (500 * MS, 4000 * MS)] {
        let mut queueing = queueing();
        measure(&mut queueing, Duration::ZERO, round_trip);
        queueing.granted(id(1), 100, true, Time::ZERO);
        measure(&mut queueing, patience, 50 * MS);
        assert_eq!(queueing.last, round_trip, "it may still come");
        measure(&mut queueing, patience + MS, 50 * MS);
        assert_eq!(queueing.last, 50 * MS);
    }
}

#[test]
fn one_ceiling_holds_for_all_and_each_measurement_moves_it_once() {
    let mut queueing = queueing();
    measure(&mut queueing, Duration::ZERO, 40 * MS);
    assert_eq!(queueing.room_above(1000), 2000);
    assert_eq!(queueing.room_above(1000), 2000, "one that is below grows up to it");
    assert_eq!(queueing.room_above(2000), 2000, "one that is there waits for a measurement");
    measure(&mut queueing, Duration::ZERO, 60 * MS);
    assert_eq!(queueing.room_above(2000), 4000, "no queue to speak of: doubled");
    measure(&mut queueing, Duration::ZERO, 61 * MS);
    assert_eq!(queueing.room_above(4000), 5000, "a queue: a quarter more");
    for _ in 0..100 {
        measure(&mut queueing, Duration::ZERO, 40 * MS);
        rises(&mut queueing);
    }
    assert_eq!(queueing.ceiling(), 100_000, "the limit");
}

#[test]
fn a_reader_that_always_has_more_to_read_is_sent_less_ahead_down_to_a_quarter_of_the_first_window() {
    let mut queueing = queueing();
    let measure = |queueing: &mut Queueing, took, more| {
        if more {
            queueing.expect_more();
        }
        queueing.taken_in();
        queueing.granted(id(0), 100, true, Time::ZERO);
        queueing.arrived(id(0), 101, Time::ZERO + took);
    };
    for _ in 0..2 {
        measure(&mut queueing, 10 * MS, true);
        assert!(rises(&mut queueing));
    }
    assert_eq!(queueing.ceiling(), 4000);
    measure(&mut queueing, 50 * MS, false);
    assert_eq!(queueing.ceiling(), 4000, "it kept up: the queue is the network's");
    // Once in between is enough.
    queueing.granted(id(0), 100, true, Time::ZERO);
    queueing.taken_in();
    queueing.expect_more();
    queueing.taken_in();
    queueing.arrived(id(0), 101, Time::ZERO + 50 * MS);
    assert_eq!(queueing.ceiling(), 4000);
    for ceiling in [3000, 2250, 1688, 1266, 950, 713, 535, 402, 302, 250, 250] {
        measure(&mut queueing, 50 * MS, true);
        assert_eq!(queueing.ceiling(), ceiling);
        assert!(!rises(&mut queueing));
    }
}

#[test]
fn a_window_of_one_byte_stays_one() {
    let mut queueing = Queueing::new(1, 1);
    measure(&mut queueing, Duration::ZERO, MS);
    queueing.expect_more();
    queueing.taken_in();
    queueing.granted(id(0), 100, true, Time::ZERO);
    queueing.arrived(id(0), 101, Time::ZERO + 50 * MS);
    assert_eq!(queueing.ceiling(), 1);
}
