use super::*;

fn parse(line: &str) -> Result<Args, String> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match Command::parse(&words)? {
        Command::Run(args) => Ok(args),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn words_are_filters_and_options_take_their_value() {
    let args = parse("raw --rounds 3 ids --json out.json --two-processes").expect("well formed");
    assert_eq!(args.filters, ["raw", "ids"]);
    assert_eq!((args.rounds(), args.json.as_deref(), args.two_processes), (3, Some("out.json"), true));
    assert!(args.takes("raw_tcp", "sequential") && !args.takes("ipfi", "sequential"));
}

#[test]
fn a_whole_name_means_no_other() {
    let args = parse("ipfi").expect("well formed");
    assert!(args.takes("ipfi", "bulk_1") && !args.takes("ipfi_unix", "bulk_1"));
    let args = parse("bulk_1").expect("well formed");
    assert!(args.takes("raw_tcp", "bulk_1") && !args.takes("raw_tcp", "bulk_16"));
    let args = parse("ipfi/bulk").expect("well formed");
    assert!(args.takes("ipfi", "bulk_16") && !args.takes("ipfi_unix", "bulk_16"));
    let args = parse("/outstanding").expect("well formed");
    assert!(args.takes("ipfi", "outstanding_64") && !args.takes("ipfi", "bulk_1"));
}

#[test]
fn a_part_is_sampled_as_often_as_fits_into_a_minute_if_nobody_says_how_often() {
    for (line, runs, rounds) in
        [("", 240, 9), ("ipfi", 22, 2), ("bulk_1", 11, 4), ("ipfi/bulk_1", 1, 9), ("raw ipfi", 88, 1)]
    {
        let mut args = parse(line).expect("well formed");
        args.settle(runs);
        assert_eq!(args.rounds(), rounds, "{line}");
    }
    let mut args = parse("ipfi --rounds 5").expect("well formed");
    args.settle(22);
    assert_eq!(args.rounds(), 5);
}

#[test]
fn what_is_not_understood_is_refused() {
    for line in ["--round 3", "--rounds", "--rounds 0", "--rounds x", "--json", "--svg"] {
        assert!(parse(line).is_err(), "{line}");
    }
    assert_eq!(parse("x --help"), Err("Help".to_owned()));
}
