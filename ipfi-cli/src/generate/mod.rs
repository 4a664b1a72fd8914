//! `ipfi gen`: typed clients in other languages.

mod output;
mod typescript;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};

use ipfi::typed::Description;

use self::typescript::File;
use crate::connection::Connecting;
use crate::failure::Failure;
use crate::source;
use crate::texts::clean;

/// More interfaces are not one server's.
const MAX_INTERFACES: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    language: Language,
}

#[derive(Debug, clap::Subcommand)]
enum Language {
    /// Typed clients for JavaScript: a file for each interface, with its types, its tables and a class whose methods are its own.
    Ts(Ts),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ipfi gen ts tcp://localhost:4433 --out src/generated\n  ipfi gen ts greeter.json --check\n\n\
--check ends with 1 where a file is not what it would be."
)]
struct Ts {
    /// Where a server listens, which says what it serves; or a file that has it as JSON, which `ipfi::typed::to_json` and
    /// `ipfi describe --json` write.
    source: String,
    /// The folder that the files go to.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Only this interface. Repeat it for several.
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// JavaScript, with its types in a `.d.ts` beside it.
    #[arg(long)]
    js: bool,
    /// The package that the files import; or, where there are no packages, the path of the folder with its modules.
    #[arg(long, value_name = "PACKAGE", default_value = "ipfi")]
    runtime: String,
    /// Write nothing, and fail where a file is not what it would be.
    #[arg(long, conflicts_with = "watch")]
    check: bool,
    /// Go on, and write anew what changes: a file when it was written, a server when it was replaced.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    connecting: Connecting,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Language::Ts(arguments) = arguments.language;
    if arguments.watch { watch::run(&arguments).await } else { arguments.once().await }
}

impl Ts {
    async fn once(&self) -> Result<(), Failure> {
        let descriptions = match self.file() {
            Some(file) => source::read(file)?,
            None => {
                let link = self.connecting.connect(&self.source).await?;
                let served = source::served(&link.wire).await;
                link.close().await;
                served?
            }
        };
        let files = self.files(&descriptions)?;
        if !self.check {
            return self.write(&files);
        }
        let differences = output::differences(&self.out, &files)?;
        for difference in &differences {
            eprintln!("{}", clean(difference));
        }
        // What is different has been said.
        if differences.is_empty() { Ok(()) } else { Err(Failure::Application) }
    }

    /// The file that has the descriptions, if it is none of a server's addresses.
    fn file(&self) -> Option<&Path> {
        let is_url =
            self.source.contains("://") || ["unix:", "stdio:"].iter().any(|it| self.source.starts_with(it));
        (!is_url).then(|| Path::new(&self.source))
    }

    /// Writes the files that are not there, and says which.
    fn write(&self, files: &[File]) -> Result<(), Failure> {
        for written in output::write(&self.out, files)? {
            writeln!(std::io::stdout(), "{}", clean(&written))?;
        }
        Ok(())
    }

    /// The files of the interfaces that were asked for.
    fn files(&self, descriptions: &[Description]) -> Result<Vec<File>, Failure> {
        if descriptions.is_empty() {
            return Err(Failure::usage(format!("{}: no typed interface is described there", self.source)));
        }
        if descriptions.len() > MAX_INTERFACES {
            let seen = descriptions.len();
            return Err(Failure::usage(format!("{seen} interfaces, of which {MAX_INTERFACES} are taken")));
        }
        let wanted: Vec<_> = match &*self.interfaces {
            [] => descriptions.iter().collect(),
            names => {
                names.iter().map(|name| source::interface(descriptions, name)).collect::<Result<_, _>>()?
            }
        };
        let options = typescript::Options { runtime: self.runtime.clone(), javascript: self.js };
        let mut files: Vec<File> = Vec::new();
        for description in wanted {
            for file in
                typescript::files(description, &options).map_err(|why| Failure::usage(why.to_string()))?
            {
                if files.iter().any(|other| other.name == file.name) {
                    let text = format!("two interfaces would be {}: choose one, --interface NAME", file.name);
                    return Err(Failure::usage(text));
                }
                files.push(file);
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests;
