//! What travels beside a call's values: short keys with byte strings, in order.
//!
//! ```text
//! block = { key length (i), key, value length (i), value } repeated to the block's end
//! ```
//!
//! The block carries no count and no length of its own: whatever holds it (the request header, an
//! item of kind 3) says how long it is (`docs/protocol.md` section 7).

use core::fmt;

use bytes::{BufMut, Bytes};

use crate::status::Status;
use crate::varint;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 64;

/// Why metadata was refused: by [`Metadata::insert`] on this side, or as received from the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key is empty or too long.
    #[error("metadata key of {seen} bytes: a key has 1 to {MAX_KEY_BYTES}")]
    KeyLength {
        /// The key's length in bytes.
        seen: u64,
    },
    /// A key has a byte that keys do not have.
    #[error("metadata key with byte {byte:#04x}: a key is made of a-z, 0-9, '.', '_' and '-'")]
    KeyByte {
        /// The first such byte.
        byte: u8,
    },
    /// The block ends inside an entry.
    #[error("metadata that ends inside an entry")]
    Truncated,
    /// The encoded entries are too large.
    #[error("metadata too large: {seen} bytes seen, limit max_metadata_bytes = {limit}")]
    TooLarge {
        /// The limit `max_metadata_bytes`.
        limit: u64,
        /// How many bytes there are, or were announced.
        seen: u64,
    },
    /// There are too many entries.
    #[error("too much metadata: {seen} entries seen, limit max_metadata_entries = {limit}")]
    TooManyEntries {
        /// The limit `max_metadata_entries`.
        limit: u64,
        /// How many had been seen when the limit was passed.
        seen: u64,
    },
}

impl MetadataError {
    /// The error's name in `docs/protocol.md` and in the vectors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::KeyLength { .. } => "metadata-key-length",
            Self::KeyByte { .. } => "metadata-key-byte",
            Self::Truncated => "metadata-truncated",
            Self::TooLarge { .. } => "metadata-too-large",
            Self::TooManyEntries { .. } => "metadata-too-many-entries",
        }
    }
}

impl From<MetadataError> for Status {
    /// A limit is RESOURCE_EXHAUSTED, anything else INVALID_ARGUMENT: whoever made the metadata made
    /// it wrong.
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::TooLarge { limit, seen } => Self::limit("max_metadata_bytes", limit, seen),
            MetadataError::TooManyEntries { limit, seen } => Self::limit("max_metadata_entries", limit, seen),
            other => Self::invalid_argument(other.to_string()),
        }
    }
}

/// Keys and values of one call, in the order they were inserted; a key may come more than once.
///
/// An empty one allocates nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Keys were checked by `check_key`: they are ASCII.
    entries: Vec<(Bytes, Bytes)>,
}

impl Metadata {
    /// No entries.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Appends an entry. The key has 1 to 64 bytes out of `a-z 0-9 . _ -`: lower case, so that no two
    /// spellings of one key exist and a carrier's headers can hold it.
    pub fn insert(&mut self, key: impl AsRef<str>, value: impl Into<Bytes>) -> Result<(), MetadataError> {
        let key = key.as_ref().as_bytes();
        check_key(key)?;
        self.entries.push((Bytes::copy_from_slice(key), value.into()));
        Ok(())
    }

    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.entries.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value)
    }

    /// The first value of `key` as text, if it is valid UTF-8.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        core::str::from_utf8(self.get(key)?).ok()
    }

    /// Every value of `key`, in order.
    pub fn get_all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Bytes> + 'a {
        self.entries.iter().filter(move |(name, _)| name == key.as_bytes()).map(|(_, value)| value)
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.entries.iter().map(|(key, value)| (key_str(key), value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes the encoded block takes.
    pub fn encoded_len(&self) -> u64 {
        self.entries.iter().map(|(key, value)| field_len(key) + field_len(value)).sum()
    }

    /// Refuses what the peer would refuse, before it leaves: sizes against the limits given.
    pub fn check(&self, max_bytes: u64, max_entries: u64) -> Result<(), MetadataError> {
        let (bytes, entries) = (self.encoded_len(), self.len() as u64);
        if bytes > max_bytes {
            return Err(MetadataError::TooLarge { limit: max_bytes, seen: bytes });
        }
        if entries > max_entries {
            return Err(MetadataError::TooManyEntries { limit: max_entries, seen: entries });
        }
        Ok(())
    }

    /// Appends the block.
    pub(crate) fn encode(&self, out: &mut impl BufMut) {
        for (key, value) in &self.entries {
            for field in [key, value] {
                varint::put(out, field.len() as u64);
                out.put_slice(field);
            }
        }
    }

    /// Reads a whole block (clauses 7.1, 7.3, 7.4). The block's length was checked against `max_metadata_bytes` before its
    /// bytes were collected; the entries are counted here, each before it is stored.
    ///
    /// The block is copied once and the entries are slices of the copy: a slice of what the carrier
    /// read would keep a whole record alive for as long as the call runs.
    pub(crate) fn decode(block: &[u8], max_entries: u64) -> Result<Self, MetadataError> {
        let mut entries = Vec::new();
        let mut rest = Bytes::copy_from_slice(block);
        while !rest.is_empty() {
            let seen = entries.len() as u64 + 1;
            if seen > max_entries {
                return Err(MetadataError::TooManyEntries { limit: max_entries, seen });
            }
            let key_len = take_len(&mut rest)?;
            if key_len == 0 || key_len > MAX_KEY_BYTES as u64 {
                return Err(MetadataError::KeyLength { seen: key_len });
            }
            let key = take(&mut rest, key_len)?;
            check_key(&key)?;
            let value_len = take_len(&mut rest)?;
            entries.push((key, take(&mut rest, value_len)?));
        }
        Ok(Self { entries })
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A key of an entry as text.
fn key_str(key: &Bytes) -> &str {
    core::str::from_utf8(key).expect("check_key admits ASCII only")
}

/// The encoded length of a key or a value with its length in front.
fn field_len(field: &Bytes) -> u64 {
    varint::len(field.len() as u64) as u64 + field.len() as u64
}

/// Clause 7.2.
fn check_key(key: &[u8]) -> Result<(), MetadataError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(MetadataError::KeyLength { seen: key.len() as u64 });
    }
    match key.iter().find(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
        Some(byte) => Err(MetadataError::KeyByte { byte: *byte }),
        None => Ok(()),
    }
}

fn take_len(rest: &mut Bytes) -> Result<u64, MetadataError> {
    let (value, len) = varint::get(rest).ok_or(MetadataError::Truncated)?;
    let _ = rest.split_to(len);
    Ok(value)
}

fn take(rest: &mut Bytes, len: u64) -> Result<Bytes, MetadataError> {
    match usize::try_from(len) {
        Ok(len) if len <= rest.len() => Ok(rest.split_to(len)),
        _ => Err(MetadataError::Truncated),
    }
}

#[cfg(test)]
mod tests;
