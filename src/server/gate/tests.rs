use super::{Full, Gate};

#[test]
fn places_are_counted_in_all_and_by_address_and_given_back() {
    let gate = Gate::new(3, 2);
    let here = Some([127, 0, 0, 1].into());
    let there = Some([127, 0, 0, 2].into());
    let first = gate.enter(here).expect("empty");
    let _second = gate.enter(here).expect("one held");
    assert_eq!(gate.enter(here).expect_err("two from there"), Full::Address(2));
    let _third = gate.enter(there).expect("another address");
    assert_eq!(gate.enter(None).expect_err("three in all"), Full::All(3));
    drop(first);
    gate.enter(here).expect("a place was given back");
}
