use crate::sample::Sample;
use crate::workloads::WORKLOADS;

use super::*;

fn row(peer: &'static str, kind: Kind, workload: &str, figures: &[(Metric, f64)]) -> Row {
    let workload = *WORKLOADS.iter().find(|w| w.name == workload).expect("it is a workload");
    let sample =
        figures.iter().fold(Sample::default(), |sample, (metric, value)| sample.with(*metric, *value));
    Row::new(peer, kind, workload, &[sample], false)
}

fn seen(rows: &[Row], text: &str) -> (Option<f64>, Option<bool>) {
    let goals = evaluate(rows);
    let goal = goals.iter().find(|goal| goal.text == text);
    let goal = goal.unwrap_or_else(|| panic!("no goal {text:?} in {goals:#?}"));
    (goal.seen, goal.is_met())
}

#[test]
fn a_goal_is_met_or_missed_by_the_figures_of_the_run() {
    let mut rows = vec![
        row("ipfi", Kind::Ipfi, "sequential", &[(Metric::P50Us, 23.0)]),
        row("raw_tcp", Kind::Bound, "sequential", &[(Metric::P50Us, 20.0)]),
    ];
    assert_eq!(seen(&rows, "sequential latency, times raw_tcp"), (Some(1.15), Some(true)));
    rows[0] = row("ipfi", Kind::Ipfi, "sequential", &[(Metric::P50Us, 25.0)]);
    assert_eq!(seen(&rows, "sequential latency, times raw_tcp").1, Some(false));
}

#[test]
fn the_best_peer_is_the_best_of_those_that_are_meant() {
    let rows = [
        row("ipfi", Kind::Ipfi, "outstanding_64", &[(Metric::PerSecond, 900.0)]),
        row("bare_ids", Kind::Bound, "outstanding_64", &[(Metric::PerSecond, 1000.0)]),
        row("qmux", Kind::Streams, "outstanding_64", &[(Metric::PerSecond, 500.0)]),
        row("tarpc", Kind::Rpc, "outstanding_64", &[(Metric::PerSecond, 300.0)]),
        row("tonic", Kind::Rpc, "outstanding_64", &[(Metric::PerSecond, 50.0)]),
        row("ipfi", Kind::Ipfi, "beside_bulk_8", &[(Metric::P99Us, 100.0)]),
        row("qmux", Kind::Streams, "beside_bulk_8", &[(Metric::P99Us, 300.0)]),
        row("tonic", Kind::Rpc, "beside_bulk_8", &[(Metric::P99Us, 900.0)]),
    ];
    assert_eq!(seen(&rows, "calls at 64 outstanding, times tarpc"), (Some(3.0), Some(true)));
    assert_eq!(seen(&rows, "calls at 64 outstanding, times bare_ids"), (Some(0.9), Some(true)));
    assert_eq!(seen(&rows, "p99 beside 8 bulk streams, times better than qmux").1, Some(false));
}

#[test]
fn growth_is_the_worst_step_over_the_first() {
    let steps = ["connections_1", "connections_10", "connections_100", "connections_1000"];
    let costs = [2.0, 1.5, 3.0, 2.2];
    let mut rows: Vec<Row> = steps
        .iter()
        .zip(costs)
        .map(|(step, cost)| row("ipfi", Kind::Ipfi, step, &[(Metric::CpuUs, cost)]))
        .collect();
    let text = "CPU a call from 1 to 1000 connections, times that at 1";
    assert_eq!(seen(&rows, text), (Some(1.5), Some(false)));
    rows.pop();
    assert_eq!(seen(&rows, text), (None, None));
}

#[test]
fn goals_over_quic_are_those_of_the_peer_they_name() {
    let rows = [
        row("ipfi_quic", Kind::Ipfi, "outstanding_64", &[(Metric::PerSecond, 600.0)]),
        row("ipfi_quic_streams", Kind::Ipfi, "outstanding_64", &[(Metric::PerSecond, 90.0)]),
        row("raw_quinn", Kind::Encrypted, "outstanding_64", &[(Metric::PerSecond, 100.0)]),
        row("raw_quinn_mtu", Kind::Encrypted, "outstanding_64", &[(Metric::PerSecond, 100.0)]),
        row("ipfi_quic_streams", Kind::Ipfi, "frames_1", &[(Metric::FramesAsking, 1.1)]),
    ];
    let text = "calls at 64 outstanding, times";
    assert_eq!(seen(&rows, &format!("ipfi_quic: {text} raw_quinn")), (Some(6.0), Some(true)));
    assert_eq!(seen(&rows, &format!("ipfi_quic_streams: {text} raw_quinn_mtu")), (Some(0.9), Some(false)));
    let frames = "ipfi_quic_streams: STREAM frames of a call, asked, one at a time";
    assert_eq!(seen(&rows, frames), (Some(1.1), Some(false)));
}
