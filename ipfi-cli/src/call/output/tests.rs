use super::*;

#[test]
fn a_bar_is_for_a_terminal_on_which_no_items_pass_by() {
    assert!(is_watched(true, false, true));
    assert!(is_watched(false, true, true));
    assert!(!is_watched(true, true, true));
    assert!(!is_watched(false, false, false));
}

#[test]
fn progress_has_counts_and_rates() {
    assert_eq!(
        progress(3000, 3 << 20, Duration::from_secs(2)),
        "3 000 items, 3.00 MiB (1 500/s, 1.50 MiB/s)"
    );
    assert!(progress(1, 1, Duration::ZERO).starts_with("1 item, 1 B "));
}
