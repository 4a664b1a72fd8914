//! The clauses of `docs/protocol.md` and who cites them. A citation is `protocol.md 4.2` or
//! `clause 4.2` (with `section`, backticks or a list of numbers in between as English has it).
//!
//! Every clause is cited where code obeys it and where a test or a vector shows it, and no citation is of a
//! clause that does not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::File;

const PROTOCOL: &str = "docs/protocol.md";

/// Clauses that need no citation yet, or never will, and why.
const EXEMPT: [(&str, &str); 1] =
    [("14.1", "an example: nothing obeys it that does not obey the clauses it shows")];

#[derive(Debug, Default)]
pub(super) struct Clauses {
    /// Clauses without a citation, and citations without a clause.
    pub(super) broken: Vec<String>,
    /// What is worth knowing.
    pub(super) notes: Vec<String>,
}

pub(super) fn check(files: &[File]) -> Clauses {
    let mut result = Clauses::default();
    let Some(protocol) = files.iter().find(|file| file.path == PROTOCOL) else {
        result.notes.push(format!("{PROTOCOL} is not there: no clauses to check"));
        return result;
    };
    let clauses = ids(&protocol.text);

    // Where each clause is cited: in code, in a test.
    let mut cited: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_code() && !file.path.starts_with("xtask/")) {
        for id in citations(&file.text) {
            if !clauses.contains(&id) {
                result
                    .broken
                    .push(format!("{}: cites clause {id}, which {PROTOCOL} does not have", file.path));
            }
            let entry = cited.entry(id).or_default();
            entry.0 |= !file.is_test();
            entry.1 |= file.is_test();
        }
    }
    // A golden vector is a test of the clause it names; those of other documents are not ours to check.
    for file in files.iter().filter(|file| file.path.starts_with("docs/vectors/")) {
        for (_, rest) in
            file.text.match_indices("\"clause\": \"").map(|(at, key)| file.text.split_at(at + key.len()))
        {
            let id = rest.split('"').next().unwrap_or_default();
            if clauses.contains(id) {
                cited.entry(id.to_owned()).or_default().1 = true;
            }
        }
    }
    // A section's own number needs no citation: its clauses do.
    let numbered = || clauses.iter().filter(|id| id.contains('.'));
    for id in numbered() {
        let (code, test) = cited.get(id).copied().unwrap_or_default();
        let exempt = EXEMPT.iter().find(|(exempt, _)| exempt == id);
        let fault = match (exempt, code, test) {
            (None, true, true) => continue,
            (Some(_), true, true) => "is exempt from being cited, and cited all the same",
            (Some(_), ..) => continue,
            (None, false, false) => "is cited neither by code nor by a test",
            (None, true, false) => "is cited by code but by no test",
            (None, false, true) => "is cited by a test but by no code",
        };
        result.broken.push(format!("{PROTOCOL}: clause {id} {fault}"));
    }
    result.notes.push(format!("{PROTOCOL} has {} clauses", numbered().count()));
    for (id, why) in EXEMPT {
        if clauses.contains(id) {
            result.notes.push(format!("clause {id} need not be cited: {why}"));
        }
    }
    result
}

/// The clause ids of the protocol: `**4.2**` where a line or a table cell begins, and the numbers of
/// headings.
fn ids(protocol: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for line in protocol.lines() {
        let line = line.trim_start_matches([' ', '-', '|', '*', '>']);
        let start = line.trim_start_matches('#').trim_start();
        if let Some((id, rest)) = number(start) {
            let heading = line.starts_with('#');
            let bold = id.contains('.') && (rest.starts_with("**") || rest.starts_with(".**"));
            if heading || bold {
                ids.insert(id);
            }
        }
    }
    ids
}

/// The clause ids that `text` cites.
fn citations(text: &str) -> Vec<String> {
    // A citation may be wrapped over two lines of a comment.
    let prose: Vec<&str> =
        text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '*']).trim()).collect();
    let prose = prose.join(" ").to_lowercase();
    let mut found = Vec::new();
    for keyword in ["protocol.md", "clause", "clauses"] {
        for (at, _) in prose.match_indices(keyword) {
            found.extend(list_after(&prose[at + keyword.len()..]));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The numbers that follow directly: `` ` section 4.2, 4.3 and 5``, and no further than they do.
fn list_after(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches([' ', ',', '`', '§', ':', '(']);
        let word = ["sections", "section", "clauses", "clause", "and", "to", "or"]
            .iter()
            .find_map(|word| trimmed.strip_prefix(word).filter(|rest| rest.starts_with([' ', '§'])));
        if let Some(after) = word {
            rest = after;
            continue;
        }
        match number(trimmed) {
            Some((id, after)) => {
                found.push(id);
                rest = after;
            }
            None => return found,
        }
    }
}

/// A number like `4` or `4.2.1` at the beginning of `text`, and what follows it.
fn number(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let id = text[..end].trim_end_matches('.');
    let well_formed = !id.is_empty() && id.split('.').all(|part| !part.is_empty());
    well_formed.then(|| (id.to_owned(), &text[id.len()..]))
}

#[cfg(test)]
mod tests;
