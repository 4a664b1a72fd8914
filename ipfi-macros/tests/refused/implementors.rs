use std::cell::Cell;
use std::rc::Rc;

use ipfi::Interface;

#[ipfi::interface]
trait Greeter {
    async fn hello(&self, name: String) -> String;
}

struct NotSync(Cell<u64>);

impl Greeter for NotSync {
    async fn hello(&self, name: String) -> String {
        name
    }
}

struct HoldsRc;

impl Greeter for HoldsRc {
    async fn hello(&self, name: String) -> String {
        let name = Rc::new(name);
        std::future::ready(()).await;
        name.to_string()
    }
}

struct Good;

impl Greeter for Good {
    async fn hello(&self, name: String) -> String {
        name
    }
}

fn main() {
    let _ = Interface::new().serve(Good);
}
