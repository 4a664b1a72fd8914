//! What is known of a call before it is sent, and the options a user may set until then.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use bytes::Bytes;

use super::error::CallError;
use super::outbound::{COPIED_TO, Head, check_message_bytes, stage_value, staging};
use crate::ProcedureIndex;
use crate::codec::{CodecId, EncodeArguments};
use crate::context::Context;
use crate::metadata::Metadata;
use crate::proto::header::RequestHeader;
use crate::status::Status;
use crate::varint;
use crate::wire::Wire;

/// Room left before the arguments for a header without metadata: procedure 8, flags 1, timeout 8,
/// priority 2. A header that fits is written in front of the arguments without moving them.
const HEADER_ROOM: usize = 19;

/// The largest request of a call that shares a stream without having asked to, in bytes.
const SHARED_BYTES: usize = 4 << 10;

/// Whether a call has a stream of its own, where the carrier has a choice (`docs/protocol.md` 12.5).
///
/// On QUIC a stream for a small call costs many times what the call costs on a stream that is open already. But
/// calls that share one wait for each other: a lost packet holds up all whose bytes came behind it, until it has
/// been sent again. Calls on streams of their own do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Shared, if it is a unary call without a priority whose request, with its metadata, has at most 4 KiB, and the procedure is not
    /// declared [isolated](crate::Interface::isolated). The default.
    #[default]
    Auto,
    /// Shared, whatever it is: unless the procedure is declared isolated, or no such stream is open.
    Shared,
    /// A stream of its own.
    OwnStream,
}

/// How long the call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timeout {
    /// What the limits say for this kind of call.
    Default,
    Set(Option<Duration>),
}

/// All that is known of a call before it is sent, but its arguments.
#[derive(Debug)]
pub(crate) struct Request {
    wire: Wire,
    procedure: ProcedureIndex,
    codec: CodecId,
    timeout: Timeout,
    metadata: Metadata,
    priority: i8,
    isolation: Isolation,
    /// Why it cannot be sent: reported when it is awaited, where the user looks.
    refused: Option<Status>,
}

/// A request ready to leave.
pub(crate) struct Ready {
    pub(crate) wire: Wire,
    pub(crate) outgoing: Outgoing,
}

/// What is to be sent.
pub(crate) struct Outgoing {
    pub(crate) codec: CodecId,
    /// What a typed client calls the procedure of the header.
    name: Option<&'static &'static str>,
    header: RequestHeader,
    isolation: Isolation,
    /// `HEADER_ROOM` bytes, then message 0.
    staged: Vec<u8>,
    /// A raw message 0 that follows uncopied, if empty.
    pub(crate) payload: Option<Bytes>,
}

impl Outgoing {
    pub(crate) fn procedure(&self) -> ProcedureIndex {
        ProcedureIndex::with(self.header.procedure, self.name)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.header.timeout
    }

    pub(crate) fn priority(&self) -> i8 {
        self.header.priority
    }

    /// Whether the call goes where small calls are together, if there is such a place; `unary` says that one value
    /// is asked and one answered.
    pub(crate) fn shares(&self, unary: bool) -> bool {
        match self.isolation {
            Isolation::Shared => true,
            Isolation::OwnStream => false,
            Isolation::Auto => {
                let payload = self.payload.as_ref().map_or(0, Bytes::len);
                let metadata = usize::try_from(self.header.metadata.encoded_len()).unwrap_or(usize::MAX);
                let bytes = (self.staged.len() + payload).saturating_add(metadata);
                unary && self.header.priority == 0 && bytes <= SHARED_BYTES
            }
        }
    }

    /// All of a small request with nothing unusual about it, as it leaves at once.
    pub(crate) fn take_small_head(&mut self) -> Option<Head> {
        let usual = self.payload.is_none() && self.header.priority == 0 && self.header.metadata.is_empty();
        (usual && self.staged.len() <= COPIED_TO).then(|| self.take_head(self.header.timeout))
    }

    /// Takes back what [`take_small_head`](Self::take_small_head) gave.
    pub(crate) fn put_back(&mut self, head: Head) {
        self.staged = head.bytes;
    }

    /// The header, with what remains of the timeout when it leaves, and what is staged behind it.
    pub(crate) fn take_head(&mut self, remaining: Option<Duration>) -> Head {
        self.header.timeout = remaining;
        let header = &self.header;
        let mut head = core::mem::take(&mut self.staged);
        if header.metadata.is_empty() {
            let mut room = [0; HEADER_ROOM];
            let mut rest = &mut room[..];
            header.encode(&mut rest);
            let written = HEADER_ROOM - rest.len();
            let start = HEADER_ROOM - written;
            head[start..HEADER_ROOM].copy_from_slice(&room[..written]);
            Head { bytes: head, start }
        } else {
            let mut whole = Vec::with_capacity(head.len() + 256);
            header.encode(&mut whole);
            whole.extend_from_slice(&head[HEADER_ROOM..]);
            Head { bytes: whole, start: 0 }
        }
    }
}

impl Request {
    fn new(wire: &Wire, procedure: ProcedureIndex) -> Self {
        Self {
            wire: wire.clone(),
            procedure,
            codec: wire.codec(),
            timeout: Timeout::Default,
            metadata: Metadata::default(),
            priority: 0,
            isolation: Isolation::default(),
            refused: None,
        }
    }

    /// With message 0 encoded, unless it is there already.
    fn with_arguments(
        mut self,
        arguments: &impl EncodeArguments,
        default_timeout: Option<Duration>,
    ) -> Result<Ready, Status> {
        self.codec = codec_of(arguments, self.codec);
        let payload = arguments.as_raw().cloned();
        let mut staged = header_room();
        if payload.is_none() {
            let encode = |out: &mut Vec<u8>| arguments.encode_arguments(self.codec, out);
            stage_value(&mut staged, self.wire.core(), encode)?;
        }
        self.ready(staged, payload, default_timeout)
    }

    /// Checks what can be checked before anything leaves. `default_timeout` is for a call that set none.
    fn ready(
        self,
        staged: Vec<u8>,
        payload: Option<Bytes>,
        default_timeout: Option<Duration>,
    ) -> Result<Ready, Status> {
        if let Some(status) = self.refused {
            return Err(status);
        }
        let core = self.wire.core();
        let limits = core.limits();
        let max_bytes = core.peer_max_metadata_bytes().min(limits.max_metadata_bytes.into());
        self.metadata.check(max_bytes, limits.max_metadata_entries.into())?;
        if let Some(payload) = &payload {
            check_message_bytes(core, payload.len())?;
        }
        let timeout = match self.timeout {
            Timeout::Default => default_timeout,
            Timeout::Set(timeout) => timeout,
        };
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(Status::deadline_exceeded("the deadline had passed before the call was sent"));
        }
        let header = RequestHeader {
            procedure: self.procedure.get(),
            codec: self.codec.as_u8(),
            timeout,
            metadata: self.metadata,
            priority: self.priority,
        };
        let Self { wire, procedure, codec, isolation, .. } = self;
        let name = procedure.static_name();
        Ok(Ready { wire, outgoing: Outgoing { codec, name, header, isolation, staged, payload } })
    }
}

fn codec_of<A: EncodeArguments>(_: &A, preferred: CodecId) -> CodecId {
    A::codec(preferred)
}

fn header_room() -> Vec<u8> {
    let mut staged = staging();
    staged.extend_from_slice(&[0; HEADER_ROOM]);
    staged
}

/// A call that has not been sent: set options, then await it. `K` is its kind, `A` its arguments.
///
/// Nothing happens until it is awaited, or made a future of its own by
/// [`into_future`](core::future::IntoFuture::into_future): then the arguments are encoded, and those that
/// cannot be are an error of the call. Until then it may borrow the wire and its arguments, afterwards
/// nothing.
#[must_use = "a call is made when it is awaited"]
pub struct Call<K, A = ()> {
    request: Request,
    arguments: A,
    kind: PhantomData<fn() -> K>,
}

impl<K, A> Call<K, A> {
    pub(crate) fn new(wire: &Wire, procedure: ProcedureIndex, arguments: A) -> Self {
        Self { request: Request::new(wire, procedure), arguments, kind: PhantomData }
    }

    pub(crate) fn procedure(&self) -> ProcedureIndex {
        self.request.procedure
    }

    /// The same call, whose answer is taken otherwise.
    pub(super) fn into_kind<L>(self) -> Call<L, A> {
        Call { request: self.request, arguments: self.arguments, kind: PhantomData }
    }

    /// The deadline of a unary call that sets none.
    pub(super) fn default_timeout(&self) -> Option<Duration> {
        self.request.wire.core().limits().default_timeout
    }

    /// The request with its arguments encoded. `default_timeout` is for a call that set none.
    pub(super) fn prepare(self, default_timeout: Option<Duration>) -> Result<Ready, CallError>
    where
        A: EncodeArguments,
    {
        let procedure = self.procedure();
        let ready = self.request.with_arguments(&self.arguments, default_timeout);
        ready.map_err(|status| CallError::not_sent(procedure, status))
    }

    /// As [`prepare`](Self::prepare) for a datagram, in which message 0 stands without an item around it
    /// (clause 11.1).
    pub(super) fn prepare_datagram(self) -> Result<Ready, CallError>
    where
        A: EncodeArguments,
    {
        let mut ready = self.prepare(None)?;
        let staged = &mut ready.outgoing.staged;
        if let Some((_, len)) = varint::get(&staged[HEADER_ROOM..]) {
            staged.copy_within(HEADER_ROOM + len.., HEADER_ROOM);
            staged.truncate(staged.len() - len);
        }
        Ok(ready)
    }

    /// The request without arguments: its messages are sent piece by piece after the header.
    pub(super) fn prepare_piecemeal(self) -> Result<Ready, CallError> {
        let procedure = self.procedure();
        let ready = self.request.ready(header_room(), None, None);
        ready.map_err(|status| CallError::not_sent(procedure, status))
    }

    /// The codec of the call: of its arguments, its items and its answer. By default that of the
    /// [`Wire`](Wire::codec). One that this build lacks fails the call; [`Raw`](crate::codec::Raw)
    /// arguments are what they are, whatever is said here.
    pub fn codec(mut self, codec: CodecId) -> Self {
        self.request.codec = codec;
        self
    }

    /// How long the call may take, from when it is sent to the end of its answer. Sent along as
    /// remaining time; both sides end the call with DEADLINE_EXCEEDED. By default unary calls have the
    /// limit `default_timeout` (30 s) and others none. Of a notification: until it has left, and then
    /// until its handler has ended; of a datagram nothing. Resolution is the larger of 1 ms and 1/64.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Timeout::Set(Some(timeout));
        self
    }

    /// No deadline, for a call that may take for ever.
    pub fn without_timeout(mut self) -> Self {
        self.request.timeout = Timeout::Set(None);
        self
    }

    /// At most what is left to the call that `context` serves: deadlines shrink across hops.
    pub fn within(mut self, context: &Context) -> Self {
        if let Some(left) = context.remaining() {
            self.request.timeout = match self.request.timeout {
                Timeout::Set(Some(own)) => Timeout::Set(Some(own.min(left))),
                Timeout::Set(None) | Timeout::Default => Timeout::Set(Some(left)),
            };
        }
        self
    }

    /// Adds an entry of metadata. Keys are lower-case ASCII letters, digits, `.`, `_` and `-`, at most
    /// 64 bytes; an invalid one fails the call when it is awaited.
    pub fn metadata(mut self, key: &str, value: impl Into<Bytes>) -> Self {
        if let Err(error) = self.request.metadata.insert(key, value.into()) {
            self.request.refused.get_or_insert_with(|| Status::invalid_argument(error.to_string()));
        }
        self
    }

    /// Whether the call has a stream of its own, where the carrier has a choice: see [`Isolation`].
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.request.isolation = isolation;
        self
    }

    /// How urgent the call is beside others of this connection, both its request and its answer:
    /// strictly higher first, 0 by default. A call that always has bytes to send starves lower ones.
    pub fn priority(mut self, priority: i8) -> Self {
        self.request.priority = priority;
        self
    }
}

impl<K, A> fmt::Debug for Call<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments may be long, or secret.
        f.debug_struct("Call").field("request", &self.request).finish_non_exhaustive()
    }
}
