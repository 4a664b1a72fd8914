//! A server over TCP: one procedure of every kind.
//!
//! *Shows*: registering procedures, listening, an orderly shutdown.
//! *Run*: `cargo run --example tcp_server` and, beside it, `cargo run --example tcp_client`; stop it with Ctrl-C.
//! *Expect*: the address it listens on; after Ctrl-C a report of the calls that were running then.

use std::time::Duration;

use futures::{Stream, TryStreamExt, stream};
use ipfi::{Context, Interface, Receiver, Server, Status};

fn interface() -> Interface {
    Interface::new()
        // One value in, one value out.
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        // A sequence: items are sent as they come, and no faster than the caller reads them.
        .sequence(1, |(limit, every_ms): (u64, u64)| count(limit, every_ms))
        // A stream of items from the caller.
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            numbers
                .map_err(Status::from)
                .try_fold(0_u64, |sum, n| async move {
                    sum.checked_add(n).ok_or_else(|| Status::out_of_range("the sum does not fit 64 bits"))
                })
                .await
        })
        // Nobody is answered.
        .notification(3, |context: Context, (line,): (String,)| async move {
            println!("{} says: {line}", context.peer());
        })
        // A failure is a status.
        .procedure(4, |(a, b): (f64, f64)| async move {
            if b == 0.0 { Err(Status::invalid_argument("division by zero")) } else { Ok(a / b) }
        })
}

fn count(limit: u64, every_ms: u64) -> impl Stream<Item = u64> {
    stream::unfold(0, move |n| async move {
        if n == limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(every_ms)).await;
        Some((n, n + 1))
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:4000".into());
    let server = Server::new(interface()).listen(url).grace(Duration::from_secs(5)).bind().await?;
    for address in server.addresses() {
        println!("listening on {address}");
    }
    let report = server.run_until(tokio::signal::ctrl_c()).await;
    println!("{} calls finished in the grace period, {} were cut", report.finished, report.cut);
    Ok(())
}
