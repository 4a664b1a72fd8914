//! The budget by itself.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use ipfi_core::close_code::TransportCode;
use ipfi_core::time::Time;

use super::{AbuseBudget, COMPLETED};

#[test]
fn the_last_token_closes_with_an_error_that_names_the_budget() {
    let mut budget = AbuseBudget::new(3, Time::ZERO);
    assert!(budget.spend(1, "a ping").is_ok());
    assert!(budget.spend(1, "a ping").is_ok());
    let violation = budget.spend(1, "a ping").unwrap_err();
    assert_eq!(violation.code, TransportCode::PROTOCOL_VIOLATION);
    assert!(violation.what.contains("abuse_budget = 3"), "{}", violation.what);
    assert!(violation.what.contains("a ping"), "{}", violation.what);
}

#[test]
fn useful_work_earns_tokens_back_up_to_the_limit() {
    let mut budget = AbuseBudget::new(100, Time::ZERO);
    budget.spend(50, "").unwrap();
    budget.payload(1000);
    assert_eq!(budget.tokens(), 50);
    budget.payload(24);
    assert_eq!(budget.tokens(), 51, "pieces add up");
    budget.stream_ended(COMPLETED);
    assert_eq!(budget.tokens(), 59);
    budget.payload(1 << 30);
    assert_eq!(budget.tokens(), 100);
}

#[test]
fn time_earns_ten_tokens_a_second_and_no_rounding_is_lost() {
    let mut budget = AbuseBudget::new(100, Time::ZERO);
    budget.spend(90, "").unwrap();
    for step in 1..=20 {
        budget.time(Time::from_micros(step * 50_000));
    }
    assert_eq!(budget.tokens(), 20);
    budget.time(Time::ZERO);
    assert_eq!(budget.tokens(), 20, "time that goes backwards earns nothing");
}
