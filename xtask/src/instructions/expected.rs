//! The file of what is expected: one count a line, and with which toolchain it was counted.

use core::fmt;

use super::callgrind::Kind;

/// By how much of what is expected a count may differ, in either direction. It is not for noise, of which there is
/// none: code that changed nearby is inlined elsewhere, and that is not to be looked into each time.
const TOLERANCE: f64 = 0.03;

/// No difference is looked into below this, which is for what happens once in hundreds of operations.
const NEGLIGIBLE: f64 = 0.01;

/// What stands above the rows.
pub(crate) fn heading() -> String {
    let tolerated = format!("difference ({:.0} % are tolerated)", TOLERANCE * 100.0);
    format!("{:<24} {:>12} {:>12}   {tolerated}", "operation", "expected", "measured")
}

/// How much of one kind one operation has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    /// Operation and kind, as they stand in the file.
    what: String,
    /// On average.
    pub(crate) value: f64,
}

impl Count {
    pub(crate) fn new(operation: &str, kind: Kind, value: f64) -> Self {
        Self { what: what(operation, kind), value }
    }

    pub(crate) fn is(&self, operation: &str, kind: Kind) -> bool {
        self.what == what(operation, kind)
    }

    /// A line of the file.
    fn parse(line: &str) -> Option<Self> {
        let (what, value) = line.rsplit_once(' ')?;
        Some(Self { what: what.trim_end().to_owned(), value: value.parse().ok()? })
    }

    /// By how much of `expected` it differs, if that is too much.
    fn slip(&self, expected: f64) -> Option<f64> {
        let difference = self.value - expected;
        let much = difference.abs() > NEGLIGIBLE && difference.abs() > TOLERANCE * expected;
        much.then_some(difference / expected)
    }
}

fn what(operation: &str, kind: Kind) -> String {
    format!("{operation} {}", kind.name())
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24} {:>12.4}", self.what, self.value)
    }
}

/// What instructions depend on beside the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// Of rustc, in one line.
    pub(crate) version: String,
    /// The target that is built for.
    pub(crate) host: String,
}

impl Toolchain {
    /// From what `rustc -vV` prints.
    pub(crate) fn of_rustc(printed: &str) -> Option<Self> {
        let host = printed.lines().find_map(|line| line.strip_prefix("host: "))?;
        Some(Self { version: printed.lines().next()?.to_owned(), host: host.to_owned() })
    }
}

const TITLE: &str = "\
# What one operation costs. `cargo xtask instructions --bless` writes this file; CONTRIBUTING.md says when.
";

/// The file.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) toolchain: Toolchain,
    pub(crate) counts: Vec<Count>,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TITLE}# {} for {}\n\n", self.toolchain.version, self.toolchain.host)?;
        self.counts.iter().try_for_each(|count| writeln!(f, "{count}"))
    }
}

impl Expected {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let toolchain = text.lines().find_map(|line| line.strip_prefix("# rustc ")?.rsplit_once(" for "));
        let (version, host) = toolchain.ok_or("no line says `# rustc VERSION for HOST`")?;
        let counts = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| Count::parse(line).ok_or(format!("not a count: {line:?}")))
            .collect::<Result<_, String>>()?;
        let toolchain = Toolchain { version: format!("rustc {version}"), host: host.to_owned() };
        Ok(Self { toolchain, counts })
    }

    fn of(&self, what: &str) -> Option<f64> {
        self.counts.iter().find(|count| count.what == what).map(|count| count.value)
    }

    /// `measured` beside what is expected, below [`heading`].
    pub(crate) fn row(&self, measured: &Count) -> String {
        let Count { what, value } = measured;
        let Some(expected) = self.of(what) else { return format!("{what:<24} {:>12} {value:>12.4}", "-") };
        let mark = if measured.slip(expected).is_some() { "  <<<" } else { "" };
        let percent = if expected == 0.0 { 0.0 } else { (value / expected - 1.0) * 100.0 };
        format!("{what:<24} {expected:>12.4} {value:>12.4} {percent:>+10.2} %{mark}")
    }

    /// Fails when a count differs by too much, and says what to do about it.
    pub(crate) fn compare(&self, measured: &[Count], here: &Toolchain) -> Result<(), String> {
        let (mut dearer, mut cheaper, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for count in measured {
            match self.of(&count.what).map(|expected| count.slip(expected)) {
                None => other.push(format!("{} is not in the file", count.what)),
                Some(Some(slip)) => {
                    let list = if slip > 0.0 { &mut dearer } else { &mut cheaper };
                    list.push(format!("{} ({:+.1} %)", count.what, slip * 100.0));
                }
                Some(None) => {}
            }
        }
        let gone = self.counts.iter().filter(|count| measured.iter().all(|m| m.what != count.what));
        other.extend(gone.map(|count| format!("{} is in the file and was not measured", count.what)));

        let mut faults = Vec::new();
        if !dearer.is_empty() {
            faults.push(format!(
                "dearer than expected: {}. `cargo xtask instructions OPERATION` shows where its instructions are, \
                 and on the commit before where they were. Make it cheap again; or, if the change is worth it, \
                 `cargo xtask instructions --bless` and say in the commit what it buys.",
                dearer.join(", ")
            ));
        }
        if !cheaper.is_empty() {
            faults.push(format!(
                "cheaper than expected: {}. Keep the gain: `cargo xtask instructions --bless`, in the same commit.",
                cheaper.join(", ")
            ));
        }
        if !other.is_empty() {
            faults.push(format!("{}: `cargo xtask instructions --bless`.", other.join(", ")));
        }
        if faults.is_empty() {
            return Ok(());
        }
        if *here != self.toolchain {
            faults.push(format!(
                "The counts are those of {}, this is {}: that alone may be the difference.",
                self.toolchain.version, here.version
            ));
        }
        Err(faults.join("\n\n"))
    }
}

#[cfg(test)]
mod tests;
