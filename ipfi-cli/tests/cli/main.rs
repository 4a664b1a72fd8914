//! The command as it is run: a process, with a server in the test.
#![cfg(all(unix, feature = "secure"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails must say where")]

mod bench;
mod call;
mod carriers;
mod describe;
mod errors;
mod greeter;
mod interrupted;
mod manual;
mod texts;

use std::process::{Output, Stdio};
use std::time::Duration;

use ipfi::{CancelCause, Interface, Server};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::greeter::{GreeterServer, Polite, ProbeServer};

/// Longer than anything here takes on a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on TCP, and what it is told.
struct Served {
    url: String,
    lines: UnboundedReceiver<String>,
    cancelled: UnboundedReceiver<CancelCause>,
}

fn polite() -> (Polite, UnboundedReceiver<String>, UnboundedReceiver<CancelCause>) {
    let (lines, told) = unbounded_channel();
    let (cancelled, causes) = unbounded_channel();
    (Polite { lines, cancelled }, told, causes)
}

fn interface() -> (Interface, UnboundedReceiver<String>, UnboundedReceiver<CancelCause>) {
    let (polite, lines, cancelled) = polite();
    let interface = Interface::new()
        .procedure(7, |(name,): (String,)| async move { format!("Hi, {name}!") })
        .serve(GreeterServer(polite.clone()))
        .serve(ProbeServer(polite));
    (interface, lines, cancelled)
}

async fn listen(interface: Interface, url: &str) -> String {
    let server = Server::new(interface).listen(url).bind().await.unwrap();
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());
    url
}

async fn serve() -> Served {
    let (interface, lines, cancelled) = interface();
    Served { url: listen(interface, "tcp://127.0.0.1:0").await, lines, cancelled }
}

/// What a run of the command came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Its output, if it went well and had nothing to say beside it.
    #[track_caller]
    fn out(self) -> String {
        assert!(self.code == 0 && self.err.is_empty(), "{self:?}");
        self.out
    }

    /// What it said and with which code it ended, if it put out nothing.
    #[track_caller]
    fn failed(self) -> (i32, String) {
        assert!(self.code != 0 && self.out.is_empty(), "{self:?}");
        (self.code, self.err)
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipfi"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Runs the command to its end, with nothing to read.
async fn ipfi(arguments: &[&str]) -> Ran {
    ended(command(arguments).output()).await
}

/// Runs the command to its end, with `input` to read.
async fn ipfi_reading(arguments: &[&str], input: &str) -> Ran {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_bytes().to_vec();
    // It may end before it has read all.
    tokio::spawn(async move { stdin.write_all(&input).await });
    ended(child.wait_with_output()).await
}

async fn ended(output: impl Future<Output = std::io::Result<Output>>) -> Ran {
    let Output { status, stdout, stderr } = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}
