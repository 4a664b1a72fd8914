use super::*;

const TEXT: &str = "# The protocol\n\n## 4. Streams\n**4.1** A stream is…\n- **4.2** Another.\n### 4.3 A heading\n\
                    | **4.4** | in a table |\nIn 4.9 words, **4.8 of** nothing.\n## 8 Codes\n";

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn clauses_are_bold_numbers_at_the_front_and_numbered_headings() {
    assert_eq!(ids(TEXT).into_iter().collect::<Vec<_>>(), ["4", "4.1", "4.2", "4.3", "4.4", "8"]);
}

#[test]
fn citations_are_numbers_after_the_word_and_only_those() {
    for (text, wanted) in [
        ("// clause 4.2: refused", vec!["4.2"]),
        ("/// `docs/protocol.md` section 8.", vec!["8"]),
        ("//! see `docs/protocol.md`\n//! sections 4.1, 4.2 and 4.3", vec!["4.1", "4.2", "4.3"]),
        ("// clauses 4.1 to 4.3 allow 7 of them", vec!["4.1", "4.3"]),
        ("// RFC 9000 section 19.4", vec![]),
        ("// a clause of the contract, 4.2 long", vec![]),
        ("// protocol.md §4.1", vec!["4.1"]),
        ("// Clauses 4.1, 4.2.", vec!["4.1", "4.2"]),
    ] {
        assert_eq!(citations(text), wanted, "{text}");
    }
}

#[test]
fn a_citation_of_a_clause_that_is_not_there_is_broken() {
    let files = [
        file(PROTOCOL, "**4.1** A."),
        file("src/lib.rs", "// clauses 4.1, 4.7"),
        file("tests.rs", "// clause 4.1"),
    ];
    let found = check(&files);
    assert_eq!(found.broken.len(), 1, "{found:?}");
    assert!(found.broken[0].contains("src/lib.rs: cites clause 4.7"));
}

#[test]
fn clauses_without_code_or_without_a_test_are_broken_rules() {
    let files = [
        file(PROTOCOL, TEXT),
        file("src/lib.rs", "// clauses 4.1, 4.2"),
        file("src/lib/tests.rs", "// clauses 4.2, 4.3"),
    ];
    let found = check(&files);
    assert_eq!(found.notes, ["docs/protocol.md has 4 clauses"]);
    assert_eq!(
        found.broken,
        [
            "docs/protocol.md: clause 4.1 is cited by code but by no test",
            "docs/protocol.md: clause 4.3 is cited by a test but by no code",
            "docs/protocol.md: clause 4.4 is cited neither by code nor by a test",
        ]
    );
}

#[test]
fn an_exempt_clause_needs_no_citation_and_must_not_have_both() {
    let text = format!("**{}** A clause.", EXEMPT[0].0);
    let code = file("src/lib.rs", &format!("// clause {}", EXEMPT[0].0));
    let test = file("src/lib/tests.rs", &code.text);
    let none: [&str; 0] = [];
    assert_eq!(check(&[file(PROTOCOL, &text)]).broken, none);
    assert_eq!(check(&[file(PROTOCOL, &text), code.clone()]).broken, none);
    assert_eq!(check(&[file(PROTOCOL, &text), code, test]).broken.len(), 1);
}

#[test]
fn the_conformance_suite_is_a_test() {
    let suite = file("interop-tests/src/conformance/kinds.rs", "// clause 4.1");
    let found = check(&[file(PROTOCOL, "**4.1** A."), file("src/lib.rs", "// clause 4.1"), suite]);
    assert_eq!(found.broken, [""; 0]);
}

#[test]
fn without_the_protocol_the_check_says_so() {
    assert!(check(&[file("src/lib.rs", "// clause 4.7")]).notes[0].contains("is not there"));
}
