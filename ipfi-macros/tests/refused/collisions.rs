#[ipfi::interface]
trait Numbered {
    #[ipfi(index = 3)]
    async fn one(&self) -> u64;
    #[ipfi(index = 3)]
    async fn other(&self) -> u64;
}

#[ipfi::interface]
trait Renamed {
    async fn get(&self) -> u64;
    #[ipfi(rename = "get")]
    async fn fetch(&self) -> u64;
}

fn main() {}
