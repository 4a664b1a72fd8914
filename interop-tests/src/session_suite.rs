//! The claims about any pair of sessions: what [`ipfi_core::session`] promises, one test per promise.
//!
//! After libp2p's `muxers/test-harness`: the claims know nothing of the carrier, so adapters cannot
//! quietly differ. Every claim gets a fresh pair, and runs twice: with the client as the end that acts
//! and with the server. A claim that hangs fails after [`CLAIM_TIMEOUT`], one that spins after
//! [`CLAIM_POLLS`]; one that panics fails too.
//!
//! "Nothing happens" can only be claimed of a pair that has come to rest: [`settle`](ops::settle) lets
//! it. On tokio's paused clock that costs nothing and is exact; a carrier over real sockets needs the
//! real clock, and there it waits a few milliseconds, enough to notice a fault and never to invent one.

mod close;
mod datagrams;
mod ends;
mod flow;
mod limits;
pub mod ops;
mod streams;

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use ipfi_core::limits::Limits;
use ipfi_core::session::Session;

/// How long a claim may take before it counts as hanging.
pub const CLAIM_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a claim may be woken before it counts as spinning. On a paused clock no time passes
/// while something runs, so the timeout alone would never end it.
pub const CLAIM_POLLS: u32 = 2_000_000;

/// Something that makes connected pairs of sessions.
// Claims run on one thread, and a peer made of `Rc`s is welcome: no `Send` is asked for.
#[allow(async_fn_in_trait)]
pub trait Carrier {
    /// Both ends' type.
    type Session: Session;

    /// The two ends of a new connection, the client's first; both apply `limits` to their peer.
    /// Whatever drives them must make progress while the claim awaits, spawned on the runtime, say.
    async fn pair(&self, limits: Limits) -> (Self::Session, Self::Session);

    /// Whether datagrams arrive over this carrier when the limits allow them.
    fn carries_datagrams(&self) -> bool {
        true
    }
}

/// What a claim works on. It names no client and no server: the roles are swapped between two runs.
#[derive(Debug)]
pub struct Pair<S> {
    /// The end that acts.
    pub a: S,
    /// The end that answers.
    pub b: S,
    /// What both allow their peer.
    pub limits: Limits,
    /// As [`Carrier::carries_datagrams`] says.
    pub datagrams: bool,
}

/// The outcome of a claim; an error says what was seen instead.
pub type Outcome = Result<(), String>;

type Run<S> = Box<dyn Fn(Pair<S>) -> Pin<Box<dyn Future<Output = Outcome>>>>;

/// One promise of the session traits.
pub struct Claim<S> {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// Changes the limits that [`base_limits`] gives to what the claim needs.
    limits: fn(&mut Limits),
    run: Run<S>,
}

impl<S> fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.name).finish()
    }
}

impl<S: Session> Claim<S> {
    fn new<F>(name: &'static str, run: fn(Pair<S>) -> F) -> Self
    where
        F: Future<Output = Outcome> + 'static,
    {
        Self { name, limits: |_| {}, run: Box::new(move |pair| Box::pin(run(pair))) }
    }

    fn with(mut self, limits: fn(&mut Limits)) -> Self {
        self.limits = limits;
        self
    }
}

/// Small windows, so that every transfer meets backpressure; a pool, so that windows may grow.
pub fn base_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 16;
    limits.max_inbound_notifications = 16;
    limits.stream_window_bytes = 8 << 10;
    limits.notification_window_bytes = 4 << 10;
    limits.window_pool_bytes = 256 << 10;
    limits.max_stream_window_bytes = 64 << 10;
    limits.quic_stream_window_bytes = 64 << 10;
    limits.quic_connection_window_bytes = 4 << 20;
    limits.stream_send_buffer_bytes = 16 << 10;
    limits.send_buffer_bytes = 1 << 20;
    limits
}

/// Every claim, in the order in which they run.
pub fn claims<S: Session>() -> Vec<Claim<S>> {
    let mut claims = streams::claims();
    claims.extend(ends::claims());
    claims.extend(flow::claims());
    claims.extend(limits::claims());
    claims.extend(datagrams::claims());
    claims.extend(close::claims());
    claims
}

/// Which end acts in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// The client acts, the server answers.
    ClientActs,
    /// The server acts, the client answers.
    ServerActs,
}

impl Roles {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ClientActs, Self::ServerActs];

    /// The end that acts and the one that answers, as client and server; or back.
    pub(crate) fn swap<T>(self, one: T, other: T) -> (T, T) {
        match self {
            Self::ClientActs => (one, other),
            Self::ServerActs => (other, one),
        }
    }
}

/// What became of one run of one claim.
#[derive(Clone, Debug)]
pub struct ClaimResult {
    /// The claim.
    pub name: &'static str,
    /// Who acted.
    pub roles: Roles,
    /// Whether it holds, or what was seen instead.
    pub outcome: Outcome,
}

/// What became of every claim.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order in which they ran.
    pub results: Vec<ClaimResult>,
}

impl Report {
    /// The runs that failed.
    pub fn failures(&self) -> impl Iterator<Item = &ClaimResult> {
        self.results.iter().filter(|result| result.outcome.is_err())
    }

    /// Whether every claim ran in both roles, and held.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none() && self.results.len() == claim_names().len() * Roles::ALL.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures().count();
        writeln!(f, "{} runs of {} claims, {failures} failed", self.results.len(), claim_names().len())?;
        for ClaimResult { name, roles, outcome } in self.failures() {
            let Err(seen) = outcome else { continue };
            writeln!(f, "FAILED ({roles:?}): {name}\n    {seen}")?;
        }
        Ok(())
    }
}

/// The names of all claims, in order.
pub fn claim_names() -> Vec<&'static str> {
    // The names do not depend on the carrier; any one will do.
    claims::<ipfi_core::memory::MemorySession>().iter().map(|claim| claim.name).collect()
}

/// Runs every claim over `carrier`, in both roles, each with a fresh pair.
pub async fn run_all<C: Carrier>(carrier: &C) -> Report {
    run_matching(carrier, |_| true).await
}

/// Runs the claims whose name satisfies `wanted`: for looking at one of them alone.
pub async fn run_matching<C: Carrier>(carrier: &C, wanted: impl Fn(&str) -> bool) -> Report {
    let mut report = Report::default();
    for claim in claims::<C::Session>().into_iter().filter(|claim| wanted(claim.name)) {
        for roles in Roles::ALL {
            let outcome = run_one(carrier, &claim, roles).await;
            report.results.push(ClaimResult { name: claim.name, roles, outcome });
        }
    }
    report
}

async fn run_one<C: Carrier>(carrier: &C, claim: &Claim<C::Session>, roles: Roles) -> Outcome {
    let run = async {
        let mut limits = base_limits();
        (claim.limits)(&mut limits);
        let (client, server) = carrier.pair(limits.clone()).await;
        // Credit for the first streams may come with the handshake.
        ops::settle().await;
        let (a, b) = roles.swap(client, server);
        (claim.run)(Pair { a, b, limits, datagrams: carrier.carries_datagrams() }).await
    };
    let mut run = Box::pin(AssertUnwindSafe(run).catch_unwind());
    let mut polls = 0;
    let bounded = std::future::poll_fn(|cx| {
        polls += 1;
        if polls > CLAIM_POLLS {
            return Poll::Ready(Err(format!("spun: no outcome after {CLAIM_POLLS} polls")));
        }
        run.poll_unpin(cx)
            .map(|outcome| outcome.unwrap_or_else(|panic| Err(format!("panicked: {}", panic_text(&*panic)))))
    });
    match tokio::time::timeout(CLAIM_TIMEOUT, bounded).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("hung: no outcome after {CLAIM_TIMEOUT:?}")),
    }
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}
