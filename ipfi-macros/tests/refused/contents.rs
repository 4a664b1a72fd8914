#[ipfi::interface]
trait Contents {
    type Item;
    const MAX: u64;
    async fn get(&self) -> u64;
}

#[ipfi::interface]
unsafe trait Unsafe {}

#[ipfi::interface]
struct NoTrait;

fn main() {}
