//! Plots: horizontal bars, one file for each workload that is no size of another (`growth.rs`), for light and
//! dark pages.

use std::fmt::Write;

use super::figure::{Figure, Row, by_workload, number};
use crate::peer::Kind;

const WIDTH: f64 = 720.0;
/// Where bars begin and the longest ends; names stand before, numbers after.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 600.0;
const TOP: f64 = 58.0;
const STEP: f64 = 24.0;
const BAR: f64 = 16.0;

/// No background: it is the page's.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.note { fill: #59636e; }
.bar { fill: #9aa6b2; } .bound { fill: #d1d9e0; } .ours { fill: #0969da; }
.spread { stroke: #1f2328; stroke-opacity: .55; } .grid { stroke: #d1d9e0; stroke-opacity: .6; }
polyline.line { fill: none; stroke-width: 2; } .line.bar { stroke: #9aa6b2; } .line.bound { stroke: #d1d9e0; } .line.ours { stroke: #0969da; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; } .note { fill: #9198a1; }
.bar { fill: #656c76; } .bound { fill: #3d444d; } .ours { fill: #4493f8; }
.spread { stroke: #f0f6fc; } .grid { stroke: #3d444d; }
.line.bar { stroke: #656c76; } .line.bound { stroke: #3d444d; } .line.ours { stroke: #4493f8; }
}";

/// Names and texts of the files. Workloads that differ by their size alone are lines, not bars.
pub(super) fn plots(rows: &[Row]) -> Vec<(&'static str, String)> {
    let bars = by_workload(rows).filter(|rows| rows[0].workload.growth().is_none());
    let with_figures = bars.filter(|rows| rows.iter().any(|row| row.compared().is_some()));
    with_figures.map(|rows| (rows[0].workload.name, plot(rows))).collect()
}

/// The first lines of a plot of this height, the rest of whose title is `note`.
pub(super) fn head(about: &str, note: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{about}\">\n\
         <style>{STYLE}</style>\n\
         <text class=\"title\" x=\"8\" y=\"20\">{about}</text>\n\
         <text class=\"note\" x=\"8\" y=\"40\">{note}</text>\n"
    )
}

/// How a peer's bar or line looks.
pub(super) fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Ipfi => "ours",
        Kind::Bound => "bound",
        Kind::Rpc | Kind::Streams | Kind::Encrypted => "bar",
    }
}

fn plot(rows: &[Row]) -> String {
    let workload = rows[0].workload;
    let metric = workload.compared;
    let mut bars: Vec<(&Row, Figure)> = rows.iter().filter_map(|row| Some((row, row.compared()?))).collect();
    bars.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
    if metric.more_is_better() {
        bars.reverse();
    }
    // What no protocol can pass may be tens of times longer than all others: such a bar is cut.
    let of = |bound: bool| bars.iter().filter(move |(row, _)| (row.kind == Kind::Bound) == bound);
    let longest = |bound| of(bound).map(|(_, figure)| figure.max).fold(0.0, f64::max);
    let others = longest(false);
    let scale = if others > 0.0 { others.max(longest(true).min(1.3 * others)) } else { longest(true) };
    let at = |value: f64| LEFT + (RIGHT - LEFT) * (value / scale).min(1.0);

    let height = TOP + STEP * bars.len() as f64 + 6.0;
    let better = if metric.more_is_better() { "more" } else { "less" };
    let note = format!(
        "{}, {better} is better; the line is from the least to the greatest sample",
        metric.heading()
    );
    let mut svg = head(workload.about, &note, height);
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(svg, "{text}");
    };
    for (index, (row, figure)) in bars.iter().enumerate() {
        let y = TOP + STEP * index as f64;
        let (middle, baseline) = (y + BAR / 2.0, y + 13.0);
        let class = class(row.kind);
        let end = at(figure.median);
        let cut = if figure.median > scale { " (cut)" } else { "" };
        line(format_args!(
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            row.peer
        ));
        line(format_args!(
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>",
            (end - LEFT).max(1.0)
        ));
        line(format_args!(
            "<line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>",
            at(figure.min),
            at(figure.max)
        ));
        line(format_args!(
            "<text x=\"{:.1}\" y=\"{baseline}\">{}{cut}</text>",
            at(figure.max.max(figure.median)) + 8.0,
            number(figure.median)
        ));
    }
    line(format_args!("</svg>"));
    svg
}

#[cfg(test)]
mod tests;
