//! Child processes as modules, and being one.
//!
//! A module speaks ipfi on its standard input and output. Whatever it prints goes to its standard error
//! instead: [`stdio`] moves the real output away before anything can be printed into the wire.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::time::Duration;

use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use crate::connector::without_idle_timeout;

/// How long a module may take to end once its pipe is closed; then it is killed.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// A module that runs as a child process. Dropped, it is killed; [`finish`](Self::finish) ends it in
/// order.
#[derive(Debug)]
pub struct Module {
    wire: Wire,
    child: Child,
}

impl Module {
    /// The wire to the module.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Gives running calls `grace`, closes the wire and waits for the process, which is killed if it has
    /// not ended 5 s later.
    ///
    /// # Errors
    ///
    /// What the system says of waiting for the process.
    pub async fn finish(mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.wire.shutdown(grace).await;
        if let Ok(exited) = tokio::time::timeout(EXIT_GRACE, self.child.wait()).await {
            return exited;
        }
        self.child.kill().await?;
        self.child.wait().await
    }
}

/// Starts `command` as a module and makes a wire to it over its standard input and output, offering it
/// `options` (an [`Interface`](crate::Interface) will do). Its standard error stays where it is. There is
/// no idle timeout: a process that ends closes its pipe.
///
/// # Errors
///
/// What the system says, or why no wire came of it: a program that is no module and prints text is quoted
/// ([`ConnectionError::NotIpfi`]).
pub async fn spawn(mut command: Command, options: impl Into<WireOptions>) -> io::Result<Module> {
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn()?;
    let (Some(writer), Some(reader)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the child process has no pipes"));
    };
    let options = options.into();
    let limits = without_idle_timeout(options.limits_ref());
    let peer = Peer::new(Side::Server, "stdio").with_address(name.clone());
    match ipfi_mux::connect(reader, writer, options.limits(limits).peer(peer)).await {
        Ok(wire) => Ok(Module { wire, child }),
        Err(error) => Err(io::Error::other(format!("module {name}: {error}"))),
    }
}

/// Becomes a module: makes a wire over this process' standard input and output, offering `options` (an
/// [`Interface`](crate::Interface) will do) to the process that started it.
///
/// From here on standard output is standard error, so that a stray `println!` cannot corrupt the wire,
/// and standard input is empty. Output that was printed before and is still buffered would; print nothing
/// before this. Wait for [`Wire::closed`] and then return: the host closing the pipe is the end.
///
/// # Errors
///
/// What the system says, or [`ConnectionError`] in it.
pub async fn stdio(options: impl Into<WireOptions>) -> io::Result<Wire> {
    let input = rustix::io::dup(rustix::stdio::stdin())?;
    let output = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    let options = options.into();
    let limits = without_idle_timeout(options.limits_ref());
    let options = options.limits(limits).peer(Peer::new(Side::Client, "stdio"));
    let wire = ipfi_mux::accept(readable(input)?, writable(output)?, options).await;
    wire.map_err(|error: ConnectionError| io::Error::other(error))
}

/// A pipe is polled; anything else (a file, a terminal) is read by a thread.
fn readable(fd: OwnedFd) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    if is_pipe(&fd)? {
        return Ok(Box::new(pipe::Receiver::from_owned_fd(fd)?));
    }
    Ok(Box::new(tokio::fs::File::from_std(fd.into())))
}

fn writable(fd: OwnedFd) -> io::Result<Box<dyn AsyncWrite + Send + Unpin>> {
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
