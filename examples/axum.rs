//! An axum application with ipfi on one route.
//!
//! *Shows*: calls beside pages on one port; who calls, by the cookie of the page; calls in both directions.
//! *Run*: `cargo run --example axum --features hyper`
//! *Expect*: the page, a greeting by name, numbers, and what the route says to whoever just looks at it.

use std::error::Error;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use futures::{Stream, TryStreamExt, stream};
use ipfi::{Connector, Context, Interface, WsOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[ipfi::interface]
trait Greeter {
    async fn hello(&self, context: &Context) -> String;
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;
}

struct Polite;

impl Greeter for Polite {
    /// The caller's name is in a cookie that the application has set.
    async fn hello(&self, context: &Context) -> String {
        format!("Hello, {}!", context.peer().cookie("name").unwrap_or("stranger"))
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit)
    }
}

/// The route: an upgrade that is answered becomes a wire, and the application goes on without it. Layers in front
/// of the route decide who gets here, and `WsOptions` whose pages may.
async fn calls(State(interface): State<Interface>, mut request: Request) -> Response {
    let (answer, upgrade) = ipfi::ws::upgrade::upgrade(&mut request, &WsOptions::default());
    if let Some(upgrade) = upgrade {
        tokio::spawn(async move {
            match upgrade.wire(interface).await {
                Ok(wire) => eprintln!("a client has gone: {}", wire.closed().await),
                Err(error) => eprintln!("a client did not get as far as calls: {error}"),
            }
        });
    }
    answer
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let interface = Interface::new().serve(GreeterServer(Polite));
    let application = Router::new()
        .route("/", get(|| async { "a page" }))
        .route("/calls", get(calls).with_state(interface));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, application).await });

    println!("{}", look_at(&address.to_string(), "/").await?);

    let connector = Connector::new().header("Cookie", "name=Ada");
    let greeter = GreeterClient::new(&connector.connect(&format!("ws://{address}/calls")).await?);
    println!("{}", greeter.hello().await?);
    let numbers: Vec<u64> = greeter.count(5).await?.try_collect().await?;
    println!("{numbers:?}");

    println!("{}", look_at(&address.to_string(), "/calls").await?);
    Ok(())
}

/// What a browser's address bar would show: the text of the answer.
async fn look_at(address: &str, path: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let text = answer.split_once("\r\n\r\n").map_or("", |(_, text)| text);
    Ok(format!("{path}: {}", text.trim()))
}
