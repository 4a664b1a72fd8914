//! What a server offers: asked of itself, or read from a file.

use std::path::{Path, PathBuf};

use ipfi::typed::{Description, Method};
use ipfi::{Code, Wire};

use crate::connection::{Connecting, Link};
use crate::failure::{Failure, NOTHING_CALLED, interruptible};
use crate::nearest::nearest;

/// A server that keeps to itself what it serves, in other words.
const REFLECTION_OFF: &str = "the server does not say what it serves; --from FILE has what `ipfi describe URL --json` \
printed elsewhere, and a procedure can be called by its number: ipfi call URL 7 '\"text\"'";

/// The descriptions in a file.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct From {
    /// What is served, as `ipfi describe --json` prints it: for a server that does not say so itself.
    #[arg(long = "from", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Where descriptions come from: a server that is connected to, or a file.
pub(crate) struct Offered {
    pub(crate) descriptions: Vec<Description>,
    /// What names are looked for among.
    pub(crate) names: Vec<String>,
}

/// Of a file, or of the server at `url`. With a file the first word may be the name already: it has no colon.
pub(crate) async fn offered(
    url: Option<String>,
    name: Option<String>,
    from: &From,
    connecting: &Connecting,
) -> Result<Offered, Failure> {
    let (descriptions, names) = match (&from.file, url) {
        (Some(file), Some(word)) if !word.contains(':') => (read(file)?, vec![word]),
        (Some(file), _) => (read(file)?, Vec::new()),
        (None, Some(url)) => {
            let link = connecting.connect(&url).await?;
            let served = served(&link.wire).await;
            link.close().await;
            (served?, Vec::new())
        }
        (None, None) => return Err(Failure::usage("a URL is missing, or --from FILE: see --help")),
    };
    let names = names.into_iter().chain(name).collect();
    Ok(Offered { descriptions, names })
}

/// What the server at the other end says that it serves.
pub(crate) async fn served(wire: &Wire) -> Result<Vec<Description>, Failure> {
    let asked = async {
        ipfi::typed::descriptions(wire).await.map_err(|error| {
            let hint = error.code() == Code::Unimplemented;
            let failure = Failure::status("what the server serves", error);
            if hint { failure.hint(REFLECTION_OFF) } else { failure }
        })
    };
    interruptible(NOTHING_CALLED, asked).await
}

/// Those of a file, or what the server says.
pub(crate) async fn described(from: &From, link: &Link) -> Result<Vec<Description>, Failure> {
    match &from.file {
        Some(file) => read(file),
        None => served(&link.wire).await,
    }
}

/// The descriptions in a file: an array of them, or one.
pub(crate) fn read(file: &Path) -> Result<Vec<Description>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let descriptions = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map(|one| vec![one])
    } else {
        serde_json::from_str(&text)
    };
    descriptions.map_err(|error| unreadable(&format!("not what `ipfi describe --json` prints: {error}")))
}

/// The interface of that name.
pub(crate) fn interface<'a>(served: &'a [Description], name: &str) -> Result<&'a Description, Failure> {
    served.iter().find(|it| it.name == name).ok_or_else(|| {
        let names = served.iter().map(|it| &*it.name);
        Failure::usage(format!("there is no interface {name}{}", meant(name, names)))
    })
}

/// The method of that name: `Interface.method`.
pub(crate) fn method<'a>(
    served: &'a [Description],
    name: &str,
) -> Result<(&'a Description, &'a Method), Failure> {
    let found = served.iter().find_map(|interface| {
        let method = name.strip_prefix(&*interface.name)?.strip_prefix('.')?;
        interface.methods.iter().find(|it| it.name == method).map(|method| (interface, method))
    });
    found.ok_or_else(|| {
        let names: Vec<String> = all(served).map(|(interface, method)| full(interface, method)).collect();
        let names = names.iter().map(|it| &**it);
        Failure::usage(format!("there is no method {name}{}", meant(name, names)))
    })
}

/// Every method.
pub(crate) fn all(served: &[Description]) -> impl Iterator<Item = (&Description, &Method)> {
    served.iter().flat_map(|interface| interface.methods.iter().map(move |method| (interface, method)))
}

/// `Interface.method`.
pub(crate) fn full(interface: &Description, method: &Method) -> String {
    format!("{}.{}", interface.name, method.name)
}

/// What may have been meant, or what there is.
fn meant<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    const SHOWN: usize = 8;
    let near = nearest(name, names.clone());
    if !near.is_empty() {
        return format!(": was {} meant?", near.join(" or "));
    }
    let all: Vec<&str> = names.clone().take(SHOWN).collect();
    match all.len() {
        0 => ": the server serves no typed interface".to_owned(),
        _ => format!(": there is {}{}", all.join(", "), if names.count() > SHOWN { ", …" } else { "" }),
    }
}
