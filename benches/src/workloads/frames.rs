//! How QUIC packs small calls: what stands in one STREAM frame costs one.

use crate::load::check;
use crate::payload::TEXT;
use crate::peer::{Client, Needs, Peer, Result};
use crate::sample::{Ends, Metric, Sample, Setup};

const CALLS: usize = 100;

/// STREAM frames a call, of questions and of answers, with `at_once` of 100 calls outstanding. With a stream for each
/// call it is 1 where the header, the arguments and the end leave together, and a little more where a frame is
/// cut at the end of a packet.
pub(super) async fn calls<P: Peer>(setup: &Setup, needs: Needs, at_once: usize) -> Result<Sample> {
    let ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    check(&client.echo(TEXT).await?)?;
    // What a connection says at its beginning is not the calls'.
    tokio::time::sleep(setup.warm_up()).await;
    let before = client.stream_frames()?;
    for _ in 0..CALLS / at_once {
        let calls: Vec<_> = (0..at_once)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { check(&client.echo(TEXT).await?) })
            })
            .collect();
        for call in calls {
            call.await??;
        }
    }
    let after = client.stream_frames()?;
    let by_call = |which: usize| (after[which] - before[which]) as f64 / CALLS as f64;
    let sample = Sample::default().with(Metric::FramesAsking, by_call(0));
    Ok(sample.with(Metric::FramesAnswering, by_call(1)))
}
