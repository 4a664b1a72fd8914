//! A Unix socket that is listened on, and its file: which may be taken by something else before, and may
//! have been replaced when the listener goes.

use std::fs::{Metadata, remove_file, symlink_metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// A listener and the file that it made, which goes with it.
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it made: another one may have its name by the time it goes.
    file: Option<(u64, u64)>,
}

impl UnixSocket {
    /// Listens at `path`. A socket at which nobody answers is what a dead server left behind, and is
    /// replaced; anything else in the way is somebody's, and stays.
    pub(super) async fn bind(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                make_room(path, error).await?;
                UnixListener::bind(path)
            }
            bound => bound,
        }?;
        let file = symlink_metadata(path).ok().as_ref().map(identity);
        Ok(Self { listener, path: path.to_owned(), file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let there = symlink_metadata(&self.path).ok().as_ref().map(identity);
        if there.is_some() && there == self.file {
            // Whoever cannot remove it leaves a dead socket, which the next server replaces.
            let _ = remove_file(&self.path);
        }
    }
}

/// Removes a dead socket; says what else is in the way.
async fn make_room(path: &Path, in_use: io::Error) -> io::Result<()> {
    let taken = |what| Err(io::Error::new(io::ErrorKind::AddrInUse, what));
    // Asked first: connecting is refused by any other kind of file as it is by a dead socket.
    if !symlink_metadata(path)?.file_type().is_socket() {
        return taken("a file that is not a socket is in the way, and is left alone");
    }
    match UnixStream::connect(path).await {
        Ok(_) => taken("another program listens there"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => remove_file(path),
        // It cannot be told whether anybody listens.
        Err(_) => Err(in_use),
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
