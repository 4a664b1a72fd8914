//! Calls that nobody answers.

use core::future::{Future, IntoFuture, poll_fn};
use core::pin::Pin;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::error::CallError;
use super::exchange::may_call;
use super::outbound::Outbound;
use super::request::{Call, Ready, Request};
use crate::error::{DatagramError, WriteError};
use crate::observe::count;
use crate::proto::StreamType;
use crate::proto::item::ItemKind;
use crate::status::{Origin, Status};

/// The kind of a call that nobody answers.
#[derive(Debug)]
pub struct Notify(());

impl IntoFuture for Call<Notify> {
    type Output = Result<(), CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(notify(self.request))
    }
}

impl Call<Notify> {
    /// Sends the notification as a datagram: it may be lost, it never waits, and it must fit
    /// [`Wire::max_datagram_bytes`](crate::wire::Wire::max_datagram_bytes), header included.
    pub fn datagram(self) -> Result<(), CallError> {
        let procedure = self.request.procedure();
        let not_sent = |status| CallError::not_sent(procedure, status);
        let Ready { wire, mut head, payload, .. } = self.request.prepare_datagram().map_err(not_sent)?;
        may_call(wire.core()).map_err(not_sent)?;
        head.extend_from_slice(&payload);
        count(&wire.core().counters().notifications_out);
        wire.core().session().send_datagram(head.freeze()).map_err(|error| match error {
            DatagramError::Connection(cause) => CallError::connection(procedure, cause, false),
            DatagramError::TooLarge { seen, limit } => {
                not_sent(Status::limit("max_datagram_bytes", limit as u64, seen as u64))
            }
            DatagramError::Unsupported => not_sent(Status::unimplemented(error.to_string())),
            DatagramError::QueueFull => not_sent(Status::unavailable(error.to_string())),
        })
    }
}

async fn notify(request: Request) -> Result<(), CallError> {
    let procedure = request.procedure();
    let not_sent = |status: Status| CallError::not_sent(procedure, status);
    let Ready { wire, head, payload, priority, .. } = request.prepare(None).map_err(not_sent)?;
    let core = wire.core();
    may_call(core).map_err(not_sent)?;
    count(&core.counters().notifications_out);
    let lost = |cause, sent| CallError::connection(procedure, core.close_reason().unwrap_or(cause), sent);
    let send = match core.session().try_open_uni() {
        Some(opened) => opened,
        None => core.session().open_uni().await,
    };
    let send = send.map_err(|cause| lost(cause, false))?;
    let mut staged = BytesMut::with_capacity(1 + head.len() + payload.len().min(4096));
    StreamType::Notification.encode(&mut staged);
    staged.put_slice(&head);
    let mut outbound = Outbound::new(Arc::clone(core), send, staged);
    outbound.set_priority(priority);
    if !payload.is_empty() {
        outbound.stage_bytes(&payload, ItemKind::LastFragment).map_err(not_sent)?;
    }
    match poll_fn(|cx| outbound.poll_flush(cx, true)).await {
        Ok(()) => Ok(()),
        Err(WriteError::Connection(cause)) => Err(lost(cause, true)),
        Err(WriteError::Stopped(code)) => {
            let status = Status::cancelled(format!("the peer stopped the notification: {code}"));
            Err(CallError::new(procedure, status.with_origin(Origin::Callee)))
        }
        Err(WriteError::Finished) => Ok(()),
    }
}
