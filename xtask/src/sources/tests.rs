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
fn the_oldest_compiler_is_the_same_wherever_it_is_written() {
    let manifest = "[package]\nrust-version = \"1.95\"\n";
    let same = [
        file("Cargo.toml", manifest),
        file("benches/Cargo.toml", manifest),
        file("README.md", "Needs Rust 1.95 or later."),
    ];
    let mut broken = Vec::new();
    msrv(&same, &mut broken);
    assert_eq!(broken, Vec::<String>::new());
    msrv(&[file("Cargo.toml", manifest), file("README.md", "Needs Rust 1.94 or later.")], &mut broken);
    assert_eq!(broken.len(), 2, "{broken:?}");
}

#[test]
fn the_rules_hold_for_this_repository() {
    report().expect("`cargo xtask sources` prints what is broken");
}
