//! Arrivals as characters, and as a picture.

use std::fmt::Write;

/// Later than the path takes by this much is late: a little for the machine.
const LATE_US: u64 = 20_000 + 12_000;
const VERY_LATE_US: u64 = 20_000 + 40_000;
const COLUMNS: u64 = 80;

/// When an item left, from the start, and how long it was on its way.
pub(crate) struct Arrival {
    pub(crate) at_us: u64,
    pub(crate) took_us: u64,
}

fn span_us(streams: &[Vec<Arrival>]) -> u64 {
    streams.iter().flatten().map(|arrival| arrival.at_us).max().unwrap_or(0) + 1
}

/// How many items came late.
pub(crate) fn late(streams: &[Vec<Arrival>]) -> usize {
    streams.iter().flatten().filter(|arrival| arrival.took_us > LATE_US).count()
}

/// A line for each stream; a column shows the latest item of its time.
pub(crate) fn chart(streams: &[Vec<Arrival>]) -> String {
    let span = span_us(streams);
    let mut chart = String::new();
    for (number, arrivals) in streams.iter().enumerate() {
        let line: String = (0..COLUMNS)
            .map(|column| {
                let here = |arrival: &&Arrival| arrival.at_us * COLUMNS / span == column;
                match arrivals.iter().filter(here).map(|arrival| arrival.took_us).max() {
                    None => ' ',
                    Some(took) if took > VERY_LATE_US => '#',
                    Some(took) if took > LATE_US => 'o',
                    Some(_) => '.',
                }
            })
            .collect();
        let _ = writeln!(chart, "  stream {number} {line}");
    }
    chart
}

/// A panel for each run: across is time, up is how long an item was on its way, a colour is a stream.
pub(crate) fn svg(runs: &[(&str, Vec<Vec<Arrival>>)]) -> String {
    const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
    let (width, height) = (900.0, 220.0);
    let total = height * runs.len() as f64 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {total}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        width + 80.0
    );
    let slowest = runs.iter().flat_map(|(_, streams)| streams.iter().flatten());
    let slowest = slowest.map(|arrival| arrival.took_us).max().unwrap_or(1) as f64;
    for (panel, (name, streams)) in runs.iter().enumerate() {
        let (bottom, span) = (height * (panel as f64 + 1.0), span_us(streams) as f64);
        let items: usize = streams.iter().map(Vec::len).sum();
        let _ = writeln!(
            svg,
            "<text x=\"60\" y=\"{}\">{name}: {} of {items} items late; time on the way, up to {:.0} ms</text>\n\
             <path d=\"M60 {bottom}H{}\" stroke=\"black\"/>",
            bottom - height + 25.0,
            late(streams),
            slowest / 1000.0,
            60.0 + width
        );
        for (number, arrivals) in streams.iter().enumerate() {
            for arrival in arrivals {
                let x = 60.0 + arrival.at_us as f64 / span * width;
                let y = bottom - arrival.took_us as f64 / slowest * (height - 40.0);
                let colour = COLOURS[number % COLOURS.len()];
                let _ = writeln!(
                    svg,
                    "<path d=\"M{x:.1} {bottom}V{y:.1}\" stroke=\"{colour}\" stroke-opacity=\"0.3\"/>\
                     <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"{colour}\"/>"
                );
            }
        }
    }
    svg + "</svg>\n"
}
