use super::{Count, Expected, Toolchain};
use crate::instructions::callgrind::Kind;

fn toolchain(version: &str) -> Toolchain {
    let printed =
        format!("rustc {version} (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-linux\nrelease: 1\n");
    Toolchain::of_rustc(&printed).expect("it has both")
}

fn counts(instructions: f64, allocations: f64) -> Vec<Count> {
    vec![
        Count::new("call", Kind::Instructions, instructions),
        Count::new("call", Kind::Allocations, allocations),
    ]
}

fn expected() -> Expected {
    Expected { toolchain: toolchain("1.95.0"), counts: counts(1000.0, 0.02) }
}

#[track_caller]
fn fault(measured: &[Count]) -> String {
    expected().compare(measured, &toolchain("1.95.0")).expect_err("it must be refused")
}

#[test]
fn what_is_blessed_is_what_is_expected() {
    let written = expected().to_string();
    assert!(written.contains("# rustc 1.95.0 (59807616e 2026-04-14) for x86_64-linux\n"), "{written}");
    assert_eq!(Expected::parse(&written), Ok(expected()));
    assert_eq!(expected().compare(&expected().counts, &toolchain("1.95.0")), Ok(()));
}

#[test]
fn a_file_that_is_not_understood_is_refused_with_the_line() {
    assert_eq!(
        Expected::parse("call instructions 7\n"),
        Err("no line says `# rustc VERSION for HOST`".to_owned())
    );
    let torn = "# rustc 1.95.0 for x86_64-linux\ncall instructions\n";
    assert_eq!(Expected::parse(torn), Err("not a count: \"call instructions\"".to_owned()));
}

#[test]
fn a_count_may_differ_by_three_per_cent_and_no_more() {
    for within in [1029.0, 971.0] {
        assert_eq!(expected().compare(&counts(within, 0.02), &toolchain("1.95.0")), Ok(()));
    }
    let dearer = fault(&counts(1031.0, 0.02));
    assert!(dearer.starts_with("dearer than expected: call instructions (+3.1 %)."), "{dearer}");
    let cheaper = fault(&counts(969.0, 0.02));
    assert!(cheaper.starts_with("cheaper than expected: call instructions (-3.1 %)."), "{cheaper}");
}

#[test]
fn what_is_rare_may_differ_by_a_hundredth_of_an_operation() {
    assert_eq!(expected().compare(&counts(1000.0, 0.029), &toolchain("1.95.0")), Ok(()));
    assert!(fault(&counts(1000.0, 0.031)).contains("call allocations (+55.0 %)"));
}

#[test]
fn what_was_free_and_is_not_any_more_is_dearer() {
    let expected = Expected { toolchain: toolchain("1.95.0"), counts: counts(1000.0, 0.0) };
    let fault = expected.compare(&counts(1000.0, 1.0), &toolchain("1.95.0")).expect_err("it allocates");
    assert!(fault.starts_with("dearer than expected: call allocations"), "{fault}");
    assert!(expected.row(&Count::new("call", Kind::Allocations, 1.0)).ends_with("<<<"));
}

#[test]
fn operations_that_only_one_side_knows_are_refused_and_named() {
    let mut more = counts(1000.0, 0.02);
    more.push(Count::new("item", Kind::Copies, 1.0));
    assert!(fault(&more).starts_with("item copies is not in the file"));
    assert!(
        fault(&counts(1000.0, 0.02)[..1]).starts_with("call allocations is in the file and was not measured")
    );
}

#[test]
fn another_compiler_is_named_where_counts_differ_and_only_there() {
    assert_eq!(expected().compare(&counts(1000.0, 0.02), &toolchain("1.96.0")), Ok(()));
    let fault =
        expected().compare(&counts(1100.0, 0.02), &toolchain("1.96.0")).expect_err("it must be refused");
    assert!(fault.contains("those of rustc 1.95.0 (59807616e 2026-04-14), this is rustc 1.96.0"), "{fault}");
}
