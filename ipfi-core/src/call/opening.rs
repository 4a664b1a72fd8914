//! A stream for a call or a notification of this side: when it may be opened, and by when it must be.

use core::future::Future;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use super::error::CallError;
use super::exchange::DeadlineWatch;
use crate::ProcedureIndex;
use crate::deadlines::Deadline;
use crate::error::ConnectionError;
use crate::observe::count;
use crate::status::Status;
use crate::wire::{BoxRecv, BoxSend, ErasedSession, Opened, Opening, Role, WireCore};

/// Whether this side may call at all.
pub(crate) fn may_call(core: &WireCore) -> Result<(), Status> {
    if core.role() == Role::Module {
        return Err(Status::failed_precondition(
            "this wire is module-style: it serves the peer's calls and makes none",
        ));
    }
    if !core.peer_serves() {
        return Err(Status::unimplemented("the peer only calls: it serves no procedures"));
    }
    if core.peer_goes_away() {
        return Err(Status::unavailable("the peer is shutting down and takes no new calls"));
    }
    if core.is_draining() {
        return Err(Status::unavailable("this side is shutting down and makes no new calls"));
    }
    Ok(())
}

/// Opens a stream for a call that the gauge of outbound calls already counts. Says whether it waited.
pub(crate) async fn open_call(
    core: &Arc<WireCore>,
    deadline: Option<Deadline>,
    procedure: ProcedureIndex,
    shares: bool,
) -> Result<((BoxSend, BoxRecv), bool), CallError> {
    let mut place = Place { core, ticket: None };
    // With a place and credit at hand, as nearly always, nothing is boxed and nobody waits.
    let has_place = core.outbound().running() <= core.outbound_limit();
    let shared = shared_for(core, procedure).filter(|_| shares);
    let session = shared.unwrap_or_else(|| core.session());
    if shared.is_some() {
        count(&core.counters().calls_out_shared);
    }
    if has_place
        && core.is_greeted()
        && let Some(opened) = session.try_open_bi()
    {
        return opened.map(|opened| (opened, false)).map_err(|cause| lost(core, procedure, cause));
    }
    wait(core, deadline, procedure, |cx| core.poll_place(cx, &mut place.ticket), || session.open_bi())
        .await
        .map(|opened| (opened, true))
}

/// Where a call of `procedure` that shares goes, if there is such a place.
#[inline]
pub(super) fn shared_for(core: &WireCore, procedure: ProcedureIndex) -> Option<&dyn ErasedSession> {
    core.shared().filter(|_| !core.is_isolated(procedure))
}

/// Opens a stream for a notification. Says whether it waited.
pub(crate) async fn open_notification(
    core: &Arc<WireCore>,
    deadline: Option<Deadline>,
    procedure: ProcedureIndex,
) -> Result<(BoxSend, bool), CallError> {
    if core.is_greeted()
        && let Some(opened) = core.session().try_open_uni()
    {
        return opened.map(|opened| (opened, false)).map_err(|cause| lost(core, procedure, cause));
    }
    wait(core, deadline, procedure, |_| Poll::Ready(()), || core.session().open_uni())
        .await
        .map(|opened| (opened, true))
}

/// A call's turn among those of this side.
struct Place<'a> {
    core: &'a WireCore,
    ticket: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.core.leave_place(ticket);
        }
    }
}

fn lost(core: &WireCore, procedure: ProcedureIndex, cause: ConnectionError) -> CallError {
    CallError::connection(procedure, core.close_reason().unwrap_or(cause), false)
}

/// Waits for a place, for this side's control stream to be out, and for the peer's credit.
async fn wait<T>(
    core: &Arc<WireCore>,
    deadline: Option<Deadline>,
    procedure: ProcedureIndex,
    mut poll_place: impl FnMut(&Context<'_>) -> Poll<()>,
    open: impl Fn() -> Opening<T>,
) -> Result<T, CallError> {
    let mut deadline = deadline.map(|deadline| DeadlineWatch::new(core, deadline));
    let mut closed = core.closed().wait();
    let mut greeting = core.greeting().wait();
    let mut turn = false;
    let mut opening: Option<Opening<T>> = None;
    poll_fn(|cx| {
        turn = turn || poll_place(cx).is_ready();
        if turn && opening.is_none() && Pin::new(&mut greeting).poll(cx).is_ready() {
            opening = Some(open());
        }
        if let Some(opening) = &mut opening {
            let opened: Poll<Opened<T>> = opening.as_mut().poll(cx);
            if let Poll::Ready(opened) = opened {
                return Poll::Ready(opened.map_err(|cause| lost(core, procedure, cause)));
            }
        } else if let Poll::Ready(cause) = Pin::new(&mut closed).poll(cx) {
            return Poll::Ready(Err(lost(core, procedure, cause)));
        }
        match &mut deadline {
            Some(deadline) => deadline.poll_passed(cx).map(|()| {
                let timeout = deadline.timeout();
                let text =
                    format!("the deadline passed while the call waited for a place (timeout {timeout:?})");
                Err(CallError::not_sent(procedure, Status::deadline_exceeded(text)))
            }),
            None => Poll::Pending,
        }
    })
    .await
}
