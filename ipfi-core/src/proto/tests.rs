use super::*;

#[test]
fn typed_indices_take_four_bytes_and_stay_out_of_the_reserved_range() {
    for number in 0..100_000 {
        let index = typed_procedure("Interface", &format!("method{number}"));
        assert!((1 << 14..FIRST_RESERVED_PROCEDURE).contains(&index), "{index:#x}");
    }
}

#[test]
fn the_dot_keeps_interface_and_method_apart() {
    assert_ne!(typed_procedure("ab", "c"), typed_procedure("a", "bc"));
}
