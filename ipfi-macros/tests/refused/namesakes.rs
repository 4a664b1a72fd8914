use std::sync::mpsc::Receiver;
use std::task::Context;

#[ipfi::interface]
trait Namesakes {
    async fn items(&self, items: Receiver<u64>) -> u64;
}

#[ipfi::interface]
trait Contexts {
    async fn context(&self, context: &Context) -> u64;
}

fn main() {}
