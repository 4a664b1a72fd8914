use super::*;

fn broken(path: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    purity(&File { path: path.to_owned(), text: text.to_owned() }, &mut broken);
    broken
}

const CORE: &str = "ipfi-core/src/call.rs";

#[test]
fn a_clock_a_thread_and_a_runtime_are_found_in_the_core_with_their_line() {
    assert_eq!(broken(CORE, "\nlet now = Instant::now();\n").len(), 1);
    assert!(
        broken(CORE, "\nlet now = Instant::now();\n")[0].starts_with("ipfi-core/src/call.rs:2: `Instant`")
    );
    assert_eq!(broken(CORE, "use std::time::SystemTime;").len(), 1);
    assert_eq!(broken(CORE, "tokio::spawn(task);").len(), 2);
    assert_eq!(broken(CORE, "std::thread::sleep(d)").len(), 1);
    assert_eq!(broken(CORE, "spawn(task)").len(), 1);
}

#[test]
fn the_runtime_s_own_spawn_and_mere_words_are_allowed() {
    for text in [
        "fn spawn(&self, task: Task);",
        "pub use driver::tokio::connect;",
        "match thread { Thread::Data => thread }",
        "result: std::thread::Result<()>",
        "self.runtime.spawn(task);",
        "self.runtime\n    .spawn(task);",
        "// tokio drivers do, spawn( and Instant::now too",
        "/* tokio /* nested */ still tokio */",
        "#[cfg(feature = \"tokio\")]",
        "let s = r#\"tokio \"quoted\" tokio\"#;",
        "let tick = '\"'; let more = b'\\''; // tokio",
        "let spawned = respawn(task);",
        "fn f<'a>(x: &'a str) {} // tokio",
    ] {
        assert_eq!(broken(CORE, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn code_after_a_literal_is_still_looked_at() {
    for text in [
        "let s = \"\\\"\"; tokio::x();",
        "let c = '\\''; tokio::x();",
        "let c = '\\u{7f}'; tokio::x();",
        "let c = '\"'; tokio::x();",
        "let s = br#\"\"\"#; tokio::x();",
        "/* a */ tokio::x();",
        "fn f<'a>() { tokio::x() }",
    ] {
        assert_eq!(broken(CORE, text).len(), 1, "{text}");
    }
}

#[test]
fn drivers_and_tests_are_free_and_other_crates_too() {
    for path in [
        "ipfi-mux/src/driver/tokio.rs",
        "ipfi-mux/src/driver.rs",
        "ipfi-mux/src/connection/tests.rs",
        "ipfi-core/tests/no_send.rs",
        "src/lib.rs",
    ] {
        assert_eq!(broken(path, "tokio::spawn(x)"), Vec::<String>::new(), "{path}");
    }
    assert_eq!(broken("ipfi-mux/src/connection.rs", "tokio::x()").len(), 1);
}

#[test]
fn line_numbers_survive_comments_and_strings_over_lines() {
    assert_eq!(strip("/*\n*/\"\n\"\nx").matches('\n').count(), 3);
}
