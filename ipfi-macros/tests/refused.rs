//! What the macros refuse, and how that reads.

#[test]
fn a_mistake_is_told_where_it_was_made_with_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
