//! Text that may be a peer's, as TypeScript has it: nothing of it ends a comment or a string, or looks like what it is not.

use crate::texts::is_hidden;

/// As a string literal in single quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            // `</script>` ends a script in a page wherever it stands, and the other a comment that mentions this.
            '/' if quoted.ends_with(['<', '*']) => quoted.push_str("\\/"),
            _ if is_hidden(character) => quoted.push_str(&escaped(character)),
            _ => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

/// As the lines of a comment.
pub(super) fn lines(text: &str) -> Vec<String> {
    let text = text.trim().replace("*/", "*\\/").replace("</", "<\\/");
    text.lines().map(|line| line.trim_end().chars().map(shown).collect()).collect()
}

/// As one line of a comment or of a message.
pub(super) fn one_line(text: &str) -> String {
    lines(&text.replace(['\n', '\r'], " ")).concat()
}

fn shown(character: char) -> String {
    if character != '\t' && is_hidden(character) { escaped(character) } else { character.to_string() }
}

fn escaped(character: char) -> String {
    format!("\\u{{{:x}}}", u32::from(character))
}

/// A comment for documentation, with what stands before each of its lines; nothing for no text.
pub(super) fn documentation(indent: &str, lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        [line] if indent.len() + line.len() + 8 <= super::WIDTH => format!("{indent}/** {line} */\n"),
        lines => {
            let mut text = format!("{indent}/**\n");
            for line in lines {
                let space = if line.is_empty() { "" } else { " " };
                text.push_str(&format!("{indent} *{space}{line}\n"));
            }
            text + indent + " */\n"
        }
    }
}
