//! The playground: a server over TCP, and a prompt that calls it.
//!
//! *Shows*: what ipfi is like: values, streams, cancelling, errors, the server calling back.
//! *Run*: `cargo run --release --example playground`, then `help`
//! *Expect*: a prompt. Other programs may connect to the printed address at the same time.
//!
//! What the server offers is in `server.rs`, how each of it is called in `commands.rs`.

mod commands;
mod server;

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use ipfi::{Interface, Server};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = Server::new(server::interface())
        .listen("tcp://127.0.0.1:0")
        .grace(Duration::from_secs(1))
        .bind()
        .await?;
    let url = server.addresses().remove(0);
    println!("a server runs at {url}; type help");
    tokio::spawn(server.run());

    let page = Interface::new()
        .procedure(0, |(who,): (String,)| async move { format!("hello {who}, this is the prompt") });
    let wire = ipfi::connect_with(&url, page).await?;

    // A thread of its own reads the prompt: nothing waits for it when the program ends.
    let (typed, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
        lines.for_each(|line| typed.blocking_send(line).unwrap_or_default());
    });
    loop {
        if std::io::stdin().is_terminal() {
            print!("> ");
            std::io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else {
            // The shell's prompt is not to stand behind ours.
            if std::io::stdin().is_terminal() {
                println!();
            }
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line);
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["quit"] => return Ok(()),
            // Dropping a call cancels it.
            ref words => tokio::select! {
                done = commands::run(&wire, words) => done.unwrap_or_else(|error| println!("error: {error}")),
                _ = tokio::signal::ctrl_c() => println!("cancelled"),
            },
        }
    }
}
