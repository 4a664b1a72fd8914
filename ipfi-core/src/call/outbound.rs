//! One direction of a call on its way out: items are staged, then leave together.

use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

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

/// Room left for an item's length before its value is encoded behind it: enough for 4095 bytes.
const LENGTH_ROOM: usize = 2;

/// The sending half of a call.
#[derive(Debug)]
pub(crate) struct Outbound {
    core: Arc<WireCore>,
    send: BoxSend,
    /// Items that have not been handed to the stream.
    staged: BytesMut,
    /// Bytes being handed to the stream.
    writing: Bytes,
    /// A payload that follows `writing` uncopied. Nothing is staged while it waits.
    payload: Bytes,
    finished: bool,
}

impl Outbound {
    pub(crate) fn new(core: Arc<WireCore>, send: BoxSend, staged: BytesMut) -> Self {
        Self { core, send, staged, writing: Bytes::new(), payload: Bytes::new(), finished: false }
    }

    /// Bytes staged and not yet handed over.
    pub(crate) fn staged_bytes(&self) -> usize {
        self.staged.len() + self.writing.len() + self.payload.len()
    }

    /// Stages `value` as one message. The caller flushes before staging after a large raw payload.
    pub(crate) fn stage_message(&mut self, value: &impl Encode, codec: CodecId) -> Result<(), Status> {
        if let Some(raw) = value.as_raw() {
            return self.stage_bytes(raw, ItemKind::LastFragment);
        }
        stage_value(&mut self.staged, &self.core, |out| value.encode(codec, out))
    }

    /// Stages bytes that are already encoded: a fragment of a message, or its last.
    pub(crate) fn stage_bytes(&mut self, bytes: &Bytes, kind: ItemKind) -> Result<(), Status> {
        check_message_bytes(&self.core, bytes.len())?;
        debug_assert!(self.payload.is_empty(), "flushed before staging again");
        item::put_item_header(&mut self.staged, kind, bytes.len() as u64);
        if bytes.len() < UNCOPIED_FROM {
            self.staged.extend_from_slice(bytes);
        } else {
            self.payload = bytes.clone();
        }
        Ok(())
    }

    pub(crate) fn stage_status(&mut self, status: &Status) {
        item::put_status(&mut self.staged, status, self.core.peer_max_metadata_bytes());
    }

    pub(crate) fn stage_metadata(&mut self, metadata: &Metadata) {
        item::put_metadata(&mut self.staged, metadata);
    }

    /// Forgets what was staged and not handed over: a status takes its place. Only whole items are
    /// ever staged, but a large payload may have left in part, and then this says so: the stream can
    /// only be reset.
    pub(crate) fn discard_staged(&mut self) -> bool {
        if !self.writing.is_empty() || !self.payload.is_empty() {
            return false;
        }
        self.staged.clear();
        true
    }

    /// Hands what is staged to the stream, with the FIN in the same write. Dropping the caller between
    /// polls loses nothing.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, fin: bool) -> Poll<Result<(), WriteError>> {
        loop {
            if self.writing.is_empty() {
                self.writing = if !self.staged.is_empty() {
                    self.staged.split().freeze()
                } else {
                    core::mem::take(&mut self.payload)
                };
            }
            let last = self.payload.is_empty() && self.staged.is_empty();
            if self.writing.is_empty() && (!fin || self.finished) {
                return Poll::Ready(Ok(()));
            }
            core::task::ready!(self.send.poll_write(cx, &mut self.writing, fin && last))?;
            self.writing = Bytes::new();
            if last {
                self.finished = fin;
                return Poll::Ready(Ok(()));
            }
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamCode, ConnectionError>> {
        self.send.poll_stopped(cx)
    }

    pub(crate) fn set_priority(&mut self, priority: i8) {
        self.send.set_priority(priority);
    }

    pub(crate) fn reset(&mut self, code: StreamCode) {
        self.finished = true;
        self.send.reset(code);
    }
}

/// A message larger than both sides accept fails before it leaves.
fn check_message_bytes(core: &WireCore, bytes: usize) -> Result<(), Status> {
    let limit = core.max_message_bytes();
    if bytes > limit {
        return Err(Status::limit("max_message_bytes", limit as u64, bytes as u64));
    }
    Ok(())
}

/// Appends one whole message whose bytes `encode` appends. The length goes before the value and is
/// known only after it: room for the usual length is left and corrected, which moves a message of
/// fewer than 16 or more than 4095 bytes once. On failure `out` is as before.
pub(crate) fn stage_value<E: Into<Status>>(
    out: &mut BytesMut,
    core: &WireCore,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), Status> {
    let start = out.len();
    out.put_bytes(0, LENGTH_ROOM);
    let encoded = encode(out).map_err(Into::into).and_then(|()| {
        let bytes = out.len() - start - LENGTH_ROOM;
        check_message_bytes(core, bytes).map(|()| bytes)
    });
    let bytes = match encoded {
        Ok(bytes) => bytes,
        Err(status) => {
            out.truncate(start);
            return Err(status);
        }
    };
    let room = varint::len((bytes as u64) << 2);
    let from = start + LENGTH_ROOM;
    if room > LENGTH_ROOM {
        out.put_bytes(0, room - LENGTH_ROOM);
    }
    if room != LENGTH_ROOM {
        out.copy_within(from..from + bytes, start + room);
        out.truncate(start + room + bytes);
    }
    item::put_item_header(&mut &mut out[start..start + room], ItemKind::LastFragment, bytes as u64);
    Ok(())
}
