//! Stream ids, RFC 9000 section 2.1: who opened the stream, in which directions it runs, and the
//! how-manieth of its kind it is, in one integer of 62 bits.
//!
//! ```text
//! bits 61 to 2 | bit 1                      | bit 0
//! index        | 0 bidirectional            | 0 opened by the client
//!              | 1 unidirectional           | 1 opened by the server
//! ```
//!
//! so that the two lowest bits name four kinds, each counted from 0:
//!
//! | bits | kind | ids |
//! | --- | --- | --- |
//! | `00` | client, bidirectional | 0, 4, 8, … |
//! | `01` | server, bidirectional | 1, 5, 9, … |
//! | `10` | client, unidirectional | 2, 6, 10, … |
//! | `11` | server, unidirectional | 3, 7, 11, … |

use std::fmt;

use ipfi_core::session::Side;
use ipfi_core::varint;

/// Bit 0: opened by the server.
const SERVER: u64 = 0b01;
/// Bit 1: unidirectional.
const UNI: u64 = 0b10;

/// In which directions a stream carries bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// Both.
    Bi,
    /// From the side that opened it alone.
    Uni,
}

impl Dir {
    /// The word for error texts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bi => "bidirectional",
            Self::Uni => "unidirectional",
        }
    }
}

/// The id of a stream: at most 2^62 - 1, ordered as the number is.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The largest index of a kind: there are 2^60 streams of each (RFC 9000 section 4.6).
    pub const MAX_INDEX: u64 = (1 << 60) - 1;

    /// The client's first bidirectional stream, the lowest id there is.
    pub(crate) const FIRST: Self = Self(0);

    /// The stream number `index`, counted from 0, of those that `initiator` opens in `dir`.
    ///
    /// # Panics
    ///
    /// If `index` is above [`MAX_INDEX`](Self::MAX_INDEX): the shift would lose its high bits and
    /// give another stream's id. No peer can bring this about: MAX_STREAMS above 2^60 is refused
    /// when it is decoded, and a side opens no stream beyond it.
    #[inline]
    pub const fn new(initiator: Side, dir: Dir, index: u64) -> Self {
        assert!(index <= Self::MAX_INDEX, "a stream index beyond 2^60 - 1");
        let server = match initiator {
            Side::Client => 0,
            Side::Server => SERVER,
        };
        let uni = match dir {
            Dir::Bi => 0,
            Dir::Uni => UNI,
        };
        Self(index << 2 | uni | server)
    }

    /// The stream whose id is `id`, at most 2^62 - 1: every varint is.
    #[inline]
    pub fn from_u64(id: u64) -> Self {
        debug_assert!(id <= varint::MAX, "{id} is no stream id");
        Self(id)
    }

    /// The id as a number.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The side that opens it.
    #[inline]
    pub const fn initiator(self) -> Side {
        if self.0 & SERVER == 0 { Side::Client } else { Side::Server }
    }

    /// In which directions it carries bytes.
    #[inline]
    pub const fn dir(self) -> Dir {
        if self.0 & UNI == 0 { Dir::Bi } else { Dir::Uni }
    }

    /// Which of its kind it is, from 0.
    #[inline]
    pub const fn index(self) -> u64 {
        self.0 >> 2
    }
}

impl fmt::Debug for StreamId {
    /// The number that the wire shows and what it means, because a log line has room for both.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.initiator() {
            Side::Client => "client",
            Side::Server => "server",
        };
        write!(f, "StreamId({}: {side}, {}, {})", self.0, self.dir().name(), self.index())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
