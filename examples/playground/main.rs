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

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use ipfi::{CodecId, Identity, Interface, Limits, Origins, Server, WebTransportOptions, WsOptions};
use serde_json::json;
use tokio::signal::ctrl_c;

use self::page::Page;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let port = std::env::args().nth(1).map_or(Ok(4410), |port| port.parse())?;
    let page = Page::bind(port).await.map_err(|error| format!("port {port}: {error}; another: playground PORT"))?;

    // Made on the spot, for 13 days; the page is told its hash, for no authority has signed it.
    let identity = Identity::development(&["127.0.0.1", "localhost"])?;
    let hash = identity.certificate_hash();
    // A browser says whose page it is that connects. This one's origin is not the server's: it has a port of its own.
    let mut ws = WsOptions::default();
    ws.origins = Origins::These(page.origins.clone());
    let mut webtransport = WebTransportOptions::default();
    webtransport.origins = ws.origins.clone();
    // Room for a thousand streams a connection, where 256 are the default; and who cancels all at once is no attacker.
    let mut limits = Limits::default();
    limits.max_inbound_calls = 1024;
    limits.abuse_budget = 2500;
    let server = Server::new(server::interface())
        .limits(limits)
        .identity(identity)
        .ws_options(ws)
        .webtransport_options(webtransport)
        // Calls from here to a page are in the codec that pages speak.
        .codec(CodecId::MessagePack)
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
    let config = json!({ "websocket": websocket, "webtransport": webtransport, "certificate": hash.to_string() });
    tokio::spawn(page.serve("playground/page", config));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    let outcome = prompt(&tcp).await;
    drop(stop);
    server.await?;
    outcome
}

/// Calls the server as other programs do, until it is told to quit.
async fn prompt(url: &str) -> Result<(), Failure> {
    let offered = Interface::new()
        .procedure(0, |(who,): (String,)| async move { format!("hello {who}, this is the prompt") });
    let wire = ipfi::connect_with(url, offered).await?;
    let terminal = std::io::stdin().is_terminal();

    // A thread of its own reads the prompt: nothing waits for it when the program ends.
    let (typed, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
        lines.for_each(|line| typed.blocking_send(line).unwrap_or_default());
    });
    loop {
        if terminal {
            print!("> ");
            std::io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = ctrl_c() => None,
        };
        let Some(line) = line else {
            if terminal {
                // The shell's prompt is not to stand behind ours.
                println!();
            } else {
                // Nobody types, and the page goes on.
                ctrl_c().await?;
            }
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line);
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["quit"] => return Ok(()),
            // Dropping a call cancels it.
            ref words => tokio::select! {
                done = commands::run(&wire, words) => done.unwrap_or_else(|error| println!("error: {error}")),
                _ = ctrl_c() => println!("cancelled"),
            },
        }
    }
}
