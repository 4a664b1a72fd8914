//! What is known of a call before it is sent, and the options a user may set until then.

use core::marker::PhantomData;
use core::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::outbound::{check_message_bytes, stage_value};
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

/// How long the call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timeout {
    /// What the limits say for this kind of call.
    Default,
    Set(Option<Duration>),
}

/// A call that has not been sent.
#[derive(Debug)]
pub(crate) struct Request {
    wire: Wire,
    procedure: ProcedureIndex,
    codec: CodecId,
    /// `HEADER_ROOM` bytes, then message 0 and all that was staged behind it.
    staged: BytesMut,
    /// A raw message 0 that follows uncopied, if empty.
    payload: Option<Bytes>,
    timeout: Timeout,
    metadata: Metadata,
    priority: i8,
    /// Why it cannot be sent: reported when it is awaited, where the user looks.
    refused: Option<Status>,
}

/// A request ready to leave.
pub(crate) struct Ready {
    pub(crate) wire: Wire,
    pub(crate) procedure: ProcedureIndex,
    pub(crate) codec: CodecId,
    header: RequestHeader,
    staged: BytesMut,
    pub(crate) payload: Option<Bytes>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: i8,
}

impl Ready {
    /// The header, with what remains of the timeout when it leaves, and what is staged behind it.
    pub(crate) fn take_head(&mut self, remaining: Option<Duration>) -> BytesMut {
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
            bytes::Buf::advance(&mut head, start);
            head
        } else {
            let mut whole = BytesMut::with_capacity(head.len() + 256);
            header.encode(&mut whole);
            whole.extend_from_slice(&head[HEADER_ROOM..]);
            whole
        }
    }
}

impl Request {
    pub(crate) fn new(wire: &Wire, procedure: ProcedureIndex, arguments: impl EncodeArguments) -> Self {
        let mut request = Self::empty(wire, procedure);
        request.codec = codec_of(&arguments, wire.codec());
        let codec = request.codec;
        if let Some(raw) = arguments.as_raw() {
            request.payload = Some(raw.clone());
        } else {
            let encoded =
                stage_value(&mut request.staged, wire.core(), |out| arguments.encode_arguments(codec, out));
            request.refused = encoded.err();
        }
        request
    }

    /// A request whose messages are sent piece by piece after the header.
    pub(crate) fn piecemeal(wire: &Wire, procedure: ProcedureIndex) -> Self {
        Self::empty(wire, procedure)
    }

    fn empty(wire: &Wire, procedure: ProcedureIndex) -> Self {
        let mut staged = BytesMut::with_capacity(128);
        staged.put_bytes(0, HEADER_ROOM);
        Self {
            wire: wire.clone(),
            procedure,
            codec: wire.codec(),
            staged,
            payload: None,
            timeout: Timeout::Default,
            metadata: Metadata::default(),
            priority: 0,
            refused: None,
        }
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) fn procedure(&self) -> ProcedureIndex {
        self.procedure
    }

    /// As [`prepare`](Self::prepare) for a datagram, in which message 0 stands without an item around it
    /// (clause 11.1).
    pub(crate) fn prepare_datagram(mut self) -> Result<Ready, Status> {
        if let Some((_, len)) = varint::get(&self.staged[HEADER_ROOM..]) {
            self.staged.copy_within(HEADER_ROOM + len.., HEADER_ROOM);
            self.staged.truncate(self.staged.len() - len);
        }
        self.prepare(None)
    }

    /// Checks what can be checked before anything leaves. `default_timeout` is for a call that set none.
    pub(crate) fn prepare(self, default_timeout: Option<Duration>) -> Result<Ready, Status> {
        if let Some(status) = self.refused {
            return Err(status);
        }
        let core = self.wire.core();
        let limits = core.limits();
        let max_bytes = core.peer_max_metadata_bytes().min(limits.max_metadata_bytes.into());
        self.metadata.check(max_bytes, limits.max_metadata_entries.into())?;
        if let Some(payload) = &self.payload {
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
        Ok(Ready {
            wire: self.wire,
            procedure: self.procedure,
            codec: self.codec,
            header,
            staged: self.staged,
            payload: self.payload,
            timeout,
            priority: self.priority,
        })
    }
}

fn codec_of<A: EncodeArguments>(_: &A, preferred: CodecId) -> CodecId {
    A::codec(preferred)
}

/// A call that has not been sent: set options, then await it. `K` is its kind.
///
/// Nothing happens until it is awaited; arguments that cannot be encoded are reported there.
#[must_use = "a call is made when it is awaited"]
#[derive(Debug)]
pub struct Call<K> {
    pub(crate) request: Request,
    kind: PhantomData<fn() -> K>,
}

impl<K> Call<K> {
    pub(crate) fn new(request: Request) -> Self {
        Self { request, kind: PhantomData }
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

    /// How urgent the call is beside others of this connection, both its request and its answer:
    /// strictly higher first, 0 by default. A call that always has bytes to send starves lower ones.
    pub fn priority(mut self, priority: i8) -> Self {
        self.request.priority = priority;
        self
    }
}
