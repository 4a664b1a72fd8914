//! `Server::run_until`: what runs is finished or cut in its time, what comes is refused, and the report
//! says which.

use std::sync::Arc;
use std::time::Duration;

use ipfi::{CallError, Code, ConnectError, Interface, Server};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{Running, eventually, within, within_time};

/// Calls in flight, on four connections.
const CALLS: u64 = 100;

/// Procedure 0 waits for a permit and answers with its argument; 1 answers at once.
fn gated(gate: &Arc<Semaphore>, started: &Arc<Semaphore>) -> Interface {
    let (gate, started) = (Arc::clone(gate), Arc::clone(started));
    let wait = move |(number,): (u64,)| {
        let gate = Arc::clone(&gate);
        started.add_permits(1);
        async move {
            gate.acquire().await.expect("never closed").forget();
            number
        }
    };
    Interface::new().procedure(0, wait).procedure(1, |(): ()| async {})
}

struct InFlight {
    server: Running,
    wires: Vec<ipfi::Wire>,
    calls: JoinSet<Result<u64, CallError>>,
    gate: Arc<Semaphore>,
}

/// A server with [`CALLS`] calls that have started and wait.
async fn in_flight(configure: impl FnOnce(Server) -> Server) -> InFlight {
    let (gate, started) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = Running::new(configure(Server::new(gated(&gate, &started)))).await;
    let mut wires = Vec::new();
    for url in server.urls.iter().cycle().take(4) {
        wires.push(ipfi::connect(url).await.unwrap());
    }
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let wire = wires[usize::try_from(number).unwrap() % wires.len()].clone();
        calls.spawn(async move { wire.call::<u64>(0, (number,)).await });
    }
    within("all calls to start", started.acquire_many(u32::try_from(CALLS).unwrap())).await.unwrap().forget();
    InFlight { server, wires, calls, gate }
}

#[tokio::test]
async fn calls_in_flight_finish_new_ones_are_refused_and_the_report_says_so() {
    let InFlight { mut server, wires, mut calls, gate } = in_flight(|server| server).await;
    server.stop();
    // The listeners go first.
    for url in server.urls.clone() {
        eventually("the listener's end", Duration::from_secs(5), || async {
            matches!(ipfi::connect(&url).await, Err(ConnectError::Io { .. })).then_some(())
        })
        .await;
    }
    // A new call is refused, here or there, and may be made elsewhere.
    for wire in &wires {
        let error = within("a refusal", wire.call::<u64>(0, (7_u64,))).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert!(error.never_started(), "{error}");
    }
    gate.add_permits(usize::try_from(CALLS).unwrap());
    let mut answers = Vec::new();
    while let Some(answer) = within("an answer", calls.join_next()).await {
        answers.push(answer.unwrap().unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, (0..CALLS).collect::<Vec<_>>());
    let report = server.report().await;
    assert_eq!((report.finished, report.cut), (usize::try_from(CALLS).unwrap(), 0), "{report:?}");
    for wire in &wires {
        let reason = within("the connection's end", wire.closed()).await;
        assert!(reason.is_orderly(), "{reason}");
    }
}

#[tokio::test]
async fn what_still_runs_when_the_grace_is_over_is_cut_and_reported() {
    let grace = Duration::from_secs(1);
    let InFlight { mut server, wires, mut calls, gate } = in_flight(|server| server.grace(grace)).await;
    server.stop();
    for wire in &wires {
        // From the moment that it drains, new calls are refused.
        eventually("draining", Duration::from_millis(800), || async {
            let probe = wire.call::<()>(1, ()).await;
            probe.is_err_and(|error| error.never_started()).then_some(())
        })
        .await;
    }
    gate.add_permits(40);
    let report = within_time("the server's end", Duration::from_secs(5), server.report()).await;
    assert_eq!((report.finished, report.cut), (40, 60), "{report:?}");
    let (mut finished, mut cut) = (0, 0);
    while let Some(answer) = within("an answer", calls.join_next()).await {
        match answer.unwrap() {
            Ok(_) => finished += 1,
            Err(error) => {
                assert_eq!(error.code(), Code::Unavailable, "{error}");
                assert!(!error.never_started(), "{error}");
                cut += 1;
            }
        }
    }
    assert_eq!((finished, cut), (40, 60));
}

#[tokio::test]
async fn an_idle_server_ends_at_once_and_takes_its_socket_along() {
    let mut server = Running::new(Server::new(Interface::new())).await;
    let wire = ipfi::connect(&server.urls[1]).await.unwrap();
    server.stop();
    let report = within_time("the server's end", Duration::from_secs(2), server.report()).await;
    assert_eq!((report.finished, report.cut, report.never_started), (0, 0, 0), "{report:?}");
    assert!(within("the wire's end", wire.closed()).await.is_orderly());
    assert!(!server.path().exists());
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_every_connection_at_once() {
    let InFlight { server, wires, mut calls, gate: _gate } = in_flight(|server| server).await;
    drop(server);
    while let Some(answer) = within_time("a call's end", Duration::from_secs(2), calls.join_next()).await {
        let error = answer.unwrap().unwrap_err();
        assert!(error.connection_error().is_some(), "{error}");
    }
    for wire in wires {
        within_time("the wire's end", Duration::from_secs(2), wire.closed()).await;
    }
}
