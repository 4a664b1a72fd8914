use super::*;

#[test]
fn names_are_the_keys_of_the_features_table_and_nothing_else() {
    let manifest = "[package]\nname = \"x\"\n\n[features]\n# a = []\ndefault = [\"tokio\"]\ntokio = [\n    \"dep:tokio\",\n]\n\
                    ## Own threads.\nblocking = []\n\n[dependencies]\nslab = \"1\"\n";
    assert_eq!(names(manifest).collect::<Vec<_>>(), ["default", "tokio", "blocking"]);
    assert_eq!(names("[package]\nname = \"x\"\n").count(), 0);
}

#[test]
fn the_matrix_has_every_feature_of_a_package_alone_and_none() {
    let lines: Vec<String> = matrix().expect("the manifests are there").iter().map(Cmd::to_string).collect();
    for wanted in [
        "-p ipfi-core --no-default-features --",
        "-p ipfi-core --no-default-features --features postcard --",
        "-p ipfi --no-default-features --",
        "-p ipfi --no-default-features --features stdio --",
        "-p ipfi --no-default-features --features quic,ring --",
        "-p ipfi --no-default-features --features ring --",
        "-p ipfi-quic --no-default-features --features ring --",
        "-p ipfi-quic --no-default-features --features tls,ring --",
        "-p ipfi-quic --no-default-features --features aws-lc-rs --",
    ] {
        assert!(lines.iter().any(|line| line.contains(wanted)), "{wanted} is not in {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("--features default")));
}
