//! The features of a package, for the matrix: each must build alone, and none as well.

use crate::run::{Cmd, root};

/// Packages whose features a user chooses between, and where they lie; a feature that builds only beside
/// another one is found here. In this order, the later ones find most of what they need already built.
const PACKAGES: [(&str, &str); 6] = [
    ("ipfi-core", "ipfi-core"),
    ("ipfi-mux", "ipfi-mux"),
    ("ipfi-quic", "ipfi-quic"),
    ("ipfi-ws", "ipfi-ws"),
    ("ipfi", ""),
    ("ipfi-cli", "ipfi-cli"),
];

/// What a package, or one of its features, cannot be built without: cryptography, of which there are two. Ring, because
/// it builds sooner; what is in the other's place is linted with all features.
fn beside(package: &str, feature: Option<&str>) -> &'static str {
    match (package, feature) {
        ("ipfi-quic", Some("aws-lc-rs" | "ring")) => "",
        ("ipfi-quic", _) | ("ipfi", Some("quic" | "tls" | "webtransport" | "wss")) => "ring",
        ("ipfi-ws", Some("tls")) => "ring",
        _ => "",
    }
}

/// One lint run per package and feature, and one without any. Clippy and not `check`, because an
/// import that only one feature uses is a warning, and warnings fail.
pub(crate) fn matrix() -> Result<Vec<Cmd>, String> {
    let mut commands = Vec::new();
    for (package, folder) in PACKAGES {
        let path = root().join(folder).join("Cargo.toml");
        let manifest =
            std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let features = names(&manifest).filter(|name| *name != "default").map(Some);
        for feature in std::iter::once(None).chain(features) {
            let wanted = [feature.unwrap_or_default(), beside(package, feature)];
            let wanted: Vec<&str> = wanted.into_iter().filter(|name| !name.is_empty()).collect();
            let option =
                if wanted.is_empty() { String::new() } else { format!(" --features {}", wanted.join(",")) };
            let lints = format!("clippy --quiet -p {package} --no-default-features{option} -- -D warnings");
            commands.push(Cmd::cargo(&lints));
        }
    }
    Ok(commands)
}

/// The keys of the `[features]` table. Our own manifests are simple enough for this; a TOML parser
/// would cost more to build than everything else here.
fn names(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim())
        // The continuation lines of a list have no key before the sign.
        .filter(|name| !name.is_empty() && !name.contains(['"', ' ']))
}

#[cfg(test)]
mod tests;
