use super::*;

fn two() -> Vec<String> {
    vec!["mux".to_owned(), "varint".to_owned()]
}

#[test]
fn without_a_target_all_run_and_without_seconds_a_minute_each() {
    assert_eq!(choose(&[], &two()), Ok((two(), 60)));
    assert_eq!(choose(&["5"], &two()), Ok((two(), 5)));
    assert_eq!(choose(&["varint"], &two()), Ok((vec!["varint".to_owned()], 60)));
    assert_eq!(choose(&["varint", "7"], &two()), Ok((vec!["varint".to_owned()], 7)));
}

#[test]
fn an_unknown_target_is_refused_and_the_known_ones_are_named() {
    let error = choose(&["vraint"], &two()).expect_err("no such target");
    assert!(error.contains("mux, varint"), "{error}");
    assert!(choose(&["varint", "soon"], &two()).is_err());
}

#[test]
fn zero_seconds_is_not_for_ever() {
    assert_eq!(choose(&["0"], &two()).expect("a number").1, 1);
}

#[test]
fn the_first_target_is_found_in_its_folder() {
    assert!(targets().expect("the folder is there").contains(&"varint".to_owned()));
}
