//! The core and the mux's state machine have no clock, no threads, no sockets and no runtime: time and
//! bytes are given to them. That is what makes every race a test and every runtime a driver.

use super::File;

/// Words that fetch what must be given, and what to do instead.
const FORBIDDEN: [(&str, &str); 7] = [
    ("Instant", "the driver tells the time (ipfi_core::time::Time)"),
    ("SystemTime", "the driver tells the time (ipfi_core::time::Time)"),
    ("tokio", "a driver's business; ask the Runtime"),
    ("async_std", "a driver's business; ask the Runtime"),
    ("thread", "a driver's business; ask the Runtime"),
    ("TcpStream", "a driver's business; take bytes"),
    ("UdpSocket", "a driver's business; take bytes"),
];

/// Whether `path` is under the rule: drivers are where the clock and the sockets live, and a test may
/// drive the machine from wherever it likes.
fn governs(file: &File) -> bool {
    let machine = file.path.starts_with("ipfi-core/src/")
        || (file.path.starts_with("ipfi-mux/src/") && !file.path.starts_with("ipfi-mux/src/driver"));
    machine && file.path.ends_with(".rs") && !file.is_test()
}

pub(super) fn purity(file: &File, broken: &mut Vec<String>) {
    if !governs(file) {
        return;
    }
    for (number, line) in (1..).zip(strip(&file.text).lines()) {
        for (at, word) in words(line) {
            let why = match FORBIDDEN.iter().find(|(name, _)| *name == word) {
                Some(_) if is_named_only(line, at, word) => continue,
                Some((_, why)) => why,
                // `Runtime::spawn` is declared and called in the core: as a method, with a dot.
                None if word == "spawn" && is_free_call(line, at) => "ask the Runtime to spawn",
                None => continue,
            };
            broken.push(format!("{}:{number}: `{word}` in code that fetches nothing: {why}", file.path));
        }
    }
}

/// Whether the word at `at` fetches nothing: a driver of ours that is re-exported, a variable that is
/// called thread, the type of a panic's result.
fn is_named_only(line: &str, at: usize, word: &str) -> bool {
    let (before, after) = (&line[..at], &line[at + word.len()..]);
    match word {
        "tokio" => before.ends_with("driver::"),
        "thread" => {
            let path = before.ends_with("std::") || after.starts_with("::");
            !path || after.starts_with("::Result")
        }
        _ => false,
    }
}

/// Whether the `spawn` at `at` is called as a function rather than a method, and not declared.
fn is_free_call(line: &str, at: usize) -> bool {
    let before = line[..at].trim_end();
    line[at + "spawn".len()..].starts_with('(') && !before.ends_with('.') && !before.ends_with("fn")
}

/// Identifiers and where they begin.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.split(move |c| !in_word(c)).scan(0, |at, word| {
        let start = *at;
        // Separators are single characters of any width; what follows a word is one of them.
        *at += word.len() + line[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        Some((start, word))
    })
}

/// The code alone: comments and the insides of strings and characters become nothing, line breaks
/// stay. Not a parser, but exact for what rustfmt leaves.
pub(super) fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if c == '"' {
            string(rest)
        } else if let Some(length) = raw_string(rest, out.chars().next_back()) {
            length
        } else if c == '\'' {
            character(rest)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        // Keeps the words on both sides apart.
        out.push(' ');
        rest = &rest[skipped..];
    }
    out
}

/// The length of the (nesting) block comment that `text` begins with.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string literal that `text` begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string literal that `text` begins with, if it does.
fn raw_string(text: &str, before: Option<char>) -> Option<usize> {
    // The r of an identifier that ends in one; a b before it (`br"…"`) is no identifier by then.
    if before.is_some_and(|c| c.is_alphanumeric() && c != 'b' || c == '_') {
        return None;
    }
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let open = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| open + at + end.len()))
}

/// The length of the character literal that `text` begins with, or 1 for the tick of a lifetime.
fn character(text: &str) -> usize {
    let body = &text[1..];
    if let Some(escaped) = body.strip_prefix('\\') {
        // What is escaped may itself be a tick.
        return escaped.char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 3);
    }
    match body.chars().next() {
        Some(c) if body[c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
