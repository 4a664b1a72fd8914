//! Text of a peer in an error: as much of it as somebody reads.

use core::fmt::{self, Display, Write};

/// So many bytes of one name or shape are told. A peer's may be as long as a message, and be met in a thousand places.
const MAX_BYTES: usize = 400;

/// `value` as it prints itself, up to a length; no more of it is printed at all.
pub(crate) fn brief(value: impl Display) -> String {
    let mut text = Text(String::new());
    match write!(text, "{value}") {
        Ok(()) => text.0,
        Err(fmt::Error) => text.0 + "…",
    }
}

struct Text(String);

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let left = MAX_BYTES.saturating_sub(self.0.len());
        self.0.push_str(&more[..more.floor_char_boundary(left)]);
        if more.len() <= left { Ok(()) } else { Err(fmt::Error) }
    }
}
