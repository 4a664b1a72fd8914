//! Writing anew, again and again: when a file changes, or when a server was replaced.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::source::Source;
use super::{Error, Ts, output};

/// How often a file is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long is waited before a server is asked again: twice as long each time, up to the second.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Runs until it is stopped. What fails is told, and tried again.
pub(super) async fn run(arguments: &Ts) -> Result<ExitCode, Error> {
    let source = arguments.source();
    let mut wait = FIRST_WAIT;
    let mut told = String::new();
    loop {
        let seen = stamp(&source);
        match pass(arguments, &source).await {
            Ok(wire) => {
                told.clear();
                wait = FIRST_WAIT;
                match wire {
                    // A server does not change while it runs.
                    Some(wire) => drop(wire.closed().await),
                    None => changed(&source, seen).await,
                }
            }
            Err(error) => {
                let text = error.to_string();
                // Once, however often it is tried.
                if text != told {
                    eprintln!("error: {text}");
                    told = text;
                }
                match source {
                    Source::File(_) => changed(&source, seen).await,
                    Source::Url(_) => {
                        sleep(wait).await;
                        wait = LONGEST_WAIT.min(wait * 2);
                    }
                }
            }
        }
    }
}

/// Writes what there is now.
async fn pass(arguments: &Ts, source: &Source) -> Result<Option<ipfi::Wire>, Error> {
    let (descriptions, wire) = source.load().await?;
    for written in output::write(&arguments.out, &arguments.files(&descriptions)?)? {
        println!("{written}");
    }
    Ok(wire)
}

/// Waits until the file is another than it was.
async fn changed(source: &Source, seen: Option<Stamp>) {
    while stamp(source) == seen {
        sleep(LOOK_AGAIN).await;
    }
}

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

fn stamp(source: &Source) -> Option<Stamp> {
    let Source::File(path) = source else { return None };
    let metadata = Path::new(path).metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
