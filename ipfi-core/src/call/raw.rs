//! Messages as bytes, in fragments: for values too large to hold, of a length not known before their
//! end, or encoded by somebody else.

use core::future::{Future, IntoFuture, poll_fn};
use core::pin::Pin;
use core::task::{Poll, ready};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::callee::IncomingCall;
use super::error::CallError;
use super::exchange::Exchange;
use super::inbound::{Inbound, InboundError};
use super::request::Call;
use super::sender::yield_once;
use super::unary::Reply;
use crate::codec::{CodecId, Decode};
use crate::context::Context;
use crate::error::WriteError;
use crate::proto::{ItemKind, Part};
use crate::status::{Origin, Status};
use crate::sync::Mutex;

/// What follows a piece of bytes, in the words of IPFI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// The message goes on: a fragment that is not its last.
    None,
    /// The message ends here; another may follow.
    Chunk,
    /// The message ends here, and with it this direction of the call.
    Complete,
}

/// A piece of a message, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its bytes: as many as had arrived.
    pub bytes: Bytes,
    /// Whether the message ends with it.
    pub end_of_message: bool,
}

/// The kind of a call whose messages are sent in pieces.
#[derive(Debug)]
pub struct Piecemeal(());

impl IntoFuture for Call<Piecemeal> {
    type Output = Result<RawExchange, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let ready = self.prepare_piecemeal();
        Box::pin(async move {
            let mut exchange = Exchange::open(ready?).await?;
            exchange.flush(false).await?;
            Ok(RawExchange { exchange, in_message: false, any_message: false })
        })
    }
}

/// A call whose arguments and items are written, and whose answer may be read, as bytes in any
/// fractions. Dropped before its end, it cancels the call at the peer.
///
/// The first message is the arguments; later ones are items. Bytes must be what the codec of the wire
/// makes of them ([`EncodeArguments`](crate::codec::EncodeArguments)), or anything for a raw procedure.
#[derive(Debug)]
pub struct RawExchange {
    exchange: Exchange,
    in_message: bool,
    any_message: bool,
}

impl RawExchange {
    /// Sends `bytes` as a fragment of the current message and waits until this side has taken them. An
    /// empty slice sends nothing. Cancel safe: what was staged leaves with the next call.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.write_fragment(Bytes::copy_from_slice(bytes), Terminator::None).await
    }

    /// Sends `bytes` uncopied, followed by `terminator`.
    pub async fn write_fragment(&mut self, bytes: Bytes, terminator: Terminator) -> Result<(), CallError> {
        let fin = terminator == Terminator::Complete;
        if terminator == Terminator::None && bytes.is_empty() {
            return Ok(());
        }
        if !self.exchange.stopped {
            let staged = self.exchange.stage_bytes(&bytes, kind(terminator));
            let procedure = self.exchange.tracker.procedure();
            staged.map_err(|status| CallError::new(procedure, status.with_origin(Origin::Caller)))?;
        }
        if self.exchange.stopped {
            yield_once().await;
        }
        self.in_message = terminator == Terminator::None;
        self.any_message = true;
        self.exchange.flush(fin).await
    }

    /// Ends the message and the request, and waits for an answer of one value.
    pub async fn finish<R: Decode>(mut self) -> Result<R, CallError> {
        self.end().await?;
        Reply::default().value(&mut self.exchange).await
    }

    /// Ends the message and the request, and leaves the call: it runs on at the peer, and nobody hears of
    /// its end. Its deadline holds, and it does not outlive the connection. Ready when this side has taken
    /// the bytes; dropped before, the call is cancelled.
    pub async fn detach(mut self) -> Result<(), CallError> {
        self.end().await?;
        self.exchange.detach().await
    }

    /// Ends the message and the request; the answer is read by [`read`](Self::read).
    pub async fn end(&mut self) -> Result<(), CallError> {
        if self.in_message || !self.any_message {
            self.write_fragment(Bytes::new(), Terminator::Complete).await
        } else {
            self.exchange.flush(true).await
        }
    }

    /// The next piece of the answer, `None` after its end. Cancel safe.
    pub async fn read(&mut self) -> Result<Option<Fragment>, CallError> {
        let read = poll_fn(|cx| {
            loop {
                return match self.exchange.inbound.poll_part(cx) {
                    Poll::Ready(Ok(Part::Data { bytes, end, .. })) => {
                        Poll::Ready(Ok(Some(Fragment { bytes, end_of_message: end })))
                    }
                    Poll::Ready(Ok(Part::Metadata(_))) => continue,
                    Poll::Ready(Ok(Part::Status(status))) => {
                        Poll::Ready(Err(CallError::new(self.exchange.tracker.procedure(), status)))
                    }
                    Poll::Ready(Ok(Part::End)) => Poll::Ready(Ok(None)),
                    Poll::Ready(Err(error)) => Poll::Ready(Err(self.exchange.inbound_error(error))),
                    Poll::Pending => self.exchange.poll_deadline(cx),
                };
            }
        })
        .await;
        match read {
            Ok(Some(fragment)) => Ok(Some(fragment)),
            end => self.exchange.end(end),
        }
    }
}

fn kind(terminator: Terminator) -> ItemKind {
    match terminator {
        Terminator::None => ItemKind::Fragment,
        Terminator::Chunk | Terminator::Complete => ItemKind::LastFragment,
    }
}

/// A call as a raw procedure sees it: bytes in, bytes out, as they come. Returning `Ok(())` from the
/// procedure ends the answer, `Err(status)` ends it with the status.
#[derive(Debug)]
pub struct RawCall {
    context: Context,
    codec: CodecId,
    inbound: Inbound,
    /// Shared with the task that runs the procedure, which watches for the call's cancellation and
    /// takes it out at its end.
    pub(crate) call: Arc<Mutex<Option<IncomingCall>>>,
}

impl RawCall {
    pub(crate) fn new(mut call: IncomingCall, inbound: Inbound) -> Self {
        let (context, codec) = (call.context(), call.codec());
        Self { context, codec, inbound, call: Arc::new(Mutex::new(Some(call))) }
    }

    /// Who calls, until when, with what metadata.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The codec that the caller chose.
    pub fn codec(&self) -> CodecId {
        self.codec
    }

    /// The next piece of the request, `None` after its end. Cancel safe.
    pub async fn read(&mut self) -> Result<Option<Fragment>, Status> {
        loop {
            match poll_fn(|cx| self.inbound.poll_part(cx)).await {
                Ok(Part::Data { bytes, end, .. }) => {
                    return Ok(Some(Fragment { bytes, end_of_message: end }));
                }
                Ok(Part::End) => return Ok(None),
                Ok(Part::Metadata(_)) => {}
                Ok(Part::Status(_)) => return Err(Status::internal("a request carries no status")),
                Err(InboundError::Refused(status)) => return Err(status),
                Err(InboundError::Read(error)) => {
                    self.context.broken_off(&error);
                    return Err(Status::cancelled(error.to_string()));
                }
            }
        }
    }

    /// Sends `bytes` uncopied, followed by `terminator`, and waits until this side has taken them.
    /// Cancel safe: what was staged leaves with the next write or the end.
    pub async fn write(&mut self, bytes: Bytes, terminator: Terminator) -> Result<(), Status> {
        if terminator == Terminator::None && bytes.is_empty() {
            return Ok(());
        }
        let mut staged = false;
        poll_fn(|cx| {
            let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(call) = call.as_mut() else {
                return Poll::Ready(Err(Status::cancelled("the call is over")));
            };
            if !staged {
                // What an earlier, dropped write left behind goes first.
                if let Err(error) = ready!(call.outbound_mut().poll_flush(cx, false)) {
                    return Poll::Ready(Err(gone(&error)));
                }
                call.stage_reply_metadata()?;
                call.stage_bytes(&bytes, kind(terminator))?;
                staged = true;
            }
            let outbound = call.outbound_mut();
            let fin = terminator == Terminator::Complete;
            outbound.poll_flush(cx, fin).map_err(|error| gone(&error))
        })
        .await
    }
}

fn gone(error: &WriteError) -> Status {
    Status::cancelled(format!("the caller takes no more: {error}"))
}
