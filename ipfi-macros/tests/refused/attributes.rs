#[ipfi::interface]
trait Attributes {
    #[ipfi(indx = 3)]
    async fn unknown(&self) -> u64;
    #[ipfi(index = 1073741824)]
    async fn reserved(&self) -> u64;
    #[ipfi(timeout = "5 seconds")]
    async fn wordy(&self) -> u64;
    #[ipfi(timeout = "0s")]
    async fn never(&self) -> u64;
    #[ipfi(rename = "")]
    async fn nameless(&self) -> u64;
    #[ipfi(index = 3, index = 4)]
    async fn twice(&self) -> u64;
    #[cfg_attr(unix, ipfi(idempotent))]
    async fn sometimes(&self) -> u64;
    #[ipfi(datagram)]
    async fn answered(&self) -> u64;
    #[ipfi(notification)]
    async fn told(&self) -> u64;
    #[ipfi(notification)]
    async fn brings(&self, items: ipfi::Receiver<u64>);
}

#[ipfi::interface(name = "x")]
trait Named {}

#[ipfi::interface]
#[ipfi(rename = "x")]
trait Beside {}

fn main() {}
