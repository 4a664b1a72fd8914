//! What a server says of itself, and what a client makes of it. Clauses 15.1 and 15.2.

use ipfi::typed::{check, descriptions};
use ipfi::{CheckError, Code, CodecId, Describe, Interface, Status};

use crate::greeter::{GreeterClient, GreeterServer, SumError, polite};

fn interface() -> Interface {
    Interface::new().serve(GreeterServer(polite().0))
}

#[tokio::test]
async fn a_server_says_what_it_serves_in_every_codec() {
    let wire = ipfi::in_process(interface().procedure(0, |(): ()| async {}));
    for codec in [CodecId::Bincode, CodecId::MessagePack] {
        let served = descriptions(&wire.with_codec(codec)).await.unwrap();
        assert_eq!(served, [GreeterClient::description()]);
    }
}

#[tokio::test]
async fn a_checked_client_is_one_whose_server_fits() {
    let wire = ipfi::in_process(interface());
    let greeter = GreeterClient::checked(&wire).await.unwrap();
    assert_eq!(greeter.hello("Ada".into()).await.unwrap(), "Hello, Ada!");
}

#[tokio::test]
async fn reflection_can_be_switched_off_and_on_before_and_after_serving() {
    for interface in [
        interface().reflection(false),
        Interface::new().reflection(false).serve(GreeterServer(polite().0)),
        Interface::new().procedure(0, |(): ()| async {}),
    ] {
        let wire = ipfi::in_process(interface);
        let error = descriptions(&wire).await.unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented);
        let error = check::<GreeterClient>(&wire).await.unwrap_err();
        assert!(matches!(error, CheckError::Call(_)), "{error}");
    }
    let wire = ipfi::in_process(interface().reflection(false).reflection(true));
    assert_eq!(descriptions(&wire).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_may_not_call_may_not_ask() {
    let reserved = 1 << 30;
    let interface = interface().authorize(move |call| {
        if call.procedure.get() > reserved { Err(Status::permission_denied("no")) } else { Ok(()) }
    });
    let wire = ipfi::in_process(interface);
    assert_eq!(descriptions(&wire).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(GreeterClient::new(&wire).hello("Ada".into()).await.unwrap(), "Hello, Ada!");
}

#[tokio::test]
async fn another_interface_is_told_by_its_name() {
    #[ipfi::interface]
    trait Unserved {
        async fn it(&self) -> u64;
    }

    let error = UnservedClient::checked(&ipfi::in_process(interface())).await.unwrap_err();
    assert_eq!(error.to_string(), "the peer does not serve Unserved, but Greeter");
}

#[test]
fn a_type_without_a_schema_is_described_by_its_name() {
    // `SumError` derives none.
    let description = GreeterClient::description();
    let sum = description.methods.iter().find(|method| method.name == "sum").unwrap();
    let name = std::any::type_name::<SumError>().to_owned();
    assert_eq!(sum.error, Some(ipfi::schema::Shape::Opaque(name)));
    assert_eq!(sum.items, Some(ipfi::schema::Shape::U64));
    // A status is none of the method's own.
    let age = description.methods.iter().find(|method| method.name == "age").unwrap();
    assert_eq!((&age.error, &age.answer), (&None, &Some(ipfi::schema::Shape::U8)));
}

#[test]
fn reflection_is_none_of_the_procedures_of_an_interface() {
    assert!(interface().procedures().all(|(index, _)| index.get() < 1 << 30));
}
