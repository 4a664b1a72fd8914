//! Text of a peer's on somebody's terminal.

use std::borrow::Cow;

/// Without the characters by which text could draw or hide something: only lines and tabs.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let harmless = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let escaped = |character: char| {
        if harmless(character) { character.to_string() } else { character.escape_default().to_string() }
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// The same on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// A count with its digits in threes.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
