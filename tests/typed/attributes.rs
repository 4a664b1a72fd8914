//! What attributes do, at both ends.

use std::time::Duration;

use ipfi::core::interface::Kind;
use ipfi::{Code, Context, Describe, Interface, ProcedureIndex};

#[ipfi::interface(rename = "store.v1")]
trait Store {
    #[ipfi(index = 3, idempotent, isolated)]
    async fn get(&self) -> u64;

    #[ipfi(rename = "put", timeout = "250ms")]
    async fn write_there(&self, context: &Context, r#type: u64) -> Option<Duration>;

    #[ipfi(notification, datagram)]
    async fn touch(&self);

    #[ipfi(timeout = "5ms")]
    async fn never(&self);

    #[cfg(any())]
    async fn not_there(&self, value: NotThere);
}

struct Shelf(tokio::sync::mpsc::UnboundedSender<()>);

impl Store for Shelf {
    async fn get(&self) -> u64 {
        7
    }

    async fn write_there(&self, context: &Context, _type: u64) -> Option<Duration> {
        context.remaining()
    }

    async fn touch(&self) {
        let _ = self.0.send(());
    }

    async fn never(&self) {
        std::future::pending().await
    }
}

fn shelf() -> (StoreClient, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (touched, touches) = tokio::sync::mpsc::unbounded_channel();
    let wire = ipfi::in_process(Interface::new().serve(StoreServer(Shelf(touched))));
    (StoreClient::new(&wire), touches)
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_that_of_calls_that_set_none() {
    let (store, _) = shelf();
    let left = store.write_there(1).await.unwrap().unwrap();
    assert!(left <= Duration::from_millis(250) && left > Duration::from_millis(200), "{left:?}");
    let left = store.write_there(1).timeout(Duration::from_secs(9)).await.unwrap().unwrap();
    assert!(left > Duration::from_secs(8), "{left:?}");
    assert_eq!(store.never().await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_notification_that_may_is_taken_as_a_datagram() {
    let (store, mut touches) = shelf();
    store.touch().datagram().unwrap();
    touches.recv().await.unwrap();
}

#[tokio::test]
async fn a_method_with_a_number_is_called_by_it() {
    let (store, _) = shelf();
    assert_eq!(store.get().await.unwrap(), 7);
    assert_eq!(store.wire().call::<u64>(3, ()).await.unwrap(), 7);
}

#[test]
fn the_description_says_what_was_written() {
    let description = StoreClient::description();
    assert_eq!(description, StoreServer::<Shelf>::description());
    assert_eq!(description.name, "store.v1");
    let methods: Vec<_> = description.methods.iter().map(|method| (&*method.name, method.kind)).collect();
    assert_eq!(
        methods,
        [
            ("get", Kind::Procedure),
            ("put", Kind::Procedure),
            ("touch", Kind::Notification),
            ("never", Kind::Procedure)
        ]
    );
    let [get, put, touch, never] = &description.methods[..] else { panic!() };
    assert_eq!((get.index, get.idempotent, get.datagram), (3, true, false));
    assert_eq!((put.timeout_ms, put.idempotent), (Some(250), false));
    // The context is the call, and no argument; the name is the one that was meant.
    assert_eq!(put.parameters.iter().map(|parameter| &*parameter.name).collect::<Vec<_>>(), ["type"]);
    assert!(touch.datagram);
    assert_eq!(never.timeout_ms, Some(5));
}

#[test]
fn documentation_travels() {
    use crate::greeter::GreeterClient;
    let description = GreeterClient::description();
    assert_eq!(description.doc, "Greets, counts, adds.");
    assert_eq!(description.methods[0].doc, "Greets somebody by name.");
    assert_eq!(description.methods[1].doc, "Counts up to `limit`.\n\nFrom what was greeted so far.");
    assert_eq!(description.methods[2].doc, "");
}

#[test]
fn indices_are_those_of_the_vectors_whatever_stands_beside_them() {
    // `procedures.json`, clause 3.7.
    let description = crate::greeter::GreeterClient::description();
    let index = |name: &str| description.methods.iter().find(|method| method.name == name).unwrap().index;
    assert_eq!((index("hello"), index("count"), index("sum")), (968_392_102, 691_047_699, 103_260_422));
}

#[test]
fn what_is_declared_reaches_the_interface() {
    let (touched, _) = tokio::sync::mpsc::unbounded_channel();
    let interface = Interface::new().serve(StoreServer(Shelf(touched)));
    let procedures: Vec<_> = interface.procedures().collect();
    assert_eq!(procedures[0], (ProcedureIndex::new(3), Kind::Procedure));
    assert_eq!(procedures.len(), 4);
}
