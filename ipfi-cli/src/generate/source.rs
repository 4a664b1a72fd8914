//! Where descriptions come from: a server, by reflection, or a file that has what reflection answers.

use std::path::{Path, PathBuf};

use ipfi::Wire;
use ipfi::typed::Description;

use super::Error;

/// A larger file is no file of descriptions.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// More interfaces are not one server's.
const MAX_INTERFACES: usize = 1_000;

#[derive(Debug)]
pub(super) enum Source {
    Url(String),
    File(PathBuf),
}

impl Source {
    pub(super) fn new(source: &str) -> Self {
        let is_url = source.contains("://") || source.starts_with("unix:");
        if is_url { Self::Url(source.to_owned()) } else { Self::File(source.into()) }
    }

    /// What there is now, and the wire that it came by.
    pub(super) async fn load(&self) -> Result<(Vec<Description>, Option<Wire>), Error> {
        let (descriptions, wire) = match self {
            Self::Url(url) => {
                let wire = ipfi::connect(url).await?;
                (ipfi::typed::descriptions(&wire).await?, Some(wire))
            }
            Self::File(path) => (read(path).map_err(|why| format!("{}: {why}", path.display()))?, None),
        };
        if descriptions.len() > MAX_INTERFACES {
            let seen = descriptions.len();
            return Err(format!("{seen} interfaces, of which {MAX_INTERFACES} are taken").into());
        }
        Ok((descriptions, wire))
    }
}

fn read(path: &Path) -> Result<Vec<Description>, Error> {
    let size = std::fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("{size} bytes, of which {MAX_FILE_BYTES} are taken").into());
    }
    let text = std::fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|why| format!("no descriptions as `ipfi::typed::to_json` writes them: {why}").into())
}
