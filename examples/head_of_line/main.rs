//! Many streams on one connection while packets are lost: over QUIC, and over TCP.
//!
//! *Shows*: head-of-line blocking. TCP hands on bytes in their order alone, so that one lost packet holds up all calls
//! of a connection; over QUIC it holds up the stream that it belongs to.
//! *Run*: `cargo run --release --example head_of_line`, with a path for the picture if you like
//! *Expect*: two charts, a line for each stream: `.` in time, `o` late, `#` very late. And where the picture is.

mod picture;
mod relay;

use std::sync::OnceLock;
use std::time::Duration;

use futures::future::try_join_all;
use futures::{Stream, TryStreamExt, stream};
use ipfi::{Connector, Identity, Interface, Server, Trust, Wire};
use tokio::time::{Instant, sleep_until};

use crate::picture::Arrival;
use crate::relay::{Path, tcp, udp};

const STREAMS: u64 = 6;
const ITEMS: u32 = 100;
const EVERY: Duration = Duration::from_millis(24);

/// Both ends are in this process and have one clock.
fn now_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Items that say when they left. The streams take turns, so that hardly two share a packet.
fn ticks(number: u64) -> impl Stream<Item = (u64, [u32; 32])> {
    let start = Instant::now() + EVERY.mul_f64(number as f64 / STREAMS as f64);
    stream::unfold(0_u32, move |n| async move {
        if n == ITEMS {
            return None;
        }
        sleep_until(start + EVERY * n).await;
        Some(((now_us(), [n; 32]), n + 1))
    })
}

/// Reads all streams of `wire`, each in its task.
async fn watch(wire: &Wire, path: &Path) -> Result<Vec<Vec<Arrival>>, ipfi::CallError> {
    path.begin_to_lose();
    let began = now_us();
    try_join_all((0..STREAMS).map(|number| async move {
        let items = wire.stream::<(u64, [u32; 32])>(0, (number,)).await?;
        items
            .map_ok(|(left, _)| Arrival { at_us: left.saturating_sub(began), took_us: now_us() - left })
            .try_collect()
            .await
    }))
    .await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture = std::env::args()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("ipfi-head-of-line.svg"), std::path::PathBuf::from);
    let identity = Identity::development(&[])?;
    let connector = Connector::new().trust(Trust::pinned([identity.certificate_hash()]));
    let interface = Interface::new().sequence(0, |(number,): (u64,)| ticks(number));
    let server = Server::new(interface).identity(identity);
    let server = server.listen("quic://127.0.0.1:0").listen("tcp://127.0.0.1:0").bind().await?;
    let urls = server.addresses();
    tokio::spawn(server.run());

    let mut runs = Vec::new();
    for (name, url) in ["QUIC", "TCP"].into_iter().zip(&urls) {
        // The same path for both: 20 ms each way, and each 30th packet or so is lost on its way to the client.
        let path = Path::new(Duration::from_millis(20), 0.03, 7);
        let (scheme, address) = url.split_once("://").ok_or("a URL has a scheme")?;
        let relay = match scheme {
            "quic" => udp(address.parse()?, path.clone()).await?,
            _ => tcp(address.parse()?, path.clone()).await?,
        };
        let wire = connector.connect(&format!("{scheme}://{relay}")).await?;
        let arrivals = watch(&wire, &path).await?;
        println!("{name}, {} packets lost", path.lost());
        print!("{}", picture::chart(&arrivals));
        runs.push((name, arrivals));
    }
    for (name, arrivals) in &runs {
        println!("{name}: {} of {} items late", picture::late(arrivals), STREAMS * u64::from(ITEMS));
    }
    std::fs::write(&picture, picture::svg(&runs))?;
    println!("the picture: {}", picture.display());
    Ok(())
}
