//! What ends a call from outside: whoever has seen enough, and whoever has had enough.

use std::process::Stdio;

use ipfi::CancelCause;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::{PATIENCE, command, ended, serve};

async fn first_line(child: &mut Child) -> (String, BufReader<tokio::process::ChildStdout>) {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await.unwrap().unwrap();
    (line, out)
}

fn interrupt(child: &Child) {
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_call_is_cancelled_at_the_server_and_says_so() {
    let mut served = serve().await;
    let mut child = command(&["call", &served.url, "Probe.forever"]).spawn().unwrap();
    let (line, _out) = first_line(&mut child).await;
    assert_eq!(line, "0\n");
    interrupt(&child);
    let cause = tokio::time::timeout(PATIENCE, served.cancelled.recv()).await.unwrap();
    assert_eq!(cause, Some(CancelCause::Caller));
    let ran = ended(child.wait_with_output()).await;
    assert_eq!((ran.code, &*ran.err), (130, "interrupted: Probe.forever was cancelled\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_ends_the_call_without_a_word() {
    let served = serve().await;
    let mut child = command(&["call", &served.url, "Greeter.count", "1000000000"]).spawn().unwrap();
    let (line, out) = first_line(&mut child).await;
    assert_eq!(line, "0\n");
    drop(out);
    let ran = ended(child.wait_with_output()).await;
    assert_eq!((ran.code, &*ran.err), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_measurement_says_what_was_measured() {
    let mut served = serve().await;
    let bench = ["bench", &served.url, "Greeter.log", "\"x\"", "--duration", "1h", "--rate", "100"];
    let child = command(&bench).spawn().unwrap();
    served.lines.recv().await.unwrap();
    served.lines.recv().await.unwrap();
    interrupt(&child);
    let ran = ended(child.wait_with_output()).await;
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(ran.out.lines().next().unwrap().ends_with(", interrupted"), "{}", ran.out);
}

/// A server that takes connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_connection_can_be_interrupted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let child = command(&["call", &url, "Greeter.hello", "\"Ada\""]).spawn().unwrap();
    let _connection = listener.accept().await.unwrap();
    interrupt(&child);
    let ran = ended(child.wait_with_output()).await;
    assert_eq!((ran.code, &*ran.err), (130, "interrupted: nothing was called\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_never_end_do_not_keep_a_call_that_is_over() {
    let served = serve().await;
    // Standard input stays open: what ends the call is its deadline.
    let mut child = command(&["call", &served.url, "Greeter.echo", "--timeout", "50ms"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let ran = ended(child.wait_with_output()).await;
    assert_eq!(ran.code, 68, "{ran:?}");
    drop(stdin);
}
