use super::*;

#[test]
fn times_have_units() {
    let time = |text: &str| text.parse::<Timeout>().map(|Timeout(time)| time);
    assert_eq!(time("500ms"), Ok(Some(Duration::from_millis(500))));
    assert_eq!(time("1.5s"), Ok(Some(Duration::from_millis(1500))));
    assert_eq!(time("2m"), Ok(Some(Duration::from_secs(120))));
    assert_eq!(time("3"), Ok(Some(Duration::from_secs(3))));
    assert_eq!(time("none"), Ok(None));
    for wrong in ["", "s", "-1s", "1 s", "5x", "1e400h", "1.2.3s"] {
        assert!(time(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn metadata_has_a_name_and_a_value_that_may_have_colons() {
    let header = "Trace: a:b ".parse().map(|Header { name, value }| (name, value));
    assert_eq!(header, Ok(("trace".to_owned(), "a:b".to_owned())));
    for wrong in ["trace", ": x", "with space: x", "größe: x"] {
        assert!(wrong.parse::<Header>().is_err(), "{wrong}");
    }
}
