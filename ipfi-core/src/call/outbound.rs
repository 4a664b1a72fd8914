//! One direction of a call on its way out: items are staged, then leave together and in order (clause 5.11).

use core::cell::Cell;
use core::task::{Context, Poll};

use bytes::{Buf, Bytes};

use crate::close_code::StreamCode;
use crate::codec::{CodecId, Encode};
use crate::error::{ConnectionError, WriteError};
use crate::metadata::Metadata;
use crate::proto::item::{self, ItemKind};
use crate::status::Status;
use crate::varint;
use crate::wire::{BoxSend, WireCore};

/// Payloads from this size on are queued as they are; smaller ones are copied behind their header, so
/// that they leave as one piece.
const UNCOPIED_FROM: usize = 2048;

/// What is staged leaves by a copy up to this size.
pub(super) const COPIED_TO: usize = 1024;

/// The first buffer that items are staged in: enough for a small call.
pub(super) const STAGED_BYTES: usize = 128;

thread_local! {
    /// A buffer that a small call has used, for the next. Most calls stage a few bytes, hand them over at
    /// once and are done with them.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer to stage in.
pub(super) fn staging() -> Vec<u8> {
    // A thread that is ending has none.
    let spare = SPARE.try_with(Cell::take).unwrap_or_default();
    if spare.capacity() > 0 { spare } else { Vec::with_capacity(STAGED_BYTES) }
}

/// A buffer that is not needed any more. A large one is not kept.
fn spare(mut buffer: Vec<u8>) {
    if buffer.capacity() <= COPIED_TO {
        buffer.clear();
        let _ = SPARE.try_with(|spare| spare.set(buffer));
    }
}

/// The beginning of a request: its header and what is staged behind it, in one buffer whose front is not
/// part of it.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl Head {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Moves the bytes to the front.
    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.bytes
    }

    /// Moves nothing.
    pub(crate) fn into_bytes(self) -> Bytes {
        let mut bytes = Bytes::from(self.bytes);
        bytes.advance(self.start);
        bytes
    }
}

/// Room left for an item's length before its value is encoded behind it, where nothing is known of it:
/// enough for 4095 bytes.
const LENGTH_ROOM: u8 = 2;

/// The buffer of items that leave in full STREAM frames, one after another.
const FULL_STAGED_BYTES: usize = 16 << 10;

/// The sending half of a call. It does not hold the wire, which everybody who stages does.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// None once all of it was sent in one step.
    send: Option<BoxSend>,
    /// Items that have not been handed to the stream.
    staged: Vec<u8>,
    /// Bytes being handed to the stream.
    writing: Bytes,
    /// A payload that follows `staged` uncopied.
    payload: Bytes,
    /// The stream has taken a byte, or the FIN.
    handed: bool,
    finished: bool,
    /// What was staged last filled most of a STREAM frame: the next will, and gets its buffer at once
    /// instead of one that grows up to it.
    full: bool,
    /// Room that the length of the last message took. Items of a sequence are mostly alike, so the next
    /// needs as much, and need not be moved to fit.
    room: u8,
}

impl Outbound {
    pub(crate) fn new(send: BoxSend) -> Self {
        Self::of(Some(send))
    }

    fn of(send: Option<BoxSend>) -> Self {
        let (staged, writing, payload) = (Vec::new(), Bytes::new(), Bytes::new());
        Self {
            send,
            staged,
            writing,
            payload,
            handed: false,
            finished: false,
            full: false,
            room: LENGTH_ROOM,
        }
    }

    /// A half that begins with `head`.
    pub(crate) fn with_head(send: BoxSend, head: Head) -> Self {
        let mut this = Self::new(send);
        if head.as_slice().len() <= COPIED_TO {
            this.staged = head.into_vec();
        } else {
            this.writing = head.into_bytes();
        }
        this
    }

    /// A half whose whole content, the end included, was taken by a copy of `head`.
    pub(crate) fn sent(head: Head) -> Self {
        spare(head.bytes);
        Self { handed: true, finished: true, ..Self::of(None) }
    }

    /// Bytes staged and not yet handed over.
    pub(crate) fn staged_bytes(&self) -> usize {
        self.staged.len() + self.writing.len() + self.payload.len()
    }

    /// Whether a large payload waits uncopied: flushed before more is staged, it stays so.
    pub(crate) fn has_payload(&self) -> bool {
        !self.payload.is_empty()
    }

    /// What is staged next must follow the payload. It is copied only where nobody flushed it first.
    #[inline]
    fn settle_payload(&mut self) {
        if !self.payload.is_empty() {
            self.staged.extend_from_slice(&core::mem::take(&mut self.payload));
        }
    }

    /// Stages `value` as one message.
    pub(crate) fn stage_message(
        &mut self,
        core: &WireCore,
        value: &impl Encode,
        codec: CodecId,
    ) -> Result<(), Status> {
        if let Some(raw) = value.as_raw() {
            return self.stage_bytes(core, raw, ItemKind::LastFragment);
        }
        self.settle_payload();
        if self.full && self.staged.capacity() == 0 {
            self.staged.reserve_exact(FULL_STAGED_BYTES);
        }
        self.room = stage_with_room(&mut self.staged, core, self.room, |out| value.encode(codec, out))?;
        Ok(())
    }

    /// Stages bytes that are already encoded: a fragment of a message, or its last.
    pub(crate) fn stage_bytes(
        &mut self,
        core: &WireCore,
        bytes: &Bytes,
        kind: ItemKind,
    ) -> Result<(), Status> {
        check_message_bytes(core, bytes.len())?;
        self.settle_payload();
        item::put_item_header(&mut self.staged, kind, bytes.len() as u64);
        if bytes.len() < UNCOPIED_FROM {
            self.staged.extend_from_slice(bytes);
        } else {
            self.payload = bytes.clone();
        }
        Ok(())
    }

    /// Stages the last item of a response.
    pub(crate) fn stage_status(&mut self, core: &WireCore, status: &Status) {
        self.settle_payload();
        item::put_status(&mut self.staged, status, core.peer_max_metadata_bytes());
    }

    pub(crate) fn stage_metadata(&mut self, metadata: &Metadata) {
        self.settle_payload();
        item::put_metadata(&mut self.staged, metadata);
    }

    /// Forgets what was staged and not begun: a status takes its place. Once the stream has taken a
    /// part of an item the rest must follow, and the status comes behind it.
    pub(crate) fn discard_staged(&mut self) {
        if self.writing.is_empty() {
            self.staged.clear();
            self.payload = Bytes::new();
        }
    }

    /// Hands what is staged to the stream, with the FIN in the same write. Dropping the caller between
    /// polls loses nothing. On an error everything staged is forgotten: nobody will take it.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, fin: bool) -> Poll<Result<(), WriteError>> {
        let flushed = self.poll_flush_inner(cx, fin);
        if let Poll::Ready(Err(_)) = flushed {
            self.staged.clear();
            self.writing = Bytes::new();
            self.payload = Bytes::new();
        }
        flushed
    }

    fn poll_flush_inner(&mut self, cx: &mut Context<'_>, fin: bool) -> Poll<Result<(), WriteError>> {
        let Some(send) = &mut self.send else { return Poll::Ready(Ok(())) };
        // A small message alone: copied by the stream, so that the buffer it was staged in is neither
        // frozen nor lost, and serves the next.
        if self.writing.is_empty()
            && self.payload.is_empty()
            && !self.staged.is_empty()
            && self.staged.len() <= COPIED_TO
            && let Some(written) = send.try_write(&self.staged, fin)
        {
            written?;
            // Not kept by a stream that may be idle for long.
            spare(core::mem::take(&mut self.staged));
            self.full = false;
            self.handed = true;
            self.finished |= fin;
            return Poll::Ready(Ok(()));
        }
        loop {
            if self.writing.is_empty() {
                self.writing = if self.staged.is_empty() {
                    core::mem::take(&mut self.payload)
                } else {
                    self.full = self.staged.len() >= FULL_STAGED_BYTES / 2;
                    core::mem::take(&mut self.staged).into()
                };
            }
            let last = self.payload.is_empty() && self.staged.is_empty();
            if self.writing.is_empty() && (!fin || self.finished) {
                return Poll::Ready(Ok(()));
            }
            let before = self.writing.len();
            let written = send.poll_write(cx, &mut self.writing, fin && last);
            self.handed |= self.writing.len() < before || matches!(written, Poll::Ready(Ok(())));
            core::task::ready!(written)?;
            self.writing = Bytes::new();
            if last {
                self.finished = fin;
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Whether a byte has reached the transport: if not, the peer has certainly seen nothing.
    pub(crate) fn is_handed(&self) -> bool {
        self.handed
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        self.send.as_mut().map_or(Poll::Pending, |send| send.poll_stopped(cx))
    }

    pub(crate) fn set_priority(&mut self, priority: i8) {
        if let Some(send) = &mut self.send {
            send.set_priority(priority);
        }
    }

    /// Nothing but writing follows: see [`SendStream::release_at_finish`](crate::session::SendStream).
    pub(crate) fn release_at_finish(&mut self) {
        if let Some(send) = &mut self.send {
            send.release_at_finish();
        }
    }

    pub(crate) fn reset(&mut self, code: StreamCode) {
        self.finished = true;
        if let Some(send) = &mut self.send {
            send.reset(code);
        }
    }
}

/// A message larger than both sides accept fails before it leaves.
#[inline]
pub(super) fn check_message_bytes(core: &WireCore, bytes: usize) -> Result<(), Status> {
    let limit = core.max_message_bytes();
    if bytes > limit {
        return Err(Status::limit("max_message_bytes", limit as u64, bytes as u64));
    }
    Ok(())
}

/// Appends one whole message whose bytes `encode` appends. On failure, and if `encode` panics, `out` is as
/// before.
pub(crate) fn stage_value<E: Into<Status>>(
    out: &mut Vec<u8>,
    core: &WireCore,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), Status> {
    stage_with_room(out, core, LENGTH_ROOM, encode).map(|_| ())
}

/// [`stage_value`]. The length goes before the value and is known only after it: `room` bytes are left for
/// it and corrected, which moves a message once for which that is too much or too little. Gives the room
/// that it took.
#[inline]
fn stage_with_room<E: Into<Status>>(
    out: &mut Vec<u8>,
    core: &WireCore,
    room: u8,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<u8, Status> {
    if out.capacity() == 0 {
        *out = staging();
    }
    let mut unstage = Unstage { start: out.len(), out };
    // As many as can be needed: a copy of a fixed length is one move.
    unstage.out.extend_from_slice(&[0; varint::MAX_LEN]);
    unstage.out.truncate(unstage.start + usize::from(room));
    encode(unstage.out).map_err(Into::into)?;
    let bytes = unstage.out.len() - unstage.start - usize::from(room);
    check_message_bytes(core, bytes)?;
    let Unstage { start, out } = &mut unstage;
    let start = core::mem::replace(start, usize::MAX);
    let taken = varint::len((bytes as u64) << 2);
    if taken != usize::from(room) {
        resize_room(out, start, usize::from(room), taken);
    }
    item::put_item_header(&mut &mut out[start..], ItemKind::LastFragment, bytes as u64);
    // At most `MAX_LEN`.
    Ok(u8::try_from(taken).unwrap_or(LENGTH_ROOM))
}

/// Moves what is behind the room at `start`, which is `left` bytes and should be `needed`.
#[inline(never)]
fn resize_room(out: &mut Vec<u8>, start: usize, left: usize, needed: usize) {
    let end = out.len();
    if needed > left {
        out.extend_from_slice(&[0; varint::MAX_LEN][left..needed]);
    }
    out.copy_within(start + left..end, start + needed);
    out.truncate(end - left + needed);
}

/// Takes back what was appended from `start` on, unless `start` was taken out of it.
struct Unstage<'a> {
    start: usize,
    out: &'a mut Vec<u8>,
}

impl Drop for Unstage<'_> {
    fn drop(&mut self) {
        // Longer than the buffer, it does nothing.
        self.out.truncate(self.start);
    }
}
