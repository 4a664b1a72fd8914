//! What the claims are made of: an interface to call, probes in its handlers, and checks whose failure
//! is a sentence.

use std::fmt::Debug;
use std::future::{Future, IntoFuture, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::call::CallError;
use ipfi_core::{
    CancelCause, Code, Context, Interface, Limits, RawCall, Receiver, Status, Terminator, Wire, WireOptions,
};

pub use super::{Claim, Outcome, Stage};
pub use crate::session_suite::ops::{equal, ok, pattern, same_bytes, settle, that};

/// `(String,) -> String`: the same.
pub const ECHO: u64 = 0;
/// `(u64,) -> sequence of u64`: 0 to below it.
pub const COUNT: u64 = 1;
/// `() + items of u64 -> u64`: their sum.
pub const SUM: u64 = 2;
/// `(u64,) + items of u64 -> sequence of u64`: each times it.
pub const TIMES: u64 = 3;
/// Raw: the same, message by message.
pub const RAW_ECHO: u64 = 4;
/// `(u64,) -> u64`: the same, after as many milliseconds.
pub const SLEEP: u64 = 5;
/// `()`: nothing, never.
pub const NEVER: u64 = 6;
/// `() -> sequence of u64`: 0, and then nothing, never.
pub const ONE_THEN_NEVER: u64 = 7;
/// `(Bytes,) -> Bytes`: the same.
pub const ECHO_BYTES: u64 = 8;
/// `() + items of u64 -> u64`: never reads them, never answers.
pub const NEVER_READS: u64 = 9;
/// `()`: a notification that nobody sees.
pub const NOTE: u64 = 10;
/// From here on indices are a claim's own.
pub const OWN: u64 = 100;

/// Procedures of every kind.
pub fn standard() -> Interface {
    Interface::new()
        .procedure(ECHO, |(text,): (String,)| async move { text })
        .sequence(COUNT, |(to,): (u64,)| stream::iter(0..to))
        .procedure_with_items(SUM, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(TIMES, |(by,): (u64,), numbers: Receiver<u64>| {
            numbers.map(move |number| Ok::<u64, Status>(number? * by))
        })
        .raw(RAW_ECHO, raw_echo)
        .procedure(SLEEP, |(millis,): (u64,)| async move {
            sleep_ms(millis).await;
            millis
        })
        .procedure(NEVER, |(): ()| pending::<()>())
        .sequence(ONE_THEN_NEVER, |(): ()| stream::iter([0_u64]).chain(stream::pending()))
        .procedure(ECHO_BYTES, |(bytes,): (Bytes,)| async move { bytes })
        .procedure_with_items(NEVER_READS, |(): (), numbers: Receiver<u64>| async move {
            let _held = numbers;
            pending::<u64>().await
        })
        .notification(NOTE, |(): ()| async move {})
}

async fn raw_echo(mut call: RawCall) -> Result<(), Status> {
    while let Some(fragment) = call.read().await? {
        let terminator = if fragment.end_of_message { Terminator::Chunk } else { Terminator::None };
        call.write(fragment.bytes, terminator).await?;
    }
    Ok(())
}

/// Waits, in virtual time.
pub async fn sleep_ms(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Options with other limits than the defaults.
pub fn limited(interface: Interface, change: impl FnOnce(&mut Limits)) -> WireOptions {
    let mut limits = Limits::default();
    change(&mut limits);
    WireOptions::from(interface).limits(limits)
}

/// Demands that the connection still serves.
pub async fn alive(wire: &Wire) -> Outcome {
    let answer = tokio::time::timeout(Duration::from_secs(5), wire.call::<String>(ECHO, ("alive",))).await;
    match answer {
        Ok(answer) => equal(
            "a call on the connection afterwards",
            ok("the call afterwards", answer)?,
            "alive".to_owned(),
        ),
        Err(_) => Err("a call on the connection afterwards is not answered".to_owned()),
    }
}

/// Demands that nothing of any call is left at either end.
pub async fn idle(caller: &Wire, callee: &Wire) -> Outcome {
    settle().await;
    for (name, wire) in [("caller", caller), ("callee", callee)] {
        let seen = (wire.outbound_calls(), wire.inbound_calls());
        equal(&format!("calls out and in that are left at the {name}"), seen, (0, 0))?;
    }
    Ok(())
}

/// Demands that a call failed with `code`.
pub fn failed<T: Debug>(what: &str, result: Result<T, CallError>, code: Code) -> Result<CallError, String> {
    match result {
        Err(error) if error.code() == code => Ok(error),
        other => Err(format!("{what}: expected {code:?}, saw {other:?}")),
    }
}

/// Demands that `text` names `part`.
pub fn names(what: &str, text: &str, part: &str) -> Outcome {
    if text.contains(part) { Ok(()) } else { Err(format!("{what}: expected {part:?} in {text:?}")) }
}

/// Demands that the call never started and that nobody is told to try it again.
pub fn no_retry_helps(error: &CallError) -> Outcome {
    that("it never started", error.never_started())?;
    that("it may not be retried", !error.may_be_retried())?;
    let text = error.to_string();
    that(&format!("no word of a retry in {text:?}"), !text.contains("retried"))
}

/// Demands that a limit ended the call, and that the error says which.
pub fn limit_named(error: &CallError, name: &str, limit: u64, seen: u64) -> Outcome {
    let found = error.status().limit_seen().map(|found| (found.name.to_string(), found.limit, found.seen));
    equal("the limit, its value and what was seen", found, Some((name.to_owned(), limit, seen)))
}

/// Demands an outcome within virtual time, so that a fault is named and not a hang.
pub async fn within<T>(what: &str, limit: Duration, future: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(limit, future).await.map_err(|_| format!("{what}: nothing within {limit:?}"))
}

/// What handlers have seen of their calls.
#[derive(Clone, Debug, Default)]
pub struct Probe(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    started: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
    causes: Mutex<Vec<Option<CancelCause>>>,
}

impl Probe {
    /// Notes the start of a handler; the end is the end of what is returned.
    pub fn enter(&self, context: Context) -> Running {
        self.0.started.fetch_add(1, Ordering::Relaxed);
        let running = self.0.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(running, Ordering::Relaxed);
        Running { seen: Arc::clone(&self.0), context }
    }

    /// A procedure of one value that never answers.
    pub fn never(
        &self,
    ) -> impl Fn(Context, ()) -> futures_util::future::BoxFuture<'static, ()> + Clone + use<> {
        let probe = self.clone();
        move |context, ()| {
            let running = probe.enter(context);
            Box::pin(async move {
                let _running = running;
                pending::<()>().await;
            })
        }
    }

    /// How many handlers have started.
    pub fn started(&self) -> usize {
        self.0.started.load(Ordering::Relaxed)
    }

    /// How many have not ended.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// The most that ran at once.
    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }

    /// With what cause each ended; `None` is by itself.
    pub fn causes(&self) -> Vec<Option<CancelCause>> {
        self.0.causes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Demands that one handler ran, and was dropped for `cause`.
    pub fn dropped_once(&self, cause: CancelCause) -> Outcome {
        equal("why the handler was dropped", self.causes(), vec![Some(cause)])
    }
}

/// A handler while it runs.
#[derive(Debug)]
pub struct Running {
    seen: Arc<Seen>,
    context: Context,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.seen.running.fetch_sub(1, Ordering::Relaxed);
        let cause = self.context.cancel_cause();
        self.seen.causes.lock().unwrap_or_else(PoisonError::into_inner).push(cause);
    }
}

/// Calls that are in flight while another goes wrong.
#[derive(Debug)]
pub struct Beside {
    unary: tokio::task::JoinHandle<Result<u64, CallError>>,
    send: ipfi_core::Sender<u64>,
    receive: Receiver<u64>,
}

/// Starts a unary call and a duplex, whose procedures the peer takes from [`standard`].
pub async fn beside(wire: &Wire) -> Result<Beside, String> {
    let unary = tokio::spawn(wire.call::<u64>(SLEEP, (2000_u64,)).into_future());
    let (send, receive) = ok("the duplex beside", wire.duplex::<u64, u64>(TIMES, (3_u64,)).await)?;
    let mut beside = Beside { unary, send, receive };
    beside.turn(1).await?;
    Ok(beside)
}

impl Beside {
    async fn turn(&mut self, n: u64) -> Outcome {
        ok("an item of the duplex beside", self.send.send(n).await)?;
        let answer = within("its answer", Duration::from_secs(5), self.receive.try_next()).await?;
        equal("its answer", ok("it", answer)?, Some(n * 3))
    }

    /// Demands that neither noticed.
    pub async fn unharmed(mut self) -> Outcome {
        self.turn(2).await?;
        ok("the end of the duplex beside", self.send.finish().await)?;
        that("it ends", ok("its end", self.receive.try_next().await)?.is_none())?;
        let answer = ok("the task of the call beside", self.unary.await)?;
        equal("the call beside", ok("it", answer)?, 2000)
    }
}
