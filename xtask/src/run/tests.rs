use super::*;

#[test]
fn a_command_prints_as_a_line_that_a_shell_can_repeat() {
    let cmd = Cmd::cargo("doc --no-deps").env("RUSTDOCFLAGS", "-D warnings").arg("two words");
    assert_eq!(cmd.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'two words'");
}

#[test]
fn a_failed_command_is_an_error_that_names_the_command() {
    let error = Cmd::new("false", "").run().expect_err("`false` fails");
    assert!(error.contains("false"), "{error}");
    let error = Cmd::new("no-such-program-anywhere", "").run().expect_err("it cannot start");
    assert!(error.contains("cannot start `no-such-program-anywhere`"), "{error}");
}

#[test]
fn a_failed_step_ends_the_run_and_a_skipped_one_does_not_count_as_passed() {
    let mut steps = Steps::default();
    steps.step("one", || Ok(Outcome::Passed)).expect("it passes");
    steps.step("two", || Ok(Outcome::Skipped("no network"))).expect("it is skipped");
    let error = steps.step("three", || Err("broken".to_owned())).expect_err("it fails");
    assert_eq!(error, "three: broken");
    assert_eq!(steps.done.len(), 2);
    assert_eq!(steps.done[1].2, Outcome::Skipped("no network"));
}
