//! The command line.

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [filter…] [--rounds N] [--json FILE]

A filter is a part of `peer/workload`, say `raw_tcp` or `/outstanding`; without one, all are run.
  --rounds N    samples of each; their median and spread are shown (9)
  --json FILE   the same figures for a program to read";

/// Fewer say nothing about the spread.
const ROUNDS: usize = 9;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) filters: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) json: Option<String>,
}

impl Args {
    /// `None` when the help was asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self { filters: Vec::new(), rounds: ROUNDS, json: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--rounds" => {
                    let rounds = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                    args.rounds = rounds.ok_or("--rounds needs a number above 0")?;
                }
                "--json" => args.json = Some(words.next().ok_or("--json needs a file")?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => args.filters.push(word),
            }
        }
        Ok(Some(args))
    }

    /// Whether the filters let `name` through.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}

#[cfg(test)]
mod tests;
