//! Plots of what a call costs as something grows: a line for each peer, both axes logarithmic.

use std::fmt::Write;

use super::figure::{Row, number};
use super::svg::{class, head};

/// The area of the lines; their names stand after it.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 590.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 340.0;
/// Names closer than this would lie on each other.
const NAME: f64 = 15.0;

/// One peer's line: the sizes and the medians at them.
struct Line<'a> {
    row: &'a Row,
    points: Vec<(f64, f64)>,
}

/// Names and texts of the files: of each family of workloads of which two sizes or more were measured.
pub(super) fn plots(rows: &[Row]) -> Vec<(&'static str, String)> {
    let mut families: Vec<&'static str> =
        rows.iter().filter_map(|row| row.workload.growth()).map(|(family, _)| family).collect();
    families.dedup();
    families.into_iter().filter_map(|family| Some((family, plot(family, rows)?))).collect()
}

fn plot(family: &'static str, rows: &[Row]) -> Option<String> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for row in rows {
        let Some((_, size)) = row.workload.growth().filter(|(name, _)| *name == family) else { continue };
        // The axis knows no 0.
        let Some(figure) = row.compared().filter(|figure| figure.median > 0.0) else { continue };
        let point = (size as f64, figure.median);
        match lines.iter_mut().find(|line| line.row.peer == row.peer) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { row, points: vec![point] }),
        }
    }
    lines.retain(|line| line.points.len() > 1);
    let first = lines.first()?.row.workload;
    let all = || lines.iter().flat_map(|line| &line.points);
    let within = |of: fn(&(f64, f64)) -> f64| {
        let logs = || all().map(move |point| of(point).log10());
        (logs().fold(f64::INFINITY, f64::min), logs().fold(f64::NEG_INFINITY, f64::max))
    };
    let (least_size, greatest_size) = within(|point| point.0);
    let (least, greatest) = within(|point| point.1);
    // Whole decades, so that there are lines to read the values from.
    let (floor, ceiling) = (least.floor(), greatest.ceil().max(least.floor() + 1.0));
    let x = |size: f64| {
        LEFT + (RIGHT - LEFT) * (size.log10() - least_size) / (greatest_size - least_size).max(f64::EPSILON)
    };
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value.log10() - floor) / (ceiling - floor);

    let note = format!("{}, less is better; by the number of {family}", first.compared.heading());
    let mut svg = head(first.about, &note, BOTTOM + 30.0);
    let mut put = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(svg, "{text}");
    };
    let mut decade = floor;
    while decade <= ceiling {
        let (value, at) = (10f64.powf(decade), y(10f64.powf(decade)));
        put(format_args!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        ));
        put(format_args!(
            "<text class=\"note\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            number(value)
        ));
        decade += 1.0;
    }
    let mut sizes: Vec<f64> = all().map(|point| point.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        put(format_args!(
            "<text class=\"note\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{size}</text>",
            x(size),
            BOTTOM + 20.0
        ));
    }
    // The cheapest at the bottom; a name that would lie on the one below it is moved up, and where they reach the
    // top, down again.
    lines.sort_by(|a, b| last(a).total_cmp(&last(b)));
    let mut names: Vec<f64> = lines.iter().map(|line| y(last(line)) + 4.0).collect();
    for at in 1..names.len() {
        names[at] = names[at].min(names[at - 1] - NAME);
    }
    for (at, name) in names.iter_mut().rev().enumerate() {
        *name = name.max(TOP + NAME * at as f64);
    }
    for (line, name) in lines.iter().zip(names) {
        let points: Vec<String> =
            line.points.iter().map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value))).collect();
        put(format_args!(
            "<polyline class=\"line {}\" points=\"{}\"/>",
            class(line.row.kind),
            points.join(" ")
        ));
        put(format_args!(
            "<text x=\"{}\" y=\"{name:.1}\">{} {}</text>",
            RIGHT + 8.0,
            line.row.peer,
            number(last(line))
        ));
    }
    put(format_args!("</svg>"));
    Some(svg)
}

/// What it costs at the greatest size that was measured.
fn last(line: &Line<'_>) -> f64 {
    line.points.last().map_or(0.0, |point| point.1)
}

#[cfg(test)]
mod tests;
