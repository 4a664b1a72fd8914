//! Every state against every event, compared with the table kept in `states.txt`.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use core::fmt::Write as _;

use ipfi_core::close_code::StreamCode;

use super::{RecvEvent, RecvState, SendEvent, SendState, Step};

const OURS: StreamCode = StreamCode::CANCELLED;
const THEIRS: StreamCode = StreamCode::NO_ERROR;

const SEND_STATES: [SendState; 6] = [
    SendState::Ready,
    SendState::Send,
    SendState::Finishing,
    SendState::DataRecvd,
    SendState::Resetting(StreamCode::DEADLINE),
    SendState::ResetRecvd,
];
const SEND_EVENTS: [SendEvent; 7] = [
    SendEvent::Write,
    SendEvent::Finish,
    SendEvent::Reset(OURS),
    SendEvent::StopReceived(THEIRS),
    SendEvent::DataLeft,
    SendEvent::FinLeft,
    SendEvent::ResetLeft,
];
const RECV_STATES: [RecvState; 7] = [
    RecvState::Recv,
    RecvState::DataRecvd,
    RecvState::DataRead,
    RecvState::ResetRecvd(StreamCode::DEADLINE),
    RecvState::ResetRead(StreamCode::DEADLINE),
    RecvState::Stopped,
    RecvState::Discarded,
];
const RECV_EVENTS: [RecvEvent; 6] = [
    RecvEvent::Data,
    RecvEvent::Fin,
    RecvEvent::Reset(THEIRS),
    RecvEvent::ReadEnd,
    RecvEvent::ReadReset,
    RecvEvent::Stop,
];

fn line<S: core::fmt::Debug, E: core::fmt::Debug>(out: &mut String, state: S, event: E, step: Step<S>) {
    let then = match step {
        Step::To(next) => format!("{next:?}"),
        Step::Ignored => "(ignored)".into(),
        Step::Refused => "(refused)".into(),
    };
    let (state, event) = (format!("{state:?}"), format!("{event:?}"));
    writeln!(out, "{state:20} {event:24} {then}").unwrap();
}

#[test]
fn the_whole_table_is_what_states_txt_says() {
    let mut table = String::new();
    writeln!(table, "sending half (RFC 9000 section 3.1)").unwrap();
    for state in SEND_STATES {
        for event in SEND_EVENTS {
            line(&mut table, state, event, state.on(event));
        }
    }
    writeln!(table, "\nreceiving half (RFC 9000 section 3.2)").unwrap();
    for state in RECV_STATES {
        for event in RECV_EVENTS {
            line(&mut table, state, event, state.on(event));
        }
    }
    let kept = include_str!("states.txt");
    assert!(kept == table, "the table has changed; if that is meant, states.txt becomes:\n{table}");
}

#[test]
fn no_terminal_state_is_ever_left() {
    for state in SEND_STATES.into_iter().filter(|state| state.is_terminal()) {
        for event in SEND_EVENTS {
            assert!(!matches!(state.on(event), Step::To(next) if next != state), "{state:?} {event:?}");
        }
    }
    for state in RECV_STATES.into_iter().filter(|state| state.is_terminal()) {
        for event in RECV_EVENTS {
            assert!(!matches!(state.on(event), Step::To(next) if next != state), "{state:?} {event:?}");
        }
    }
}
