struct Polite;
impl greeter::Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }
    fn count(&self, limit: u64) -> impl futures::Stream<Item = u64> {
        futures::stream::iter(0..limit)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let interface = ipfi::Interface::new().serve(greeter::GreeterServer(Polite));
    let identity = ipfi::Identity::development_files("cert.pem", "key.pem", &["localhost"])?;
    let server = ipfi::Server::new(interface).identity(identity).allow_origins(["http://localhost:8000"]);
    Ok(server.listen("quic://127.0.0.1:4433").listen("ws://127.0.0.1:8080").run().await?)
}
