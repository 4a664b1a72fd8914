//! Records, QMux section 3.2: the pieces in which frames travel over a byte stream.
//!
//! ```text
//! QMux Record {
//!   Size (i),          bytes of Frames, at most the receiver's max_record_size
//!   Frames (..),       one or more whole frames
//! }
//! ```
//!
//! Over WebSocket each binary message is one record and Size is left out ([`RecordFraming::Message`]).
//!
//! The first record begins with QX_TRANSPORT_PARAMETERS, whose type is `ff 51 53 30 0d 0a 0d 0a` on
//! the wire (QMux section 4.2: the number counts, not the letters beside it); what begins otherwise is told apart at its first wrong byte, and
//! when it is text (a server of another protocol, a `println!` into a pipe) it is shown as such.

use std::fmt::Write as _;

use bytes::{Buf, Bytes, BytesMut};
use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::varint;

use crate::violation::Violation;

/// How many bytes [`begin_record`] keeps free for Size.
const SIZE_LEN: usize = 2;
/// The largest Size that fits them.
const SIZE_MAX: usize = 0x3fff;
/// How much of a foreign peer's text an error shows, in characters.
const SEEN_CHARS: usize = 80;
/// So many letters in a row are text, whatever follows them.
const MIN_TEXT_CHARS: usize = 8;
/// How much of a foreign peer's other bytes an error shows.
const SEEN_BYTES: usize = 16;

/// The type of QX_TRANSPORT_PARAMETERS as the wire shows it: every peer's first bytes, after Size.
const MAGIC: [u8; 8] = crate::frame::TRANSPORT_PARAMETERS_MAGIC;

/// Where the ends of records are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFraming {
    /// Each record begins with its Size: byte streams.
    Sized,
    /// Each message of the carrier is one record: WebSocket.
    Message,
}

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The peer broke the protocol.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The peer does not speak QMux: its first bytes are text.
    #[error("the peer sent text in place of QX_TRANSPORT_PARAMETERS: {seen:?}")]
    Foreign {
        /// Its beginning, at most 80 characters, control characters as spaces.
        seen: String,
    },
}

impl From<RecordError> for ConnectionError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Violation(violation) => violation.into(),
            RecordError::Foreign { seen } => Self::NotIpfi { seen: seen.into() },
        }
    }
}

/// Cuts what the peer sent into records.
#[derive(Debug)]
pub struct RecordReader {
    framing: RecordFraming,
    max_record_size: u64,
    /// No record was taken yet: the next one must begin with [`MAGIC`].
    first: bool,
}

/// Where a record lies at the front of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Bytes of its Size.
    pub(crate) prefix: usize,
    /// Bytes of its Frames.
    pub(crate) size: usize,
}

impl RecordReader {
    /// A reader before the first byte. `max_record_size` is what this side declares, so that a peer
    /// that keeps to the least there can be (16 382) before it has seen the declaration is within it.
    pub fn new(framing: RecordFraming, max_record_size: u64) -> Self {
        Self { framing, max_record_size, first: true }
    }

    /// Takes one whole record (its Frames, never empty) from the front of `input`, without copying.
    /// `None`: more bytes are needed, and those there are stay in `input`. Over
    /// [`RecordFraming::Message`] all of `input` is one record, and none is there while it is empty;
    /// a carrier that can receive an empty message passes messages to [`message`](Self::message).
    ///
    /// Room is never made for a Size that was only announced. An error takes nothing, so every later
    /// call repeats it: the connection is over.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, RecordError> {
        let Some(Extent { prefix, size }) = self.measure(input)? else { return Ok(None) };
        input.advance(prefix);
        Ok(Some(input.split_to(size).freeze()))
    }

    /// Where the record at the front of `input` lies, as [`next`](Self::next) would take it: for who reads
    /// frames in place. Small payloads are copied anyway, so a record of them need not become a [`Bytes`],
    /// which costs an allocation or a count shared with others. The record must then be taken.
    #[inline]
    pub(crate) fn measure(&mut self, input: &[u8]) -> Result<Option<Extent>, RecordError> {
        let extent = match self.framing {
            RecordFraming::Message if input.is_empty() => return Ok(None),
            RecordFraming::Message => {
                self.check(input.len() as u64, 0, input)?;
                Extent { prefix: 0, size: input.len() }
            }
            RecordFraming::Sized => {
                let Some((size, prefix)) = varint::get(input) else { return Ok(None) };
                self.check(size, prefix, input)?;
                // A size that a 32-bit machine cannot address is one that it cannot hold.
                let size = usize::try_from(size).map_err(|_| self.too_large(size))?;
                if input.len() - prefix < size {
                    return Ok(None);
                }
                Extent { prefix, size }
            }
        };
        self.first = false;
        Ok(Some(extent))
    }

    /// Takes one message of the carrier as one record ([`RecordFraming::Message`]).
    pub fn message(&mut self, message: Bytes) -> Result<Bytes, RecordError> {
        self.check(message.len() as u64, 0, &message)?;
        self.first = false;
        Ok(message)
    }

    /// Whether a record of `size` bytes, the first of which may be in `input` behind `size_len`, can
    /// be taken.
    fn check(&self, size: u64, size_len: usize, input: &[u8]) -> Result<(), RecordError> {
        if self.first {
            self.check_first(size, size_len, input)?;
        }
        if size == 0 {
            // RFC 9000 section 12.4 of a packet without frames; QMux section 3.2: "one or more".
            return Err(Violation::new(TransportCode::PROTOCOL_VIOLATION, "a record without frames").into());
        }
        if size > self.max_record_size { Err(self.too_large(size).into()) } else { Ok(()) }
    }

    /// Whether the first record begins as it must, as far as it is there.
    fn check_first(&self, size: u64, size_len: usize, input: &[u8]) -> Result<(), RecordError> {
        let frames = &input[size_len..];
        // A Size below that of the type is the frame's fault, not that of another protocol.
        let known = frames.len().min(MAGIC.len()).min(usize::try_from(size).unwrap_or(usize::MAX));
        let wrong = !MAGIC.starts_with(&frames[..known]);
        // Text is told from a huge Size too: its first letter may be a varint of eight bytes.
        if (wrong || size > self.max_record_size)
            && let Some(seen) = text(input)
        {
            return Err(RecordError::Foreign { seen });
        }
        if wrong { Err(not_parameters(input).into()) } else { Ok(()) }
    }

    /// QMux section 5.2.
    fn too_large(&self, seen: u64) -> Violation {
        let limit = self.max_record_size;
        Violation::encoding(format!("record too large: {seen} bytes seen, limit max_record_size = {limit}"))
    }
}

/// The peer's first bytes are neither QX_TRANSPORT_PARAMETERS nor text (QMux section 4.2).
fn not_parameters(input: &[u8]) -> Violation {
    let mut what = String::from("the first frame is not QX_TRANSPORT_PARAMETERS, the first bytes are");
    for byte in input.iter().take(SEEN_BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(what, " {byte:02x}");
    }
    Violation::new(TransportCode::PROTOCOL_VIOLATION, what)
}

/// The beginning of `input` in printable characters if it is text: UTF-8 (a character may be cut at
/// the end) without control characters other than those that a terminal is sent. Or text to begin with: of
/// a program that prints before its handshake, both may come in one piece.
fn text(input: &[u8]) -> Option<String> {
    let input = &input[..input.len().min(SEEN_CHARS * 4)];
    let (valid, mut whole) = match std::str::from_utf8(input) {
        Ok(text) => (text, true),
        Err(error) => {
            let valid = std::str::from_utf8(&input[..error.valid_up_to()]).ok()?;
            (valid, error.error_len().is_none())
        }
    };
    let binary = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    let mut text = valid;
    if let Some(end) = valid.find(binary) {
        (text, whole) = (&valid[..end], false);
    }
    if !whole {
        if text.chars().count() < MIN_TEXT_CHARS {
            return None;
        }
        // Bytes of what follows may look like letters of an unfinished line.
        text = text.rfind('\n').map_or(text, |end| &text[..end]);
    }
    if text.is_empty() {
        return None;
    }
    Some(text.chars().take(SEEN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// Begins a record at the end of `out`: two bytes are kept for its Size. Frames are then appended,
/// and [`end_record`] is given the mark.
pub fn begin_record(out: &mut BytesMut) -> usize {
    let mark = out.len();
    out.extend_from_slice(&[0; SIZE_LEN]);
    mark
}

/// Ends the record begun at `mark`: its Size is written as a varint of two bytes, longer than needed
/// for a small record, which RFC 9000 section 16 allows (only frame types must be shortest) and
/// which spares moving the frames. A record without frames is taken back, since it may not be sent.
///
/// Records here are meant to be at most 16 383 bytes; a larger one is moved to make room for its
/// Size rather than sent with a wrong one.
pub fn end_record(out: &mut BytesMut, mark: usize) {
    end_record_around(out, mark, 0);
}

/// [`end_record`] of a record of which `elsewhere` more bytes are not in `out`. Then it must be small enough.
pub(crate) fn end_record_around(out: &mut BytesMut, mark: usize, elsewhere: usize) {
    let begin = mark + SIZE_LEN;
    debug_assert!(out.len() >= begin, "the mark is not of a record in this buffer");
    let size = out.len() - begin + elsewhere;
    debug_assert!(size <= SIZE_MAX || elsewhere == 0, "a record in pieces of {size} bytes");
    match size {
        0 => out.truncate(mark),
        // The arm's range proves that the cast keeps the value.
        #[allow(clippy::cast_possible_truncation)]
        1..=SIZE_MAX => out[mark..begin].copy_from_slice(&(0x4000 | size as u16).to_be_bytes()),
        _ => {
            let frames = out.split_off(begin);
            out.truncate(mark);
            varint::put(out, size as u64);
            out.extend_from_slice(&frames);
        }
    }
}

#[cfg(test)]
mod tests;
