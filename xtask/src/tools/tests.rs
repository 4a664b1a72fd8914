use super::*;

#[test]
fn a_tool_is_accepted_in_any_patch_of_its_minor_version_and_no_other() {
    assert!(has_version("cargo-deny 0.20.2\n", "0.20"));
    assert!(has_version("cargo-deny 0.20", "0.20"));
    assert!(!has_version("cargo-deny 0.200.1", "0.20"));
    assert!(!has_version("cargo-deny 0.19.9", "0.20"));
    assert!(!has_version("", "0.20"));
}
