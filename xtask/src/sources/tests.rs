use super::*;

fn file(path: &str, text: impl Into<String>) -> File {
    File { path: path.to_owned(), text: text.into() }
}

#[test]
fn a_source_file_over_the_limit_is_named_and_a_document_is_not() {
    let mut broken = Vec::new();
    length(&file("a.rs", "x\n".repeat(MAX_LINES)), &mut broken);
    length(&file("a.md", "x\n".repeat(MAX_LINES * 2)), &mut broken);
    assert_eq!(broken, Vec::<String>::new());
    length(&file("a.rs", "x\n".repeat(MAX_LINES + 1)), &mut broken);
    assert_eq!(broken.len(), 1);
}

#[test]
fn a_registry_s_host_name_is_found_anywhere() {
    let mut broken = Vec::new();
    hosts_and_paths(
        &file("package-lock.json", ["https://registry", "npmjs", "org/x"].join(".")),
        &mut broken,
    );
    assert_eq!(broken.len(), 1);
}

#[test]
fn a_machine_s_path_is_found_and_a_relative_one_is_not() {
    let text = |folder: &str| format!("cd {}{folder}/x", '/');
    let mut broken = Vec::new();
    hosts_and_paths(&file("a.md", text("home")), &mut broken);
    assert_eq!(broken.len(), 1);
    hosts_and_paths(&file("a.md", "see docs/work/x, ../home/y and $HOME/root/z"), &mut broken);
    assert_eq!(broken.len(), 1);
}

#[test]
fn the_rules_hold_for_this_repository() {
    report().expect("`cargo xtask sources` prints what is broken");
}
