//! Child processes as modules, and being one.
//!
//! A module speaks ipfi on its standard input and output. Whatever it prints goes to its standard error
//! instead: [`stdio`] moves the real output away before anything can be printed into the wire. That takes a
//! call of the system that Windows has only for unsafe code, so there a program can start modules, and be
//! none.

#[cfg_attr(not(unix), path = "stdio/no_guard.rs")]
mod guard;

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use tokio::process::{Child, Command};

pub(crate) use self::guard::{Reader, Writer};
use crate::local::without_idle_timeout;

/// How long a module may take to end once its pipe is closed; then it is killed.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// The same for a program of which no wire came.
const STRANGER_GRACE: Duration = Duration::from_secs(1);

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

/// Why there is no module, or no wire to it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The system could not start the program, or give this process its own input and output.
    #[error("{module}: {source}")]
    Io {
        /// Which module: `module NAME`, or `this module`.
        module: String,
        /// What the system said.
        source: io::Error,
    },
    /// The limits contradict each other: no connection could ever be made. Nothing was started or taken.
    #[error("{module}: its limits cannot be used: {source}")]
    Limits {
        /// Which module: `module NAME`, or `this module`.
        module: String,
        /// Which limits.
        source: ipfi_mux::ConfigError,
    },
    /// The other process runs but no wire came of it. A program that is no module and prints text is
    /// quoted ([`ConnectionError::NotIpfi`]).
    #[error("{module}: {source}{}", exited(.status))]
    Handshake {
        /// Which module: `module NAME`, or `this module`.
        module: String,
        /// Why not.
        source: ConnectionError,
        /// How the program ended, if it did so by itself. It is gone in any case.
        status: Option<ExitStatus>,
    },
}

fn exited(status: &Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" (it ended with {status})"))
}

/// As it reads, not as it is built: `main` prints the `Debug` of the error that it returns.
impl fmt::Debug for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleError({self})")
    }
}

/// Starts `command` as a module and makes a wire to it over its standard input and output, offering it
/// `options` (an [`Interface`](crate::Interface) will do). Its standard error stays where it is. There is
/// no idle timeout: a process that ends closes its pipe.
///
/// # Errors
///
/// [`ModuleError`] says which program and why. The program is gone by then: one that has not ended 1 s
/// after its input was closed is killed.
///
/// Cancel safe: dropped, it kills the program.
pub async fn spawn(mut command: Command, options: impl Into<WireOptions>) -> Result<Module, ModuleError> {
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let module = format!("module {name}");
    let options = options.into();
    if let Err(source) = ipfi_mux::check_limits(options.limits_ref()) {
        return Err(ModuleError::Limits { module, source });
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(source) => return Err(ModuleError::Io { module, source }),
    };
    let (Some(writer), Some(reader)) = (child.stdin.take(), child.stdout.take()) else {
        let source = io::Error::other("the child process has no pipes");
        return Err(ModuleError::Io { module, source });
    };
    let limits = without_idle_timeout(options.limits_ref());
    let peer = Peer::new(Side::Server, "stdio").with_address(name);
    match ipfi_mux::connect(reader, writer, options.limits(limits).peer(peer)).await {
        Ok(wire) => Ok(Module { wire, child }),
        Err(source) => {
            let exit = tokio::time::timeout(STRANGER_GRACE, child.wait()).await;
            if exit.is_err() {
                // An error says that it has ended after all.
                let _ = child.kill().await;
            }
            let status = exit.ok().and_then(Result::ok);
            Err(ModuleError::Handshake { module, source, status })
        }
    }
}

/// Becomes a module: makes a wire over this process' standard input and output, offering `options` (an
/// [`Interface`](crate::Interface) will do) to the process that started it.
///
/// From here on standard output is standard error, so that a stray `println!` cannot corrupt the wire,
/// and standard input is empty. Output that was printed before and is still buffered would; print nothing
/// before this. Wait for [`Wire::closed`] and then return: the host closing the pipe is the end.
///
/// Only on Unix: elsewhere standard output cannot be moved away without unsafe code, and this fails before
/// anything is read or written. A module that prints nothing can do without the guard:
/// `mux::accept(tokio::io::stdin(), tokio::io::stdout(), interface)`.
///
/// # Errors
///
/// [`ModuleError`]: what the system says or that it is not supported, or that whoever started this program is
/// no host.
pub async fn stdio(options: impl Into<WireOptions>) -> Result<Wire, ModuleError> {
    let module = || "this module".to_owned();
    let options = options.into();
    ipfi_mux::check_limits(options.limits_ref())
        .map_err(|source| ModuleError::Limits { module: module(), source })?;
    let (reader, writer) = take().map_err(|source| ModuleError::Io { module: module(), source })?;
    let limits = without_idle_timeout(options.limits_ref());
    let options = options.limits(limits).peer(Peer::new(Side::Client, "stdio"));
    let wire = ipfi_mux::accept(reader, writer, options).await;
    wire.map_err(|source| ModuleError::Handshake { module: module(), source, status: None })
}

/// Takes standard input and output out of the reach of everybody else in this process, once.
pub(crate) fn take() -> io::Result<(Reader, Writer)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("this process serves on them already, and can do so only once"));
    }
    let taken = guard::take_stdio();
    if taken.is_err() {
        TAKEN.store(false, Ordering::Relaxed);
    }
    taken
}
