//! A server to try the command `ipfi` on.
//!
//! *Run*: `cargo run -p ipfi-cli --example greeter tcp://127.0.0.1:4433`, or `stdio:` as a module of another program.

#[path = "../tests/cli/greeter.rs"]
mod greeter;

use greeter::{GreeterServer, Polite, ProbeServer};
use ipfi::{Interface, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:4433".to_owned());
    let (lines, cancelled) =
        (tokio::sync::mpsc::unbounded_channel().0, tokio::sync::mpsc::unbounded_channel().0);
    let polite = Polite { lines, cancelled };
    let interface = Interface::new().serve(GreeterServer(polite.clone())).serve(ProbeServer(polite));
    if url == "stdio:" {
        ipfi::stdio(interface).await?.closed().await;
        return Ok(());
    }
    let server = Server::new(interface).listen(url).bind().await?;
    for address in server.addresses() {
        println!("listening on {address}");
    }
    server.run().await;
    Ok(())
}
