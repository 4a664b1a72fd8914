//! What is printed: answers, what a verbose call says, and how far a long one has come.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ipfi::Metadata;

use crate::connection::Link;
use crate::failure::Failure;
use crate::texts::{clean, clean_json, grouped};

/// A stream that is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the bar is drawn, at most.
const DRAWN: Duration = Duration::from_millis(100);

/// What was connected to.
pub(super) fn connected(link: &Link) {
    let peer = link.wire.peer();
    let at = peer.address().map(|address| format!(" to {}", clean(address))).unwrap_or_default();
    eprintln!("* connected{at} over {} in {:.1?}", peer.carrier(), link.took);
}

/// Metadata that came.
pub(super) fn metadata(metadata: &Metadata) {
    for (name, value) in metadata.iter() {
        eprintln!("< {name}: {}", clean(&String::from_utf8_lossy(value)));
    }
}

/// Standard output, and the bar beside it.
pub(super) struct Output {
    verbose: bool,
    began: Instant,
    /// Whether somebody would see a bar who does not see the items.
    watched: bool,
    bar: Option<(ProgressBar, Instant)>,
    items: u64,
    bytes: u64,
    /// Whether an answer was an error of the method's own.
    failed: bool,
    seen_first: bool,
}

impl Output {
    /// Of a call that `prints` its items, or only counts those that it sends.
    pub(super) fn new(verbose: bool, prints: bool) -> Self {
        Self {
            verbose,
            began: Instant::now(),
            watched: is_watched(prints, std::io::stdout().is_terminal(), std::io::stderr().is_terminal()),
            bar: None,
            items: 0,
            bytes: 0,
            failed: false,
            seen_first: false,
        }
    }

    /// Metadata of the response, once.
    pub(super) fn metadata(&self, came: &Metadata) {
        if self.verbose {
            metadata(came);
        }
    }

    /// The first of the answer is here.
    fn first(&mut self) {
        if self.verbose && !self.seen_first {
            eprintln!("* first answer after {:.1?}", self.began.elapsed());
        }
        self.seen_first = true;
    }

    /// An answer: a line, or an error of the method's own beside it.
    pub(super) fn answer(&mut self, answer: Result<String, String>) -> Result<(), Failure> {
        self.first();
        match answer {
            Ok(line) => {
                self.count(line.len());
                self.print(format!("{}\n", clean_json(&line)).as_bytes())
            }
            Err(error) => {
                self.failed = true;
                self.suspend(|| eprintln!("application error: {}", clean_json(&error)));
                Ok(())
            }
        }
    }

    /// Bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.first();
        self.count(bytes.len());
        self.print(bytes)?;
        Ok(std::io::stdout().flush()?)
    }

    fn print(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(std::io::stdout().lock().write_all(bytes)?)
    }

    /// On standard error, without the bar in the way.
    fn suspend(&self, print: impl FnOnce()) {
        match &self.bar {
            Some((bar, _)) => bar.suspend(print),
            None => print(),
        }
    }

    /// One more item, in or out: after a while with a bar, if somebody sees it.
    pub(super) fn count(&mut self, bytes: usize) {
        self.items += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.watched {
            self.draw();
        }
    }

    fn draw(&mut self) {
        let now = Instant::now();
        let elapsed = now - self.began;
        if self.bar.is_none() && elapsed > PATIENCE {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            self.bar = Some((bar, self.began));
        }
        if let Some((bar, drawn)) = &mut self.bar
            && now - *drawn > DRAWN
        {
            *drawn = now;
            bar.set_message(progress(self.items, self.bytes, elapsed));
            bar.tick();
        }
    }

    /// The call is over; whether it answered with errors of its own.
    pub(super) fn end(self) -> Result<(), Failure> {
        if let Some((bar, _)) = &self.bar {
            bar.finish_and_clear();
        }
        if self.verbose {
            let elapsed = self.began.elapsed();
            eprintln!("* done after {elapsed:.1?}: {}", progress(self.items, self.bytes, elapsed));
        }
        if self.failed { Err(Failure::Application) } else { Ok(()) }
    }
}

/// Whether somebody looks at standard error who does not see items pass by on standard output.
fn is_watched(prints: bool, out_is_terminal: bool, err_is_terminal: bool) -> bool {
    err_is_terminal && !(prints && out_is_terminal)
}

/// Items, bytes and how many of them a second.
fn progress(items: u64, bytes: u64, elapsed: Duration) -> String {
    let rate = |count: u64| {
        // A rate is shown in three digits.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = (count as f64 / elapsed.as_secs_f64().max(1e-9)) as u64;
        rate
    };
    let s = if items == 1 { "" } else { "s" };
    format!(
        "{} item{s}, {} ({}/s, {}/s)",
        grouped(items),
        indicatif::BinaryBytes(bytes),
        grouped(rate(items)),
        indicatif::BinaryBytes(rate(bytes)),
    )
}

#[cfg(test)]
mod tests;
