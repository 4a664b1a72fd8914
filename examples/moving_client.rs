//! A stream that goes on while its client moves from one network to another.
//!
//! *Shows*: QUIC knows a connection by a number of its own and not by addresses (RFC 9000 section 9).
//! *Run*: `cargo run --example moving_client`
//! *Expect*: a count without a gap; on its way the client moves to two other ports.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use ipfi::{Connector, Identity, Interface, Server, Trust};

#[ipfi::interface]
trait Counter {
    /// One number after the other, in the pace of `every_ms`.
    fn count(&self, limit: u64, every_ms: u64) -> impl Stream<Item = u64>;
}

struct Patient;

impl Counter for Patient {
    fn count(&self, limit: u64, every_ms: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit).then(move |n| async move {
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            n
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let identity = Identity::development(&[])?;
    let trust = Trust::pinned([identity.certificate_hash()]);
    let interface = Interface::new().serve(CounterServer(Patient));
    let server = Server::new(interface).identity(identity).listen("quic://127.0.0.1:0").bind().await?;
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());

    let connector = Connector::new().trust(trust);
    let counter = CounterClient::new(&connector.connect(&url).await?);
    let mut numbers = counter.count(30, 20).await?;
    let mut expected = 0;
    while let Some(n) = numbers.try_next().await? {
        assert_eq!(n, expected, "a number is missing");
        expected += 1;
        println!("{n}");
        if n == 9 || n == 19 {
            // As when a telephone leaves the house: the old address is gone from one moment to the next.
            for address in connector.rebind()? {
                println!("moved to port {}", address.port());
            }
        }
    }
    println!("{expected} numbers over one connection and three ports");
    Ok(())
}
