//! Standard input and output, moved out of the way of stray prints.

use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input and output, taken out of the reach of everybody else in this process.
pub(super) fn take_stdio() -> io::Result<(Reader, Writer)> {
    if io::stdin().is_terminal() {
        // Before anything is written: a person would be shown the handshake's bytes.
        return Err(io::Error::other("a module is started by its host (ipfi::spawn), not at a terminal"));
    }
    let input = rustix::io::dup(rustix::stdio::stdin())?;
    let output = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok((readable(input)?, writable(output)?))
}

/// A pipe is polled; a file is read by a thread.
fn readable(fd: OwnedFd) -> io::Result<Reader> {
    if is_pipe(&fd)? {
        return Ok(Box::new(pipe::Receiver::from_owned_fd(fd)?));
    }
    Ok(Box::new(tokio::fs::File::from_std(fd.into())))
}

fn writable(fd: OwnedFd) -> io::Result<Writer> {
    if is_pipe(&fd)? {
        return Ok(Box::new(pipe::Sender::from_owned_fd(fd)?));
    }
    Ok(Box::new(tokio::fs::File::from_std(fd.into())))
}

fn is_pipe(fd: &OwnedFd) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt;
    let metadata = std::fs::File::from(fd.try_clone()?).metadata()?;
    Ok(metadata.file_type().is_fifo())
}
