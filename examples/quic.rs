//! A server and a client over QUIC, in one program or in two.
//!
//! *Shows*: an identity made on the spot; a client that pins it by its hash; a server with two carriers.
//! *Run*: `cargo run --example quic`; or `… quic serve quic://127.0.0.1:4433` and, in another terminal, the line that
//! it prints. `tls://` works in the place of `quic://`, where UDP is blocked.
//! *Expect*: a greeting and numbers; a client with another pin is turned away and told both hashes.

use std::error::Error;

use futures::{Stream, TryStreamExt, stream};
use ipfi::{CertificateHash, Connector, Identity, Interface, Server, Trust};

type Outcome = Result<(), Box<dyn Error>>;

#[ipfi::interface]
trait Greeter {
    async fn hello(&self, name: String) -> String;
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;
}

struct Polite;

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit)
    }
}

fn interface() -> Interface {
    Interface::new().serve(GreeterServer(Polite))
}

/// Listens on QUIC, and on TLS at the same number: one is a port of UDP and the other of TCP.
async fn serve(url: &str) -> Outcome {
    // Self-signed, for 13 days, gone with this program. A real one: `Identity::from_pem_files`.
    let identity = Identity::development(&["localhost", "127.0.0.1"])?;
    let hash = identity.certificate_hash();
    let server = Server::new(interface()).identity(identity).listen(url);
    let server = server.listen(url.replacen("quic:", "tls:", 1)).bind().await?;
    for address in server.addresses() {
        println!("cargo run --example quic call {address} {hash}");
    }
    server.run_until(tokio::signal::ctrl_c()).await;
    Ok(())
}

async fn call(url: &str, hash: CertificateHash) -> Outcome {
    // For a certificate that an authority has issued, `ipfi::connect(url)` is enough.
    let connector = Connector::new().trust(Trust::pinned([hash]));
    let greeter = GreeterClient::new(&connector.connect(url).await?);

    println!("{}", greeter.hello("Ada".into()).await?);
    // Each call is a QUIC stream of its own: a packet that is lost holds up no other.
    let numbers: Vec<u64> = greeter.count(10).await?.try_collect().await?;
    println!("{numbers:?}");
    Ok(())
}

async fn both() -> Outcome {
    let identity = Identity::development(&[])?;
    let hash = identity.certificate_hash();
    let server = Server::new(interface()).identity(identity).listen("quic://127.0.0.1:0").bind().await?;
    let url = server.addresses().remove(0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    call(&url, hash).await?;
    let stranger = Connector::new().trust(Trust::pinned([CertificateHash::of("another")]));
    if let Err(error) = stranger.connect(&url).await {
        println!("{error}");
    }
    drop(stop);
    println!("the server closed: {} calls cut", server.await?.cut);
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => both().await,
        ["serve", url] => serve(url).await,
        ["call", url, hash] => call(url, hash.parse()?).await,
        _ => Err("quic | quic serve URL | quic call URL HASH".into()),
    }
}
