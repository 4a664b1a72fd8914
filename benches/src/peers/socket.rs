//! Sockets as the peers that have none of their own use them: TCP without Nagle's delay, or Unix.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::peer::Result;

/// A kind of socket.
pub(crate) trait Socket: Sized + AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Accepts connections and serves each in a task of its own; returns where.
    fn serve<F, Served>(serve: F) -> impl Future<Output = Result<String>> + Send
    where
        F: Fn(Self) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static;

    fn open(address: &str) -> impl Future<Output = Result<Self>> + Send;
}

/// As many as may wait to be accepted: a loop of connections does not wait for a retry of the kernel's.
const BACKLOG: u32 = 1024;

impl Socket for TcpStream {
    async fn serve<F, Served>(serve: F) -> Result<String>
    where
        F: Fn(Self) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let listener = listen()?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A socket without the option would be seen at once, by its latency.
                let _ = socket.set_nodelay(true);
                tokio::spawn(serve(socket));
            }
        });
        Ok(address)
    }

    async fn open(address: &str) -> Result<Self> {
        let socket = Self::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

/// A listener on a port of its own.
pub(crate) fn listen() -> io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(BACKLOG)
}

impl Socket for UnixStream {
    async fn serve<F, Served>(serve: F) -> Result<String>
    where
        F: Fn(Self) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let path = socket_path()?;
        let listener = UnixListener::bind(&path)?;
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
        Ok(path.display().to_string())
    }

    async fn open(address: &str) -> Result<Self> {
        Ok(Self::connect(address).await?)
    }
}

/// Where this process may listen, in a folder that goes with it.
pub(crate) fn socket_path() -> Result<PathBuf> {
    let mut folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let made = match folder.take() {
        Some(made) => made,
        None => TempDir::with_prefix("ipfi-bench-")?,
    };
    let path = made.path().join("socket");
    *folder = Some(made);
    Ok(path)
}

/// Before the process ends, because a static is not dropped.
pub(crate) fn remove_folder() {
    drop(FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

static FOLDER: Mutex<Option<TempDir>> = Mutex::new(None);
