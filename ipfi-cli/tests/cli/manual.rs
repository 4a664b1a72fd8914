//! What `docs/cli.md` shows is what happens.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::{ended, serve};

/// `cargo test` builds the examples beside the tests.
pub(crate) fn example() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join("examples/greeter");
    assert!(path.exists(), "{} is not built: cargo build -p ipfi-cli --examples", path.display());
    path
}

/// The commands of the manual's `console` blocks, each with what follows it there.
fn shown() -> Vec<(String, String)> {
    let manual = include_str!("../../../docs/cli.md");
    let mut shown: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in manual.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside => match (line.strip_prefix("$ "), shown.last_mut()) {
                (Some(command), _) => shown.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("a console block begins with a command: {line}"),
            },
            _ => {}
        }
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_shows_what_happens() {
    let served = serve().await;
    let shown = shown();
    assert!(shown.len() > 5);
    let ipfi = PathBuf::from(env!("CARGO_BIN_EXE_ipfi"));
    let path = format!("{}:{}", ipfi.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let folder = std::env::temp_dir().join(format!("ipfi-cli-manual-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (command, output) in shown {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).env("PATH", &path).env("URL", &served.url);
        shell.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let ran = ended(shell.output()).await;
        assert_eq!(ran.out, output, "{command}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
