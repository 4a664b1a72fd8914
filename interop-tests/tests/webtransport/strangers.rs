//! Bytes written by hand from `docs/protocol.md`.

/// Clauses 2.2 to 2.5: type 0, `ipfi`, version 1, SETTINGS of 5 bytes: setting 1 is 1 048 576.
pub(crate) const CONTROL: &[u8] = b"\x00ipfi\x01\x00\x05\x01\x80\x10\x00\x00";

/// Clause 14.1: procedure 0, codec 1, one item of four bytes: `("Ada",)`.
pub(crate) const HELLO_ADA: &[u8] = b"\x00\x01\x10\x03Ada";

/// Clause 14.1: one item of twelve bytes.
pub(crate) const HELLO_ANSWER: &[u8] = b"\x30\x0bHello, Ada!";
