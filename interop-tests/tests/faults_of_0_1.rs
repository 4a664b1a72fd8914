//! The faults of ipfi 0.1, one test each, so that none comes back (RELIABILITY section 8).
//!
//! Fault 1, allocations sized by the peer, is `hostile_memory.rs`: its allocator counts for a process.

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use interop_tests::conformance::kit::{ECHO, NEVER, ONE_THEN_NEVER, SLEEP, SUM, limited, settle, standard};
use interop_tests::hostile_peer::HostilePeer;
use interop_tests::test_runtime::TestRuntime;
use ipfi_core::memory::{MemoryControl, MemoryOptions, pair};
use ipfi_core::session::Side;
use ipfi_core::{Code, Interface, Wire, WireOptions};

fn wires_and_control(callee: impl Into<WireOptions>) -> (Wire, Wire, MemoryControl) {
    let callee = callee.into();
    let (client, server) = pair(MemoryOptions::new(callee.limits_ref().clone()));
    let control = client.control();
    let runtime = TestRuntime::shared();
    let (client, serving) = Wire::new(client, runtime.clone(), Interface::new().into());
    tokio::spawn(serving);
    let (server, serving) = Wire::new(server, runtime, callee);
    tokio::spawn(serving);
    (client, server, control)
}

fn wires(callee: impl Into<WireOptions>) -> (Wire, Wire) {
    let (client, server, _) = wires_and_control(callee);
    (client, server)
}

/// Fault 2: a 16-bit call counter that panicked or wrapped after 65 536 calls of one procedure.
#[tokio::test(start_paused = true)]
async fn calls_of_one_procedure_do_not_run_out_at_65536() {
    let (caller, _callee) = wires(standard());
    let mut held = caller.stream::<u64>(ONE_THEN_NEVER, ()).await.unwrap();
    assert_eq!(held.try_next().await.unwrap(), Some(0));
    for n in 0..65_600_u64 {
        let answer: String = caller.call(ECHO, ("x",)).await.unwrap();
        assert_eq!(answer, "x", "call {n}");
    }
    // One that began before all of them is still its own.
    assert!(futures_util::poll!(held.next()).is_pending());
}

/// Fault 3: no limit on a message, no flow control, an outbound queue without end.
#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_stops_its_writer() {
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let interface = standard().sequence(100_u64, move |(): ()| {
        let count = Arc::clone(&count);
        stream::repeat(Bytes::from(vec![0; 10_000])).inspect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
    });
    let (caller, _callee) = wires(interface);
    let items = caller.stream::<Bytes>(100_u64, ()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(made.load(Ordering::Relaxed) < 100, "a window and a batch of 10 000 bytes each");
    drop(items);
    let error = caller.call::<()>(ECHO, (vec![0_u8; 5 << 20],)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
}

/// Fault 4: no error for a single call, so that one that failed poisoned the wire.
#[tokio::test(start_paused = true)]
async fn a_procedure_that_fails_does_not_poison_the_wire() {
    let interface = standard()
        .procedure(100_u64, |(): ()| async { Err::<(), _>(ipfi_core::Status::aborted("no")) })
        .procedure(101_u64, |(): ()| async { assert!(std::hint::black_box(false)) });
    let (caller, _callee) = wires(interface);
    for _ in 0..100 {
        assert_eq!(caller.call::<()>(100_u64, ()).await.unwrap_err().code(), Code::Aborted);
        assert_eq!(caller.call::<()>(101_u64, ()).await.unwrap_err().code(), Code::Internal);
        assert_eq!(caller.call::<()>(ECHO, (7.5_f64,)).await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(caller.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
    }
}

/// Fault 5: a limit on calls that was one for the wire, beyond which calls hung for ever, and none on
/// what comes back.
#[tokio::test(start_paused = true)]
async fn calls_over_the_limit_wait_and_run_and_answers_have_limits_too() {
    let (caller, callee) = wires(limited(standard(), |limits| limits.max_inbound_calls = 10));
    let calls = (0..100_u64).map(|n| caller.call::<u64>(SLEEP, (n % 7,)).into_future());
    for (n, answer) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), n as u64 % 7);
    }
    assert_eq!(callee.inbound_calls(), 0);
    // The response: a callee that sends without end is held by the caller's window.
    let (mut peer, wire) = HostilePeer::against(Interface::new());
    peer.hello().await;
    let items = wire.stream::<Bytes>(0, ()).await.unwrap();
    let mut call = peer.accept().await;
    let _ = call.write(&vec![0; 10 << 20], false).await;
    let crossed = peer.session.control().bytes_crossed(Side::Client);
    assert!(crossed <= 128 << 10, "{crossed} bytes crossed");
    drop(items);
}

/// Fault 6: an `unwrap` on what a peer or a second user could make fail.
#[tokio::test(start_paused = true)]
async fn two_answers_or_none_and_late_ones_panic_nowhere() {
    let (mut peer, wire) = HostilePeer::against(Interface::new());
    peer.hello().await;
    for (answer, late) in
        [(&b"\x04\x00"[..], &b"\x04\x00"[..]), (b"", b"\x0e\x05\x00\x00"), (b"\x0e\x05\x00\x00", b"\x04\x00")]
    {
        let call = tokio::spawn(wire.call::<String>(0, ()).into_future());
        let mut stream = peer.accept().await;
        stream.write(answer, false).await.unwrap();
        let _ = stream.write(late, true).await;
        drop(call.await.unwrap());
        // After the call is gone.
        let _ = stream.write(late, false).await;
    }
    assert_eq!(wire.outbound_calls(), 0);
    assert_eq!(wire.close_reason(), None);
}

/// Fault 7: an invalid terminator made reading fail for the whole wire.
#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_item_fail_their_own_call() {
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    // Every first byte there is, where an item should begin.
    for byte in 0..=0xff {
        let mut call = peer.call(&[0x00, 0x01, byte, 0xff, 0xff], true).await;
        let status = call.answer().await.status();
        assert!(
            matches!(status.code(), Code::InvalidArgument | Code::ResourceExhausted),
            "{byte:#x}: {status}"
        );
    }
    peer.still_served().await;
    assert_eq!((wire.inbound_calls(), wire.close_reason()), (0, None));
}

/// Fault 8: unmaintained dependencies. `deny.toml` is what refuses them.
#[test]
fn the_dependencies_of_0_1_that_nobody_maintains_are_gone() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    for gone in ["fxhash", "dashmap"] {
        assert!(!lock.contains(&format!("name = \"{gone}\"")), "{gone}");
    }
    let deny = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml")).unwrap();
    assert!(deny.contains("unmaintained"), "cargo-deny looks for the next one");
}

/// Fault 9: a sequence that yielded by a synchronous call could not be held back.
#[tokio::test(start_paused = true)]
async fn both_directions_of_a_call_have_backpressure_at_the_same_time() {
    let interface = standard().sequence_with_items(100_u64, |(): (), items: ipfi_core::Receiver<Bytes>| {
        items.map(|item| item.map_err(ipfi_core::Status::from))
    });
    let (caller, _callee) = wires(interface);
    let (mut send, mut receive) = caller.duplex::<Bytes, Bytes>(100_u64, ()).await.unwrap();
    let mut sent = 0_u32;
    while tokio::time::timeout(Duration::from_secs(1), send.send(Bytes::from(vec![0; 10_000]))).await.is_ok()
    {
        sent += 1;
        assert!(sent < 100, "the echo is not read, so it must stop reading");
    }
    for _ in 0..sent {
        assert_eq!(receive.try_next().await.unwrap().unwrap().len(), 10_000);
    }
}

/// Fault 10: a loop that woke up every 10 ms to find out that the wire had ended.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_is_an_event_and_idle_wires_sleep() {
    let (caller, callee, control) = wires_and_control(standard());
    let call = tokio::spawn(caller.call::<()>(NEVER, ()).without_timeout().into_future());
    let upload = caller.upload::<u64, u64>(SUM, ()).await.unwrap();
    settle().await;
    // The paused clock jumps from event to event, and here there is none for a year. A wire that woke up
    // every 10 ms would take this test hours.
    tokio::time::sleep(Duration::from_secs(365 * 86_400)).await;
    let now = tokio::time::Instant::now();
    control.cut("the cable");
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert_eq!(upload.finish().await.unwrap_err().code(), Code::Unavailable);
    caller.closed().await;
    callee.closed().await;
    assert_eq!(now.elapsed(), Duration::ZERO, "no time passes before everybody knows");
}
