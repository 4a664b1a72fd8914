use super::*;

#[test]
fn options_and_their_values_are_no_filters() {
    assert_eq!(filters(&["ipfi", "--rounds", "3", "--quick", "bulk", "--json", "x"]), ["ipfi", "bulk"]);
}

#[test]
fn a_filter_that_names_a_light_peer_builds_no_heavy_one() {
    assert!(!may_mean("ipfi", "tonic"));
    assert!(!may_mean("bare_ids/outstanding_64", "tonic"));
    assert!(may_mean("tonic/outstanding_64", "tonic"));
    assert!(may_mean("outstanding_64", "tonic"));
    assert!(may_mean("/outstanding_64", "tonic"));
}
