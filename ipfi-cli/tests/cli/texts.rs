//! Help, completions, manual pages.

use crate::ipfi;

const SUBCOMMANDS: [&str; 7] = ["list", "describe", "call", "bench", "gen", "completions", "man"];

#[tokio::test(flavor = "multi_thread")]
async fn every_subcommand_has_help_with_examples_and_exit_codes() {
    let help = ipfi(&["--help"]).await.out();
    for subcommand in SUBCOMMANDS {
        assert!(help.contains(&format!("\n  {subcommand}")), "{help}");
        assert!(ipfi(&[subcommand, "--help"]).await.out().contains("Usage: ipfi"));
    }
    assert!(help.contains("Exit codes: 0 success"), "{help}");
    let call = ipfi(&["call", "--help"]).await.out();
    for part in
        ["Examples:", "--timeout <TIME>", "--header <NAME: VALUE>", "--pin <HASH>", "quic://host:port"]
    {
        assert!(call.contains(part), "{part}: {call}");
    }
    assert!(ipfi(&["--version"]).await.out().starts_with("ipfi 0."));
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_know_the_subcommands_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ipfi(&["completions", shell]).await.out();
        assert!(SUBCOMMANDS.iter().all(|name| script.contains(name)), "{shell}");
        assert!(script.contains("timeout"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_manual_page_for_the_command_and_each_subcommand() {
    let page = ipfi(&["man"]).await.out();
    assert!(page.contains(".TH ipfi 1") && page.contains("ipfi\\-call(1)"), "{page}");
    for subcommand in SUBCOMMANDS {
        let page = ipfi(&["man", subcommand]).await.out();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    let (code, said) = ipfi(&["man", "nothing"]).await.failed();
    assert!(code == 2 && said.contains("there is no subcommand nothing"), "{said}");
}
