#[ipfi::interface]
trait Signatures {
    async fn by_value(self) -> u64;
    async fn exclusive(&mut self) -> u64;
    async fn without() -> u64;
    fn synchronous(&self) -> u64;
    fn nothing(&self);
    async fn stream(&self) -> impl futures_util::Stream<Item = u64>;
    fn iterator(&self) -> impl Iterator<Item = u64>;
    async unsafe fn dangerous(&self) -> u64;
    async fn pattern(&self, (a, b): (u64, u64)) -> u64;
    async fn borrowed(&self, text: &str) -> u64;
    async fn alias(&self) -> std::io::Result<u64>;
    async fn context(&self, context: ipfi::Context) -> u64;
    async fn contexts(&self, one: &ipfi::Context, other: &ipfi::Context) -> u64;
    async fn receivers(&self, one: ipfi::Receiver<u64>, other: ipfi::Receiver<u64>) -> u64;
    async fn new(&self) -> u64;
    async fn clone(&self) -> u64;
    async fn perhaps(&self, items: Option<ipfi::Receiver<u64>>) -> u64;
    async fn conditional(&self, #[cfg(unix)] unix: u64) -> u64;
    async fn many(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8, n: u8,
        o: u8, p: u8, q: u8,
    ) -> u64;
}

fn main() {}
