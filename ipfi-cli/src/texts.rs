//! Text of a peer's on somebody's terminal.

use std::borrow::Cow;

/// Whether a character draws, or is not seen, or moves others: controls, other ends of lines, what has no width, and what turns
/// the direction of what follows.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Without the characters by which text could draw or hide something: only lines and tabs.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    escaped(text, |character, text| text.extend(character.escape_default()))
}

/// JSON of the same value without such characters, which stand in its strings alone.
pub(crate) fn clean_json(json: &str) -> Cow<'_, str> {
    escaped(json, |character, json| {
        // A return between two values: in a string there is none.
        if character == '\r' {
            return json.push(character);
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            json.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// With what `escape` makes of each hidden character.
fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let harmful = |character: char| is_hidden(character) && !matches!(character, '\n' | '\t');
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if harmful(character) { escape(character, &mut clean) } else { clean.push(character) }
    }
    Cow::Owned(clean)
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
