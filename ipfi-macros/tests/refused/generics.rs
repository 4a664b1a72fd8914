#[ipfi::interface]
trait Parametrised<T> {
    async fn get(&self) -> u64;
}

#[ipfi::interface]
trait Bounded
where
    Self: Clone,
{
    async fn get(&self) -> u64;
}

#[ipfi::interface]
trait Methods {
    async fn typed<T>(&self, value: T) -> u64;
    async fn lived<'a>(&self, value: &'a str) -> u64;
    async fn bound(&self) -> u64
    where
        u64: Copy;
    async fn opaque(&self, value: impl ToString) -> u64;
    async fn nested(&self, value: Vec<impl ToString>) -> u64;
    async fn gives(&self) -> impl Copy;
    async fn itself(&self) -> Option<Self>;
    async fn items(&self, items: ipfi::Receiver<&'static str>) -> u64;
}

fn main() {}
