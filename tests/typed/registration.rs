//! Several interfaces, several wires, and what cannot be together.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ipfi::Interface;

use crate::greeter::{GreeterClient, GreeterServer, polite, shared};

#[ipfi::interface]
trait Clock {
    async fn now(&self) -> u64;
    #[ipfi(index = 968392102)]
    async fn alarm(&self) -> u64;
}

#[ipfi::interface]
trait Calendar {
    async fn today(&self) -> u64;
}

struct Still;

impl Clock for Still {
    async fn now(&self) -> u64 {
        12
    }

    async fn alarm(&self) -> u64 {
        0
    }
}

impl Calendar for Still {
    async fn today(&self) -> u64 {
        365
    }
}

#[tokio::test]
async fn several_interfaces_and_procedures_by_number_are_on_one_wire_both_ways() {
    let interface = Interface::new()
        .with_state(5_u64)
        .serve(CalendarServer(Still))
        .serve(GreeterServer(polite().0))
        .procedure(1, |state: ipfi::State<u64>, (): ()| async move { state.0 });
    let wire = ipfi::in_process(interface);
    assert_eq!(CalendarClient::new(&wire).today().await.unwrap(), 365);
    assert_eq!(GreeterClient::new(&wire).hello("Ada".into()).await.unwrap(), "Hello, Ada!");
    // The state of those by number is what it was.
    assert_eq!(wire.call::<u64>(1, ()).await.unwrap(), 5);
}

#[tokio::test]
async fn one_implementor_serves_several_wires_and_its_owner() {
    let greeter = shared();
    let interface = Interface::new().serve_shared::<GreeterServer<_>>(Arc::clone(&greeter));
    for _ in 0..3 {
        let client = GreeterClient::new(&ipfi::in_process(interface.clone()));
        assert_eq!(client.clone().hello("Ada".into()).await.unwrap(), "Hi, Ada!");
    }
    assert_eq!(greeter.greeted.load(Ordering::Relaxed), 3);
}

#[test]
#[should_panic(
    expected = "Clock.alarm has the index 968392102, which is that of Greeter.hello: give one of them `#[ipfi(index = ...)]`, or another name"
)]
fn methods_of_two_interfaces_with_one_index_are_refused_by_name() {
    // Clause 3.7.
    let _ = Interface::new().serve(GreeterServer(polite().0)).serve(ClockServer(Still));
}

#[test]
#[should_panic(expected = "which is that of a procedure with that number")]
fn a_number_that_is_taken_is_refused() {
    let _ = Interface::new().procedure(968_392_102, |(): ()| async {}).serve(ClockServer(Still));
}

#[test]
#[should_panic(expected = "an interface called Calendar is served already")]
fn an_interface_is_served_once() {
    let _ = Interface::new().serve(CalendarServer(Still)).serve(CalendarServer(Still));
}

/// Another interface of the same name, without a method of the first.
mod elsewhere {
    #[ipfi::interface]
    pub(super) trait Calendar {
        async fn tomorrow(&self) -> u64;
    }

    impl Calendar for super::Still {
        async fn tomorrow(&self) -> u64 {
            366
        }
    }
}

#[test]
#[should_panic(
    expected = "an interface called Calendar is served already: give one of them another name, `#[ipfi::interface(rename = \"...\")]`"
)]
fn two_interfaces_of_one_name_are_refused_also_where_no_method_is_in_both() {
    // Clause 15.1: a client that asks for one would be told of the other.
    let _ = Interface::new().serve(CalendarServer(Still)).serve(elsewhere::CalendarServer(Still));
}

#[test]
fn descriptions_are_in_the_order_of_registration() {
    let interface = Interface::new().serve(GreeterServer(polite().0)).serve(CalendarServer(Still));
    let names: Vec<_> = interface.descriptions().iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Greeter", "Calendar"]);
}
