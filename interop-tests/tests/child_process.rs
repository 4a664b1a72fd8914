//! What a host and its modules do to each other: killed, gone, silent, talkative. Each is one clear error, in
//! no time, and leaves no process.
#![cfg(target_os = "linux")]
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::future::{Future, IntoFuture};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, NEVER, ONE_THEN_NEVER, OWN, standard};
use ipfi::{Code, ConnectionError, Limits, Module, ModuleError, WireOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Far longer than anything here takes, and far shorter than whoever would be waited for.
const BOUND: Duration = Duration::from_secs(30);

async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    let waited = tokio::time::timeout(BOUND, future.into_future()).await;
    waited.unwrap_or_else(|_| panic!("{what}: not within {BOUND:?}"))
}

/// The program beside this test.
fn peer(what: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stdio_peer"));
    command.arg(what);
    command
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

async fn module() -> Module {
    within("a module", ipfi::spawn(peer("serve"), standard())).await.unwrap()
}

fn pid(module: &mut Module) -> u32 {
    module.child().id().unwrap()
}

/// Whether the process is there, or what nobody has waited for of it.
fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether it runs.
fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("\nState:\tZ"))
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A call that has begun in the module and does not end, and what came of it.
async fn in_mid_call(module: &Module) -> impl Future<Output = ipfi::CallError> + use<> {
    let wire = module.wire().clone();
    // Its answer says that a handler runs.
    let mut items = within("the call", wire.stream::<u64>(ONE_THEN_NEVER, ())).await.unwrap();
    assert_eq!(within("its first item", items.try_next()).await.unwrap(), Some(0));
    let unary = wire.call::<()>(NEVER, ()).into_future();
    async move {
        let (stream, unary) = tokio::join!(items.try_next(), unary);
        assert_eq!(stream.unwrap_err().code(), Code::Unavailable);
        unary.unwrap_err()
    }
}

fn assert_lost(error: &ipfi::CallError) {
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert!(matches!(error.connection_error(), Some(ConnectionError::Lost { .. })), "{error}");
}

#[tokio::test]
async fn a_module_that_is_killed_in_mid_call_ends_the_call_and_is_waited_for() {
    let mut module = module().await;
    let pid = pid(&mut module);
    let call = in_mid_call(&module).await;
    module.child().start_kill().unwrap();
    assert_lost(&within("the call's end", call).await);
    let reason = within("the wire's end", module.wire().closed()).await;
    assert!(matches!(reason, ConnectionError::Lost { .. }), "{reason:?}");
    let status = within("the module's end", module.finish(BOUND)).await.unwrap();
    assert_eq!(status.signal(), Some(9));
    assert!(!exists(pid));
}

#[tokio::test]
async fn a_module_that_exits_in_mid_call_ends_the_call_and_its_status_is_told() {
    let module = module().await;
    let call = in_mid_call(&module).await;
    let leaving = module.wire().call::<()>(OWN, (3_i32,)).into_future();
    let (call, leaving) = within("the calls' end", async { tokio::join!(call, leaving) }).await;
    assert_lost(&call);
    assert_lost(&leaving.unwrap_err());
    let status = within("the module's end", module.finish(BOUND)).await.unwrap();
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn a_module_that_ends_in_order_says_goodbye() {
    let module = module().await;
    within("the last call", module.wire().call::<()>(OWN + 2, ())).await.unwrap();
    let reason = within("the wire's end", module.wire().closed()).await;
    assert!(reason.is_orderly(), "{reason:?}");
    assert!(within("the module's end", module.finish(BOUND)).await.unwrap().success());
}

#[tokio::test]
async fn a_module_that_is_finished_ends_by_itself() {
    let mut module = module().await;
    let pid = pid(&mut module);
    let _: String = within("a call", module.wire().call(ECHO, ("x",))).await.unwrap();
    let status = within("the module's end", module.finish(BOUND)).await.unwrap();
    // It was not killed: its wire ended, and so did it.
    assert!(status.success(), "{status}");
    assert!(!exists(pid));
}

#[tokio::test]
async fn a_server_on_standard_input_and_output_serves_its_host_once_and_ends_with_it() {
    let module = within("a module", ipfi::spawn(peer("server"), standard())).await.unwrap();
    let echo: String = within("a call", module.wire().call(ECHO, ("Ada",))).await.unwrap();
    assert_eq!(echo, "Ada");
    let again: String = within("a call", module.wire().call(OWN, ())).await.unwrap();
    let text =
        "listen on standard input and output: this process serves on them already, and can do so only once";
    assert_eq!(again, text);
    let status = within("its end", module.finish(Duration::from_secs(5))).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn stray_prints_go_to_standard_error_and_standard_input_is_empty() {
    let mut command = peer("serve");
    command.stderr(Stdio::piped());
    let mut module = within("a module", ipfi::spawn(command, standard())).await.unwrap();
    let mut errors = module.child().stderr.take().unwrap();
    let printing = module.wire().call::<String>(OWN + 1, (1000_u64,)).into_future();
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        errors.read_to_string(&mut text).await.map(|_| text)
    });
    assert_eq!(within("the call that prints", printing).await.unwrap(), "");
    let echo: String = within("a call after it", module.wire().call(ECHO, ("x",))).await.unwrap();
    assert_eq!(echo, "x");
    assert!(within("the module's end", module.finish(BOUND)).await.unwrap().success());
    let text = within("what it printed", reading).await.unwrap().unwrap();
    assert_eq!(text.lines().count(), 1000, "{text}");
    assert!(text.ends_with("stray line 999\n"), "{text}");
}

/// Why no wire came of `command`, and that nothing is left of it.
async fn refused(command: Command, limits: Limits) -> (ConnectionError, Option<i32>, String) {
    let before = children();
    let options = WireOptions::from(standard()).limits(limits);
    let error = within("an error", ipfi::spawn(command, options)).await.unwrap_err();
    let text = error.to_string();
    let ModuleError::Handshake { source, status, .. } = error else { panic!("{text}") };
    assert_eq!(children(), before, "a process is left after: {text}");
    (source, status.and_then(|status| status.code()), text)
}

/// The children of this thread, which started them all: the dead ones that nobody waited for, too.
fn children() -> String {
    std::fs::read_to_string("/proc/thread-self/children").unwrap()
}

#[tokio::test]
async fn text_before_the_handshake_is_quoted_and_the_program_is_gone() {
    let (source, _, text) = refused(peer("chatter"), Limits::default()).await;
    assert!(matches!(&source, ConnectionError::NotIpfi { .. }), "{source:?}");
    assert!(
        text.contains("stdio_peer: the peer printed text before the handshake: \"Loading config"),
        "{text}"
    );
}

#[tokio::test]
async fn a_program_that_ends_without_a_word_is_lost_and_its_status_is_told() {
    let (source, status, text) = refused(shell("exit 3"), Limits::default()).await;
    assert!(matches!(source, ConnectionError::Lost { .. }), "{source:?}");
    assert_eq!(status, Some(3));
    assert!(text.ends_with(" (it ended with exit status: 3)"), "{text}");
}

#[tokio::test]
async fn a_program_that_closes_its_output_and_stays_is_lost_and_killed() {
    let (source, status, _) = refused(shell("exec >&-; exec sleep 1000"), Limits::default()).await;
    assert!(matches!(source, ConnectionError::Lost { .. }), "{source:?}");
    assert_eq!(status, None);
}

#[tokio::test]
async fn a_program_that_closes_its_input_and_stays_is_lost_and_killed() {
    let (source, status, _) = refused(shell("exec <&-; exec sleep 1000"), quick()).await;
    assert!(
        matches!(source, ConnectionError::Lost { .. } | ConnectionError::HandshakeTimeout { .. }),
        "{source:?}"
    );
    assert_eq!(status, None);
}

fn quick() -> Limits {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(300);
    limits
}

#[tokio::test]
async fn a_program_that_says_nothing_times_out_and_one_that_heeds_its_input_ends_by_itself() {
    let (source, status, _) = refused(shell("exec sleep 1000"), quick()).await;
    assert_eq!(source, ConnectionError::HandshakeTimeout { after: Duration::from_millis(300) });
    assert_eq!(status, None, "it was killed");
    // Its input has ended: not only shut, which a pipe takes no notice of.
    let (source, status, _) = refused(shell("cat > /dev/null"), quick()).await;
    assert_eq!(source, ConnectionError::HandshakeTimeout { after: Duration::from_millis(300) });
    assert_eq!(status, Some(0));
}

#[tokio::test]
async fn a_module_that_is_dropped_is_killed_and_waited_for() {
    let mut module = module().await;
    let pid = pid(&mut module);
    let call = in_mid_call(&module).await;
    drop(module);
    within("the call's end", call).await;
    eventually("the module's end", || !exists(pid)).await;
}

#[tokio::test]
async fn a_module_whose_host_is_killed_ends_by_itself() {
    let mut host = peer("host").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let said = within("the module's number", lines.next_line()).await.unwrap().unwrap();
    let module: u32 = said.parse().unwrap();
    assert!(runs(module));
    within("the host's end", host.kill()).await.unwrap();
    eventually("the module's end", || !runs(module)).await;
}
