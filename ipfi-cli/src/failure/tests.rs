use super::*;

#[test]
fn every_status_has_an_exit_code_of_its_own() {
    let codes: Vec<u8> = Code::ALL.map(status_code).to_vec();
    assert_eq!(codes, (65..=80).collect::<Vec<_>>());
    for (code, name) in [(68, "DEADLINE_EXCEEDED"), (76, "UNIMPLEMENTED"), (78, "UNAVAILABLE")] {
        assert!(
            EXIT_CODES.contains(&format!("{code} {name}"))
                || EXIT_CODES.contains(&format!("{code} is {name}"))
        );
    }
}
