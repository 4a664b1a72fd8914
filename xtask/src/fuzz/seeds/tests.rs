use super::*;

#[test]
fn hex_is_found_in_json_and_nothing_else() {
    let json = r#"{"vectors": [{"name": "a PING", "hex": "00ff"}, {"hex": "", "error": "odd", "x": "abc"}]}"#;
    assert_eq!(inputs(json), [vec![0, 0xff]]);
}

#[test]
fn every_target_that_reads_bytes_has_seeds() {
    for target in super::super::targets().expect("the folder is there") {
        let least = match target.as_str() {
            // Scripts of operations have no golden bytes.
            "operations" => 0,
            "ws_handshake" => 3,
            _ => 10,
        };
        assert!(seeds(&target).expect("vectors").len() >= least, "{target}: hardly a seed");
    }
}

#[test]
fn a_message_says_its_length_in_as_many_bytes_as_it_takes() {
    assert_eq!(message(b"ab", false), b"\x82\x02ab");
    assert_eq!(message(b"ab", true), b"\x82\x82\0\0\0\0ab");
    assert_eq!(message(&[7; 126], false)[..4], [0x82, 126, 0, 126]);
    assert_eq!(message(&[7; 65_536], false)[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}
