//! Two peers in one program that hand each other one byte at a time.
//!
//! *Shows*: `Peer`: no sockets, no threads, no runtime, no clock; whoever can move a byte can call.
//! *Run*: `cargo run --example byte_by_byte`
//! *Expect*: a greeting and a sequence, and how many bytes each side said for them.

use futures::TryStreamExt;
use ipfi::Interface;
use ipfi::mux::bytewise::Peer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| futures::stream::iter((1..=limit).map(|n| n * n)));
    let mut client = Peer::client(Interface::new());
    let mut server = Peer::server(interface);

    // What to do is async; who moves it on is the loop below.
    let wire = client.wire().clone();
    let job = client.spawn(async move {
        let greeting: String = wire.call(0, ("Ada",)).await?;
        println!("{greeting}");
        let squares: Vec<u64> = wire.stream::<u64>(1, (5_u64,)).await?.try_collect().await?;
        println!("{squares:?}");
        Ok::<_, ipfi::CallError>(())
    });

    let (mut there, mut back) = (0, 0);
    loop {
        if let Some(result) = job.take() {
            result?;
            break;
        }
        // This could be a wire, a lamp, two tin cans and a string.
        while let Some(byte) = client.pull() {
            server.push(byte)?;
            there += 1;
        }
        while let Some(byte) = server.pull() {
            client.push(byte)?;
            back += 1;
        }
    }
    println!("{there} bytes there, {back} bytes back, one at a time");
    Ok(())
}
