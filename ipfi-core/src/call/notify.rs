//! Calls that nobody answers.

use core::future::{Future, IntoFuture, poll_fn};
use core::pin::Pin;
use core::task::Poll;

use super::error::CallError;
use super::exchange::DeadlineWatch;
use super::opening::{may_call, open_notification};
use super::outbound::{Head, Outbound};
use super::request::{Call, Ready};
use crate::close_code::StreamCode;
use crate::codec::EncodeArguments;
use crate::deadlines::Deadline;
use crate::error::{DatagramError, WriteError};
use crate::observe::count;
use crate::proto::StreamType;
use crate::proto::item::ItemKind;
use crate::status::{Origin, Status};

/// The kind of a call that nobody answers.
#[derive(Debug)]
pub struct Notify(());

impl<A: EncodeArguments> IntoFuture for Call<Notify, A> {
    type Output = Result<(), CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let ready = self.prepare(None);
        Box::pin(async move { notify(ready?).await })
    }
}

impl<A: EncodeArguments> Call<Notify, A> {
    /// Sends the notification as a datagram: it may be lost, it never waits, and it must fit
    /// [`Wire::max_datagram_bytes`](crate::wire::Wire::max_datagram_bytes), header included.
    pub fn datagram(self) -> Result<(), CallError> {
        let Ready { wire, mut outgoing } = self.prepare_datagram()?;
        let procedure = outgoing.procedure();
        let not_sent = |status| CallError::not_sent(procedure, status);
        may_call(wire.core()).map_err(not_sent)?;
        let mut head = outgoing.take_head(None);
        head.bytes.extend_from_slice(outgoing.payload.as_deref().unwrap_or_default());
        count(&wire.core().counters().notifications_out);
        wire.core().session().send_datagram(head.into_bytes()).map_err(|error| match error {
            DatagramError::Connection(cause) => CallError::connection(procedure, cause, false),
            DatagramError::TooLarge { seen, limit } => {
                not_sent(Status::limit("max_datagram_bytes", limit as u64, seen as u64))
            }
            DatagramError::Unsupported => not_sent(Status::unimplemented(error.to_string())),
            DatagramError::QueueFull => not_sent(Status::unavailable(error.to_string())),
        })
    }
}

async fn notify(ready: Ready) -> Result<(), CallError> {
    let Ready { wire, mut outgoing } = ready;
    let procedure = outgoing.procedure();
    let not_sent = |status: Status| CallError::not_sent(procedure, status);
    let core = wire.core();
    may_call(core).map_err(not_sent)?;
    count(&core.counters().notifications_out);
    let deadline = outgoing.timeout().map(|timeout| Deadline::after(core.runtime().now(), timeout));
    let (send, _) = open_notification(core, deadline, procedure).await?;
    let remaining = deadline.map(|deadline| deadline.at().saturating_since(core.runtime().now()));
    let head = outgoing.take_head(remaining);
    let mut staged = Vec::with_capacity(1 + head.as_slice().len());
    StreamType::Notification.encode(&mut staged);
    staged.extend_from_slice(head.as_slice());
    let mut outbound = Outbound::with_head(send, Head { bytes: staged, start: 0 });
    if outgoing.priority() != 0 {
        outbound.set_priority(outgoing.priority());
    }
    if let Some(payload) = &outgoing.payload {
        outbound.stage_bytes(core, payload, ItemKind::LastFragment).map_err(not_sent)?;
    }
    let mut deadline = deadline.map(|deadline| DeadlineWatch::new(core, deadline));
    let sent = poll_fn(|cx| match outbound.poll_flush(cx, true) {
        Poll::Ready(sent) => Poll::Ready(Some(sent)),
        Poll::Pending => match &mut deadline {
            Some(deadline) => deadline.poll_passed(cx).map(|()| None),
            None => Poll::Pending,
        },
    });
    match sent.await {
        Some(Ok(()) | Err(WriteError::Finished)) => Ok(()),
        Some(Err(WriteError::Connection(cause))) => {
            let cause = core.close_reason().unwrap_or(cause);
            Err(CallError::connection(procedure, cause, outbound.is_handed()))
        }
        Some(Err(WriteError::Stopped(code))) => {
            let status = Status::cancelled(format!("the peer stopped the notification: {code}"));
            Err(CallError::new(procedure, status.with_origin(Origin::Callee)))
        }
        None => {
            outbound.reset(StreamCode::DEADLINE);
            let text = "the deadline passed before the notification had left";
            Err(CallError::new(procedure, Status::deadline_exceeded(text).with_origin(Origin::Caller)))
        }
    }
}
