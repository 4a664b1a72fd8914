use super::sources;

#[test]
fn all_packages_have_the_same_methods_and_call_each_of_them() {
    for peer in super::PEERS {
        let main = sources::main(peer, 7);
        for n in 0..7 {
            assert_eq!(
                main.matches(&format!("async fn method_{n}(")).count(),
                2,
                "{peer}: declared, implemented"
            );
            assert_eq!(main.matches(&format!("client.method_{n}(")).count(), 1, "{peer}: called");
        }
        assert!(!main.contains("method_7"));
    }
}
