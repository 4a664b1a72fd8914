struct NotSerde;

#[ipfi::interface]
trait Values {
    async fn argument(&self, value: NotSerde);
    async fn bytes(&self, value: ipfi::Raw);
}

#[ipfi::interface]
trait Errors {
    async fn error(&self) -> Result<u64, NotSerde>;
}

fn main() {}
