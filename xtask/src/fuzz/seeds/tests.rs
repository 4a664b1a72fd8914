use super::*;

#[test]
fn hex_is_found_in_json_and_nothing_else() {
    let json = r#"{"vectors": [{"name": "a PING", "hex": "00ff"}, {"hex": "", "error": "odd", "x": "abc"}]}"#;
    assert_eq!(inputs(json), [vec![0, 0xff]]);
}

#[test]
fn every_target_that_reads_bytes_has_seeds() {
    for target in super::super::targets().expect("the folder is there") {
        // Scripts of operations have no golden bytes.
        assert_eq!(
            source(&target).is_none(),
            target == "operations" || target.starts_with("ws_"),
            "{target}"
        );
        if let Some((file, _)) = source(&target) {
            let json =
                std::fs::read_to_string(root().join("docs/vectors").join(file)).expect("a vector file");
            assert!(inputs(&json).len() > 10, "{target}: hardly a seed in {file}");
        }
    }
}
