//! The command line.

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [filter…] [options]

A filter is a part of `peer/workload`: `bare_ids`, `/outstanding`, `ipfi/bulk_1`. A peer's whole name before the
slash means that peer alone. Without a filter, all are run, which takes 40 minutes.
  --rounds N         samples of each; their median and spread are shown (9; with a filter as many of them as
                     fit into a minute)
  --two-processes    the server in a process of its own
  --quick            short samples: nothing but a look whether it runs
  --check            every peer and workload once, shortly: are the answers right?
  --list             what there is
  --json FILE        the same figures for a program to read
  --svg DIR          a plot for each workload";

/// Fewer say little about the spread.
const ROUNDS: usize = 9;

/// What a minute has room for: a sample takes about a second, some take five.
const SAMPLES_A_MINUTE: usize = 45;

/// What this process is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Help,
    Run(Args),
    /// One sample; started by `Run`.
    Sample(&'a [String]),
    /// The server of a sample; started by `Sample`.
    Serve(&'a [String]),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) filters: Vec<String>,
    /// None until it is known what is run, if nobody said.
    rounds: Option<usize>,
    pub(crate) two_processes: bool,
    pub(crate) quick: bool,
    pub(crate) check: bool,
    pub(crate) list: bool,
    pub(crate) json: Option<String>,
    pub(crate) svg: Option<String>,
}

impl<'a> Command<'a> {
    pub(crate) fn parse(words: &'a [String]) -> Result<Self, String> {
        match words {
            [first, rest @ ..] if first == crate::rounds::SAMPLE => Ok(Self::Sample(rest)),
            [first, rest @ ..] if first == crate::process::SERVE => Ok(Self::Serve(rest)),
            _ if words.iter().any(|word| word == "--help" || word == "-h") => Ok(Self::Help),
            _ => Args::parse(words).map(Self::Run),
        }
    }
}

impl Args {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => {
                    let rounds = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                    args.rounds = Some(rounds.ok_or("--rounds needs a number above 0")?);
                }
                "--two-processes" => args.two_processes = true,
                "--quick" => args.quick = true,
                "--check" => args.check = true,
                "--list" => args.list = true,
                "--json" => args.json = Some(words.next().ok_or("--json needs a file")?.clone()),
                "--svg" => args.svg = Some(words.next().ok_or("--svg needs a folder")?.clone()),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => args.filters.push(word.clone()),
            }
        }
        Ok(args)
    }

    /// How often each is sampled.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(ROUNDS)
    }

    /// The filters let `runs` workloads of peers through: whoever asked for a part wants to see it soon.
    pub(crate) fn settle(&mut self, runs: usize) {
        if !self.filters.is_empty() {
            self.rounds.get_or_insert((SAMPLES_A_MINUTE / runs.max(1)).clamp(1, ROUNDS));
        }
    }

    /// Whether the filters let `workload` of `peer` through.
    pub(crate) fn takes(&self, peer: &str, workload: &str) -> bool {
        let name = format!("{peer}/{workload}");
        self.filters.is_empty()
            || self.filters.iter().any(|filter| match filter.split_once('/') {
                Some((whole, part)) if !whole.is_empty() => whole == peer && workload.contains(part),
                _ => filter == peer || filter == workload || (!is_name(filter) && name.contains(filter)),
            })
    }
}

/// Whether `filter` names a peer or workload whole, so that `ipfi` is not `ipfi_unix` as well, and
/// `bulk_1` not `bulk_16`.
fn is_name(filter: &str) -> bool {
    crate::peers::all().iter().any(|peer| peer.name == filter)
        || crate::workloads::WORKLOADS.iter().any(|workload| workload.name == filter)
}

#[cfg(test)]
mod tests;
