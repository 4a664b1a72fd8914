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
}

impl Outcome {
    pub(super) fn is_met(&self) -> Option<bool> {
        self.seen.map(|seen| match self.bound {
            AtLeast(least) => seen >= least,
            AtMost(most) => seen <= most,
        })
    }
}

/// The medians of a run.
struct Run<'a>(&'a [Row]);

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
        let row = self.0.iter().find(|row| row.peer == peer && row.workload.name == workload)?;
        row.figures.get(&metric).map(|figure| figure.median)
    }

    /// The figure to compare with, and whose it is.
    fn theirs(&self, whose: Whose, workload: &str, metric: Metric) -> Option<(f64, &'static str)> {
        let kinds: &[Kind] = match whose {
            Whose::Peer(peer) => return Some((self.of(peer, workload, metric)?, peer)),
            Whose::BestRpc => &[Kind::Rpc],
            Whose::BestPeer => &[Kind::Rpc, Kind::Streams],
        };
        let rows = self.0.iter().filter(|row| row.workload.name == workload && kinds.contains(&row.kind));
        let figures = rows.filter_map(|row| Some((row.figures.get(&metric)?.median, row.peer)));
        let best = |a: &(f64, _), b: &(f64, _)| a.0.total_cmp(&b.0);
        if metric.more_is_better() { figures.max_by(best) } else { figures.min_by(best) }
    }

    /// How many times as much ipfi has of it.
    fn times(&self, what: &str, workload: &str, metric: Metric, whose: Whose, bound: Bound) -> Outcome {
        let theirs = self.theirs(whose, workload, metric);
        let seen = self.of("ipfi", workload, metric).zip(theirs).map(|(ours, (theirs, _))| ours / theirs);
        let name = theirs.map_or("the best peer", |(_, name)| name);
        Outcome { text: format!("{what}, times {name}"), bound, seen }
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
        Outcome { text: what.to_owned(), bound, seen: self.of("ipfi", workload, metric) }
    }

    /// What it costs at the worst step of a growth, over what it costs at the first.
    fn growth(&self, what: &str, steps: &[&str], bound: Bound) -> Outcome {
        let costs: Option<Vec<f64>> = steps.iter().map(|step| self.of("ipfi", step, Metric::CpuUs)).collect();
        let seen = costs.and_then(|costs| {
            let worst = costs.iter().copied().max_by(f64::total_cmp)?;
            Some(worst / costs.first()?)
        });
        Outcome { text: what.to_owned(), bound, seen }
    }
}

/// What each call leaves at each end that is the user's: the text it was given.
const DECODED_TEXT: f64 = 1.0;

/// All goals, for what the run has.
pub(super) fn evaluate(rows: &[Row]) -> Vec<Outcome> {
    use Metric::{Allocations, BulkKept, HeapBytes, MibPerSecond, P50Us, P99Us, PerSecond, Writes};
    let run = Run(rows);
    let raw = Whose::Peer("raw_tcp");
    let ids = Whose::Peer("bare_ids");
    let allocations = run.plain(
        "allocations a call and end at 128 outstanding, the text apart",
        "counts_128",
        Allocations,
        AtMost(8.0),
    );
    vec![
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
    ]
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
        println!("{} {} {bound}: {seen:.2}", if met { "met   " } else { "MISSED" }, goal.text);
    }
}

#[cfg(test)]
mod tests;
