use super::*;

fn parse(line: &str) -> Result<Option<Args>, String> {
    Args::parse(line.split_whitespace().map(str::to_owned))
}

#[test]
fn words_are_filters_and_options_take_their_value() {
    let args = parse("raw --rounds 3 ids --json out.json").expect("well formed").expect("no help");
    assert_eq!(args.filters, ["raw", "ids"]);
    assert_eq!((args.rounds, args.json.as_deref()), (3, Some("out.json")));
    assert!(args.takes("raw_tcp/sequential") && !args.takes("ipfi/sequential"));
}

#[test]
fn what_is_not_understood_is_refused() {
    for line in ["--round 3", "--rounds", "--rounds 0", "--rounds x", "--json"] {
        assert!(parse(line).is_err(), "{line}");
    }
    assert_eq!(parse("x --help"), Ok(None));
}
