//! The body of an item of kind 2. `docs/protocol.md` section 6.
//!
//! ```text
//! code (i)                clause 6.2; 1 to 16; others are UNKNOWN to whoever does not know them; 0 is malformed
//! flags, one byte         0x01 made by the caller's side; 0x02 a limit follows the text; no others
//! text length (i), text   UTF-8
//! [name length (i), name, limit (i), seen (i)]
//! details                 the rest of the body
//! ```

use bytes::{BufMut, Bytes};
use std::borrow::Cow;

use crate::status::{Code, LimitSeen, Origin, Status};
use crate::varint;

/// The bit of `flags` that says the caller's side made the status.
const BY_CALLER: u8 = 0x01;
/// The bit of `flags` that says a limit follows the text.
const LIMIT: u8 = 0x02;

/// Code, flags and the length of an empty text: what gets through whatever the limit (clause 6.4).
pub(crate) const LEAST_BYTES: u64 = 3;

/// Appends the body of `status`, at most `max_bytes` of it, and at least [`LEAST_BYTES`].
pub(crate) fn encode(status: &Status, max_bytes: usize, out: &mut Vec<u8>) {
    let mut limit = Vec::new();
    if let Some(LimitSeen { name, limit: value, seen }) = status.limit_seen() {
        varint::put(&mut limit, name.len() as u64);
        limit.put_slice(name.as_bytes());
        varint::put(&mut limit, (*value).min(varint::MAX));
        varint::put(&mut limit, (*seen).min(varint::MAX));
    }
    // The code and the flags are one byte each. The text's length is counted at its longest, rather
    // than solving for how long a shorter text's length is.
    let mut room = max_bytes.saturating_sub(2 + varint::MAX_LEN);
    if limit.len() > room {
        limit.clear();
    }
    room -= limit.len();
    let text = prefix(status.message(), room);
    room -= text.len();

    varint::put(out, status.code().as_u64());
    let by = if status.origin() == Origin::Caller { BY_CALLER } else { 0 };
    out.put_u8(by | if limit.is_empty() { 0 } else { LIMIT });
    varint::put(out, text.len() as u64);
    out.put_slice(text.as_bytes());
    out.put_slice(&limit);
    // Half of the details would be something else than what was meant.
    if status.details().len() <= room {
        out.put_slice(status.details());
    }
}

/// The longest prefix of `text` that is text and at most `max` bytes.
fn prefix(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Reads a whole body, or says what is wrong with it (clause 6.3). The text and the details are copied: the body
/// is small, and a slice of it would keep a whole record alive for as long as the status is.
pub(crate) fn decode(body: &[u8]) -> Result<Status, &'static str> {
    let mut rest = body;
    let code = integer(&mut rest).ok_or("it ends inside its code")?;
    if code == 0 {
        return Err("its code is 0: success has no status");
    }
    let (flags, tail) = rest.split_first().ok_or("it ends before its flags")?;
    rest = tail;
    if flags & !(BY_CALLER | LIMIT) != 0 {
        return Err("a reserved flag is set");
    }
    let text = text(&mut rest)?;
    let origin = if flags & BY_CALLER != 0 { Origin::Caller } else { Origin::Callee };
    let mut status = Status::new(Code::from_u64(code), text).with_origin(origin);
    if flags & LIMIT != 0 {
        let name = Cow::Owned(self::text(&mut rest)?.to_owned());
        let limit = integer(&mut rest).ok_or("it ends inside its limit")?;
        let seen = integer(&mut rest).ok_or("it ends inside its limit")?;
        status = status.with_limit(LimitSeen { name, limit, seen });
    }
    if rest.is_empty() { Ok(status) } else { Ok(status.with_details(Bytes::copy_from_slice(rest))) }
}

fn integer(rest: &mut &[u8]) -> Option<u64> {
    let (value, len) = varint::get(rest)?;
    *rest = rest.get(len..)?;
    Some(value)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, &'static str> {
    let len = integer(rest).ok_or("it ends inside a length")?;
    let (text, tail) = usize::try_from(len)
        .ok()
        .and_then(|len| rest.split_at_checked(len))
        .ok_or("it ends inside its text")?;
    *rest = tail;
    core::str::from_utf8(text).map_err(|_| "its text is not UTF-8")
}
