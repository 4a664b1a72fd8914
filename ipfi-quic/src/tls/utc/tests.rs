use std::time::{Duration, UNIX_EPOCH};

use super::Utc;

fn at(seconds: u64) -> String {
    Utc(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

#[test]
fn a_moment_is_its_gregorian_date() {
    assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(at(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(at(951_868_800), "2000-03-01 00:00:00 UTC");
    assert_eq!(at(1_000_000_000), "2001-09-09 01:46:40 UTC");
    assert_eq!(at(1_735_689_599), "2024-12-31 23:59:59 UTC");
    assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00 UTC");
    assert_eq!(at(253_402_300_799), "9999-12-31 23:59:59 UTC");
}
