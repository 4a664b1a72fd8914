//! `cargo xtask bench`: the package in `benches/`, built with optimisation and run.

use crate::run::Cmd;

/// Peers that bring dependencies of their own, each a feature of that name.
const HEAVY: [&str; 20] = [
    "tarpc",
    "remoc",
    "tonic",
    "tonic_tls",
    "tonic_web",
    "capnp",
    "jsonrpsee",
    "yamux",
    "qmux",
    "ipfi_0_1",
    "ipfi_tls",
    "ipfi_ws",
    "raw_ws",
    "raw_ws_ready",
    "raw_ws_each",
    "ipfi_quic",
    "ipfi_quic_streams",
    "raw_quinn",
    "raw_quinn_mtu",
    "irpc",
];

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    // A workspace of its own: the peers it compares with are built by nobody who does not ask.
    let cargo = |command: &str| {
        Cmd::cargo(&format!("{command} --release --quiet --manifest-path benches/Cargo.toml"))
    };
    let features = features(args).join(",");
    // Both programs: the one that is run starts the other.
    if args.contains(&"--check") {
        // Optimised as well: nothing is built twice.
        cargo("test").arg("--lib").arg(format!("--features={features}")).run()?;
    }
    cargo("build").arg("--bins").arg(format!("--features={features}")).run()?;
    let run = cargo("run").arg(format!("--features={features}")).arg("--");
    args.iter().fold(run, |cmd, arg| cmd.arg(*arg)).run()
}

/// The heavy peers that the filters may mean: minutes less to build when they mean others.
fn features(args: &[&str]) -> Vec<&'static str> {
    let filters = filters(args);
    HEAVY.into_iter().filter(|peer| filters.is_empty() || filters.iter().any(|f| may_mean(f, peer))).collect()
}

/// The words that are neither options nor their values.
fn filters<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut filters = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match *word {
            "--rounds" | "--json" | "--svg" => drop(words.next()),
            option if option.starts_with('-') => {}
            filter => filters.push(filter),
        }
    }
    filters
}

/// Peers that are always there.
const LIGHT: [&str; 5] = ["ipfi", "ipfi_unix", "raw_tcp", "raw_unix", "bare_ids"];

/// Whether `filter` lets something of `peer` through, as far as that can be seen without its workloads.
fn may_mean(filter: &str, peer: &str) -> bool {
    match filter.split_once('/') {
        Some(("", _)) => true,
        Some((whole, _)) => whole == peer,
        None if LIGHT.contains(&filter) || HEAVY.contains(&filter) => filter == peer,
        // The name of a workload, or a part of something.
        None => true,
    }
}

#[cfg(test)]
mod tests;
