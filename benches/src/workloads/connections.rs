//! Many connections, one after another and at once.

use std::sync::Arc;
use std::time::Duration;

use crate::load::{Done, Load, Stop, check};
use crate::payload::TEXT;
use crate::peer::{Client, Handshake, Needs, Peer, Result};
use crate::sample::{Ends, Metric, Sample, Setup};

/// Connections a second that are made, make one call and are closed, by `loops` that do so.
pub(super) async fn connect<P: Peer>(setup: &Setup, needs: Needs, loops: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let address: Arc<str> = Arc::from(ends.address.as_str());
    all_loops::<P>(&address, needs, loops, setup.warm_up()).await?;
    let (meter, tickets) = (ends.meter()?, P::tickets_used());
    let connections = all_loops::<P>(&address, needs, loops, setup.window).await?;
    let sample = ends.spent(&meter)?.rate(connections);
    match needs.handshake {
        Handshake::Full => Ok(sample),
        _ => {
            let tickets = P::tickets_used() - tickets;
            Ok(sample.with(Metric::Tickets, tickets as f64 / connections as f64))
        }
    }
}

async fn all_loops<P: Peer>(address: &Arc<str>, needs: Needs, loops: usize, time: Duration) -> Result<u64> {
    let stop = Stop::default();
    let tasks: Vec<_> = (0..loops)
        .map(|_| {
            let (address, stop) = (Arc::clone(address), stop.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.is_stopped() {
                    drop(P::connect_and_call(&address, needs).await?);
                    count += 1;
                }
                Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(count)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.stop();
    let mut connections = 0;
    for task in tasks {
        connections += task.await??;
    }
    Ok(connections)
}

/// The heap of a connection, at each end, that has made one call.
pub(super) async fn idle<P: Peer>(setup: &Setup, needs: Needs, connections: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let mut clients = Vec::with_capacity(connections);
    // What is made once for all connections is not theirs.
    let first = ends.connect::<P>().await?;
    check(&first.echo(TEXT).await?)?;
    let meter = ends.meter()?;
    for _ in 0..connections {
        let client = ends.connect::<P>().await?;
        check(&client.echo(TEXT).await?)?;
        clients.push(client);
    }
    let spent = ends.spent(&meter)?;
    drop((first, clients));
    let bytes = spent.allocations.live_bytes as f64 / connections as f64 / 2.0;
    Ok(Sample::default().with(Metric::HeapBytes, bytes))
}

/// What a call costs with 8 callers on each of `connections` connections.
pub(super) async fn across<P: Peer>(setup: &Setup, needs: Needs, connections: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(ends.connect::<P>().await?);
    }
    all_calls(&clients, setup.warm_up()).await?;
    let meter = ends.meter()?;
    let done = all_calls(&clients, setup.window).await?;
    Ok(ends.spent(&meter)?.rate(done.calls))
}

async fn all_calls<C: Client>(clients: &[C], time: Duration) -> Result<Done> {
    let stop = Stop::default();
    let tasks: Vec<_> = clients
        .iter()
        .map(|client| {
            let (client, stop) = (client.clone(), stop.clone());
            tokio::spawn(async move { client.echoes(Load { outstanding: 8, timed: false, stop }).await })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.stop();
    let mut done = Done::default();
    for task in tasks {
        done.add(task.await??)?;
    }
    Ok(done)
}
