//! Items as they arrive: bytes in, cut anywhere; parts of messages, metadata, a status and the end out.
//! `docs/protocol.md` section 4.
//!
//! The rules, in one table; anything else is an error that fails this call alone:
//!
//! | where                     | may come                                                     |
//! |---------------------------|--------------------------------------------------------------|
//! | request, between messages | fragment, last fragment, metadata, FIN (after message 0)     |
//! | request, inside a message | fragment, last fragment                                      |
//! | response, at its start    | fragment, last fragment, metadata, status, FIN               |
//! | response, later           | fragment, last fragment, status, FIN                         |
//! | response, inside a message| fragment, last fragment, status (the message is given up)    |
//! | after a status            | FIN                                                          |
//!
//! A status may interrupt a message: a callee that sends a message before it has all of it must be
//! able to fail halfway.

use bytes::{Buf, Bytes};

use crate::limits::Limits;
use crate::metadata::{Metadata, MetadataError};
use crate::proto::item::{Direction, ItemError, ItemFault, ItemKind};
use crate::proto::status_body;
use crate::status::Status;
use crate::varint;

/// What a direction of a call brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes of a message, as they arrived and uncopied.
    Data {
        /// Empty only where a fragment ends without any: an empty last fragment.
        bytes: Bytes,
        /// These are the last bytes of the message.
        end: bool,
        /// These are the last bytes of a fragment; true whenever `end` is.
        fragment_end: bool,
    },
    /// The call failed. Only [`Part::End`] follows.
    Status(Status),
    /// Metadata of the call.
    Metadata(Metadata),
    /// The sender finished. Nothing follows.
    End,
}

/// Decodes one direction of one call after its header.
///
/// Push what arrives, then take parts until there are none. What was pushed and not yet taken is
/// kept, uncopied as long as it is taken before more is pushed; bounding it is the caller's, who
/// decides when to read on. On its own the decoder holds at most the body of one status or one item of
/// metadata, under `max_metadata_bytes`, and never more than has arrived.
///
/// There are two of these in every call that is open, so what only some directions need (the body of a
/// status, an error) is boxed.
#[derive(Debug)]
pub struct ItemDecoder {
    direction: Direction,
    max_message_bytes: u32,
    /// What of `max_metadata_bytes` is left for this direction.
    metadata_bytes_left: u32,
    max_metadata_bytes: u32,
    /// What of `max_metadata_entries` is left for this direction.
    metadata_entries_left: u32,
    max_metadata_entries: u32,
    input: Input,
    state: State,
    /// Bytes of the message under way, those announced by the fragment under way included.
    message_bytes: u64,
    /// A message is under way.
    in_message: bool,
    /// A message has begun, now or earlier.
    any_message: bool,
    /// Metadata has come.
    any_metadata: bool,
}

/// What is expected next.
#[derive(Debug)]
enum State {
    /// The integer that starts an item: the bytes of it that have come.
    Start { first: [u8; varint::MAX_LEN], len: usize },
    /// The rest of a fragment.
    Fragment { left: u64, last: bool },
    /// The rest of a status or of metadata.
    Body(Box<Body>),
    /// Nothing but FIN.
    AfterStatus,
    /// Nothing: the end was handed over.
    Ended,
    /// Nothing: the direction failed, with this error for ever.
    Failed(Box<ItemError>),
}

/// A status or metadata on its way: what has come of `len` bytes.
#[derive(Debug)]
struct Body {
    kind: ItemKind,
    len: usize,
    bytes: Vec<u8>,
}

const START: State = State::Start { first: [0; varint::MAX_LEN], len: 0 };

impl ItemDecoder {
    /// A decoder for one direction of a call.
    pub fn new(direction: Direction, limits: &Limits) -> Self {
        Self {
            direction,
            max_message_bytes: limits.max_message_bytes,
            metadata_bytes_left: limits.max_metadata_bytes,
            max_metadata_bytes: limits.max_metadata_bytes,
            metadata_entries_left: limits.max_metadata_entries,
            max_metadata_entries: limits.max_metadata_entries,
            input: Input::default(),
            state: START,
            message_bytes: 0,
            in_message: false,
            any_message: false,
            any_metadata: false,
        }
    }

    /// Takes the next bytes of the stream, and whether they are its last. Bytes after the last are
    /// ignored: no carrier has them.
    pub fn push(&mut self, chunk: Bytes, fin: bool) {
        if !self.input.fin {
            self.input.push(chunk);
            self.input.fin = fin;
        }
    }

    /// Whether every byte that was pushed has been taken.
    pub fn is_buffered_empty(&self) -> bool {
        self.input.front.is_empty()
    }

    /// Makes what was pushed and not yet taken its own, if it may be a slice of something larger: a slice
    /// that waits for a slow reader keeps the whole block alive that the carrier read. Copies each
    /// pushed chunk at most once.
    #[inline]
    pub(crate) fn own_rest(&mut self) {
        if !self.input.front.is_empty() {
            self.input.own();
        }
    }

    /// Whether a message has begun that has not ended.
    pub fn in_message(&self) -> bool {
        self.in_message
    }

    /// Bytes of the message under way, with those that the fragment under way announces: a claim, at most
    /// `max_message_bytes`. 0 between messages.
    pub fn message_bytes(&self) -> u64 {
        self.message_bytes
    }

    /// The next part, or `None` until more is pushed (and for ever after [`Part::End`]). An error is
    /// returned again by every later call.
    // The name says what it does, and it is no iterator: `None` comes and goes.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Part>, ItemError> {
        if let Some(message) = self.whole_message() {
            return Ok(Some(Part::Data { bytes: message, end: true, fragment_end: true }));
        }
        if let State::Failed(error) = &self.state {
            return Err((**error).clone());
        }
        let result = self.step().map_err(|fault| ItemError { direction: self.direction, fault });
        if let Err(error) = &result {
            self.state = State::Failed(Box::new(error.clone()));
            self.input = Input { fin: true, ..Input::default() };
        }
        result
    }

    /// The usual case ahead of the table: between messages, with nothing buffered but one whole message,
    /// which nearly every argument and answer is. Says nothing about anything else.
    #[inline]
    fn whole_message(&mut self) -> Option<Bytes> {
        if !matches!(self.state, State::Start { len: 0, .. }) || self.in_message {
            return None;
        }
        let taken = only_message(&self.input.front, self.max_message_bytes)?;
        let mut message = core::mem::take(&mut self.input.front);
        message.advance(taken);
        // An empty slice would keep its block alive.
        let message = if message.is_empty() { Bytes::new() } else { message };
        self.input.owned = false;
        self.any_message = true;
        Some(message)
    }

    /// The usual case of a sequence, ahead of the table: between messages, the first of one whole message or
    /// more, where it lies, and what [`skip_message`](Self::skip_message) is told to take it. Says nothing
    /// about anything else.
    #[inline]
    pub(crate) fn peek_message(&self) -> Option<(&[u8], usize)> {
        if !matches!(self.state, State::Start { len: 0, .. }) || self.in_message {
            return None;
        }
        let (first, taken) = varint::get(&self.input.front)?;
        let len = first >> 2;
        if first & 3 != ItemKind::LastFragment as u64 || len > u64::from(self.max_message_bytes) {
            return None;
        }
        // At most a limit of 32 bits.
        let end = taken + usize::try_from(len).ok()?;
        Some((self.input.front.get(taken..end)?, end))
    }

    /// Takes the message that ends at `end`, as [`peek_message`](Self::peek_message) had it.
    #[inline]
    pub(crate) fn skip_message(&mut self, end: usize) {
        self.input.skip(end);
        self.any_message = true;
    }

    fn step(&mut self) -> Result<Option<Part>, ItemFault> {
        loop {
            match &mut self.state {
                State::Start { first, len } => {
                    let Some(value) = self.input.integer(first, len) else {
                        let started = *len > 0;
                        return self.end(started);
                    };
                    self.state = START;
                    if let Some(part) = self.begin(ItemKind::of(value), value >> 2)? {
                        return Ok(Some(part));
                    }
                }
                State::Fragment { left, last } => {
                    let bytes = self.input.take(*left);
                    if bytes.is_empty() {
                        return self.end(true);
                    }
                    *left -= bytes.len() as u64;
                    let fragment_end = *left == 0;
                    let end = fragment_end && *last;
                    if fragment_end {
                        self.state = START;
                    }
                    if end {
                        self.finish_message();
                    }
                    return Ok(Some(Part::Data { bytes, end, fragment_end }));
                }
                State::Body(body) => {
                    let Body { kind, len, bytes: held } = &mut **body;
                    let wanted = (*len - held.len()) as u64;
                    let bytes = self.input.take(wanted);
                    if bytes.is_empty() && wanted > 0 {
                        return self.end(true);
                    }
                    let kind = *kind;
                    // The usual case, all at once, is decoded where it lies.
                    if bytes.len() == *len {
                        return self.body(kind, &bytes).map(Some);
                    }
                    // Doubling, but never beyond what was announced, which the limit has let pass.
                    let needed = held.len() + bytes.len();
                    if needed > held.capacity() {
                        let capacity = needed.max(held.capacity().saturating_mul(2)).min(*len);
                        held.reserve_exact(capacity - held.len());
                    }
                    held.extend_from_slice(&bytes);
                    if held.len() == *len {
                        let held = core::mem::take(held);
                        return self.body(kind, &held).map(Some);
                    }
                }
                State::AfterStatus => {
                    if !self.input.front.is_empty() {
                        return Err(ItemFault::AfterStatus);
                    }
                    return self.end(false);
                }
                State::Ended | State::Failed(_) => return Ok(None),
            }
        }
    }

    /// Checks an item's first integer against the rules and the limits, before any byte of its body
    /// (clause 1.4), and in the order of clause 13.1: its place, then its length.
    fn begin(&mut self, kind: ItemKind, len: u64) -> Result<Option<Part>, ItemFault> {
        match kind {
            ItemKind::LastFragment | ItemKind::Fragment => {
                let last = kind == ItemKind::LastFragment;
                // Clause 4.2.
                if len == 0 && !last {
                    return Err(ItemFault::EmptyFragment);
                }
                // Clause 4.8. Neither can overflow: a limit is 32 bits and a length 60.
                let seen = self.message_bytes + len;
                let limit = u64::from(self.max_message_bytes);
                if seen > limit {
                    return Err(ItemFault::MessageTooLarge { limit, seen });
                }
                self.message_bytes = seen;
                self.in_message = true;
                self.any_message = true;
                if len == 0 {
                    self.finish_message();
                    return Ok(Some(Part::Data { bytes: Bytes::new(), end: true, fragment_end: true }));
                }
                self.state = State::Fragment { left: len, last };
            }
            ItemKind::Status => {
                // Clause 4.7.
                if self.direction == Direction::Request {
                    return Err(ItemFault::StatusInRequest);
                }
                let limit = u64::from(self.max_metadata_bytes).max(status_body::LEAST_BYTES);
                let len = match usize::try_from(len) {
                    Ok(small) if len <= limit => small,
                    _ => return Err(ItemFault::StatusTooLarge { limit, seen: len }),
                };
                // The message that it interrupts will not be finished.
                self.in_message = false;
                self.state = State::Body(Box::new(Body { kind, len, bytes: Vec::new() }));
            }
            ItemKind::Metadata => {
                // Clause 4.5.
                if self.in_message {
                    return Err(ItemFault::MetadataInsideMessage);
                }
                if self.direction == Direction::Response && (self.any_message || self.any_metadata) {
                    return Err(ItemFault::MetadataNotFirst);
                }
                let len = match u32::try_from(len) {
                    Ok(small) if small <= self.metadata_bytes_left => small,
                    _ => {
                        let limit = u64::from(self.max_metadata_bytes);
                        let earlier = limit - u64::from(self.metadata_bytes_left);
                        return Err(MetadataError::TooLarge { limit, seen: earlier + len }.into());
                    }
                };
                self.any_metadata = true;
                self.metadata_bytes_left -= len;
                self.state = State::Body(Box::new(Body { kind, len: len as usize, bytes: Vec::new() }));
            }
        }
        Ok(None)
    }

    /// Decodes the whole body of a status or of metadata.
    fn body(&mut self, kind: ItemKind, body: &[u8]) -> Result<Part, ItemFault> {
        if kind == ItemKind::Status {
            let status = status_body::decode(body).map_err(|what| ItemFault::MalformedStatus { what })?;
            self.state = State::AfterStatus;
            return Ok(Part::Status(status));
        }
        let limit = u64::from(self.max_metadata_entries);
        let left = u64::from(self.metadata_entries_left);
        let earlier = limit - left;
        let metadata = match Metadata::decode(body, left) {
            // What counts is the sum over the items of this direction.
            Err(MetadataError::TooManyEntries { seen, .. }) => {
                Err(MetadataError::TooManyEntries { limit, seen: earlier + seen })
            }
            other => other,
        }?;
        // An empty item counts as an entry, or there could be any number of them.
        let charge = (metadata.len() as u64).max(1);
        self.metadata_entries_left = u32::try_from(charge)
            .ok()
            .and_then(|charge| self.metadata_entries_left.checked_sub(charge))
            .ok_or(MetadataError::TooManyEntries { limit, seen: earlier + charge })?;
        self.state = START;
        Ok(Part::Metadata(metadata))
    }

    /// Nothing is left to take: waits for more, or ends where an end may be (clauses 4.3, 4.6).
    fn end(&mut self, inside_item: bool) -> Result<Option<Part>, ItemFault> {
        if !self.input.fin {
            return Ok(None);
        }
        if inside_item {
            return Err(ItemFault::EndInsideItem);
        }
        if self.in_message {
            return Err(ItemFault::EndInsideMessage);
        }
        if self.direction == Direction::Request && !self.any_message {
            return Err(ItemFault::NoArguments);
        }
        self.state = State::Ended;
        Ok(Some(Part::End))
    }

    fn finish_message(&mut self) {
        self.in_message = false;
        self.message_bytes = 0;
    }
}

/// Where the message begins in `bytes`, if they are one whole message in one item, within the limit.
#[inline]
pub(crate) fn only_message(bytes: &[u8], max_message_bytes: u32) -> Option<usize> {
    let (first, taken) = varint::get(bytes)?;
    let len = (bytes.len() - taken) as u64;
    (first == len << 2 && len <= u64::from(max_message_bytes)).then_some(taken)
}

/// What was pushed and not yet taken.
#[derive(Debug, Default)]
struct Input {
    front: Bytes,
    /// `front` is a slice of nothing but itself.
    owned: bool,
    fin: bool,
}

impl Input {
    fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        if self.front.is_empty() {
            self.front = chunk;
            self.owned = false;
        } else {
            // Only who pushes without taking gets here.
            self.front = [&*self.front, &*chunk].concat().into();
            self.owned = true;
        }
    }

    #[inline]
    fn own(&mut self) {
        if !self.owned {
            self.copy_front();
        }
    }

    #[inline(never)]
    fn copy_front(&mut self) {
        self.front = Bytes::copy_from_slice(&self.front);
        self.owned = true;
    }

    /// Passes over the first `len` bytes, which are there.
    #[inline]
    fn skip(&mut self, len: usize) {
        self.front.advance(len);
        if self.front.is_empty() {
            // Empty, it would still keep its block alive.
            self.front = Bytes::new();
            self.owned = false;
        }
    }

    /// At most `max` bytes of what is in one piece; empty when there is nothing.
    fn take(&mut self, max: u64) -> Bytes {
        let len = usize::try_from(max).unwrap_or(usize::MAX).min(self.front.len());
        if len < self.front.len() {
            return self.front.split_to(len);
        }
        self.owned = false;
        core::mem::take(&mut self.front)
    }

    /// An integer whose first `len` bytes are already in `first`; `None` when the input ends inside
    /// it, with what there was of it moved to `first`.
    fn integer(&mut self, first: &mut [u8; varint::MAX_LEN], len: &mut usize) -> Option<u64> {
        if *len == 0
            && let Some((value, taken)) = varint::get(&self.front)
        {
            let _ = self.take(taken as u64);
            return Some(value);
        }
        loop {
            // `len` stays below the array's: at MAX_LEN bytes every integer is complete.
            if let Some((value, _)) = varint::get(first.get(..*len).unwrap_or_default()) {
                return Some(value);
            }
            let byte = self.take(1);
            *first.get_mut(*len)? = *byte.first()?;
            *len += 1;
        }
    }
}

#[cfg(test)]
mod tests;
