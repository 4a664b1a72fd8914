// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::close_code::StreamCode;

#[test]
fn a_result_with_a_status_is_as_small_as_a_pointer() {
    assert_eq!(size_of::<Result<(), Status>>(), size_of::<usize>());
}

#[test]
fn codes_are_numbered_as_grpc_numbers_them_and_unknown_numbers_are_unknown() {
    for (index, code) in Code::ALL.into_iter().enumerate() {
        assert_eq!(code.as_u64(), index as u64 + 1);
        assert_eq!(Code::from_u64(code.as_u64()), code);
        assert_eq!(code.to_string(), code.name());
    }
    for number in [0, 17, 255, 257, u64::MAX] {
        assert_eq!(Code::from_u64(number), Code::Unknown);
    }
}

#[test]
fn a_peers_text_cannot_look_like_another() {
    let status = Status::internal("a\u{9b}31m\u{202e}b\u{200b}\u{2028}\u{feff}é");
    assert_eq!(status.to_string(), r"INTERNAL: a\u{9b}31m\u{202e}b\u{200b}\u{2028}\u{feff}é");
}

#[test]
fn a_limit_reads_as_a_sentence_that_names_it_and_who_set_it() {
    let status = Status::limit("max_message_bytes", 4_194_304, 5_242_881);
    assert_eq!(
        status.to_string(),
        "RESOURCE_EXHAUSTED: message too large: 5 242 881 bytes seen, \
         limit max_message_bytes = 4 194 304 (set by the callee)"
    );
    let status = Status::limit("max_depth", 64, 65).with_origin(Origin::Caller);
    assert_eq!(
        status.to_string(),
        "RESOURCE_EXHAUSTED: message nested too deeply: 65 seen, limit max_depth = 64 (set by the caller)"
    );
}

#[test]
fn numbers_are_grouped_in_threes_from_the_right() {
    let grouped = [0, 12, 999, 1_000, 123_456, u64::MAX].map(|number| Grouped(number).to_string());
    assert_eq!(grouped, ["0", "12", "999", "1 000", "123 456", "18 446 744 073 709 551 615"]);
}

#[test]
fn what_a_peer_writes_stays_on_one_line() {
    let status = Status::internal("a\r\nERROR forged\u{1b}[2J");
    assert_eq!(status.to_string(), "INTERNAL: a\\r\\nERROR forged\\u{1b}[2J");
    assert_eq!(status.message(), "a\r\nERROR forged\u{1b}[2J", "the text itself is as it came");
}

#[test]
fn every_reset_code_stands_for_a_status_and_every_status_for_a_reset_code() {
    let back = |code: Code| Code::from_stream_code(code.to_stream_code());
    for code in
        [Code::Cancelled, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Unavailable, Code::Internal]
    {
        assert_eq!(back(code), code);
    }
    for code in Code::ALL {
        assert_ne!(code.to_stream_code(), StreamCode::REFUSED, "only a call never started is refused");
        assert_ne!(code.to_stream_code(), StreamCode::NO_ERROR);
    }
    for code in [StreamCode::NO_ERROR, StreamCode::DETACHED, StreamCode(8), StreamCode(u64::MAX)] {
        assert_eq!(Code::from_stream_code(code), Code::Unknown);
    }
    assert_eq!(Code::from_stream_code(StreamCode::REFUSED), Code::Unavailable);
}

#[test]
fn what_was_given_is_what_is_there() {
    let limit = LimitSeen { name: "quota".into(), limit: 1, seen: 2 };
    let status = Status::not_found("no such key")
        .with_details(&b"\x01"[..])
        .with_limit(limit.clone())
        .with_origin(Origin::Caller);
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), "no such key");
    assert_eq!(status.details(), &b"\x01"[..]);
    assert_eq!(status.limit_seen(), Some(&limit));
    assert_eq!(status.origin(), Origin::Caller);
    assert_eq!(Status::aborted("").origin(), Origin::Callee, "handlers are where statuses are made");
    assert_eq!(Status::aborted("").to_string(), "ABORTED");
}
