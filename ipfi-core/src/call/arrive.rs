//! What the peer opened becomes a task: the header is read, the procedure found, the call let in. One call is
//! one stream, and fails alone (clause 1.2).

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::callee::IncomingCall;
use super::exchange::DeadlineWatch;
use super::inbound::Inbound;
use super::notification::IncomingNotification;
use super::outbound::Outbound;
use crate::ProcedureIndex;
use crate::close_code::StreamCode;
use crate::codec::CodecId;
use crate::deadlines::Deadline;
use crate::interface::{CallInfo, Entry, Kind};
use crate::observe::count;
use crate::proto::header::{HeaderDecoder, HeaderError};
use crate::proto::item::Direction;
use crate::proto::{RequestHeader, only_message};
use crate::runtime::Task;
use crate::status::{Code, Origin, Status};
use crate::time::Time;
use crate::wire::{BoxRecv, BoxSend, Request, Role, WireCore};

/// A read for a header takes at most this, a full STREAM frame: small arguments come with it.
const READ_BYTES: usize = 16 << 10;

/// A task to run, if anything is left to do.
pub(crate) struct Arrival {
    pub(crate) task: Option<Task>,
    /// It must not be polled where the connection is read.
    pub(crate) spawned: bool,
}

impl Arrival {
    /// Nothing is left to do.
    pub(crate) const DONE: Self = Self { task: None, spawned: false };

    /// To be polled here, once.
    pub(crate) fn inline(task: Task) -> Self {
        Self { task: Some(task), spawned: false }
    }

    /// To be polled by the runtime only.
    pub(crate) fn spawned(task: Task) -> Self {
        Self { task: Some(task), spawned: true }
    }
}

/// Reads a header from the front of a stream.
struct HeaderReader {
    recv: BoxRecv,
    decoder: HeaderDecoder,
}

/// A header, and what came behind it.
struct Head {
    header: RequestHeader,
    rest: Bytes,
    fin: bool,
}

enum HeadError {
    /// The peer sent something that is no header.
    Header(HeaderError),
    /// The stream broke before there was one.
    Gone,
}

impl HeaderReader {
    fn poll(&mut self, cx: &mut Context<'_>, core: &WireCore) -> Poll<Result<Head, HeadError>> {
        loop {
            let chunk = match self.recv.poll_read(cx, READ_BYTES) {
                Poll::Ready(Ok(chunk)) => chunk,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(HeadError::Gone)),
                Poll::Pending => return Poll::Pending,
            };
            match self.decoder.push(chunk.bytes, chunk.fin, core.limits()) {
                Ok(Some((header, rest))) => return Poll::Ready(Ok(Head { header, rest, fin: chunk.fin })),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(HeadError::Header(error))),
            }
        }
    }

    /// The header, or what is wrong with it, and what follows; `None` when the stream broke.
    fn into_parts(
        self,
        core: &WireCore,
        head: Result<Head, HeadError>,
    ) -> Option<(Result<RequestHeader, HeaderError>, Body)> {
        match head {
            Ok(Head { header, rest, fin }) => Some((Ok(header), Body::of_stream(core, self.recv, rest, fin))),
            Err(HeadError::Header(error)) => {
                Some((Err(error), Body::of_stream(core, self.recv, Bytes::new(), false)))
            }
            Err(HeadError::Gone) => None,
        }
    }

    /// The header, or `None` when the caller took too long for it: until `due`.
    async fn read(&mut self, core: &Arc<WireCore>, due: Deadline) -> Option<Result<Head, HeadError>> {
        let mut timeout = DeadlineWatch::new(core, due);
        poll_fn(|cx| match self.poll(cx, core) {
            Poll::Ready(head) => Poll::Ready(Some(head)),
            Poll::Pending => timeout.poll_passed(cx).map(|()| None),
        })
        .await
    }
}

/// What follows the header of a request.
enum Body {
    /// All of it.
    Whole(Bytes),
    /// What has come, and what still comes.
    Stream(Box<Inbound>),
}

impl Body {
    fn of_stream(core: &WireCore, recv: BoxRecv, rest: Bytes, fin: bool) -> Self {
        let mut inbound = Box::new(Inbound::new(core.limits(), recv, Direction::Request));
        inbound.push(rest, fin);
        Self::Stream(inbound)
    }

    fn into_inbound(self, core: &WireCore) -> Box<Inbound> {
        match self {
            Self::Whole(rest) => Box::new(Inbound::whole(core.limits(), rest)),
            Self::Stream(inbound) => inbound,
        }
    }
}

/// A call that the peer opened, at `now`. With its header at hand, as it nearly always is, the procedure's
/// own task is all there is, and with its arguments not even that if the answer is ready at once.
pub(crate) fn arrive(
    core: &Arc<WireCore>,
    send: BoxSend,
    request: Request,
    now: Time,
    cx: &mut Context<'_>,
) -> Arrival {
    let recv = match request {
        Request::Whole(mut bytes) => {
            let header = match RequestHeader::decode(&bytes, core.limits()) {
                Ok(Some((header, len))) => {
                    bytes.advance(len);
                    Ok(header)
                }
                Ok(None) => Err(HeaderError::Ended { seen: bytes.len() as u64 }),
                Err(error) => Err(error),
            };
            return begin(core, send, header, Body::Whole(bytes), false, now, cx);
        }
        Request::Stream(recv) => recv,
    };
    let early = recv.is_early();
    if core.is_draining() {
        return refuse(core, send, recv, StreamCode::REFUSED);
    }
    let mut reader = HeaderReader { recv, decoder: HeaderDecoder::new() };
    match reader.poll(cx, core) {
        Poll::Ready(Ok(head)) if !early && core.offers_sharing(head.header.procedure) => {
            core.share(send, reader.recv, head.rest);
            Arrival::DONE
        }
        Poll::Ready(head) => match reader.into_parts(core, head) {
            Some((header, body)) => begin(core, send, header, body, early, now, cx),
            None => gone(send),
        },
        Poll::Pending => {
            let core = Arc::clone(core);
            Arrival::inline(Box::pin(async move {
                let due = Deadline::after(core.runtime().now(), core.limits().request_timeout);
                let Some(head) = reader.read(&core, due).await else {
                    refuse(&core, send, reader.recv, StreamCode::DEADLINE);
                    return;
                };
                let head = match head {
                    Ok(head) if !early && core.offers_sharing(head.header.procedure) => {
                        core.share(send, reader.recv, head.rest);
                        return;
                    }
                    head => head,
                };
                let Some((header, body)) = reader.into_parts(&core, head) else {
                    gone(send);
                    return;
                };
                let now = core.runtime().now();
                let task = match let_in(&core, send, header, body, early, now) {
                    Ok((mut call, body, entry)) => {
                        call.set_due(due);
                        Some(task_of(&core, call, body, entry))
                    }
                    Err(arrival) => arrival.task,
                };
                if let Some(task) = task {
                    task.await;
                }
            }))
        }
    }
}

/// A call that was not started and will not be (clause 5.8).
fn refuse(core: &WireCore, mut send: BoxSend, mut recv: BoxRecv, code: StreamCode) -> Arrival {
    count(&core.counters().calls_in_refused);
    recv.stop(code);
    send.reset(code);
    Arrival::DONE
}

/// A call whose request broke off before there was a header.
fn gone(mut send: BoxSend) -> Arrival {
    send.reset(StreamCode::CANCELLED);
    Arrival::DONE
}

/// Lets the call in, or says what is left to do instead.
fn let_in(
    core: &Arc<WireCore>,
    mut send: BoxSend,
    header: Result<RequestHeader, HeaderError>,
    mut body: Body,
    early: bool,
    now: Time,
) -> Result<(IncomingCall, Body, &Entry), Arrival> {
    // A place is free again when the handler has ended. A carrier that frees a stream's place earlier,
    // because its caller gave it up, must not let more of them run than were allowed.
    let full = core.inbound().places() >= core.limits().max_inbound_calls as usize;
    if core.is_draining() || full {
        count(&core.counters().calls_in_refused);
        if let Body::Stream(inbound) = &mut body {
            inbound.stop(StreamCode::REFUSED);
        }
        send.reset(StreamCode::REFUSED);
        return Err(Arrival::DONE);
    }
    let (header, refused) = match header {
        Ok(header) => (header, None),
        Err(error) => (RequestHeader::default(), Some(Status::from(error))),
    };
    let codec = codec_of(&header);
    let procedure = ProcedureIndex::new(header.procedure);
    let named = *codec.as_ref().unwrap_or(&CodecId::Raw);
    // `docs/protocol.md` 3.3: it is not started, whatever it calls.
    let late = header.timeout.is_some_and(|timeout| timeout.is_zero());
    let mut call = IncomingCall::new(core, header, named, Outbound::new(send), now);
    let admitted = match (refused, codec) {
        (Some(status), _) | (None, Err(status)) => Err(status),
        (None, Ok(_)) => admit(core, procedure, call.metadata(), early),
    };
    match admitted {
        Ok(entry) => {
            call.set_kind(entry.kind);
            if late {
                call.set_inbound(body.into_inbound(core));
                return Err(Arrival::inline(call.refuse_late()));
            }
            Ok((call, body, entry))
        }
        Err(status) => {
            call.set_inbound(body.into_inbound(core));
            Err(Arrival::inline(call.refuse(status.with_origin(Origin::Callee))))
        }
    }
}

/// Lets the call in and begins it, here, as far as it goes without waiting.
fn begin(
    core: &Arc<WireCore>,
    send: BoxSend,
    header: Result<RequestHeader, HeaderError>,
    body: Body,
    early: bool,
    now: Time,
    cx: &mut Context<'_>,
) -> Arrival {
    let (call, mut body, entry) = match let_in(core, send, header, body, early, now) {
        Ok(admitted) => admitted,
        Err(arrival) => return arrival,
    };
    // A span goes around a task.
    if entry.begins_here
        && !tracing::enabled!(target: "ipfi::call", tracing::Level::DEBUG)
        && let Body::Whole(rest) = &mut body
        && let Some(from) = only_message(rest, core.limits().max_message_bytes)
    {
        let mut arguments = core::mem::take(rest);
        arguments.advance(from);
        return entry.procedure.begin(call, arguments, cx);
    }
    let task = task_of(core, call, body, entry);
    if entry.spawned { Arrival::spawned(task) } else { Arrival::inline(task) }
}

/// All of a call that was let in, as a task.
fn task_of(core: &WireCore, mut call: IncomingCall, body: Body, entry: &Entry) -> Task {
    let procedure = call.procedure();
    call.set_inbound(body.into_inbound(core));
    traced(core, procedure, Arc::clone(&entry.procedure).call(call))
}

fn codec_of(header: &RequestHeader) -> Result<CodecId, Status> {
    match CodecId::from_u8(header.codec) {
        Some(codec) if codec == CodecId::Raw || codec.is_enabled() => Ok(codec),
        Some(codec) => Err(Status::unimplemented(format!("codec {codec} is not built into this program"))),
        None => Err(Status::unimplemented(format!("codec {} is unknown", header.codec))),
    }
}

/// Finds the procedure and asks the hook.
fn admit<'a>(
    core: &'a WireCore,
    procedure: ProcedureIndex,
    metadata: &crate::metadata::Metadata,
    early: bool,
) -> Result<&'a Entry, Status> {
    if core.role() == Role::CallerOnly {
        return Err(Status::unimplemented("this side only calls: it serves no procedures"));
    }
    let entry = core.interface().entry(procedure);
    let entry =
        entry.ok_or_else(|| Status::unimplemented(format!("procedure {procedure} is not offered")))?;
    // `docs/protocol.md` 12.5.
    if early && !entry.idempotent {
        return Err(Status::failed_precondition(format!(
            "procedure {procedure} was called in early data (0-RTT), which can be replayed, and is not declared \
             idempotent: call it once the handshake is done"
        )));
    }
    core.interface().check(&CallInfo { peer: core.peer(), procedure, kind: entry.kind, metadata })?;
    Ok(entry)
}

/// The task inside a span, when anybody looks.
fn traced(core: &WireCore, procedure: ProcedureIndex, task: Task) -> Task {
    let span = tracing::debug_span!(target: "ipfi::call", "serve", %procedure, peer = %core.peer());
    if span.is_disabled() {
        return task;
    }
    Box::pin(tracing::Instrument::instrument(task, span))
}

/// A notification that the peer opened, its stream's type already read.
pub(crate) fn arrive_notification(
    core: &Arc<WireCore>,
    mut recv: BoxRecv,
    rest: Bytes,
    fin: bool,
    cx: &mut Context<'_>,
) -> Arrival {
    if core.is_draining() {
        recv.stop(StreamCode::REFUSED);
        return dropped(core);
    }
    let mut reader = HeaderReader { recv, decoder: HeaderDecoder::new() };
    let head = match reader.decoder.push(rest, fin, core.limits()) {
        Ok(Some((header, rest))) => Poll::Ready(Ok(Head { header, rest, fin })),
        Ok(None) => reader.poll(cx, core),
        Err(error) => Poll::Ready(Err(HeadError::Header(error))),
    };
    match head {
        Poll::Ready(head) => notification_with_head(core, reader.recv, head),
        Poll::Pending => {
            let core = Arc::clone(core);
            Arrival::inline(Box::pin(async move {
                let due = Deadline::after(core.runtime().now(), core.limits().request_timeout);
                let Some(head) = reader.read(&core, due).await else {
                    reader.recv.stop(StreamCode::DEADLINE);
                    return count(&core.counters().notifications_in_dropped);
                };
                if let Some(task) = notification_with_head(&core, reader.recv, head).task {
                    task.await;
                }
            }))
        }
    }
}

/// A notification that nobody runs.
fn dropped(core: &WireCore) -> Arrival {
    count(&core.counters().notifications_in_dropped);
    Arrival::DONE
}

fn notification_with_head(core: &Arc<WireCore>, mut recv: BoxRecv, head: Result<Head, HeadError>) -> Arrival {
    match head {
        Ok(head) => {
            let early = recv.is_early();
            let mut inbound = Inbound::new(core.limits(), recv, Direction::Request);
            inbound.push(head.rest, head.fin);
            run_notification(IncomingNotification::on_stream(core, head.header, inbound), early)
        }
        Err(HeadError::Header(error)) => {
            recv.stop(stop_code(&Status::from(error)));
            dropped(core)
        }
        Err(HeadError::Gone) => dropped(core),
    }
}

/// With what a side stops reading what it cannot take (`docs/protocol.md` 13.1).
pub(crate) fn stop_code(status: &Status) -> StreamCode {
    match status.code() {
        Code::ResourceExhausted => StreamCode::RESOURCE_EXHAUSTED,
        Code::DeadlineExceeded => StreamCode::DEADLINE,
        _ => StreamCode::CANCELLED,
    }
}

/// A notification that came as a datagram: a request in one piece (clause 11.2). No stream's place bounds how many
/// of these run.
pub(crate) fn arrive_datagram(core: &Arc<WireCore>, datagram: Bytes) -> Arrival {
    let full = core.notifications().running() >= core.limits().max_inbound_notifications as usize;
    if core.is_draining() || full {
        return dropped(core);
    }
    let mut decoder = HeaderDecoder::new();
    match decoder.push(datagram, true, core.limits()) {
        Ok(Some((header, rest))) => {
            run_notification(IncomingNotification::in_datagram(core, header, rest), false)
        }
        Ok(None) | Err(_) => dropped(core),
    }
}

fn run_notification(mut notification: IncomingNotification, early: bool) -> Arrival {
    let core = Arc::clone(notification.core());
    let procedure = notification.procedure();
    let nothing = Arrival::DONE;
    let entry =
        codec_of(notification.header()).and_then(|_| admit(&core, procedure, notification.metadata(), early));
    let entry = match entry {
        Ok(entry) => entry,
        Err(status) => {
            notification.dropped(&status);
            return nothing;
        }
    };
    if entry.kind != Kind::Notification {
        let text = format!("sent as a notification, but it is {}", entry.kind);
        notification.dropped(&Status::unimplemented(text));
        return nothing;
    }
    if notification.is_datagram() && !entry.by_datagram {
        notification.dropped(&Status::failed_precondition("it came by datagram, which it does not take"));
        return nothing;
    }
    if notification.arrived_late() {
        notification.dropped(&Status::deadline_exceeded("its deadline had passed when it arrived"));
        return nothing;
    }
    let spawned = entry.spawned;
    match Arc::clone(&entry.procedure).notify(notification) {
        Some(task) => Arrival { task: Some(traced(&core, procedure, task)), spawned },
        None => nothing,
    }
}
