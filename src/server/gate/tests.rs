use std::net::IpAddr;

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

#[test]
fn a_64_bit_prefix_counts_as_one_address_and_a_mapped_ipv4_address_as_itself() {
    let address = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
    let gate = Gate::new(100, 1);
    let mut held = Vec::new();
    for first in ["2001:db8:0:1::1", "2001:db8:0:2::1", "192.0.2.1", "::ffff:192.0.2.2", "::1"] {
        held.push(gate.enter(address(first)).expect("nobody from there yet"));
    }
    for same in [
        "2001:db8:0:1::1",
        "2001:db8:0:1:ffff:ffff:ffff:ffff",
        "2001:db8:0:2:8000::",
        "::ffff:192.0.2.1",
        "192.0.2.2",
    ] {
        assert_eq!(gate.enter(address(same)).expect_err(same), Full::Address(1));
    }
    // Mapped addresses share a prefix, and are not one another.
    held.push(gate.enter(address("::ffff:192.0.2.3")).expect("another address"));
    drop(held);
    gate.enter(address("2001:db8:0:1:2::")).expect("the prefix is free again");
}
