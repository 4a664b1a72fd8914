//! Rules about the source text that no compiler checks. Each says why in what it prints.

mod clauses;
mod code;

use std::fs;
use std::path::Path;

use crate::run::{Cmd, root};

/// Longer files hide their structure; what is longer has two subjects.
const MAX_LINES: usize = 600;

/// A file of the repository: its path from the top, with `/`, and its text.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    fn is_code(&self) -> bool {
        [".rs", ".js", ".mjs", ".ts"].iter().any(|end| self.path.ends_with(end))
    }

    fn is_test(&self) -> bool {
        let path = &self.path;
        // The whole of the conformance suite is a test, wherever its claims lie.
        path.ends_with("tests.rs")
            || path.contains("/tests/")
            || path.contains(".test.")
            || path.starts_with("interop-tests/")
    }
}

/// Runs all rules: prints what is worth knowing, fails with what is broken.
pub(crate) fn report() -> Result<(), String> {
    let files = read(&root())?;
    let mut broken = Vec::new();
    for file in &files {
        length(file, &mut broken);
        hosts_and_paths(file, &mut broken);
        code::purity(file, &mut broken);
    }
    msrv(&files, &mut broken);
    let clauses = clauses::check(&files);
    broken.extend(clauses.broken);
    println!("{} files looked at", files.len());
    for note in &clauses.notes {
        println!("note: {note}");
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} broken rules; `cargo xtask sources` repeats only this:\n\n  {}\n",
        broken.len(),
        broken.join("\n  ")
    ))
}

/// All text files that are committed or about to be.
fn read(root: &Path) -> Result<Vec<File>, String> {
    let list = Cmd::new("git", "ls-files --cached --others --exclude-standard")
        .output()
        .ok_or("`git ls-files` failed: the rules look at what git would commit")?;
    let mut files = Vec::new();
    for path in list.lines() {
        // Deleted but not yet committed, or not text: nothing to look at.
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

fn length(file: &File, broken: &mut Vec<String>) {
    let lines = file.text.lines().count();
    if file.is_code() && lines > MAX_LINES {
        broken.push(format!("{}: {lines} lines, at most {MAX_LINES}: split it by subject", file.path));
    }
}

/// The oldest compiler is written where cargo reads it, and where a user does: both must say the same.
fn msrv(files: &[File], broken: &mut Vec<String>) {
    let text = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let version = |manifest: &str| {
        let line = text(manifest).lines().find_map(|line| line.strip_prefix("rust-version = "));
        line.map(|version| version.trim_matches('"').to_owned())
    };
    let Some(ours) = version("Cargo.toml") else {
        broken.push("Cargo.toml: no rust-version".to_owned());
        return;
    };
    if !text("README.md").contains(&format!("Rust {ours} or later")) {
        broken.push(format!("README.md: does not say `Rust {ours} or later`, as Cargo.toml does"));
    }
    if version("benches/Cargo.toml").as_ref() != Some(&ours) {
        broken.push(format!("benches/Cargo.toml: its rust-version is not {ours}, as Cargo.toml's is"));
    }
}

/// Host names of registries break a build behind a mirror; folders of one machine exist on no other.
fn hosts_and_paths(file: &File, broken: &mut Vec<String>) {
    // Put together here, so that this file passes its own rule.
    let hosts = [
        ["index", "crates", "io"].join("."),
        ["static", "crates", "io"].join("."),
        ["registry", "npmjs", "org"].join("."),
        ["files", "pythonhosted", "org"].join("."),
        ["deb", "debian", "org"].join("."),
    ];
    let folders = ["home", "root", "Users", "work"].map(|name| format!("/{name}/"));
    for (number, line) in (1..).zip(file.text.lines()) {
        for host in hosts.iter().filter(|host| line.contains(host.as_str())) {
            broken.push(format!("{}:{number}: names the registry host {host}", file.path));
        }
        for folder in folders.iter().filter(|folder| starts_a_path(line, folder)) {
            broken.push(format!("{}:{number}: a path of one machine: {folder}", file.path));
        }
    }
}

/// Whether `folder` stands in `line` as the beginning of an absolute path, not inside a longer one.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || ".-_~})*$".contains(c))
    })
}

#[cfg(test)]
mod tests;
