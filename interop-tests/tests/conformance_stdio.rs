//! The claims about wires, over the standard input and output of a child process.
//!
//! All of them on a virtual clock, with the child as a relay to the other end, which is here; and those
//! whose callee may be anywhere with the other end in the child, as `ipfi::stdio` makes it.
#![cfg(unix)]
// A child that cannot be started is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use interop_tests::cable::Cable;
use interop_tests::conformance::{Cut, WireCarrier, remote, run_all};
use interop_tests::held_clock::hold_both;
use ipfi::{Wire, WireOptions};
use tokio::net::UnixStream;
use tokio::process::Command;

fn peer(what: &str, argument: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stdio_peer"));
    command.args([what, argument]);
    command
}

/// The pipes of a child, which passes on what it reads and writes.
struct Relayed;

impl WireCarrier for Relayed {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ipfi-relay-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let mut relay = peer("relay", path.to_str().unwrap());
        let mut child =
            relay.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        // Waited for by the thread and not by a task: the clock would go on.
        let far = listener.accept().unwrap().0;
        far.set_nonblocking(true).unwrap();
        let (far_reads, far_writes) = UnixStream::from_std(far).unwrap().into_split();
        std::fs::remove_file(path).unwrap();
        let cable = Cable::new();
        let near = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let ((client_reads, client_writes), (server_reads, server_writes)) =
            hold_both(near, (far_reads, far_writes));
        // It ends with its pipes.
        tokio::spawn(async move { child.wait().await });
        let (client, server) = tokio::join!(
            ipfi::mux::connect(cable.lead(client_reads), cable.lead(client_writes), client),
            ipfi::mux::accept(cable.lead(server_reads), cable.lead(server_writes), server),
        );
        (client.unwrap(), server.unwrap(), Box::new(move |detail| cable.cut(detail)))
    }
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_the_pipes_of_a_child_process() {
    let report = run_all(Relayed).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_claims_about_any_callee_hold_of_a_child_process() {
    assert!(remote::names().len() > 25, "{:?}", remote::names());
    for name in remote::names() {
        let connect = move |options: WireOptions| async move {
            let mut module = ipfi::spawn(peer("offer", name), options).await.unwrap();
            let wire = module.wire().clone();
            // Dropped with the runtime, it would be killed.
            tokio::spawn(async move { module.child().wait().await });
            wire
        };
        remote::act(name, connect).await.unwrap_or_else(|seen| panic!("{name}: {seen}"));
    }
}

#[tokio::test]
async fn the_claims_about_any_callee_hold_of_whoever_started_the_child_process() {
    for name in remote::names() {
        let options = remote::offer(name).await.unwrap();
        let mut module = ipfi::spawn(peer("act", name), options).await.unwrap();
        let wait = tokio::time::timeout(Duration::from_secs(120), module.child().wait());
        let status = wait.await.expect("the child ends").unwrap();
        assert!(status.success(), "{name}: {status}; what it saw is on standard error");
    }
}
