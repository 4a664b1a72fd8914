//! What those see who watch by `tracing`.
// A failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::lines::Lines;
use interop_tests::test_runtime::TestRuntime;
use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::{Code, Interface, Wire};
use tracing::Level;

/// A caller, and a callee whose procedure 0 says something of its own.
fn wires() -> (Wire, Wire) {
    let interface = Interface::new().procedure(0, |(text,): (String,)| async move {
        tokio::task::yield_now().await;
        tracing::info!("the handler says {text}");
    });
    let (client, server) = pair(MemoryOptions::default());
    let runtime = TestRuntime::shared();
    let (caller, serving) = Wire::new(client, runtime.clone(), Interface::new().into());
    tokio::spawn(serving);
    let (callee, serving) = Wire::new(server, runtime, interface.into());
    tokio::spawn(serving);
    (caller, callee)
}

/// What is written at `level` and above by a call that is answered and one that fails.
async fn written(level: Level) -> Lines {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let (caller, _callee) = wires();
    caller.call::<()>(0, ("hello",)).await.unwrap();
    assert_eq!(caller.call::<()>(7, ()).await.unwrap_err().code(), Code::Unimplemented);
    lines
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_says_is_in_the_span_of_its_call_and_each_end_reports_each_call() {
    let lines = written(Level::DEBUG).await;
    let said = lines.with("the handler says hello");
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("serve{procedure=0 peer="), "{said:?}");
    let ends = lines.with("ipfi::call");
    for (procedure, code) in [("procedure=0", "\"OK\""), ("procedure=7", "\"UNIMPLEMENTED\"")] {
        for direction in ["direction=Outbound", "direction=Inbound"] {
            let says = |line: &&String| [direction, procedure, code].iter().all(|word| line.contains(word));
            assert_eq!(ends.iter().filter(says).count(), 1, "{direction} {procedure} {code}: {ends:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_ask_for_more_reads_what_handlers_say_alone() {
    let lines = written(Level::INFO).await;
    assert_eq!(lines.with("the handler says hello").len(), 1);
    assert_eq!(lines.with("ipfi::call"), Vec::<String>::new());
}
