//! The macros where ipfi goes by another name: in this crate there is no `ipfi`, and all that they write is found in
//! `ipfi_core`.

use futures_util::stream;
use ipfi_core::schema::{Schema, Shape, Types};
use ipfi_core::typed::Describe;
use ipfi_core::{Context, Interface, Receiver};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, ipfi_macros::Schema)]
#[ipfi(crate = "ipfi_core")]
enum Greeting<T> {
    None,
    Known { name: String, greeted: T },
}

/// Greets.
#[ipfi_macros::interface(crate = "::ipfi_core", rename = "greeter.v1")]
trait Greeter {
    #[ipfi(timeout = "5s", idempotent)]
    async fn greet(&self, name: String) -> Result<Greeting<u64>, String>;
    fn count(&self, context: &Context, items: Receiver<u8>)
    -> impl stream::Stream<Item = Result<u8, String>>;
    #[ipfi(notification)]
    async fn told(&self);
}

struct It;

impl Greeter for It {
    async fn greet(&self, name: String) -> Result<Greeting<u64>, String> {
        Ok(Greeting::Known { name, greeted: 1 })
    }

    fn count(&self, _: &Context, _: Receiver<u8>) -> impl stream::Stream<Item = Result<u8, String>> {
        stream::empty()
    }

    async fn told(&self) {}
}

#[test]
fn what_the_macros_write_is_found_under_the_name_that_they_are_told() {
    let interface = Interface::new().serve(GreeterServer(It));
    assert_eq!(interface.descriptions(), [GreeterClient::description()]);
    assert_eq!(interface.procedures().count(), 3);
    assert_eq!(Greeting::<u64>::shape(&mut Types::default()), Shape::Type("Greeting<u64>".into()));
}
