//! The goals, each a ratio within one run: machines differ, ratios less so.

use super::figure::Row;
use crate::peer::Kind;
use crate::sample::Metric;

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

impl Bound {
    pub(super) fn value(self) -> f64 {
        match self {
            AtLeast(value) | AtMost(value) => value,
        }
    }
}

/// What a run says of a goal.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) bound: Bound,
    /// `None` where the run lacks a figure for it.
    pub(super) seen: Option<f64>,
    /// The same ratio, if both rates were what the CPU time of a call or byte allows. On a busy machine it
    /// moves less than the rates do; it is shown, and decides nothing.
    pub(super) by_cpu: Option<f64>,
}

impl Outcome {
    pub(super) fn is_met(&self) -> Option<bool> {
        self.seen.map(|seen| match self.bound {
            AtLeast(least) => seen >= least,
            AtMost(most) => seen <= most,
        })
    }
}

/// The medians of a run, and which peer of ours is compared.
#[derive(Clone, Copy)]
struct Run<'a> {
    rows: &'a [Row],
    ours: &'static str,
}

/// Who is meant by "the best".
#[derive(Clone, Copy)]
enum Whose {
    Peer(&'static str),
    BestRpc,
    /// Of those that multiplex one connection as ipfi does, procedures or not.
    BestPeer,
}

impl Run<'_> {
    fn of(&self, peer: &str, workload: &str, metric: Metric) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.peer == peer && row.workload.name == workload)?;
        row.figures.get(&metric).map(|figure| figure.median)
    }

    /// The same medians, for another peer of ours.
    fn with(self, ours: &'static str) -> Self {
        Self { ours, ..self }
    }

    /// What a goal's text begins with: nothing for ipfi over TCP.
    fn whose(&self) -> String {
        if self.ours == "ipfi" { String::new() } else { format!("{}: ", self.ours) }
    }

    /// The figure to compare with, and whose it is.
    fn theirs(&self, whose: Whose, workload: &str, metric: Metric) -> Option<(f64, &'static str)> {
        let kinds: &[Kind] = match whose {
            Whose::Peer(peer) => return Some((self.of(peer, workload, metric)?, peer)),
            Whose::BestRpc => &[Kind::Rpc],
            Whose::BestPeer => &[Kind::Rpc, Kind::Streams],
        };
        let rows = self.rows.iter().filter(|row| row.workload.name == workload && kinds.contains(&row.kind));
        let figures = rows.filter_map(|row| Some((row.figures.get(&metric)?.median, row.peer)));
        let best = |a: &(f64, _), b: &(f64, _)| a.0.total_cmp(&b.0);
        if metric.more_is_better() { figures.max_by(best) } else { figures.min_by(best) }
    }

    /// How many times as much ipfi has of it.
    fn times(&self, what: &str, workload: &str, metric: Metric, whose: Whose, bound: Bound) -> Outcome {
        let theirs = self.theirs(whose, workload, metric);
        let seen = self.of(self.ours, workload, metric).zip(theirs).map(|(ours, (theirs, _))| ours / theirs);
        let name = theirs.map_or("the best peer", |(_, name)| name);
        let cpu = |peer| self.of(peer, workload, Metric::CpuUs).filter(|_| metric.more_is_better());
        let by_cpu = cpu(name).zip(cpu(self.ours)).map(|(theirs, ours)| theirs / ours);
        Outcome { text: format!("{}{what}, times {name}", self.whose()), bound, seen, by_cpu }
    }

    /// How many times better ipfi is, of something that is better when it is less.
    fn better(&self, what: &str, workload: &str, metric: Metric, whose: Whose, bound: Bound) -> Outcome {
        let times = self.times(what, workload, metric, whose, bound);
        Outcome {
            text: times.text.replace(", times ", ", times better than "),
            seen: times.seen.map(f64::recip),
            ..times
        }
    }

    fn plain(&self, what: &str, workload: &str, metric: Metric, bound: Bound) -> Outcome {
        let text = format!("{}{what}", self.whose());
        Outcome { text, bound, seen: self.of(self.ours, workload, metric), by_cpu: None }
    }

    /// What it costs at the worst step of a growth, over what it costs at the first.
    fn growth(&self, what: &str, steps: &[&str], bound: Bound) -> Outcome {
        let costs: Option<Vec<f64>> =
            steps.iter().map(|step| self.of(self.ours, step, Metric::CpuUs)).collect();
        let seen = costs.and_then(|costs| {
            let worst = costs.iter().copied().max_by(f64::total_cmp)?;
            Some(worst / costs.first()?)
        });
        Outcome { text: what.to_owned(), bound, seen, by_cpu: None }
    }
}

/// What each call leaves at each end that is the user's: the text it was given.
const DECODED_TEXT: f64 = 1.0;

/// All goals, for what the run has.
pub(super) fn evaluate(rows: &[Row]) -> Vec<Outcome> {
    use Metric::{Allocations, BulkKept, HeapBytes, MibPerSecond, P50Us, P99Us, PerSecond, Writes};
    let run = Run { rows, ours: "ipfi" };
    let raw = Whose::Peer("raw_tcp");
    let ids = Whose::Peer("bare_ids");
    let allocations = run.plain(
        "allocations a call and end at 128 outstanding, the text apart",
        "counts_128",
        Allocations,
        AtMost(8.0),
    );
    let over_tcp = vec![
        run.times("sequential latency", "sequential", P50Us, raw, AtMost(1.2)),
        run.times("calls at 64 outstanding", "outstanding_64", PerSecond, Whose::BestRpc, AtLeast(3.0)),
        run.times("calls at 1024 outstanding", "outstanding_1024", PerSecond, Whose::BestRpc, AtLeast(5.0)),
        run.times("calls at 64 outstanding", "outstanding_64", PerSecond, ids, AtLeast(0.6)),
        run.times("calls at 1024 outstanding", "outstanding_1024", PerSecond, ids, AtLeast(0.6)),
        run.times("bulk on 1 stream", "bulk_1", MibPerSecond, raw, AtLeast(0.8)),
        run.times("bulk on 16 streams", "bulk_16", MibPerSecond, raw, AtLeast(0.8)),
        run.times("bulk on 1 stream", "bulk_1", MibPerSecond, Whose::BestPeer, AtLeast(1.0)),
        run.times("bulk on 16 streams", "bulk_16", MibPerSecond, Whose::BestPeer, AtLeast(1.0)),
        run.times("1 MiB echo", "large_8", MibPerSecond, Whose::Peer("capnp"), AtLeast(1.0)),
        run.times("one sequence of small items", "items_1", PerSecond, Whose::Peer("tonic"), AtLeast(1.5)),
        run.better("p99 beside 8 bulk streams", "beside_bulk_8", P99Us, Whose::BestPeer, AtLeast(4.0)),
        run.plain("bulk kept beside small calls", "beside_bulk_8", BulkKept, AtLeast(0.8)),
        run.plain("writes a call and end at 128 outstanding", "counts_128", Writes, AtMost(0.2)),
        Outcome { seen: allocations.seen.map(|seen| seen - DECODED_TEXT), ..allocations },
        run.plain("heap bytes of an idle stream at each end", "idle_streams", HeapBytes, AtMost(1024.0)),
        run.times("connect, call, close", "connect", PerSecond, raw, AtLeast(0.9)),
        run.growth(
            "CPU a call from 1 to 1000 connections, times that at 1",
            &["connections_1", "connections_10", "connections_100", "connections_1000"],
            AtMost(1.2),
        ),
        run.growth(
            "CPU a call from 10 to 100 000 idle open streams, times that at 10",
            &["streams_10", "streams_1000", "streams_10000", "streams_100000"],
            AtMost(1.2),
        ),
    ];
    over_tcp.into_iter().chain(over_websocket(run)).chain(over_quic(run)).collect()
}

/// The goals over WebSocket: beside a ping-pong, and beside a message for each call, however those are flushed.
fn over_websocket(run: Run<'_>) -> Vec<Outcome> {
    use Metric::{P50Us, PerSecond};
    let run = run.with("ipfi_ws");
    let mut goals =
        vec![run.times("sequential latency", "sequential", P50Us, Whose::Peer("raw_ws"), AtMost(1.3))];
    for (what, workload) in
        [("calls at 64 outstanding", "outstanding_64"), ("calls at 1024 outstanding", "outstanding_1024")]
    {
        for raw in ["raw_ws_each", "raw_ws_ready", "raw_ws"] {
            goals.push(run.times(what, workload, PerSecond, Whose::Peer(raw), AtLeast(3.0)));
        }
        goals.push(run.times(what, workload, PerSecond, Whose::Peer("jsonrpsee"), AtLeast(5.0)));
    }
    goals
}

/// The goals over QUIC. Its peers are quinn with the same settings, where what ipfi adds to a stream is asked, and
/// what a user would take instead, where its own way is.
fn over_quic(run: Run<'_>) -> Vec<Outcome> {
    use Metric::{FramesAnswering, FramesAsking, MibPerSecond, P50Us, P99Us, PerSecond};
    const CALLS: [(&str, &str); 3] = [
        ("calls at 64 outstanding", "outstanding_64"),
        ("calls at 512 outstanding", "outstanding_512"),
        ("calls at 1024 outstanding", "outstanding_1024"),
    ];
    let (shared, streams) = (run.with("ipfi_quic"), run.with("ipfi_quic_streams"));
    let same = Whose::Peer("raw_quinn_mtu");
    let mut goals = vec![streams.better("sequential latency", "sequential", P50Us, same, AtLeast(0.95))];
    for (what, workload) in &CALLS[..2] {
        goals.push(streams.times(what, workload, PerSecond, same, AtLeast(0.95)));
    }
    for (what, workload) in [CALLS[0], CALLS[2]] {
        for theirs in ["raw_quinn", "irpc"] {
            goals.push(shared.times(what, workload, PerSecond, Whose::Peer(theirs), AtLeast(5.0)));
        }
    }
    goals.push(shared.times("bulk on 1 stream", "bulk_1", MibPerSecond, same, AtLeast(0.95)));
    goals.push(shared.times("bulk on 16 streams", "bulk_16", MibPerSecond, same, AtLeast(0.95)));
    let defaults = Whose::Peer("raw_quinn");
    goals.push(shared.better("p99 beside 8 bulk streams", "beside_bulk_8", P99Us, defaults, AtLeast(4.0)));
    for (workload, which) in [("frames_1", "one at a time"), ("frames_100", "100 at once")] {
        for (what, metric) in [("asked", FramesAsking), ("answered", FramesAnswering)] {
            let text = format!("STREAM frames of a call, {what}, {which}");
            goals.push(streams.plain(&text, workload, metric, AtMost(1.05)));
        }
    }
    goals
}

pub(super) fn print(goals: &[Outcome]) {
    if goals.iter().all(|goal| goal.seen.is_none()) {
        return;
    }
    println!("\nGoals, by the medians of this run (those it has the figures for):\n");
    for goal in goals {
        let (Some(seen), Some(met)) = (goal.seen, goal.is_met()) else { continue };
        let bound = match goal.bound {
            AtLeast(least) => format!(">= {least}"),
            AtMost(most) => format!("<= {most}"),
        };
        let by_cpu = goal.by_cpu.map_or_else(String::new, |ratio| format!(" (by CPU time {ratio:.2})"));
        println!("{} {} {bound}: {seen:.2}{by_cpu}", if met { "met   " } else { "MISSED" }, goal.text);
    }
}

#[cfg(test)]
mod tests;
