//! Many streaming calls at once on one connection, each with its progress.
//!
//! *Shows*: concurrent sequences that do not wait for one another; cancelling one by dropping it.
//! *Run*: `cargo run --release --example streams -- 8` (how many streams)
//! *Expect*: a bar per stream on a terminal, all moving; the slow reader's bar lags and holds up nobody; one
//! stream is dropped early, and its producer stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ipfi::{Interface, Server};

/// Items of a stream, and the bytes of each: more than what may be under way, so that a producer notices
/// when nobody reads.
const ITEMS: u64 = 4_000;
const ITEM_BYTES: usize = 2_048;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let streams: u64 = match std::env::args().nth(1) {
        Some(n) => n.parse().map_err(|_| format!("how many streams? {n:?} is not a number"))?,
        None => 8,
    };
    let made = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&made);
    let interface = Interface::new().sequence(0, move |(from, count): (u64, u64)| {
        let made = Arc::clone(&counter);
        stream::iter(from..from + count).map(move |n| {
            made.fetch_add(1, Ordering::Relaxed);
            (n, " ".repeat(ITEM_BYTES))
        })
    });
    let server = Server::new(interface).listen("tcp://127.0.0.1:0").bind().await?;
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());

    let wire = ipfi::connect(&url).await?;
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix:>12} {bar:40} {pos:>6}/{len} {msg}")?;
    let readers = (0..streams).map(|index| {
        let bar = bars.add(ProgressBar::new(ITEMS).with_style(style.clone()));
        bar.set_prefix(match index {
            0 => "slow reader".to_owned(),
            1 => "gives up".to_owned(),
            _ => format!("stream {index}"),
        });
        let wire = wire.clone();
        async move {
            let mut items = wire.stream::<(u64, String)>(0, (index * ITEMS, ITEMS)).await?;
            let mut read = 0;
            while let Some((item, _)) = items.try_next().await? {
                assert_eq!(item, index * ITEMS + read, "items come in order");
                read += 1;
                bar.set_position(read);
                if index == 0 && read % 400 == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                if index == 1 && read == ITEMS / 4 {
                    // Dropping the stream cancels the call at the server.
                    bar.abandon_with_message("dropped");
                    return Ok(read);
                }
            }
            bar.finish_with_message("done");
            Ok::<u64, ipfi::CallError>(read)
        }
    });
    let read: Vec<u64> = join_all(readers).await.into_iter().collect::<Result<_, _>>()?;
    println!("{streams} streams on one connection: {} items read", read.iter().sum::<u64>());
    println!("the producers made {} of {}", made.load(Ordering::Relaxed), streams * ITEMS);
    Ok(())
}
