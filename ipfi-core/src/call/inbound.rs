//! One direction of a call on its way in: bytes become messages, statuses and an end.

use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;

use crate::close_code::StreamCode;
use crate::error::ReadError;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::proto::{Direction, ItemDecoder, ItemError, Part};
use crate::status::Status;
use crate::wire::{BoxRecv, WireCore};

/// The most one read takes: a full STREAM frame. What was read and not yet asked for by the program has
/// left the window it came in, so this is what a call can hold beside its window.
const READ_BYTES: usize = 16 << 10;

/// By what a message that is assembled outgrows what has come of it: one of 64 KiB, of which a packet of 6 comes
/// first, has its place at once.
const GROWTH: usize = 16;

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A whole message.
    Message(Bytes),
    /// The callee's last word.
    Status(Status),
    /// Metadata between messages.
    Metadata(Metadata),
    /// The direction ended well.
    End,
}

/// Why nothing more comes.
#[derive(Clone, Debug)]
pub(crate) enum InboundError {
    /// The stream broke.
    Read(ReadError),
    /// What came cannot be read, or is more than this side takes.
    Refused(Status),
}

impl From<ItemError> for InboundError {
    fn from(error: ItemError) -> Self {
        Self::Refused(error.into())
    }
}

/// The receiving half of a call. It does not hold the wire, which everybody who polls it does.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// None once all of it was read in one step.
    recv: Option<BoxRecv>,
    decoder: ItemDecoder,
    /// The fragments of an unfinished message, while there is one.
    assembly: Option<Box<Assembly>>,
    /// The end, or a failure, was reached: the stream needs no stop.
    over: bool,
    /// The stream's end was read: there is nothing to stop.
    fin_read: bool,
    /// What the peer is told when this is dropped before the end.
    drop_code: StreamCode,
}

/// A message that comes in fragments.
#[derive(Debug)]
struct Assembly {
    core: Arc<WireCore>,
    bytes: Vec<u8>,
    /// How many bytes are charged to the wire for it.
    charged: usize,
}

impl Drop for Assembly {
    fn drop(&mut self) {
        self.core.reassembly().release(self.charged);
    }
}

impl Inbound {
    pub(crate) fn new(limits: &Limits, recv: BoxRecv, direction: Direction) -> Self {
        // The caller who loses interest cancels; the callee who needs no more items does not (clause 5.3).
        let drop_code = match direction {
            Direction::Request => StreamCode::NO_ERROR,
            Direction::Response => StreamCode::CANCELLED,
        };
        let decoder = ItemDecoder::new(direction, limits);
        Self { recv: Some(recv), decoder, assembly: None, over: false, fin_read: false, drop_code }
    }

    /// A request that is all here: `rest` is what follows its header.
    pub(crate) fn whole(limits: &Limits, rest: Bytes) -> Self {
        let mut decoder = ItemDecoder::new(Direction::Request, limits);
        decoder.push(rest, true);
        let drop_code = StreamCode::NO_ERROR;
        Self { recv: None, decoder, assembly: None, over: false, fin_read: true, drop_code }
    }

    /// Puts back bytes that were read from the stream for the header.
    pub(crate) fn push(&mut self, bytes: Bytes, fin: bool) {
        self.fin_read |= fin;
        self.decoder.push(bytes, fin);
    }

    /// Whether the direction has ended, well or badly.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The next part as it came: fragments are not joined.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, InboundError>> {
        loop {
            match self.decoder.next() {
                Ok(Some(part)) => {
                    self.decoder.own_rest();
                    self.over |= matches!(part, Part::End);
                    return Poll::Ready(Ok(part));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            // Of what was read in one step the decoder has the end, after which nobody asks.
            let Some(recv) = &mut self.recv else { return Poll::Pending };
            match ready!(recv.poll_read(cx, READ_BYTES)) {
                Ok(chunk) => self.push(chunk.bytes, chunk.fin),
                Err(error) => {
                    self.over = true;
                    return Poll::Ready(Err(InboundError::Read(error)));
                }
            }
        }
    }

    /// The next message where it lies, if all of it is here: see [`ItemDecoder::peek_message`]. `None` says
    /// nothing: what comes next is to be polled for.
    #[inline]
    pub(crate) fn peek_message(&self) -> Option<(&[u8], usize)> {
        self.decoder.peek_message()
    }

    /// Takes the message that [`peek_message`](Self::peek_message) gave with `end`.
    #[inline]
    pub(crate) fn skip_message(&mut self, end: usize) {
        self.decoder.skip_message(end);
        self.decoder.own_rest();
    }

    /// The next whole message, status, metadata or the end. Cancel safe: fragments stay assembled.
    pub(crate) fn poll_incoming(
        &mut self,
        core: &Arc<WireCore>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Incoming, InboundError>> {
        loop {
            match ready!(self.poll_part(cx))? {
                Part::Data { bytes, end: true, .. } if self.assembly.is_none() => {
                    return Poll::Ready(Ok(Incoming::Message(bytes)));
                }
                Part::Data { bytes, end, .. } => {
                    self.assemble(core, &bytes)?;
                    if end && let Some(mut assembly) = self.assembly.take() {
                        let message = core::mem::take(&mut assembly.bytes);
                        return Poll::Ready(Ok(Incoming::Message(message.into())));
                    }
                }
                Part::Status(status) => return Poll::Ready(Ok(Incoming::Status(status))),
                Part::Metadata(metadata) => return Poll::Ready(Ok(Incoming::Metadata(metadata))),
                Part::End => return Poll::Ready(Ok(Incoming::End)),
            }
        }
    }

    /// Adds to the message being assembled, if it and all others of the wire may have that much. What a
    /// fragment announces is charged with its first byte, though never allocated: so it is the newest
    /// message that is refused, and none that had a place fails half way. The decoder has refused what is
    /// larger than a message may be.
    fn assemble(&mut self, core: &Arc<WireCore>, bytes: &[u8]) -> Result<(), InboundError> {
        let assembly = self.assembly.get_or_insert_with(|| {
            Box::new(Assembly { core: Arc::clone(core), bytes: Vec::new(), charged: 0 })
        });
        let seen = assembly.bytes.len() + bytes.len();
        let claimed = usize::try_from(self.decoder.message_bytes()).unwrap_or(usize::MAX);
        let needed = seen.max(claimed).saturating_sub(assembly.charged);
        core.reassembly().reserve(needed).map_err(InboundError::Refused)?;
        assembly.charged += needed;
        if seen > assembly.bytes.capacity() {
            // In few steps, because each may copy all that came before; but by what has come and not by what
            // is announced, and never to more than was charged: the limit counts what the heap holds.
            let capacity = seen.saturating_mul(GROWTH).min(assembly.charged);
            assembly.bytes.reserve_exact(capacity - assembly.bytes.len());
        }
        assembly.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Needs no more: tells the peer why, unless the end was reached.
    pub(crate) fn stop(&mut self, code: StreamCode) {
        if !core::mem::replace(&mut self.over, true)
            && !self.fin_read
            && let Some(recv) = &mut self.recv
        {
            recv.stop(code);
        }
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        self.stop(self.drop_code);
    }
}
