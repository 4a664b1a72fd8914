//! Callers that make their callee begin what comes to nothing, over QMux: cut. Callers that are refused for ever: never.
//! [A2]

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, OWN, Probe, standard};
use interop_tests::hostile_mux::{HostilePeer, doomed_calls};
use ipfi_core::call::CallError;
use ipfi_core::close_code::CloseCode;
use ipfi_core::proto::Settings;
use ipfi_core::proto::control::put_preamble;
use ipfi_core::{Code, Interface, Status, Wire, WireOptions};
use ipfi_mux::frame::ConnectionClose;
use ipfi_mux::stream_id::Dir;

#[tokio::test(start_paused = true)]
async fn calls_that_the_callee_must_end_while_they_run_are_cut_within_a_thousand() {
    for (what, request) in doomed_calls(OWN) {
        let probe = Probe::default();
        let offered = WireOptions::from(standard().procedure(OWN, probe.never()));
        let (mut peer, wire) = HostilePeer::connect(offered, &HostilePeer::generous()).await;
        let wire = wire.unwrap();
        let mut preamble = bytes::BytesMut::new();
        put_preamble(&mut preamble, &Settings::default());
        let control = peer.open(Dir::Uni).unwrap();
        peer.stream(control, &preamble, 1000, false);
        let mut made = 0;
        while wire.close_reason().is_none() && made < 20_000 {
            let Some(id) = peer.open(Dir::Bi) else { panic!("{what}: no place is free again after {made}") };
            peer.stream(id, &request, 1000, true);
            peer.forget(id);
            peer.flush().await;
            peer.settle().await;
            made += 1;
            if made % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        peer.settle().await;
        let closed = peer.closed.clone();
        let Some(ConnectionClose::Application { code, reason }) = closed else {
            panic!("{what}: {closed:?} after {made}")
        };
        assert_eq!(code, CloseCode::RESOURCE_EXHAUSTED, "{what}");
        assert!(reason.starts_with(b"enhance your calm"), "{what}: {reason:?}");
        assert!((1000..=1200).contains(&made), "{what}: {made}");
        assert!(probe.started() >= 1000, "{what}: {} were begun", probe.started());
        assert_eq!(probe.running(), 0, "{what}");
    }
}

async fn pair(interface: Interface) -> (Wire, Wire) {
    let (near, far) = tokio::io::duplex(64 << 10);
    let (near_reader, near_writer) = tokio::io::split(near);
    let (far_reader, far_writer) = tokio::io::split(far);
    let (caller, callee) = tokio::join!(
        ipfi_mux::connect(near_reader, near_writer, Interface::new()),
        ipfi_mux::accept(far_reader, far_writer, interface),
    );
    (caller.unwrap(), callee.unwrap())
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_statuses_in_a_row_end_nothing() {
    let offered =
        standard().procedure(OWN, |(): ()| async { Err::<(), _>(Status::new(Code::NotFound, "gone")) });
    let (caller, callee) = pair(offered).await;
    for n in 0..10_000 {
        let (answer, expected): (Result<(), CallError>, _) = match n % 3 {
            0 => (caller.call(OWN, ()).await, Code::NotFound),
            1 => (caller.call(OWN + 1000, ()).await, Code::Unimplemented),
            _ => (caller.call(ECHO, ()).await, Code::InvalidArgument),
        };
        assert_eq!(answer.unwrap_err().code(), expected, "call {n}");
    }
    assert_eq!((caller.close_reason(), callee.close_reason()), (None, None));
    assert_eq!(callee.stats().calls_in_failed, 10_000);
}
