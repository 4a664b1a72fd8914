//! What a user may write, however odd, and with every lint on.

use std::sync::Arc;

use futures::TryStreamExt;
use ipfi::{Code, Describe, Interface};

use crate::written::{Data, It, OddClient, OddServer};

fn odd() -> OddClient {
    OddClient::new(&ipfi::in_process(Interface::new().serve(OddServer(It))))
}

#[tokio::test]
async fn odd_signatures_do_what_they_say() {
    let odd = odd();
    assert_eq!(odd.r#type(3, 4).await.unwrap(), 7);
    assert_eq!(odd.documented(1, 2, 3).await.unwrap(), Some(6));
    assert_eq!(odd.alias(Data { items: vec![1, 2] }).await.unwrap(), Ok(2));
    assert_eq!(odd.precise().await.unwrap().try_collect::<Vec<_>>().await.unwrap(), [1, 2]);
    let sixteen = odd.sixteen(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    assert_eq!(sixteen.items(futures::stream::empty()).await.unwrap(), 136);
    assert_eq!(odd.stream(1).await.unwrap().try_collect::<Vec<_>>().await.unwrap(), [0, 1]);
    assert_eq!(odd.early(true).await.unwrap_err().application().unwrap(), "early");
    odd.early(false).await.unwrap();
    #[allow(deprecated)]
    let old = odd.old();
    assert_eq!(old.await.unwrap(), 1);
    assert_eq!(odd.camelCase().await.unwrap(), 2);
    assert_eq!(odd.description().await.unwrap(), 3);
    assert_eq!(odd.hidden().await.unwrap(), 4);
    assert_eq!(odd.namesake(crate::written::named::Context(5)).await.unwrap(), 5);
}

#[test]
fn documentation_from_a_file_travels() {
    let description = <OddClient as Describe>::description();
    let documented = description.methods.iter().find(|method| method.name == "documented").unwrap();
    assert_eq!(documented.doc, "Says what a file says.\n\nIn two paragraphs.");
    assert_eq!(description.methods[0].name, "type");
    assert_eq!(description.methods[0].parameters[0].name, "fn");
    assert_eq!(description.name, "Odd");
}

#[ipfi::interface]
trait Panics {
    async fn value(&self) -> u8;
    fn at_once(&self) -> impl futures::Stream<Item = u8>;
    fn later(&self) -> impl futures::Stream<Item = u8>;
    async fn alive(&self) -> u8;
}

struct Panicking(bool);

impl Panics for Panicking {
    async fn value(&self) -> u8 {
        panic!("secret")
    }

    fn at_once(&self) -> impl futures::Stream<Item = u8> {
        if self.0 {
            panic!("secret");
        }
        futures::stream::empty()
    }

    fn later(&self) -> impl futures::Stream<Item = u8> {
        futures::stream::poll_fn(|_| panic!("secret"))
    }

    async fn alive(&self) -> u8 {
        7
    }
}

#[tokio::test]
async fn an_implementor_that_panics_fails_the_call_and_tells_the_peer_nothing() {
    let client = PanicsClient::new(&ipfi::in_process(Interface::new().serve(PanicsServer(Panicking(true)))));
    let value = client.value().await.unwrap_err();
    let at_once = client.at_once().await.unwrap().try_next().await.unwrap_err();
    let later = client.later().await.unwrap().try_next().await.unwrap_err();
    for error in [value, at_once, later] {
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(client.alive().await.unwrap(), 7);
}

trait Db: Send + Sync + 'static {
    fn read(&self) -> u64;
}

impl Db for u64 {
    fn read(&self) -> u64 {
        *self
    }
}

#[ipfi::interface]
trait Reads {
    async fn read(&self) -> u64;
}

struct Reader<T: ?Sized> {
    db: Arc<T>,
}

impl<T: Db + ?Sized> Reads for Reader<T> {
    async fn read(&self) -> u64 {
        self.db.read()
    }
}

/// What an application keeps.
#[derive(Clone, Debug)]
struct Application {
    reads: ReadsClient,
}

#[tokio::test]
async fn an_implementor_may_be_generic_and_hold_what_is_not_sized_and_a_client_outlives_its_wire() {
    let known = Interface::new().serve(ReadsServer(Reader { db: Arc::new(7) }));
    let db: Arc<dyn Db> = Arc::new(8);
    let unknown = Interface::new().serve(ReadsServer(Reader { db }));
    for (interface, value) in [(known, 7), (unknown, 8)] {
        let wire = ipfi::in_process(interface);
        let application = Application { reads: ReadsClient::new(&wire) };
        drop(wire);
        let other = application.clone();
        drop(application);
        assert_eq!(tokio::spawn(async move { other.reads.read().await }).await.unwrap().unwrap(), value);
    }
}

#[tokio::test]
async fn a_call_of_a_client_whose_wire_has_ended_is_an_error_of_the_call() {
    let wire = ipfi::in_process(Interface::new().serve(ReadsServer(Reader { db: Arc::new(7) })));
    let reads = ReadsClient::new(&wire);
    wire.close(ipfi::CloseCode::NO_ERROR, "");
    assert_eq!(reads.read().await.unwrap_err().code(), Code::Unavailable);
}
