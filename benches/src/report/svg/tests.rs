use crate::peer::Kind;
use crate::report::Row;
use crate::sample::{Metric, Sample};
use crate::workloads::WORKLOADS;

use super::*;

#[test]
fn a_plot_has_a_bar_for_each_figure_and_cuts_the_bound() {
    let workload = *WORKLOADS.iter().find(|w| w.name == "outstanding_64").expect("it is a workload");
    let row = |peer, kind, rate: f64| {
        Row::new(peer, kind, workload, &[Sample::default().with(Metric::PerSecond, rate)], false)
    };
    let rows = [
        row("ipfi", Kind::Ipfi, 1000.0),
        row("tonic", Kind::Rpc, 50.0),
        row("raw_tcp", Kind::Bound, 1e6),
        Row::new("yamux", Kind::Streams, workload, &[], false),
    ];
    let plots = plots(&rows);
    let [(name, svg)] = plots.as_slice() else { panic!("one workload, one plot") };
    assert_eq!(*name, "outstanding_64");
    assert_eq!(svg.matches("<rect").count(), 3);
    assert_eq!(svg.matches("(cut)").count(), 1);
    assert!(svg.contains("prefers-color-scheme: dark"));
    // The best is first.
    assert!(svg.find("raw_tcp") < svg.find(">ipfi<") && svg.find(">ipfi<") < svg.find("tonic"));
}
