//! Items: what both directions of a call are made of. `docs/protocol.md` section 4.
//!
//! ```text
//! length << 2 | kind (i), then `length` bytes            clause 4.1
//! kind 0  the last, or only, fragment of a message
//! kind 1  a fragment, never empty: the message goes on
//! kind 2  status: response only, then FIN
//! kind 3  metadata: between messages; in a response once, and first
//! ```

use core::fmt;

use bytes::BufMut;

use crate::metadata::{Metadata, MetadataError};
use crate::proto::status_body;
use crate::status::{Origin, Status};
use crate::varint;

/// The largest length an item can have: what is left of an integer beside the kind.
pub const MAX_ITEM_BYTES: u64 = varint::MAX >> 2;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ItemKind {
    /// The last, or only, fragment of a message. May be empty.
    LastFragment = 0,
    /// A fragment after which the message goes on. Never empty.
    Fragment = 1,
    /// How the call failed. Only in a response, and only FIN may follow.
    Status = 2,
    /// Metadata. Only between messages; in a response once, before the first.
    Metadata = 3,
}

impl ItemKind {
    /// The kind of an item's first integer, from its two lowest bits.
    pub(crate) const fn of(first: u64) -> Self {
        match first & 3 {
            0 => Self::LastFragment,
            1 => Self::Fragment,
            2 => Self::Status,
            _ => Self::Metadata,
        }
    }
}

/// Which direction of a call a half of a stream is. Notifications are requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the caller to the callee.
    Request,
    /// From the callee to the caller.
    Response,
}

impl Direction {
    /// The side that sends in this direction.
    pub const fn sender(self) -> Origin {
        match self {
            Self::Request => Origin::Caller,
            Self::Response => Origin::Callee,
        }
    }

    /// The side that receives in this direction, and sets the limits.
    pub const fn receiver(self) -> Origin {
        match self {
            Self::Request => Origin::Callee,
            Self::Response => Origin::Caller,
        }
    }
}

/// Appends the integer that starts an item. `len` is at most [`MAX_ITEM_BYTES`].
#[inline]
pub fn put_item_header(out: &mut impl BufMut, kind: ItemKind, len: u64) {
    debug_assert!(len <= MAX_ITEM_BYTES, "an item of {len} bytes");
    varint::put(out, len.min(MAX_ITEM_BYTES) << 2 | kind as u64);
}

/// Appends a whole message as one item.
pub fn put_message(out: &mut impl BufMut, payload: &[u8]) {
    put_item_header(out, ItemKind::LastFragment, payload.len() as u64);
    out.put_slice(payload);
}

/// Appends metadata as one item. Sizes are the caller's to check first ([`Metadata::check`]).
pub fn put_metadata(out: &mut impl BufMut, metadata: &Metadata) {
    put_item_header(out, ItemKind::Metadata, metadata.encoded_len());
    metadata.encode(out);
}

/// Appends a status as one item whose body takes at most `max_bytes`: the receiver's
/// `max_metadata_bytes`. A status must always get through, so what is too much is left out: first the
/// details, then the end of the text, then the limit.
pub fn put_status(out: &mut impl BufMut, status: &Status, max_bytes: u64) {
    let mut body = Vec::new();
    status_body::encode(status, usize::try_from(max_bytes).unwrap_or(usize::MAX), &mut body);
    put_item_header(out, ItemKind::Status, body.len() as u64);
    out.put_slice(&body);
}

/// Why a direction of a call was given up: what its sender did, and in which direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// The direction in which it happened: it tells the side at fault, and the side that set a limit.
    pub direction: Direction,
    /// What happened.
    pub fault: ItemFault,
}

/// What was wrong with an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemFault {
    /// A message is larger than this side takes. Known from the lengths, before the bytes.
    #[error("a message too large: {seen} bytes seen, limit max_message_bytes = {limit}")]
    MessageTooLarge {
        /// The limit `max_message_bytes`.
        limit: u64,
        /// The message's bytes so far, with those announced.
        seen: u64,
    },
    /// A status is larger than metadata may be.
    #[error("a status too large: {seen} bytes seen, limit max_metadata_bytes = {limit}")]
    StatusTooLarge {
        /// The limit `max_metadata_bytes`, which a status is under as well.
        limit: u64,
        /// The length announced.
        seen: u64,
    },
    /// Metadata is malformed, or too much together with earlier items of it.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A status cannot be read.
    #[error("a malformed status: {what}")]
    MalformedStatus {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A fragment that goes on and holds nothing: it would be work for no bytes.
    #[error("an empty fragment that is not the last of its message")]
    EmptyFragment,
    /// A status in a request.
    #[error("a status in a request")]
    StatusInRequest,
    /// Something after the status.
    #[error("more bytes after the status")]
    AfterStatus,
    /// Metadata while a message is unfinished.
    #[error("metadata inside a message")]
    MetadataInsideMessage,
    /// Metadata in a response after a message or for the second time.
    #[error("metadata that is not the first item of a response")]
    MetadataNotFirst,
    /// The end of the stream inside an item.
    #[error("the end of the stream inside an item")]
    EndInsideItem,
    /// The end of the stream between the fragments of a message.
    #[error("the end of the stream inside a message")]
    EndInsideMessage,
    /// A request that ended without its message 0.
    #[error("the end of the request without a message: message 0, the arguments, is always there")]
    NoArguments,
}

impl ItemError {
    /// The error's name in `docs/protocol.md` and in the vectors.
    pub const fn name(&self) -> &'static str {
        match &self.fault {
            ItemFault::MessageTooLarge { .. } => "message-too-large",
            ItemFault::StatusTooLarge { .. } => "status-too-large",
            ItemFault::Metadata(error) => error.name(),
            ItemFault::MalformedStatus { .. } => "status-malformed",
            ItemFault::EmptyFragment => "fragment-empty",
            ItemFault::StatusInRequest => "status-in-request",
            ItemFault::AfterStatus => "after-status",
            ItemFault::MetadataInsideMessage => "metadata-inside-message",
            ItemFault::MetadataNotFirst => "metadata-not-first",
            ItemFault::EndInsideItem => "end-inside-item",
            ItemFault::EndInsideMessage => "end-inside-message",
            ItemFault::NoArguments => "no-arguments",
        }
    }
}

/// The side at fault and the rule: clause 13.3.
impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} sent {}", self.direction.sender(), self.fault)
    }
}

impl std::error::Error for ItemError {}

impl From<ItemError> for Status {
    /// Made by the receiver. A limit is RESOURCE_EXHAUSTED. A breach of the rules is INVALID_ARGUMENT
    /// where the caller broke them and INTERNAL where the callee did: the same words a caller of any
    /// other system would expect to read.
    fn from(error: ItemError) -> Self {
        let text = error.to_string();
        let receiver = error.direction.receiver();
        let status = match error.fault {
            ItemFault::MessageTooLarge { limit, seen } => Self::limit("max_message_bytes", limit, seen),
            ItemFault::StatusTooLarge { limit, seen }
            | ItemFault::Metadata(MetadataError::TooLarge { limit, seen }) => {
                Self::limit("max_metadata_bytes", limit, seen)
            }
            ItemFault::Metadata(MetadataError::TooManyEntries { limit, seen }) => {
                Self::limit("max_metadata_entries", limit, seen)
            }
            _ if receiver == Origin::Callee => Self::invalid_argument(text),
            _ => Self::internal(text),
        };
        status.with_origin(receiver)
    }
}

#[cfg(test)]
mod tests;
