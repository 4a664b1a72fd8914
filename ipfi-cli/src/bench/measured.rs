//! What was measured, and how it is told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use ipfi::CallError;
use serde_json::json;

use super::shown;
use crate::failure::Failure;
use crate::texts::{clean, grouped, one_line};

/// Three digits of every latency are kept: one in a thousand is as far as a latency can be off.
const DIGITS: u8 = 3;

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// Calls and what came of them.
pub(super) struct Measured {
    /// In nanoseconds, of the calls that succeeded.
    latencies: Histogram<u64>,
    items: u64,
    sent: u64,
    received: u64,
    application_errors: u64,
    /// By the names of their codes: how many, and how the first was told.
    failed: BTreeMap<&'static str, (u64, CallError)>,
}

impl Measured {
    pub(super) fn new() -> Self {
        let latencies = Histogram::new(DIGITS).expect("three digits are among those that can be kept");
        Self { latencies, items: 0, sent: 0, received: 0, application_errors: 0, failed: BTreeMap::new() }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    pub(super) fn succeeded(&mut self, latency: Duration, items: u64, bytes: u64, application_errors: u64) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        // It grows as far as a number does.
        let _ = self.latencies.record(nanoseconds);
        self.items += items;
        self.received += bytes;
        self.application_errors += application_errors;
    }

    pub(super) fn failed(&mut self, error: &CallError) {
        let entry = self.failed.entry(error.code().name()).or_insert_with(|| (0, error.clone()));
        entry.0 += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Both keep as many digits, and grow.
        let _ = self.latencies.add(&other.latencies);
        self.items += other.items;
        self.sent += other.sent;
        self.received += other.received;
        self.application_errors += other.application_errors;
        for (code, (count, error)) in &other.failed {
            let entry = self.failed.entry(code).or_insert_with(|| (0, error.clone()));
            entry.0 += count;
        }
    }

    fn failures(&self) -> u64 {
        self.failed.values().map(|(count, _)| count).sum()
    }
}

/// A measurement.
pub(super) struct Report {
    pub(super) name: String,
    pub(super) carrier: String,
    pub(super) concurrency: usize,
    pub(super) connections: usize,
    pub(super) rate: Option<f64>,
    pub(super) elapsed: Duration,
    pub(super) interrupted: bool,
    pub(super) measured: Measured,
}

impl Report {
    fn quantiles(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let latencies = &self.measured.latencies;
        let at = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
        let quantiles = QUANTILES.map(|(name, quantile)| (name, at(quantile)));
        quantiles.into_iter().chain([("max", Duration::from_nanos(latencies.max()))])
    }

    /// So many a second.
    #[allow(clippy::cast_precision_loss, reason = "a rate is shown in a few digits")]
    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(super) fn text(&self) -> String {
        let Self { name, carrier, measured, .. } = self;
        let calls = measured.latencies.len();
        let s = if self.connections == 1 { "" } else { "s" };
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = writeln!(
            text,
            "{} over {carrier}: {} at once, {} connection{s}, {}{}",
            one_line(name),
            self.concurrency,
            self.connections,
            shown(self.elapsed),
            if self.interrupted { ", interrupted" } else { "" },
        );
        let failed = match measured.failures() {
            0 => String::new(),
            failed => format!(", {} failed", grouped(failed)),
        };
        let _ = writeln!(text, "calls      {} ({:.1}/s){failed}", grouped(calls), self.per_second(calls));
        if measured.items != calls {
            let _ = writeln!(
                text,
                "items      {} ({:.1}/s)",
                grouped(measured.items),
                self.per_second(measured.items)
            );
        }
        if measured.application_errors > 0 {
            let _ = writeln!(
                text,
                "           {} of the answers are errors of the method's own",
                grouped(measured.application_errors)
            );
        }
        let _ = writeln!(
            text,
            "bytes      {} sent, {} received, of values alone",
            indicatif::BinaryBytes(measured.sent),
            indicatif::BinaryBytes(measured.received)
        );
        if calls > 0 {
            let quantiles: Vec<_> =
                self.quantiles().map(|(name, time)| format!("{name} {}", shown(time))).collect();
            let _ = writeln!(text, "latency    {}", quantiles.join("  "));
            let from = match self.rate {
                Some(rate) => format!("counted from when a call was due, {rate} each second"),
                None => {
                    "of calls that began when an earlier one had ended; --rate counts waiting too".to_owned()
                }
            };
            let _ = writeln!(text, "           {from}");
        }
        for (count, error) in measured.failed.values() {
            let _ = writeln!(text, "failed     {} × {}", grouped(*count), clean(&error.status().to_string()));
        }
        text
    }

    pub(super) fn json(&self) -> String {
        let Self { measured, .. } = self;
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        let latencies: serde_json::Map<_, _> = self
            .quantiles()
            .filter(|_| !measured.latencies.is_empty())
            .map(|(name, time)| (name.to_owned(), json!(microseconds(time))))
            .collect();
        let failed: serde_json::Map<_, _> =
            measured.failed.iter().map(|(code, (count, _))| ((*code).to_owned(), json!(count))).collect();
        let calls = measured.latencies.len();
        json!({
            "method": self.name,
            "carrier": self.carrier,
            "concurrency": self.concurrency,
            "connections": self.connections,
            "rate": self.rate,
            "seconds": self.elapsed.as_secs_f64(),
            "interrupted": self.interrupted,
            "calls": calls,
            "calls_per_second": self.per_second(calls),
            "items": measured.items,
            "application_errors": measured.application_errors,
            "sent_bytes": measured.sent,
            "received_bytes": measured.received,
            "latency_us": latencies,
            "failed": failed,
        })
        .to_string()
    }

    /// Whether it measured anything: where every call failed, as the first of them.
    pub(super) fn outcome(self) -> Result<(), Failure> {
        if self.interrupted || !self.measured.latencies.is_empty() {
            return Ok(());
        }
        match self.measured.failed.into_values().max_by_key(|(count, _)| *count) {
            Some((_, error)) => Err(Failure::status(self.name, error)),
            None => Ok(()),
        }
    }
}
