//! Wires over the standard library's sockets.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::WireOptions;

use super::{BlockingWire, drive};

/// A stream socket of the standard library.
trait Socket: io::Read + Write + Send + Sync + Sized + 'static {
    fn duplicate(&self) -> io::Result<Self>;
    fn shut(&self, how: Shutdown) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn shut(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

#[cfg(unix)]
impl Socket for UnixStream {
    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn shut(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

/// The writing direction of a socket, which ends when this is dropped: the peer reads to the end what was
/// written, even while it still sends.
#[derive(Debug)]
struct SendHalf<S: Socket>(S);

impl<S: Socket> Write for SendHalf<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Socket> Drop for SendHalf<S> {
    fn drop(&mut self) {
        // An error says that the socket is closed already.
        let _ = self.0.shut(Shutdown::Write);
    }
}

fn over_socket<S: Socket>(
    socket: S,
    side: Side,
    options: WireOptions,
) -> Result<BlockingWire, ConnectionError> {
    let lost = |error: io::Error| ConnectionError::lost(error.to_string());
    let reader = socket.duplicate().map_err(lost)?;
    let closer = socket.duplicate().map_err(lost)?;
    let close = move || {
        // As above; what this is for is the thread that may be reading.
        let _ = closer.shut(Shutdown::Both);
    };
    drive(reader, SendHalf(socket), close, side, options)
}

/// Makes a wire over a TCP connection, as the side that connected; turns Nagle's algorithm off, because
/// the writer gathers what belongs together itself. Not encrypted.
///
/// # Errors
///
/// As [`connect`](super::connect).
pub fn connect_tcp(
    stream: TcpStream,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError> {
    over_tcp(stream, Side::Client, options.into())
}

/// Makes a wire over a TCP connection that was accepted; otherwise as [`connect_tcp`].
///
/// # Errors
///
/// As [`connect`](super::connect).
pub fn accept_tcp(
    stream: TcpStream,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError> {
    over_tcp(stream, Side::Server, options.into())
}

fn over_tcp(stream: TcpStream, side: Side, options: WireOptions) -> Result<BlockingWire, ConnectionError> {
    stream.set_nodelay(true).map_err(|error| ConnectionError::lost(error.to_string()))?;
    over_socket(stream, side, options)
}

/// Makes a wire over a Unix socket, as the side that connected. No pings and no idle timeout, whatever the
/// limits say: the system tells of a peer's end at once, and a peer that is stopped in a debugger is not
/// dead.
///
/// # Errors
///
/// As [`connect`](super::connect).
#[cfg(unix)]
pub fn connect_unix(
    stream: UnixStream,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError> {
    over_socket(stream, Side::Client, without_idle_timeout(options.into()))
}

/// Makes a wire over a Unix socket that was accepted; otherwise as [`connect_unix`].
///
/// # Errors
///
/// As [`connect`](super::connect).
#[cfg(unix)]
pub fn accept_unix(
    stream: UnixStream,
    options: impl Into<WireOptions>,
) -> Result<BlockingWire, ConnectionError> {
    over_socket(stream, Side::Server, without_idle_timeout(options.into()))
}

#[cfg(unix)]
fn without_idle_timeout(options: WireOptions) -> WireOptions {
    let mut limits = options.limits_ref().clone();
    limits.ping_interval = None;
    limits.idle_timeout = None;
    options.limits(limits)
}
