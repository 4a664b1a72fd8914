//! `ipfi describe`.

use std::io::Write;

use crate::connection::{Connecting, URL_HELP};
use crate::failure::Failure;
use crate::show;
use crate::source::{self, From};
use crate::texts::clean_json;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ipfi describe tcp://localhost:4433 Greeter.hello\n  ipfi describe tcp://localhost:4433 --json > schema.json"
)]
pub(crate) struct Arguments {
    #[arg(help = URL_HELP, required_unless_present = "file")]
    url: Option<String>,
    /// Only this: Interface, or Interface.method.
    name: Option<String>,
    /// As JSON, in the form that --from reads.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    connecting: Connecting,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { url, name, json, from, connecting } = arguments;
    let offered = source::offered(url, name, &from, &connecting).await?;
    let served = &offered.descriptions;
    let mut shown: Vec<_> = served.iter().map(|description| (description, None)).collect();
    if let Some(name) = offered.names.first() {
        // The name of an interface may have a dot of its own.
        shown = match served.iter().find(|it| it.name == *name) {
            Some(description) => vec![(description, None)],
            None if name.contains('.') => {
                let (description, method) = source::method(served, name)?;
                vec![(description, Some(method))]
            }
            None => vec![(source::interface(served, name)?, None)],
        };
    }
    let mut out = std::io::stdout().lock();
    if json {
        let shown: Vec<_> = shown
            .into_iter()
            .map(|(description, only)| {
                let mut description = description.clone();
                if let Some(only) = only {
                    description.methods.retain(|method| method == only);
                }
                description
            })
            .collect();
        let text = serde_json::to_string_pretty(&shown).map_err(std::io::Error::from)?;
        return Ok(writeln!(out, "{}", clean_json(&text))?);
    }
    for (n, (description, only)) in shown.into_iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        out.write_all(show::interface(description, only).as_bytes())?;
    }
    Ok(())
}
