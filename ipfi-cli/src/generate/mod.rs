//! `ipfi gen`: typed clients in other languages.

mod output;
mod source;
mod typescript;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use ipfi::typed::Description;

use self::source::Source;
use self::typescript::File;

/// What went wrong, for whoever sits at the terminal.
type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    language: Language,
}

#[derive(Debug, clap::Subcommand)]
enum Language {
    /// TypeScript for the client in `ipfi-ws/js`: a file for each interface, with its types, tables and client.
    Ts(Ts),
}

#[derive(Debug, clap::Args)]
struct Ts {
    /// Where a server listens, or a file that has descriptions as JSON (`ipfi::typed::to_json`).
    source: String,
    /// The folder that the files go to.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// An interface to write; all of them if none is named.
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// JavaScript, with its types in a `.d.ts` beside it.
    #[arg(long)]
    js: bool,
    /// The package that the files import, or the address of its folder `src`, where there are no packages.
    #[arg(long, default_value = "ipfi")]
    runtime: String,
    /// Writes nothing, and fails where a file is not what it would be.
    #[arg(long, conflicts_with = "watch")]
    check: bool,
    /// Goes on, and writes anew when the file changes or the server is another.
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Language::Ts(arguments) = arguments.language;
    let outcome = if arguments.watch { watch::run(&arguments).await } else { arguments.once().await };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Ts {
    async fn once(&self) -> Result<ExitCode, Error> {
        let (descriptions, _wire) = self.source().load().await?;
        let files = self.files(&descriptions)?;
        if self.check {
            let differences = output::differences(&self.out, &files)?;
            for difference in &differences {
                eprintln!("{difference}");
            }
            return Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        for written in output::write(&self.out, &files)? {
            println!("{written}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn source(&self) -> Source {
        Source::new(&self.source)
    }

    /// The files of the interfaces that were asked for.
    fn files(&self, descriptions: &[Description]) -> Result<Vec<File>, Error> {
        let names = || descriptions.iter().map(|description| description.name.escape_debug().to_string());
        let known = |name: &String| descriptions.iter().any(|description| description.name == *name);
        if let Some(missing) = self.interfaces.iter().find(|name| !known(name)) {
            let there = names().collect::<Vec<_>>().join(", ");
            return Err(format!("{} has no interface {missing}, but: {there}", self.source).into());
        }
        let options = typescript::Options { runtime: self.runtime.clone(), javascript: self.js };
        let mut files: Vec<File> = Vec::new();
        for description in descriptions {
            if !self.interfaces.is_empty() && !self.interfaces.contains(&description.name) {
                continue;
            }
            for file in typescript::files(description, &options)? {
                if files.iter().any(|other| other.name == file.name) {
                    return Err(format!("two interfaces would both be {}; choose by --interface", file.name).into());
                }
                files.push(file);
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests;
