//! A chat between browser tabs and terminals.
//!
//! *Shows*: a call with streams in both directions for as long as somebody is there; one interface on two carriers; what
//! happens when they leave.
//! *Run*: `cargo run --example chat`, and open the address that it prints in two tabs; in another terminal
//! `cargo run --example chat Bob`, or, where the first one printed another address, `… chat Bob tcp://127.0.0.1:PORT`.
//! *Expect*: what one says all read. Whoever closes a tab, or presses Ctrl-C, has left.

#[path = "../common/page.rs"]
mod page;

use std::error::Error;
use std::future::pending;

use futures::future::Either;
use futures::{Stream, StreamExt, stream};
use ipfi::{Interface, Receiver, Server, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::broadcast::{self, error::RecvError};

use self::page::Page;

/// What somebody says; the room itself is nobody.
#[derive(Clone, Serialize, Deserialize, ipfi::Schema)]
struct Line {
    who: String,
    text: String,
}

#[ipfi::interface]
trait Chat {
    /// One call is one who takes part. Their lines come in until they end them; everybody's go out.
    fn join(&self, name: String, lines: Receiver<String>) -> impl Stream<Item = Result<Line, Status>>;
}

#[derive(Clone)]
struct Room(broadcast::Sender<Line>);

impl Room {
    fn say(&self, who: &str, text: String) {
        // An empty room hears nothing.
        let _ = self.0.send(Line { who: who.to_owned(), text });
    }
}

impl Chat for Room {
    fn join(&self, name: String, mut lines: Receiver<String>) -> impl Stream<Item = Result<Line, Status>> {
        if name.trim().is_empty() {
            let nameless = Status::invalid_argument("whoever takes part has a name");
            return Either::Left(stream::iter([Err(nameless)]));
        }
        let heard = self.0.subscribe();
        self.say("", format!("{name} is here"));
        let here = Here { room: self.clone(), name };
        let speaking = Box::pin(async move {
            while let Some(Ok(line)) = lines.next().await {
                here.room.say(&here.name, line);
            }
        });
        Either::Right(stream::unfold((heard, Some(speaking)), |(mut heard, mut speaking)| async move {
            if let Some(speaks) = &mut speaking {
                tokio::select! {
                    biased;
                    line = heard.recv() => return Some((or_missed(line)?, (heard, speaking))),
                    () = speaks => speaking = None,
                }
            }
            // Whoever has nothing more to say hears what was said until then.
            if heard.is_empty() {
                return None;
            }
            Some((or_missed(heard.recv().await)?, (heard, speaking)))
        }))
    }
}

/// Whoever reads slowly misses lines, and slows nobody down.
fn or_missed(line: Result<Line, RecvError>) -> Option<Result<Line, Status>> {
    match line {
        Err(RecvError::Lagged(missed)) => {
            Some(Ok(Line { who: String::new(), text: format!("you have missed {missed} lines") }))
        }
        line => line.ok().map(Ok),
    }
}

/// Is dropped with the call, however that ends: in order, by a closed tab, by a lost connection.
struct Here {
    room: Room,
    name: String,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.room.say("", format!("{} has left", self.name));
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    // Fixed ones, so that the terminal's need not be told; or any.
    let (page, tcp) = match Page::bind(4411).await {
        Ok(page) => (page, "tcp://127.0.0.1:4412"),
        Err(_) => (Page::bind(0).await?, "tcp://127.0.0.1:0"),
    };
    let room = Room(broadcast::channel(64).0);
    let server = Server::new(Interface::new().serve(ChatServer(room)))
        .allow_origins(page.origins.clone())
        .listen("ws://127.0.0.1:0")
        .listen(tcp)
        .bind()
        .await?;
    let addresses = server.addresses();
    println!("open {} in two tabs, or join from a terminal: chat NAME {}", page.url, addresses[1]);
    tokio::spawn(page.serve("chat/page", json!({ "websocket": addresses[0] })));
    server.run_until(tokio::signal::ctrl_c()).await;
    Ok(())
}

/// Takes part from a terminal.
async fn talk(name: String, url: &str) -> Result<(), Box<dyn Error>> {
    let chat = ChatClient::new(&ipfi::connect(url).await?);
    let (mut say, mut heard) = chat.join(name).await?;
    let said = async move {
        let mut typed = BufReader::new(tokio::io::stdin()).split(b'\n');
        while let Some(line) = typed.next_segment().await? {
            say.send(String::from_utf8_lossy(&line).into_owned()).await?;
        }
        say.finish().await?;
        // The room ends the call then.
        pending().await
    };
    let listened = async move {
        while let Some(Line { who, text }) = heard.try_next().await? {
            if who.is_empty() {
                println!("* {text}");
            } else {
                println!("{who}: {text}");
            }
        }
        Ok(())
    };
    tokio::select! { over = said => over, over = listened => over }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    match args.next() {
        None => serve().await,
        Some(name) => talk(name, &args.next().unwrap_or("tcp://127.0.0.1:4412".into())).await,
    }
}
