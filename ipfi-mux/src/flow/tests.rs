//! Credit by itself: what is granted, when it is returned, how windows grow.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use ipfi_core::close_code::TransportCode;

use super::{ConnectionCredit, SendCredit, StreamCredit};

#[test]
fn credit_is_charged_and_blocked_is_told_once_for_each_limit() {
    let mut credit = SendCredit::new(10);
    assert_eq!(credit.blocked(), None);
    credit.charge(10);
    assert_eq!(credit.blocked(), Some(10));
    credit.told_blocked();
    assert_eq!(credit.blocked(), None);
    assert!(!credit.raise(10), "RFC 9000 section 4.1: a limit that does not increase is ignored");
    assert!(credit.raise(12));
    assert_eq!(credit.available(), 2);
    credit.charge(2);
    assert_eq!(credit.blocked(), Some(12));
}

#[test]
fn a_byte_beyond_the_limit_is_refused_before_anything_changes() {
    let credit = StreamCredit::new(100);
    assert!(credit.check(100).is_ok());
    let violation = credit.check(101).unwrap_err();
    assert_eq!(violation.code, TransportCode::FLOW_CONTROL_ERROR);
    assert_eq!(credit.received(), 0);
    let connection = ConnectionCredit::new(50, 0, 0);
    assert_eq!(connection.check(51).unwrap_err().code, TransportCode::FLOW_CONTROL_ERROR);
}

#[test]
fn credit_returns_when_a_quarter_of_the_window_is_newly_free() {
    let mut credit = StreamCredit::new(100);
    credit.receive(100);
    assert!(!credit.wants_update(100, 100));
    assert!(!credit.wants_update(76, 100));
    assert!(credit.wants_update(75, 100));
    assert_eq!(credit.grant(75, 100), (125, 25));
    assert_eq!(credit.outstanding(), 25);
}

#[test]
fn a_window_of_one_byte_still_moves() {
    let mut credit = StreamCredit::new(1);
    credit.receive(1);
    assert!(!credit.wants_update(1, 1));
    assert!(credit.wants_update(0, 1));
    assert_eq!(credit.grant(0, 1), (2, 1));
}

/// What a reader does that has left `unread` bytes.
fn grow(credit: &mut StreamCredit, unread: u64, cap: u64, pool: &mut u64) {
    if credit.may_grow(unread, cap) {
        let window = credit.window();
        credit.grow(window, cap, pool);
    }
}

#[test]
fn a_window_is_not_used_beyond_the_ceiling_be_it_the_first_and_what_was_granted_stays_so() {
    let mut pool = 1000;
    let mut credit = StreamCredit::new(100);
    credit.receive(100);
    assert!(credit.is_honestly_blocked(100));
    grow(&mut credit, 0, 400, &mut pool);
    assert_eq!(credit.grant(0, 400), (300, 200));
    // The ceiling is lowered to 100 with 200 bytes on their way.
    credit.receive(200);
    assert!(!credit.wants_update(0, 100), "as much may be sent as the ceiling has");
    credit.receive(225);
    assert!(credit.wants_update(0, 100));
    assert_eq!(credit.grant(0, 100), (325, 25));
    // Whether the reader keeps up is asked of what is used.
    credit.receive(325);
    assert!(credit.is_honestly_blocked(325));
    assert!(!credit.may_grow(26, 100));
    assert!(credit.may_grow(25, 100));
    // Raised again, it is used again: that is growth too, once for each limit.
    credit.grow(100, 150, &mut pool);
    assert_eq!((credit.window(), pool), (200, 900));
    assert!(!credit.may_grow(0, 150));
    assert!(credit.wants_update(0, 150));
    assert_eq!(credit.grant(0, 150), (475, 150));
    // Below the first window too.
    credit.receive(475);
    assert_eq!(credit.grant(0, 40), (515, 40));
}

#[test]
fn a_window_doubles_once_for_each_honest_limit_and_only_for_a_reader_that_keeps_up() {
    let mut pool = 1000;
    let mut credit = StreamCredit::new(100);
    assert!(!credit.is_honestly_blocked(100), "nothing has come yet");
    credit.receive(100);
    assert!(credit.is_honestly_blocked(100));
    assert!(!credit.is_honestly_blocked(100), "said once already");
    grow(&mut credit, 26, 400, &mut pool);
    assert_eq!(credit.window(), 100, "the reader does not keep up");
    grow(&mut credit, 25, 400, &mut pool);
    assert_eq!((credit.window(), pool), (200, 900));
    grow(&mut credit, 0, 400, &mut pool);
    assert_eq!(credit.window(), 200, "once for each limit");
    let block = |credit: &mut StreamCredit, cap, pool: &mut u64| {
        let (limit, _) = credit.grant(0, u64::MAX);
        credit.receive(limit);
        assert!(credit.is_honestly_blocked(limit));
        grow(credit, 0, cap, pool);
    };
    block(&mut credit, 300, &mut pool);
    assert_eq!(credit.window(), 300, "the cap cuts the step");
    block(&mut credit, 300, &mut pool);
    assert_eq!(credit.window(), 300);
    pool = 7;
    block(&mut credit, 10_000, &mut pool);
    assert_eq!((credit.window(), pool), (307, 0), "the pool cuts the step");
    assert_eq!((credit.shrink(), credit.shrink()), (207, 0), "it goes back once");
}

#[test]
fn bytes_that_come_after_the_signal_prove_the_reader_slow() {
    let mut pool = 1000;
    let mut credit = StreamCredit::new(100);
    credit.receive(100);
    assert!(credit.is_honestly_blocked(100));
    credit.grant(75, u64::MAX);
    credit.receive(101);
    grow(&mut credit, 0, 1000, &mut pool);
    assert_eq!((credit.window(), pool), (100, 1000));
}

#[test]
fn the_connection_grants_early_when_streams_could_use_more_than_it_has_told() {
    let mut credit = ConnectionCredit::new(1000, 900, 0);
    assert!(!credit.wants_update());
    credit.open_local(200);
    assert!(credit.wants_update(), "1100 bytes are committed and 1000 granted");
    assert_eq!(credit.grant(), 1200);
    assert!(!credit.wants_update());
    credit.receive(200);
    credit.release(200);
    credit.close_local(200);
    assert_eq!((credit.committed(), credit.unread(), credit.window()), (900, 0, 1000));
}
