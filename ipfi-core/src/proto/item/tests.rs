// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::status::{Code, LimitSeen};

fn status_within(status: &Status, max_bytes: u64) -> Status {
    let mut out = Vec::new();
    put_status(&mut out, status, max_bytes);
    let (first, len) = varint::get(&out).unwrap();
    assert_eq!(first & 3, ItemKind::Status as u64);
    let body = &out[len..];
    assert_eq!(first >> 2, body.len() as u64);
    assert!(body.len() as u64 <= max_bytes, "{} bytes of {max_bytes}", body.len());
    status_body::decode(body).unwrap()
}

#[test]
fn a_status_too_large_loses_its_details_then_its_texts_end_then_its_limit() {
    let limit = LimitSeen { name: "max_message_bytes".into(), limit: 4, seen: 5 };
    let status = Status::not_found("é".repeat(20)).with_details(vec![7; 50]).with_limit(limit);
    assert_eq!(status_within(&status, 1000), status);
    let within = status_within(&status, 99);
    assert_eq!(
        (within.details().len(), within.message(), within.limit_seen()),
        (0, status.message(), status.limit_seen())
    );
    let within = status_within(&status, 51);
    assert!(!within.message().is_empty() && status.message().starts_with(within.message()));
    assert_eq!(within.limit_seen(), status.limit_seen());
    let within = status_within(&status, 20);
    assert_eq!((within.code(), within.limit_seen()), (Code::NotFound, None));
    for max in 3..200 {
        assert_eq!(status_within(&status, max).code(), Code::NotFound, "within {max}");
    }
}

#[test]
fn numbers_that_no_integer_holds_are_clamped() {
    let status = Status::limit("n", u64::MAX, u64::MAX);
    let sent = status_within(&status, 1000);
    assert_eq!(sent.limit_seen().unwrap().seen, varint::MAX);
}

#[test]
fn an_error_says_whose_fault_it_is_and_who_set_the_limit() {
    // Clause 13.3.
    let error = ItemError { direction: Direction::Request, fault: ItemFault::EmptyFragment };
    assert_eq!(error.to_string(), "the caller sent an empty fragment that is not the last of its message");
    let status = Status::from(error);
    assert_eq!((status.code(), status.origin()), (Code::InvalidArgument, Origin::Callee));

    let error = ItemError { direction: Direction::Response, fault: ItemFault::EndInsideItem };
    let status = Status::from(error);
    assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::Caller));

    let fault = ItemFault::MessageTooLarge { limit: 4, seen: 5 };
    let status = Status::from(ItemError { direction: Direction::Response, fault });
    assert_eq!(
        status.to_string(),
        "RESOURCE_EXHAUSTED: message too large: 5 bytes seen, limit max_message_bytes = 4 (set by the caller)"
    );
}
