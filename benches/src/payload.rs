//! What is sent, the same by all peers, and how it is checked where it arrives.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::peer::Result;

/// 32 bytes.
pub(crate) const TEXT: &str = "thirty-two bytes of ordinary txt";

/// Of a bulk stream.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Of the large echo.
pub(crate) const MESSAGE_BYTES: usize = 1 << 20;

/// Above 2^56, so that codecs that write small numbers in few bytes spend 8 or 9 as well.
const FIRST_ITEM: u64 = 0x0102_0304_0000_0000;

/// The item at `index` of a sequence.
pub(crate) fn item(index: u64) -> u64 {
    FIRST_ITEM + index
}

/// One chunk, shared: what making it costs is nobody's to pay.
pub(crate) fn chunk() -> Bytes {
    static CHUNK: OnceLock<Bytes> = OnceLock::new();
    CHUNK.get_or_init(|| pattern(CHUNK_BYTES)).clone()
}

/// The large message, shared as well.
pub(crate) fn message() -> Bytes {
    static MESSAGE: OnceLock<Bytes> = OnceLock::new();
    MESSAGE.get_or_init(|| pattern(MESSAGE_BYTES)).clone()
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(pattern_byte).collect()
}

/// Not periodic in any power of two below the chunk, so that a piece in the wrong place is seen.
fn pattern_byte(at: usize) -> u8 {
    let at = at % CHUNK_BYTES;
    (at ^ (at >> 8)) as u8 ^ (at % 251) as u8
}

/// Whether the large message came back whole. Every 4093rd byte is compared: a comparison of all would be
/// a tenth of what is measured.
pub(crate) fn check_message(answer: &[u8]) -> Result<()> {
    let right = answer.len() == MESSAGE_BYTES
        && (0..MESSAGE_BYTES).step_by(4093).all(|at| answer[at] == pattern_byte(at))
        && answer[MESSAGE_BYTES - 1] == pattern_byte(MESSAGE_BYTES - 1);
    if right { Ok(()) } else { Err("the large message came back changed".into()) }
}

/// Counts the bytes of a bulk stream where it arrives, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    bytes: u64,
}

impl Arrived {
    /// Checks the ends of `piece`: one that is lost, doubled or out of place has others.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> Result<()> {
        let at = (self.bytes % CHUNK_BYTES as u64) as usize;
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else { return Ok(()) };
        if *first != pattern_byte(at) || *last != pattern_byte(at + piece.len() - 1) {
            return Err(format!("the piece at byte {} of a bulk stream is wrong", self.bytes).into());
        }
        self.bytes += piece.len() as u64;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Checks the items of a sequence as they come.
#[derive(Debug, Default)]
pub(crate) struct Items {
    seen: u64,
}

impl Items {
    pub(crate) fn take(&mut self, seen: u64) -> Result<()> {
        if seen != item(self.seen) {
            return Err(format!("item {} is {seen}, not {}", self.seen, item(self.seen)).into());
        }
        self.seen += 1;
        Ok(())
    }

    pub(crate) fn end(&self, count: u64) -> Result<()> {
        if self.seen == count { Ok(()) } else { Err(format!("{} items of {count}", self.seen).into()) }
    }
}

#[cfg(test)]
mod tests;
