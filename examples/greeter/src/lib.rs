#[ipfi::interface]
pub trait Greeter {
    /// Greets somebody by name.
    async fn hello(&self, name: String) -> String;
    /// Counts up to `limit`.
    fn count(&self, limit: u64) -> impl futures::Stream<Item = u64>;
}
