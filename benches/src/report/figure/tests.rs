use super::*;

#[test]
fn the_median_of_an_odd_and_of_an_even_number_of_samples() {
    let figure = Figure::of([3.0, 1.0, 2.0].into_iter()).expect("three samples");
    assert_eq!(figure, Figure { median: 2.0, min: 1.0, max: 3.0 });
    assert_eq!(Figure::of([4.0, 1.0].into_iter()).expect("two samples").median, 2.5);
    assert_eq!(Figure::of(std::iter::empty()), None);
}

#[test]
fn numbers_keep_three_digits_that_count() {
    assert_eq!(
        [1_234_567.0, 56_789.0, 321.4, 12.34, 1.234, 0.0123].map(number),
        ["1.23 M", "56.8 k", "321", "12.3", "1.23", "0.012"]
    );
}
