//! Variable-length integers, RFC 9000 section 16: the one integer of the call protocol (clause 1.3) and of
//! QMux.
//!
//! ```text
//! 2 most significant bits | bytes | usable bits | largest value
//! 00                      | 1     | 6           | 63
//! 01                      | 2     | 14          | 16383
//! 10                      | 4     | 30          | 2^30 - 1
//! 11                      | 8     | 62          | 2^62 - 1
//! ```

use bytes::BufMut;

/// The largest value that can be encoded: 2^62 - 1.
pub const MAX: u64 = (1 << 62) - 1;

/// The longest encoding, in bytes.
pub const MAX_LEN: usize = 8;

// Small and called across crates for every frame: without `#[inline]` each use would be a call, and with
// a reader's or writer's own bounds checks around it a dozen.

/// How many bytes the shortest encoding of `value` takes. `value` must be at most [`MAX`].
#[inline]
pub const fn len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// The shortest encoding of `value`, and how many of the bytes it takes: for headers of several integers
/// that are put together before they are copied. `value` must be at most [`MAX`]: every caller encodes
/// its own counters, which cannot reach it, so a larger one is clamped rather than corrupting the
/// two length bits (and stops a debug build).
#[inline]
pub const fn encode(value: u64) -> ([u8; MAX_LEN], usize) {
    debug_assert!(value <= MAX, "a value that does not fit a varint");
    let value = if value > MAX { MAX } else { value };
    match len(value) {
        1 => ((value << 56).to_be_bytes(), 1),
        2 => ((1 << 62 | value << 48).to_be_bytes(), 2),
        4 => ((2 << 62 | value << 32).to_be_bytes(), 4),
        _ => ((3 << 62 | value).to_be_bytes(), 8),
    }
}

/// Appends the shortest encoding of `value`, as [`encode`] gives it.
#[inline]
pub fn put(out: &mut impl BufMut, value: u64) {
    let (bytes, len) = encode(value);
    // Copies of fixed lengths, which are single moves.
    match len {
        1 => out.put_slice(&bytes[..1]),
        2 => out.put_slice(&bytes[..2]),
        4 => out.put_slice(&bytes[..4]),
        _ => out.put_slice(&bytes),
    }
}

/// Reads one integer from the front of `bytes`: its value and how many bytes it took, or `None`
/// when `bytes` ends inside it. Encodings longer than needed are accepted, as RFC 9000 has it.
#[inline]
pub fn get(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    // One load of each width rather than a loop over the bytes.
    match first >> 6 {
        0 => Some((u64::from(first), 1)),
        1 => bytes.first_chunk().map(|bytes| (u64::from(u16::from_be_bytes(*bytes) & 0x3fff), 2)),
        2 => bytes.first_chunk().map(|bytes| (u64::from(u32::from_be_bytes(*bytes) & 0x3fff_ffff), 4)),
        _ => bytes.first_chunk().map(|bytes| (u64::from_be_bytes(*bytes) & MAX, 8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000 appendix A.1.
    const EXAMPLES: [(u64, &[u8]); 4] = [
        (151_288_809_941_952_652, &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]),
        (494_878_333, &[0x9d, 0x7f, 0x3e, 0x7d]),
        (15_293, &[0x7b, 0xbd]),
        (37, &[0x25]),
    ];

    #[test]
    fn the_examples_of_rfc_9000_both_ways() {
        for (value, bytes) in EXAMPLES {
            assert_eq!(get(bytes), Some((value, bytes.len())));
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out, bytes);
        }
        assert_eq!(get(&[0x40, 0x25]), Some((37, 2)), "a longer encoding than needed is accepted");
    }

    #[test]
    fn every_boundary_round_trips_and_every_prefix_is_incomplete() {
        for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, MAX] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out.len(), len(value));
            let (bytes, count) = encode(value);
            assert_eq!(bytes[..count], out);
            assert_eq!(get(&out), Some((value, out.len())));
            for cut in 0..out.len() {
                assert_eq!(get(&out[..cut]), None);
            }
        }
    }
}
