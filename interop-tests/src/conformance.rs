//! The claims about any pair of wires: what calls promise, one test per promise, whatever carries them.
//!
//! Written as [`session_suite`](crate::session_suite) is, one floor higher: the claims know nothing of
//! the carrier, every claim gets fresh wires and runs twice, with the client as the caller and with the
//! server. A claim that hangs fails after [`CLAIM_TIMEOUT`]; one that panics fails too.
//!
//! Handlers here sleep, for seconds: the suite wants tokio's paused clock, on which that costs nothing.
//! The names in square brackets are rows of the reliability matrix.

mod cancel;
mod codecs;
mod cut;
mod deadline;
mod detach;
mod drain;
mod drops;
mod ends;
mod faults;
mod grpc;
mod handlers;
mod kinds;
pub mod kit;
mod limits;
mod load;
mod notify;
mod pieces;
pub mod remote;
mod roles;
mod state;
mod typed;
mod watch;

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use ipfi_core::{Wire, WireOptions};

pub use crate::session_suite::{Outcome, Roles};
use crate::session_suite::{ops, panic_text};

/// How long a claim may take, in virtual time, before it counts as hanging.
pub const CLAIM_TIMEOUT: Duration = Duration::from_secs(600);

/// Breaks the carrier under a pair of wires, without a word to either.
pub type Cut = Box<dyn Fn(&str)>;

/// Something that makes connected pairs of wires.
// Claims run on one thread: no `Send` is asked for.
#[allow(async_fn_in_trait)]
pub trait WireCarrier {
    /// The two ends of a new connection, and the means to break it, which breaks nothing by being dropped.
    /// Limits are those of the options ([`WireOptions::limits_ref`]), for the carrier too. Whatever drives
    /// the ends must make progress while the claim awaits, spawned on the runtime, say.
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut);

    /// Whether datagrams arrive over this carrier when the limits allow them.
    fn carries_datagrams(&self) -> bool {
        true
    }

    /// What both ends say of a connection that was cut with "the cable".
    fn cut_detail(&self) -> &'static str {
        "the cable"
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// [`WireCarrier`] as an object, so that the claims are compiled once.
trait AnyCarrier {
    fn wires(&self, client: WireOptions, server: WireOptions) -> Boxed<'_, (Wire, Wire, Cut)>;
    fn carries_datagrams(&self) -> bool;
    fn cut_detail(&self) -> &'static str;
}

impl<C: WireCarrier> AnyCarrier for C {
    fn wires(&self, client: WireOptions, server: WireOptions) -> Boxed<'_, (Wire, Wire, Cut)> {
        Box::pin(WireCarrier::wires(self, client, server))
    }

    fn carries_datagrams(&self) -> bool {
        WireCarrier::carries_datagrams(self)
    }

    fn cut_detail(&self) -> &'static str {
        WireCarrier::cut_detail(self)
    }
}

/// What a claim works on: it makes the wires it needs. It names a caller and a callee, not a client and
/// a server: those are swapped between two runs.
#[derive(Clone)]
pub struct Stage {
    ends: Ends,
}

/// Where a claim's wires come from.
#[derive(Clone)]
enum Ends {
    /// Both are in this process.
    Both(Rc<dyn AnyCarrier>, Roles),
    /// One is in another process: see [`remote`].
    Split(remote::End),
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}

impl Stage {
    /// A caller and a callee, connected.
    pub async fn wires(
        &self,
        caller: impl Into<WireOptions>,
        callee: impl Into<WireOptions>,
    ) -> (Wire, Wire) {
        let (caller, callee, _) = self.make(caller.into(), callee.into()).await;
        (caller, callee)
    }

    /// The same, and what breaks the connection. An error in a claim that is `remote`:
    /// another process has no such means.
    pub async fn wires_to_cut(
        &self,
        caller: impl Into<WireOptions>,
        callee: impl Into<WireOptions>,
    ) -> Result<(Wire, Wire, Cut), String> {
        let (caller, callee, cut) = self.make(caller.into(), callee.into()).await;
        let cut = cut.ok_or("the other end is in another process, and nothing here breaks the connection")?;
        Ok((caller, callee, cut))
    }

    async fn make(&self, caller: WireOptions, callee: WireOptions) -> (Wire, Wire, Option<Cut>) {
        let ends = match &self.ends {
            Ends::Both(carrier, roles) => {
                let (client, server) = roles.swap(caller, callee);
                let (client, server, cut) = carrier.wires(client, server).await;
                let (caller, callee) = roles.swap(client, server);
                (caller, callee, Some(cut))
            }
            Ends::Split(end) => {
                let (caller, callee) = end.wires(caller, callee).await;
                (caller, callee, None)
            }
        };
        // Both have said what they are: nothing of that is under way when a claim counts.
        ops::settle().await;
        ends
    }

    /// As [`WireCarrier::carries_datagrams`] says.
    pub fn carries_datagrams(&self) -> bool {
        match &self.ends {
            Ends::Both(carrier, _) => carrier.carries_datagrams(),
            Ends::Split(_) => true,
        }
    }

    /// As [`WireCarrier::cut_detail`] says.
    pub fn cut_detail(&self) -> &'static str {
        match &self.ends {
            Ends::Both(carrier, _) => carrier.cut_detail(),
            Ends::Split(_) => "the cable",
        }
    }
}

/// One promise of calls.
pub struct Claim {
    /// The promise, as a sentence.
    pub name: &'static str,
    run: Box<dyn Fn(Stage) -> Boxed<'static, Outcome>>,
    remote: bool,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.name).finish()
    }
}

impl Claim {
    fn new<F>(name: &'static str, run: fn(Stage) -> F) -> Self
    where
        F: Future<Output = Outcome> + 'static,
    {
        Self { name, run: Box::new(move |stage| Box::pin(run(stage))), remote: false }
    }

    /// This one makes one pair of wires, looks at the callee's end only to see that nothing is left there,
    /// and counts no milliseconds: the callee may be another process, whose clock is its own.
    fn remote(self) -> Self {
        Self { remote: true, ..self }
    }
}

/// Every claim, in the order in which they run.
pub fn claims() -> Vec<Claim> {
    let groups = [
        grpc::claims(),
        kinds::claims(),
        codecs::claims(),
        detach::claims(),
        pieces::claims(),
        notify::claims(),
        handlers::claims(),
        state::claims(),
        typed::claims(),
        roles::claims(),
        faults::claims(),
        limits::claims(),
        cancel::claims(),
        deadline::claims(),
        load::claims(),
        drain::claims(),
        ends::claims(),
        cut::claims(),
        drops::claims(),
        watch::claims(),
    ];
    groups.into_iter().flatten().collect()
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
        self.failures().next().is_none() && self.results.len() == claims().len() * Roles::ALL.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures().count();
        writeln!(f, "{} runs, {failures} failed", self.results.len())?;
        for ClaimResult { name, roles, outcome } in self.failures() {
            let Err(seen) = outcome else { continue };
            writeln!(f, "FAILED ({roles:?}): {name}\n    {seen}")?;
        }
        Ok(())
    }
}

/// Runs every claim over `carrier`, in both roles, each with fresh wires.
pub async fn run_all(carrier: impl WireCarrier + 'static) -> Report {
    run_matching(carrier, |_| true).await
}

/// Runs the claims whose name satisfies `wanted`: for looking at one of them alone.
pub async fn run_matching(carrier: impl WireCarrier + 'static, wanted: impl Fn(&str) -> bool) -> Report {
    let carrier: Rc<dyn AnyCarrier> = Rc::new(carrier);
    let mut report = Report::default();
    for claim in claims().into_iter().filter(|claim| wanted(claim.name)) {
        for roles in Roles::ALL {
            let stage = Stage { ends: Ends::Both(Rc::clone(&carrier), roles) };
            let run = AssertUnwindSafe((claim.run)(stage)).catch_unwind();
            let outcome = match tokio::time::timeout(CLAIM_TIMEOUT, run).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => Err(format!("panicked: {}", panic_text(&*panic))),
                Err(_) => Err(format!("hung: no outcome after {CLAIM_TIMEOUT:?}")),
            };
            report.results.push(ClaimResult { name: claim.name, roles, outcome });
        }
    }
    report
}
