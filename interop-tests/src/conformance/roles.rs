//! Who may call, who is let in, and as whom.

use std::future::{IntoFuture, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Code, Context, Interface, Peer, Role, Status, Wire, WireOptions};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("a module serves and does not call", module),
        Claim::new("who only calls says so, and the peer's calls fail before they leave", caller_only),
        Claim::new("a refused peer is told UNAUTHENTICATED and why, and nothing of it is served", refused),
        Claim::new("an accepted peer is served, with the identity that the hook gave it", accepted),
        Claim::new(
            "calls wait while the hook considers, and no longer than the handshake may take",
            undecided,
        ),
        Claim::new("the authorization hook decides call by call, and sees what it needs", authorize),
        Claim::new("a first call with a token opens the others, once and for one identity", login),
    ]
}

async fn module(stage: Stage) -> Outcome {
    let options = WireOptions::from(standard()).role(Role::Module);
    let (caller, module) = stage.wires(standard(), options).await;
    alive(&caller).await?;
    let error =
        failed("a call of the module", module.call::<String>(ECHO, ("x",)).await, Code::FailedPrecondition)?;
    no_retry_helps(&error)?;
    let notification = module.notify(NOTE, ()).await;
    failed("a notification of the module", notification, Code::FailedPrecondition)?;
    alive(&caller).await?;
    idle(&caller, &module).await
}

async fn caller_only(stage: Stage) -> Outcome {
    let options = WireOptions::from(standard()).role(Role::CallerOnly);
    let (caller, callee) = stage.wires(options, standard()).await;
    alive(&caller).await?;
    let error = failed("a call back", callee.call::<String>(ECHO, ("x",)).await, Code::Unimplemented)?;
    no_retry_helps(&error)?;
    failed("a notification back", callee.notify(NOTE, ()).await, Code::Unimplemented)?;
    equal("calls that arrived", caller.stats().calls_in, 0)?;
    idle(&caller, &callee).await
}

/// Why the connection of `wire` has ended.
async fn end_of(wire: &Wire) -> Result<ConnectionError, String> {
    within("the end of the connection", Duration::from_secs(60), wire.closed()).await
}

async fn refused(stage: Stage) -> Outcome {
    let served = Arc::new(AtomicBool::new(false));
    let (one, other) = (Arc::clone(&served), Arc::clone(&served));
    let interface = standard()
        .procedure(OWN, move |(): ()| {
            one.store(true, Ordering::Relaxed);
            async {}
        })
        .notification(OWN + 1, move |(): ()| {
            other.store(true, Ordering::Relaxed);
            async {}
        });
    let options = WireOptions::from(interface).authenticate(|peer: Peer| async move {
        sleep_ms(1000).await;
        Err(Status::unauthenticated(format!("{} is not on the list", peer.carrier())))
    });
    let (caller, callee) = stage.wires(Interface::new(), options).await;
    // Both arrive while the hook considers.
    let call = tokio::spawn(caller.call::<()>(OWN, ()).into_future());
    ok("a notification leaves", caller.notify(OWN + 1, ()).await)?;
    let error = failed("the call", ok("its task", call.await)?, Code::Unauthenticated)?;
    names("its text", error.status().message(), "not on the list")?;
    match end_of(&caller).await? {
        ConnectionError::PeerClosed { code: CloseCode::UNAUTHENTICATED, reason } => {
            names("the reason", &reason, "not on the list")?;
        }
        other => return Err(format!("the caller's cause: {other:?}")),
    }
    match end_of(&callee).await? {
        ConnectionError::LocallyClosed { code: CloseCode::UNAUTHENTICATED, .. } => {}
        other => return Err(format!("the callee's cause: {other:?}")),
    }
    let late = failed("a call afterwards", caller.call::<()>(OWN, ()).await, Code::Unauthenticated)?;
    no_retry_helps(&late)?;
    names("its text", &late.to_string(), "the call never started")?;
    settle().await;
    that("nothing was served", !served.load(Ordering::Relaxed))?;
    equal("calls that were let in", callee.stats().calls_in, 0)?;
    idle(&caller, &callee).await
}

fn who_am_i() -> Interface {
    standard().procedure(OWN, |context: Context, (): ()| async move {
        context.peer().identity().map(str::to_owned)
    })
}

async fn accepted(stage: Stage) -> Outcome {
    let options = WireOptions::from(who_am_i()).authenticate(|peer: Peer| async move {
        peer.set_identity("ada").map_err(|error| Status::internal(error.to_string()))
    });
    let (caller, callee) = stage.wires(Interface::new(), options).await;
    equal(
        "who the caller is",
        ok("it", caller.call::<Option<String>>(OWN, ()).await)?,
        Some("ada".to_owned()),
    )?;
    equal("at the wire", callee.peer().identity(), Some("ada"))?;
    idle(&caller, &callee).await
}

async fn undecided(stage: Stage) -> Outcome {
    let slow = WireOptions::from(standard()).authenticate(|_| async {
        sleep_ms(5000).await;
        Ok(())
    });
    let (caller, _callee) = stage.wires(Interface::new(), slow).await;
    let begin = tokio::time::Instant::now();
    ok("a call", caller.call::<String>(ECHO, ("x",)).await)?;
    that("it waited for the hook", begin.elapsed() >= Duration::from_secs(4))?;

    let never = WireOptions::from(standard()).authenticate(|_| pending());
    let (caller, callee) = stage.wires(Interface::new(), never).await;
    let call = tokio::spawn(caller.call::<String>(ECHO, ("x",)).into_future());
    let begin = tokio::time::Instant::now();
    match end_of(&callee).await? {
        ConnectionError::LocallyClosed { code: CloseCode::UNAUTHENTICATED, reason } => {
            names("the reason", &reason, "handshake_timeout")?;
        }
        other => return Err(format!("the callee's cause: {other:?}")),
    }
    that("after the handshake's time", begin.elapsed() <= Duration::from_secs(11))?;
    failed("the call", ok("its task", call.await)?, Code::Unauthenticated)?;
    idle(&caller, &callee).await
}

async fn authorize(stage: Stage) -> Outcome {
    let interface = standard()
        .authorize(|call| match call.procedure.get() {
            SLEEP if call.metadata.get_str("key") != Some("secret") => {
                Err(Status::permission_denied("the key is missing"))
            }
            _ => Ok(()),
        })
        // Hooks add up.
        .authorize(|call| match call.kind {
            ipfi_core::interface::Kind::Raw => Err(Status::unauthenticated("not for you")),
            _ => Ok(()),
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let error = failed("without a key", caller.call::<u64>(SLEEP, (1_u64,)).await, Code::PermissionDenied)?;
    equal("its text", error.status().message(), "the key is missing")?;
    let answer = caller.call::<u64>(SLEEP, (1_u64,)).metadata("key", "secret").await;
    equal("with it", ok("the call", answer)?, 1)?;
    let mut raw = ok("starting", caller.start(RAW_ECHO).await)?;
    failed("the other hook", raw.read().await, Code::Unauthenticated)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn login(stage: Stage) -> Outcome {
    const LOGIN: u64 = OWN + 1;
    let interface = who_am_i()
        .procedure(LOGIN, |context: Context, (token,): (String,)| async move {
            let name = token.strip_prefix("token of ").ok_or_else(|| Status::unauthenticated("no token"))?;
            context.peer().set_identity(name).map_err(|error| Status::failed_precondition(error.to_string()))
        })
        .authorize(|call| match call.peer.identity() {
            None if call.procedure.get() != LOGIN => Err(Status::unauthenticated("log in first")),
            _ => Ok(()),
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    failed("before", caller.call::<String>(ECHO, ("x",)).await, Code::Unauthenticated)?;
    ok("a notification is dropped", caller.notify(NOTE, ()).await)?;
    failed("a wrong token", caller.call::<()>(LOGIN, ("open",)).await, Code::Unauthenticated)?;
    ok("the right one", caller.call::<()>(LOGIN, ("token of ada",)).await)?;
    equal("afterwards", ok("it", caller.call::<Option<String>>(OWN, ()).await)?, Some("ada".to_owned()))?;
    ok("again the same", caller.call::<()>(LOGIN, ("token of ada",)).await)?;
    failed("as another", caller.call::<()>(LOGIN, ("token of eve",)).await, Code::FailedPrecondition)?;
    equal("notifications dropped", callee.stats().notifications_in_dropped, 1)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
