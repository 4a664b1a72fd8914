//! The figures as a table and as JSON: medians with their spread.

use serde_json::{Value, json};

use crate::measure::{Sample, Workload};

/// The median of the samples, and from which to which they went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Figure {
    /// `None` when there is nothing to show.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self { median, min, max })
    }

    fn json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

/// One peer under one workload.
#[derive(Debug)]
pub(crate) struct Row {
    peer: &'static str,
    workload: Workload,
    rate: Option<Figure>,
    cpu: Option<Figure>,
    p50: Option<Figure>,
    p99: Option<Figure>,
}

impl Row {
    pub(crate) fn new(peer: &'static str, workload: Workload, samples: &[Sample]) -> Self {
        Self {
            peer,
            workload,
            rate: Figure::of(samples.iter().map(|s| s.calls_per_s)),
            cpu: Figure::of(samples.iter().map(|s| s.cpu_us_per_call)),
            p50: Figure::of(samples.iter().filter_map(|s| s.p50_us)),
            p99: Figure::of(samples.iter().filter_map(|s| s.p99_us)),
        }
    }
}

/// Numbers with three digits that count, or whole.
fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.0} k", v / 1e3),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn cell(figure: Option<Figure>) -> String {
    figure.map_or_else(
        || "-".to_owned(),
        |f| format!("{} ({}..{})", number(f.median), number(f.min), number(f.max)),
    )
}

pub(crate) fn print_table(rows: &[Row], rounds: usize) {
    println!(
        "\n32-byte echo, one connection over TCP loopback, both ends on 2 worker threads of one process, {} cores.\n\
         Median of {rounds} interleaved samples (least..greatest); CPU is user and system time of both ends.\n",
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    let header = ["workload", "peer", "calls/s", "CPU us/call", "p50 us", "p99 us"].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(header)
        .chain(rows.iter().map(|row| {
            let [rate, cpu, p50, p99] = [row.rate, row.cpu, row.p50, row.p99].map(cell);
            [row.workload.name.to_owned(), row.peer.to_owned(), rate, cpu, p50, p99]
        }))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = (0..6).map(|c| format!("{:<1$}", line[c], width(c))).collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            let rule: Vec<String> = (0..6).map(|c| "-".repeat(width(c))).collect();
            println!("| {} |", rule.join(" | "));
        }
    }
}

pub(crate) fn json(rows: &[Row], rounds: usize) -> String {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "peer": row.peer,
                "workload": row.workload.name,
                "outstanding": row.workload.outstanding,
                "calls": row.workload.calls,
                "calls_per_s": row.rate.map(Figure::json),
                "cpu_us_per_call": row.cpu.map(Figure::json),
                "p50_us": row.p50.map(Figure::json),
                "p99_us": row.p99.map(Figure::json),
            })
        })
        .collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let all = json!({ "rounds": rounds, "worker_threads": 2, "cores": cores, "rows": rows });
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests;
