//! Calls that nobody answers.

use core::future::{Future, IntoFuture, poll_fn};
use core::pin::Pin;
use core::task::Poll;

use bytes::{BufMut, BytesMut};

use super::error::CallError;
use super::exchange::DeadlineWatch;
use super::opening::{may_call, open_notification};
use super::outbound::Outbound;
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
        let mut ready = self.prepare_datagram()?;
        let procedure = ready.procedure();
        let not_sent = |status| CallError::not_sent(procedure, status);
        let wire = ready.wire.clone();
        may_call(wire.core()).map_err(not_sent)?;
        let mut head = ready.take_head(None);
        head.extend_from_slice(ready.payload.as_deref().unwrap_or_default());
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

async fn notify(mut ready: Ready) -> Result<(), CallError> {
    let procedure = ready.procedure();
    let not_sent = |status: Status| CallError::not_sent(procedure, status);
    let wire = ready.wire.clone();
    let core = wire.core();
    may_call(core).map_err(not_sent)?;
    count(&core.counters().notifications_out);
    let deadline = ready.timeout().map(|timeout| Deadline::after(core.runtime().now(), timeout));
    let (send, _) = open_notification(core, deadline, procedure).await?;
    let remaining = deadline.map(|deadline| deadline.at().saturating_since(core.runtime().now()));
    let head = ready.take_head(remaining);
    let mut staged = BytesMut::with_capacity(1 + head.len());
    StreamType::Notification.encode(&mut staged);
    staged.put_slice(&head);
    let mut outbound = Outbound::new(send, staged);
    if ready.priority() != 0 {
        outbound.set_priority(ready.priority());
    }
    if let Some(payload) = &ready.payload {
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
