//! The guard around every codec's deserializer: it bounds what a peer's bytes can cost (clause 9.2).
//!
//! The codecs' libraries stop some hazards each and none stops all: bincode allocates what a string
//! claims, before it looks whether the bytes are there; bincode and postcard recurse as deep as the
//! bytes say; MessagePack's depth counter skips `Some` and newtypes; 100 kB of `None` become 33 MB in
//! all of them. So a [`Guard`] wraps the library's `Deserializer`, and everything that it hands on
//! (visitors, sequences, maps, enums, seeds) is wrapped again: no nested value is out of sight.
//!
//! # Depth
//!
//! Counted where a visitor is entered with something that can hold another value ([`Scope::enter`]):
//! sequence, map, enum, `Some`, newtype struct; tuples and structs arrive as sequences or maps. That is
//! where recursion must pass, whichever method a `Deserialize` impl called before.
//!
//! # Memory
//!
//! Charged against one [`Budget`] a message, always before what is charged for is decoded:
//!
//! * an element of a sequence or a map: its size in memory, or [`ZERO_SIZED`] if it has none. A length
//!   that the format knows is charged whole before the first element, so a length of 2^60 is refused at
//!   once and what serde reserves for it is covered;
//! * what holds elements, text or bytes: these and [`ALLOCATION`], unless it is empty;
//! * a struct, tuple or enum that is larger than the place it is decoded for: it must be behind a box.
//!   Its fields are inside it and cost nothing of their own, as long as they fit.
//!
//! This is the least that the value takes. Really taken is more by what collections keep in reserve
//! (a `Vec` that doubles, a hash table's empty slots) and by allocators' rounding: up to about three
//! times.
//!
//! What the guard cannot see: a `Box` of something no larger than the pointer, and what
//! `#[serde(untagged)]`, `#[serde(flatten)]` and internally tagged enums build from serde's buffer
//! (MessagePack and JSON only). The buffer itself is charged, and is as deep as the guard lets it be.
//!
//! # Reserve
//!
//! `size_hint` never tells more than the message has bytes (an element takes one at least, or no memory),
//! and never more than [`HINT_SHARE`]: serde reserves memory by it before the first element, when the
//! guard cannot know yet how large an element is. So a few bytes that claim a million entries make a hash
//! table of a few.
//!
//! # Text
//!
//! Owned strings and byte buffers are read through the deserializers' borrowing methods, which check a
//! length against the bytes that are there; bincode's owning ones allocate first.

mod access;
mod de;
mod visitor;

use core::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, Error};

use self::de::Guard;
use super::{CodecError, DecodeLimits};

/// What an element without a size is charged, or a `Vec<()>` could loop for 2^60 elements. It takes
/// time and no memory, so this is what bounds the time: a quarter of a million of them by default.
const ZERO_SIZED: usize = 64;

/// What each block of heap is charged on top of its contents: about what allocators keep beside it.
const ALLOCATION: usize = 16;

/// A size hint is at most the budget left, divided by this. Elements up to so many bytes are therefore
/// never reserved beyond the budget; for larger ones serde's own cap of 1 MiB a container holds, and
/// only for the one container whose first element is not charged yet.
const HINT_SHARE: usize = 256;

/// Which limit a message broke.
#[derive(Clone, Copy, Debug)]
enum Breach {
    Depth,
    Size { seen: usize },
}

/// What one message has used up.
#[derive(Debug)]
struct Budget {
    limits: DecodeLimits,
    /// The message's length in bytes.
    input: usize,
    used: Cell<usize>,
    // Kept, not only returned: a `Deserialize` impl may swallow an error and try something else.
    breach: Cell<Option<Breach>>,
}

impl Budget {
    fn charge<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let used = self.used.get().saturating_add(bytes);
        if used > self.limits.max_decoded_bytes || self.breach.get().is_some() {
            return Err(self.refuse(Breach::Size { seen: used }));
        }
        self.used.set(used);
        Ok(())
    }

    /// Charges for a block of heap that is about to hold `bytes`; none is made for nothing.
    fn charge_heap<E: Error>(&self, bytes: usize) -> Result<(), E> {
        if bytes == 0 { Ok(()) } else { self.charge(bytes.saturating_add(ALLOCATION)) }
    }

    #[cold]
    fn refuse<E: Error>(&self, breach: Breach) -> E {
        if self.breach.get().is_none() {
            self.breach.set(Some(breach));
        }
        // Seen by nobody: `decode` reports the breach instead of the library's error.
        E::custom("limit reached")
    }

    fn hint(&self, claimed: Option<usize>) -> Option<usize> {
        let left = self.limits.max_decoded_bytes.saturating_sub(self.used.get());
        claimed.map(|claimed| claimed.min(left / HINT_SHARE).min(self.input))
    }
}

/// Where in the value the guard is.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    budget: &'a Budget,
    /// Containers around this.
    depth: usize,
    /// Bytes already paid for at this place: a larger value lives elsewhere.
    place: usize,
    /// Whether text here is the name of a field or a variant, which nobody keeps.
    name: bool,
}

impl<'a> Scope<'a> {
    /// The place of a `T` one container further in than what `self` is the scope of.
    fn place_of<T>(self) -> Self {
        Self { place: size_of::<T>(), name: false, ..self }
    }

    /// A place for the name of a field or a variant.
    fn place_of_name(self) -> Self {
        Self { place: usize::MAX, name: true, ..self }
    }

    /// Steps into a container that becomes a `T`.
    fn enter<T, E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > self.budget.limits.max_depth {
            return Err(self.budget.refuse(Breach::Depth));
        }
        let size = size_of::<T>();
        if size > self.place {
            self.budget.charge_heap(size)?;
        }
        Ok(Self { depth, place: self.place.max(size), name: false, ..self })
    }
}

/// The seed that a codec gives to its library: a whole value, guarded.
pub(super) struct Seed<'a, S> {
    budget: &'a Budget,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        // The value itself lives where the caller keeps it.
        let scope = Scope { budget: self.budget, depth: 0, place: size_of::<S::Value>(), name: false };
        self.seed.deserialize(Guard::new(deserializer, scope))
    }
}

/// Decodes one value by `seed` under the guard, out of a message of `input` bytes: `read` passes the guarded seed to the library, `fault` translates the
/// library's error. A limit that was reached is reported as such, even when `read` made something of it.
pub(super) fn decode<'de, S, R, E>(
    seed: S,
    limits: &DecodeLimits,
    input: usize,
    read: impl FnOnce(Seed<'_, S>) -> Result<R, E>,
    fault: impl FnOnce(E) -> CodecError,
) -> Result<R, CodecError>
where
    S: DeserializeSeed<'de>,
{
    let budget = Budget { limits: *limits, input, used: Cell::new(0), breach: Cell::new(None) };
    let result = read(Seed { budget: &budget, seed });
    // Matched where it lies: to move a result with an error as large as the libraries' costs more than to
    // decode a number.
    match budget.breach.get() {
        None => match result {
            Ok(read) => Ok(read),
            Err(error) => Err(fault(error)),
        },
        Some(breach) => Err(breached(breach, limits)),
    }
}

#[cold]
fn breached(breach: Breach, limits: &DecodeLimits) -> CodecError {
    match breach {
        Breach::Depth => CodecError::Depth { limit: limits.max_depth },
        Breach::Size { seen } => CodecError::DecodedSize { limit: limits.max_decoded_bytes, seen },
    }
}
