//! `ipfi list`.

use std::io::Write;

use crate::connection::{Connecting, URL_HELP};
use crate::failure::Failure;
use crate::show;
use crate::source::{self, From};
use crate::texts::one_line;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ipfi list tcp://localhost:4433\n  ipfi list stdio:./my-server")]
pub(crate) struct Arguments {
    #[arg(help = URL_HELP, required_unless_present = "file")]
    url: Option<String>,
    /// Only this interface.
    interface: Option<String>,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    connecting: Connecting,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { url, interface, from, connecting } = arguments;
    let offered = source::offered(url, interface, &from, &connecting).await?;
    let mut shown: Vec<_> = offered.descriptions.iter().collect();
    if let Some(name) = offered.names.first() {
        shown = vec![source::interface(&offered.descriptions, name)?];
    }
    let mut out = std::io::stdout().lock();
    for description in shown {
        for method in &description.methods {
            let remark = show::remark(method).map(|it| format!(" // {it}")).unwrap_or_default();
            writeln!(out, "{}.{}{remark}", one_line(&description.name), show::signature(method))?;
        }
    }
    Ok(())
}
