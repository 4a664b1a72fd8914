//! A figure: what the rounds showed of one metric.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::peer::Kind;
use crate::sample::{Metric, Sample};
use crate::workloads::Workload;

/// The median of the samples, and from which to which they went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Figure {
    /// `None` when there is nothing to show.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
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
}

/// One peer under one workload.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) kind: Kind,
    pub(crate) workload: Workload,
    /// None where the peer does not offer it.
    pub(crate) figures: BTreeMap<Metric, Figure>,
    pub(crate) failed: bool,
}

impl Row {
    pub(crate) fn new(
        peer: &'static str,
        kind: Kind,
        workload: Workload,
        samples: &[Sample],
        failed: bool,
    ) -> Self {
        let metrics = samples.first().map(|sample| sample.figures.keys().copied().collect::<Vec<_>>());
        let figures = metrics.unwrap_or_default().into_iter().filter_map(|metric| {
            let values = samples.iter().filter_map(|sample| sample.figures.get(&metric).copied());
            Some((metric, Figure::of(values)?))
        });
        Self { peer, kind, workload, figures: figures.collect(), failed }
    }

    /// What the peers are compared by.
    pub(super) fn compared(&self) -> Option<Figure> {
        self.figures.get(&self.workload.compared).copied()
    }
}

impl Metric {
    /// Its heading, with the unit.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::PerSecond => "per second",
            Self::MibPerSecond => "MiB/s",
            Self::CpuUs => "CPU us each",
            Self::P50Us => "p50 us",
            Self::P99Us => "p99 us",
            Self::P999Us => "p99.9 us",
            Self::BulkKept => "bulk kept",
            Self::Writes => "writes",
            Self::Allocations => "allocations",
            Self::FramesAsking => "frames out",
            Self::FramesAnswering => "frames in",
            Self::Tickets => "with ticket",
            Self::HeapBytes => "heap bytes",
        }
    }

    /// Whether more of it is better.
    pub(super) fn more_is_better(self) -> bool {
        matches!(self, Self::PerSecond | Self::MibPerSecond | Self::BulkKept | Self::Tickets)
    }
}

/// Numbers with three digits that count, or whole.
pub(super) fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 0.1 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

/// Rows in groups of one workload.
pub(super) fn by_workload(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|a, b| a.workload.name == b.workload.name)
}

#[cfg(test)]
mod tests;
