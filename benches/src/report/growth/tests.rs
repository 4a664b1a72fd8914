use crate::peer::Kind;
use crate::report::Row;
use crate::sample::{Metric, Sample};
use crate::workloads::WORKLOADS;

use super::*;

#[test]
fn a_plot_of_growth_has_a_line_for_each_peer_that_has_two_sizes() {
    let row = |peer, kind, name: &str, cost: Option<f64>| {
        let workload = *WORKLOADS.iter().find(|w| w.name == name).expect("it is a workload");
        let sample = cost.map(|cost| Sample::default().with(Metric::CpuUs, cost));
        Row::new(peer, kind, workload, sample.as_slice(), false)
    };
    let rows = [
        row("ipfi", Kind::Ipfi, "streams_10", Some(2.0)),
        row("tonic", Kind::Rpc, "streams_10", Some(50.0)),
        row("yamux", Kind::Streams, "streams_10", Some(9.0)),
        row("ipfi", Kind::Ipfi, "streams_1000", Some(2.1)),
        row("tonic", Kind::Rpc, "streams_1000", Some(80.0)),
        row("yamux", Kind::Streams, "streams_1000", None),
        row("ipfi", Kind::Ipfi, "sequential", None),
    ];
    let plots = plots(&rows);
    let [(name, svg)] = plots.as_slice() else { panic!("one family, one plot") };
    assert_eq!(*name, "streams");
    assert_eq!(svg.matches("<polyline").count(), 2);
    // From 1 to 100 us.
    assert_eq!(svg.matches("class=\"grid\"").count(), 3);
    assert!(svg.contains(">ipfi 2.10<") && svg.contains(">tonic 80.0<") && !svg.contains("yamux"));
}

#[test]
fn names_of_peers_that_cost_the_same_do_not_lie_on_each_other() {
    let row = |peer, name: &str| {
        let workload = *WORKLOADS.iter().find(|w| w.name == name).expect("it is a workload");
        Row::new(peer, Kind::Rpc, workload, &[Sample::default().with(Metric::CpuUs, 5.0)], false)
    };
    let rows = [
        row("a", "connections_1"),
        row("b", "connections_1"),
        row("a", "connections_10"),
        row("b", "connections_10"),
    ];
    let plots = plots(&rows);
    let svg = &plots[0].1;
    let height = |peer: &str| {
        let line = svg.lines().find(|line| line.contains(&format!(">{peer} 5.00<"))).expect("it has a name");
        let y = line.split("y=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a place");
        y.parse::<f64>().expect("a number")
    };
    assert!((height("a") - height("b")).abs() >= NAME);
}
