//! Writing anew, again and again: when a file changes, or when a server was replaced.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::Ts;
use crate::connection::Link;
use crate::failure::{Failure, interruptible};
use crate::source;

/// How often a file is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long is waited before a server is asked again: twice as long each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Runs until it is interrupted. What fails is said, and tried again.
pub(super) async fn run(arguments: &Ts) -> Result<(), Failure> {
    let forever = async {
        match arguments.file() {
            Some(file) => watch_file(arguments, file).await,
            None => watch_server(arguments).await,
        }
    };
    interruptible("nothing is watched any longer", forever).await
}

async fn watch_file(arguments: &Ts, file: &Path) -> Result<(), Failure> {
    loop {
        let seen = stamp(file);
        let written =
            source::read(file).and_then(|descriptions| arguments.write(&arguments.files(&descriptions)?));
        if let Err(failure) = written {
            failure.report();
        }
        while stamp(file) == seen {
            sleep(LOOK_AGAIN).await;
        }
    }
}

async fn watch_server(arguments: &Ts) -> Result<(), Failure> {
    let mut wait = FIRST_WAIT;
    let mut silent = false;
    loop {
        match arguments.connecting.connect(&arguments.source).await {
            Ok(link) => {
                (wait, silent) = (FIRST_WAIT, false);
                if let Err(failure) = write_served(arguments, &link).await {
                    failure.report();
                }
                // What it serves does not change while it runs.
                link.wire.closed().await;
            }
            Err(failure @ (Failure::Usage(_) | Failure::Interrupted(_))) => return Err(failure),
            Err(failure) => {
                // Once, however often it is tried.
                if !silent {
                    failure.report();
                    silent = true;
                }
            }
        }
        sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}

async fn write_served(arguments: &Ts, link: &Link) -> Result<(), Failure> {
    let descriptions = source::served(&link.wire).await?;
    arguments.write(&arguments.files(&descriptions)?)
}

/// When a file was written, and how long it is.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
