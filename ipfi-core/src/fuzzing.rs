//! Bodies of the fuzz targets in `fuzz/`. They live here, compiled by every build and run by the tests on
//! their seeds, so that a change of the code under them cannot leave them behind.
//!
//! Not part of the interface: no version promise covers this module.

use crate::varint;

/// Reading never panics and never looks past the end; what was read, written again, reads the same, in
/// no more bytes (RFC 9000 section 16).
pub fn varint(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((value, taken)) = varint::get(rest) {
        assert!(value <= varint::MAX, "{value} does not fit 62 bits");
        assert!(taken <= rest.len(), "{taken} bytes taken of {}", rest.len());
        let mut again = Vec::new();
        varint::put(&mut again, value);
        assert_eq!(again.len(), varint::len(value));
        assert!(again.len() <= taken, "the shortest encoding is longer than the one that was read");
        assert_eq!(varint::get(&again), Some((value, again.len())));
        rest = &rest[taken..];
    }
    assert!(rest.len() < varint::MAX_LEN, "a whole integer was left unread");
}

#[cfg(test)]
mod tests;
