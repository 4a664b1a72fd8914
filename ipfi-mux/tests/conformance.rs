//! `docs/qmux-conformance.md` names files and tests: they exist.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed unwrap is a failed test

use std::collections::HashSet;
use std::path::Path;

/// The text of every Rust file below `directory`.
fn sources(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_requirement_has_code_and_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("tests"), &mut text);
    let functions: HashSet<&str> =
        text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).collect();

    let table = std::fs::read_to_string(root.join("../docs/qmux-conformance.md")).unwrap();
    let mut requirements = 0;
    for line in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, requirement, code, tests] = cells[..] else { panic!("not four cells: {line}") };
        if requirement == "requirement" {
            continue;
        }
        requirements += 1;
        for file in quoted(code) {
            assert!(root.join("src").join(file).is_file(), "{requirement}: no file {file}");
        }
        for test in quoted(tests) {
            assert!(functions.contains(test), "{requirement}: no test {test}");
        }
        assert!(
            quoted(code).next().is_some() && quoted(tests).next().is_some(),
            "{requirement}: an empty cell"
        );
    }
    assert!(requirements > 40, "the table was not found: {requirements} rows");
}
