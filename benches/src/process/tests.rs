use super::line;

#[test]
fn an_address_that_ends_in_a_space_arrives_whole() {
    let mut answers = &b"ws://127.0.0.1:1 \n123\n"[..];
    assert_eq!(line(&mut answers).expect("a line"), "ws://127.0.0.1:1 ");
    assert_eq!(line(&mut answers).expect("a line"), "123");
    assert!(line(&mut answers).is_err(), "there is no more");
}
