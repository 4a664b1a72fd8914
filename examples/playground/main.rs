//! The playground: one server on QUIC, WebTransport, WebSocket and TCP, a page that calls it, and a prompt.
//!
//! *Shows*: what ipfi is like: values, streams, credit, cancelling, errors, calls back, carriers that are switched under it all.
//! *Run*: `cargo run --release --example playground`, and open the address that it prints; or type `help`. Another port
//! for the page than 4410: `… playground 8080`.
//! *Expect*: a page. Other programs may connect to the other addresses at the same time.
//!
//! What the server offers is in `server.rs`, how the prompt calls it in `commands.rs`, the page in `page/`.

mod commands;
#[path = "../common/page.rs"]
mod page;
mod server;

use std::cell::Cell;
use std::time::Duration;

use ipfi::typed::Describe;
use ipfi::{Identity, Interface, Limits, Server};
use serde_json::json;

use self::page::Page;
use self::server::{Here, PlaygroundClient, PlaygroundServer, VisitorClient};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--schema") {
        // The page's typed modules are made of this: `ipfi gen ts schema.json --js --runtime ./ipfi`.
        let interfaces = [PlaygroundClient::description(), VisitorClient::description()];
        println!("{}", ipfi::typed::to_json(&interfaces));
        return Ok(());
    }
    let port = argument.map_or(Ok(4410), |port| port.parse())?;
    let page =
        Page::bind(port).await.map_err(|error| format!("port {port}: {error}; another: playground PORT"))?;

    // Made on the spot, for 13 days; the page is told its hash, for no authority has signed it.
    let identity = Identity::development(&["127.0.0.1", "localhost"])?;
    let hash = identity.certificate_hash();
    // Room for a thousand streams a connection, where 256 are the default; and who cancels all at once is no attacker.
    let mut limits = Limits::default();
    limits.max_inbound_calls = 1024;
    limits.abuse_budget = 2500;
    let server = Server::new(Interface::new().serve(PlaygroundServer(Here)))
        .limits(limits)
        .identity(identity)
        // A browser says whose page it is that connects. This one's origin is not the server's: it has a port of its own.
        .allow_origins(page.origins.clone())
        .grace(Duration::from_secs(1))
        .listen("tcp://127.0.0.1:0")
        .listen("quic://127.0.0.1:0")
        .listen("ws://127.0.0.1:0")
        .bind()
        .await?;
    let [tcp, quic, websocket] = server.addresses().try_into().expect("one for each listener");
    // The same port of UDP: browsers ask for WebTransport, other programs for QUIC.
    let webtransport = quic.replacen("quic:", "https:", 1);
    println!("open {}, or type help", page.url);
    println!("other programs: {tcp}, {websocket}, {quic} (certificate {hash})");
    let config =
        json!({ "websocket": websocket, "webtransport": webtransport, "certificate": hash.to_string() });
    tokio::spawn(page.serve("playground/page", config));
    let outcome = Cell::new(Ok(()));
    // Until somebody quits: then calls have their grace period to end.
    server.run_until(async { outcome.set(commands::prompt(&tcp).await) }).await;
    outcome.into_inner()
}
