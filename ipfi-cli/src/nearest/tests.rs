use super::*;

#[test]
fn a_slip_is_recognised_and_something_else_is_not() {
    let names = ["Greeter.hello", "Greeter.count", "Store.put"];
    let near = |wanted| nearest(wanted, names.into_iter());
    assert_eq!(near("Greeter.helo"), ["Greeter.hello"]);
    assert_eq!(near("greeter.Hello"), ["Greeter.hello"]);
    assert_eq!(near("hello"), ["Greeter.hello"]);
    assert!(near("completely different").is_empty());
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
}
