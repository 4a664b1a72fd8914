//! `ipfi bench`.

mod measured;
mod work;

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ipfi::CodecId;
use ipfi::core::interface::Kind;
use ipfi::typed::{Description, Method};

use self::measured::Report;
use self::work::{Schedule, Work};
use crate::call::{Asked, Numbered, Options, Timeout, given};
use crate::connection::{Connecting, Link};
use crate::failure::Failure;
use crate::format::{Format, Given};
use crate::source::{self, From};

const EXAMPLES: &str = "\
Examples:
  ipfi bench tcp://localhost:4433 Greeter.hello '\"Ada\"' --concurrency 50 --duration 10s
  ipfi bench tcp://localhost:4433 Greeter.hello '\"Ada\"' --rate 2000 --json

Without --rate a call is made when an earlier one has ended. A server that stands still for a second is then asked less \
often for that second, and the latencies do not show what callers would have waited who came anyway (coordinated \
omission). With --rate calls are due at fixed times, and a latency counts from when its call was due.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    asked: Asked,
    /// How many calls run at once, at most.
    #[arg(short, long, value_name = "N", default_value = "10")]
    concurrency: NonZeroUsize,
    /// Over how many connections.
    #[arg(long, value_name = "N", default_value = "1")]
    connections: NonZeroUsize,
    /// How long calls are made: 10s, 2m.
    #[arg(long, value_name = "TIME", default_value = "10s", conflicts_with = "count")]
    duration: Timeout,
    /// How many calls are made, instead of how long.
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// How many calls are due each second, whether or not earlier ones have ended.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    numbered: Numbered,
    #[command(flatten)]
    connecting: Connecting,
}

/// What is measured: a procedure of a number, or a method.
struct Subject {
    name: String,
    index: u64,
    kind: Kind,
    described: Option<(Description, Method)>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let number = arguments.numbered.number(&arguments.asked.method, arguments.options.codec())?;
    arguments.options.timeout_is_usable()?;
    if arguments.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(Failure::usage("--rate is a number of calls each second, more than 0"));
    }
    let given = given(&arguments.asked)?;
    let mut links = Vec::new();
    for _ in 0..arguments.connections.get() {
        links.push(arguments.connecting.connect(&arguments.asked.url).await?);
    }
    let measured = measure(&arguments, &links, number, &given).await;
    for link in links {
        link.close().await;
    }
    let report = measured?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", report.json())?;
    } else {
        out.write_all(report.text().as_bytes())?;
    }
    // A measurement of nothing but failures is one that failed.
    report.outcome()
}

async fn measure(
    arguments: &Arguments,
    links: &[Link],
    number: Option<u64>,
    given: &Given,
) -> Result<Report, Failure> {
    let subject = subject(arguments, links, number).await?;
    if matches!(subject.kind, Kind::ProcedureWithItems | Kind::SequenceWithItems | Kind::Raw) {
        let text = format!("{} takes a stream, which bench does not send", subject.name);
        return Err(Failure::usage(text));
    }
    let codec = arguments.options.codec().unwrap_or(CodecId::Json);
    let decoding = links.first().map(|link| link.decoding).unwrap_or_default();
    let format = match &subject.described {
        Some((description, method)) => Format::described(description, method, codec, decoding),
        None => Format::Json,
    };
    let encoded = format.arguments(given)?;
    let duration = match (arguments.count, arguments.duration) {
        (Some(_), _) => None,
        (None, Timeout(duration)) => duration,
    };
    let (codec, timeout) = (format.codec(), subject.described.as_ref().and_then(|(_, it)| it.timeout_ms));
    let work = Arc::new(Work {
        name: subject.name,
        index: subject.index,
        kind: subject.kind,
        // Answers are looked into only where success does not show without.
        described: subject.described.filter(|(_, method)| method.error.is_some()),
        timeout,
        codec,
        decoding,
        arguments: encoded,
        options: arguments.options.clone(),
        schedule: Schedule::new(arguments.count, duration, arguments.rate),
    });
    let (measured, elapsed, interrupted) = work::run(&work, links, arguments.concurrency.get()).await;
    let carrier = links.first().map(|link| link.wire.peer().carrier().to_owned()).unwrap_or_default();
    Ok(Report {
        name: work.name.clone(),
        carrier,
        concurrency: arguments.concurrency.get(),
        connections: links.len(),
        rate: arguments.rate,
        elapsed,
        interrupted,
        measured,
    })
}

async fn subject(arguments: &Arguments, links: &[Link], number: Option<u64>) -> Result<Subject, Failure> {
    if let Some(index) = number {
        let (name, kind) = (format!("procedure {index}"), arguments.numbered.kind());
        return Ok(Subject { name, index, kind, described: None });
    }
    let Some(link) = links.first() else { return Err(Failure::usage("--connections is at least 1")) };
    let served = source::described(&arguments.from, link).await?;
    let (description, method) = source::method(&served, &arguments.asked.method)?;
    Ok(Subject {
        name: source::full(description, method),
        index: method.index,
        kind: method.kind,
        described: Some((description.clone(), method.clone())),
    })
}

/// A time that is shown in a unit of its size.
fn shown(time: Duration) -> String {
    match time.as_nanos() {
        0..1_000_000 => format!("{:.1} µs", time.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{:.2} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}
