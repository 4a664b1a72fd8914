//! A client over TCP: every kind of call, and what errors look like.
//!
//! *Shows*: calling, streaming both ways, deadlines, errors.
//! *Run*: `cargo run --example tcp_client` while `tcp_server` runs.
//! *Expect*: a greeting, numbers that count up, a sum, and three errors that each say what was wrong.

use std::time::Duration;

use futures::{TryStreamExt, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:4000".into());
    let wire = ipfi::connect(&url).await?;

    let greeting: String = wire.call(0, ("Ada",)).await?;
    println!("{greeting}");

    let mut numbers = wire.stream::<u64>(1, (5_u64, 50_u64)).await?;
    while let Some(n) = numbers.try_next().await? {
        println!("{n}");
    }

    let sum: u64 = wire.upload::<u64, u64>(2, ()).items(stream::iter(1..=100)).await?;
    println!("the sum is {sum}");

    wire.notify(3, ("good morning",)).await?;

    // Errors say what was wrong, and whether the call may have run.
    println!("{}", wire.call::<f64>(4, (1.0, 0.0)).await.expect_err("nobody divides by zero"));
    println!("{}", wire.call::<()>(99, ()).await.expect_err("there is no such procedure"));
    let late = wire.stream::<u64>(1, (1_u64, 60_000_u64)).timeout(Duration::from_millis(100)).await?;
    println!("{}", late.try_collect::<Vec<u64>>().await.expect_err("a minute is too long"));
    Ok(())
}
