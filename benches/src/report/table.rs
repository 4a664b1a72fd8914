//! The tables on the terminal, one for each workload.

use std::collections::BTreeSet;

use super::figure::{Row, by_workload, number};
use crate::args::Args;
use crate::sample::Metric;

pub(super) fn print(rows: &[Row], args: &Args) {
    println!(
        "Both ends {}, 2 worker threads each, {} cores. Median of {} interleaved samples (least..greatest).\n\
         CPU is user and system time of both ends. \"times ipfi\" is this peer's figure over ipfi's.",
        if args.two_processes { "in two processes" } else { "in one process" },
        std::thread::available_parallelism().map_or(0, usize::from),
        args.rounds(),
    );
    for rows in by_workload(rows) {
        let workload = rows[0].workload;
        let better = if workload.compared.more_is_better() { "more" } else { "less" };
        println!(
            "\n{}: {}; {} {} is better\n",
            workload.name,
            workload.about,
            better,
            workload.compared.heading()
        );
        print_lines(&lines(rows));
    }
}

fn lines(rows: &[Row]) -> Vec<Vec<String>> {
    let compared = rows[0].workload.compared;
    let others: BTreeSet<Metric> = rows.iter().flat_map(|row| row.figures.keys().copied()).collect();
    let metrics: Vec<Metric> =
        std::iter::once(compared).chain(others.into_iter().filter(|metric| *metric != compared)).collect();
    let ipfi = rows.iter().find(|row| row.peer == "ipfi").and_then(Row::compared);

    let mut header = vec!["peer".to_owned()];
    header.extend(metrics.iter().map(|metric| metric.heading().to_owned()));
    header.insert(2, "times ipfi".to_owned());
    let line = |row: &Row| {
        let mut line = vec![row.peer.to_owned()];
        line.extend(metrics.iter().map(|metric| cell(row, *metric)));
        let ratio = row.compared().zip(ipfi).map(|(this, ipfi)| number(this.median / ipfi.median));
        line.insert(2, ratio.unwrap_or_else(|| "-".to_owned()));
        line
    };
    std::iter::once(header).chain(rows.iter().map(line)).collect()
}

fn cell(row: &Row, metric: Metric) -> String {
    match row.figures.get(&metric) {
        Some(f) => format!("{} ({}..{})", number(f.median), number(f.min), number(f.max)),
        None if row.failed => "failed".to_owned(),
        None => "-".to_owned(),
    }
}

fn print_lines(lines: &[Vec<String>]) {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().enumerate().map(|(column, cell)| format!("{:<1$}", cell, width(column))).collect();
        println!("| {} |", cells.join(" | ").as_str());
        if number == 0 {
            let rule: Vec<String> = (0..line.len()).map(|column| "-".repeat(width(column))).collect();
            println!("| {} |", rule.join(" | "));
        }
    }
}
