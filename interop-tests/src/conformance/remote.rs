//! Claims whose callee is in another process.
//!
//! A claim is one function that says what the callee offers and then acts as the caller. Both processes
//! run it, unchanged: the one as the caller, the other only until it knows what to offer. The clock is the
//! real one, because the other process has its own.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;

use ipfi_core::{Wire, WireOptions};

use super::{Boxed, CLAIM_TIMEOUT, Claim, Ends, Outcome, Stage, claims};

type Connect = Rc<dyn Fn(WireOptions) -> Boxed<'static, Wire>>;

/// Which of the two processes this is.
#[derive(Clone)]
pub(super) enum End {
    /// The caller's, and how it reaches the other.
    Caller(Connect),
    /// The callee's; what it offers goes here.
    Callee(Rc<RefCell<Option<WireOptions>>>),
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller(_) => "Caller",
            Self::Callee(_) => "Callee",
        })
    }
}

impl End {
    /// The caller's wire, twice: of the other end this process can see no more than its own.
    pub(super) async fn wires(&self, caller: WireOptions, callee: WireOptions) -> (Wire, Wire) {
        match self {
            Self::Caller(connect) => {
                let wire = connect(caller).await;
                (wire.clone(), wire)
            }
            Self::Callee(offer) => {
                *offer.borrow_mut() = Some(callee);
                pending().await
            }
        }
    }
}

/// The names of the claims that hold of another process, too.
pub fn names() -> Vec<&'static str> {
    claims().iter().filter(|claim| claim.remote).map(|claim| claim.name).collect()
}

fn claim(name: &str) -> Result<Claim, String> {
    let claim = claims().into_iter().find(|claim| claim.remote && claim.name == name);
    claim.ok_or_else(|| format!("no claim {name:?} about another process"))
}

/// Runs a claim as its caller; `connect` makes the wire to the process of the callee, once.
///
/// # Errors
///
/// What was seen instead of what is claimed, or that there is no such claim.
pub async fn act<F>(name: &str, connect: impl Fn(WireOptions) -> F + 'static) -> Outcome
where
    F: Future<Output = Wire> + 'static,
{
    let connect: Connect = Rc::new(move |options| Box::pin(connect(options)));
    let run = (claim(name)?.run)(Stage { ends: Ends::Split(End::Caller(connect)) });
    let limit = CLAIM_TIMEOUT / 10;
    tokio::time::timeout(limit, run)
        .await
        .unwrap_or_else(|_| Err(format!("hung: no outcome after {limit:?}")))
}

/// What the callee of a claim offers.
///
/// # Errors
///
/// There is no such claim, or it asks for no wires.
pub async fn offer(name: &str) -> Result<WireOptions, String> {
    let offer = Rc::default();
    let mut run = pin!((claim(name)?.run)(Stage { ends: Ends::Split(End::Callee(Rc::clone(&offer))) }));
    // Far enough: until it waits for wires.
    let ended = futures_util::poll!(&mut run);
    let offered = offer.borrow_mut().take();
    offered.ok_or_else(|| format!("it made no wires: {ended:?}"))
}
