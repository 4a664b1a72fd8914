//! What callgrind writes: who ran how many instructions, and who called whom how often.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is counted of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of the program itself, the C library left out.
    Instructions,
    /// Calls that ask the C library for memory.
    Allocations,
    /// Calls by which the C library copies.
    Copies,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Instructions, Self::Allocations, Self::Copies];

    /// As it stands in the file of what is expected.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::Copies => "copies",
        }
    }

    /// What a call of this function of another object counts as.
    fn of_call(function: &str) -> Option<Self> {
        // Which `memcpy` it is depends on the processor: `__memmove_avx_unaligned_erms`, for one.
        match function.split('@').next() {
            Some("malloc" | "calloc" | "realloc" | "aligned_alloc" | "posix_memalign") => {
                Some(Self::Allocations)
            }
            Some(name) if name.contains("memcpy") || name.contains("memmove") => Some(Self::Copies),
            _ => None,
        }
    }
}

/// A function, of the program or of a library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    /// It is the program's.
    own: bool,
    name: String,
}

/// One run, or what one has more than another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Instructions of each function itself.
    instructions: BTreeMap<Function, i64>,
    /// How often one calls another.
    calls: BTreeMap<(Function, Function), i64>,
}

impl Profile {
    /// Reads a profile with one position and one event a line and without compression. The program's object is the
    /// one whose path ends with `program`; `None` when nothing of it ran.
    pub(crate) fn parse(written: &str, program: &str) -> Option<Self> {
        let mut profile = Self { instructions: BTreeMap::new(), calls: BTreeMap::new() };
        let mut current = Function { own: false, name: String::new() };
        // An object is named only where it is not the caller's.
        let (mut callee, mut object_of_callee) = ("", None);
        let mut lines = written.lines();
        while let Some(line) = lines.next() {
            match line.split_once('=') {
                Some(("ob", object)) => current.own = object.ends_with(program),
                Some(("fn", name)) => current.name = name.to_owned(),
                Some(("cob", object)) => object_of_callee = Some(object),
                Some(("cfn", name)) => callee = name,
                Some(("calls", calls)) => {
                    let count: i64 = calls.split(' ').next()?.parse().ok()?;
                    let own = object_of_callee.take().map_or(current.own, |object| object.ends_with(program));
                    let callee = Function { own, name: callee.to_owned() };
                    *profile.calls.entry((current.clone(), callee)).or_default() += count;
                    // What the callee ran: told where its function is.
                    lines.next();
                }
                None if line.starts_with(|first: char| first.is_ascii_digit()) => {
                    let ran: i64 = line.split(' ').nth(1)?.parse().ok()?;
                    *profile.instructions.entry(current.clone()).or_default() += ran;
                }
                _ => {}
            }
        }
        profile.instructions.keys().any(|function| function.own).then_some(profile)
    }

    /// What this run has more than `fewer`.
    pub(crate) fn without(mut self, fewer: &Self) -> Self {
        for (function, ran) in &fewer.instructions {
            *self.instructions.entry(function.clone()).or_default() -= ran;
        }
        for (call, count) in &fewer.calls {
            *self.calls.entry(call.clone()).or_default() -= count;
        }
        self
    }

    pub(crate) fn count(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Instructions => {
                self.instructions.iter().filter(|(function, _)| function.own).map(|(_, ran)| ran).sum()
            }
            _ => {
                let asked = |callee: &Function| !callee.own && Kind::of_call(&callee.name) == Some(kind);
                self.calls_from_outside(asked).map(|(_, count)| count).sum()
            }
        }
    }

    /// Calls that functions of the program make of those that are `asked`, and that these do not make themselves.
    fn calls_from_outside(
        &self,
        asked: impl Fn(&Function) -> bool,
    ) -> impl Iterator<Item = (&Function, i64)> {
        self.calls
            .iter()
            .filter(move |((caller, callee), _)| caller.own && asked(callee) && !asked(caller))
            .map(|((caller, _), count)| (caller, *count))
    }

    /// For people: who runs how much, the most first, each divided by `times`.
    pub(crate) fn breakdown(&self, times: f64) -> String {
        let mut called: BTreeMap<&Function, i64> = BTreeMap::new();
        for ((_, callee), count) in &self.calls {
            *called.entry(callee).or_default() += count;
        }
        let mut text = String::from("instructions  times called  function, without those that it calls\n");
        // To write into a string cannot fail, here and below.
        for (function, ran) in most(self.instructions.iter().map(|(function, ran)| (function, *ran))) {
            let calls = called.get(function).copied().unwrap_or_default() as f64 / times;
            let whose = if function.own { "" } else { "  (not the program's)" };
            let _ = writeln!(text, "{:>12.1}  {calls:>12.2}  {}{whose}", ran as f64 / times, function.name);
        }
        let mut asks = |heading: &str, calls: Vec<(&Function, i64)>| {
            let _ = writeln!(text, "\n{heading:>12}  asked for by");
            for (function, count) in most(calls.into_iter()) {
                let _ = writeln!(text, "{:>12.2}  {}", count as f64 / times, function.name);
            }
        };
        // The C library is asked by Rust's allocator alone, which says nothing of who wanted the memory.
        let allocations = self.calls_from_outside(|function| is_allocator(&function.name));
        asks(Kind::Allocations.name(), allocations.collect());
        let copies = |function: &Function| Kind::of_call(&function.name) == Some(Kind::Copies);
        asks(Kind::Copies.name(), self.calls_from_outside(copies).collect());
        text
    }
}

/// Whether it is how Rust's own code asks for memory: `__rust_alloc` or, where the linker saw through that,
/// `__rdl_alloc`.
fn is_allocator(function: &str) -> bool {
    let name = function.rsplit("::").next().unwrap_or_default();
    let name = name.strip_prefix("__rust_").or(name.strip_prefix("__rdl_"));
    matches!(name, Some("alloc" | "alloc_zeroed" | "realloc"))
}

/// The sums by function, the most first, but for those that together have less than a tenth of the whole.
fn most<'a>(counts: impl Iterator<Item = (&'a Function, i64)>) -> Vec<(&'a Function, i64)> {
    let mut by_function: BTreeMap<&Function, i64> = BTreeMap::new();
    for (function, count) in counts {
        *by_function.entry(function).or_default() += count;
    }
    let all: i64 = by_function.values().sum();
    let mut rows: Vec<_> = by_function.into_iter().collect();
    rows.sort_by_key(|(_, count)| -count);
    let mut told = 0;
    rows.into_iter()
        .take_while(|(_, count)| {
            let rest = all - told;
            told += count;
            rest * 10 > all
        })
        .collect()
}

#[cfg(test)]
mod tests;
