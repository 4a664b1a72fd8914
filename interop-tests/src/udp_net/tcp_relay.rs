//! Delay and bandwidth between real TCP sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What is read at once, at most.
const CHUNK_BYTES: usize = 16 << 10;

/// Chunks under way in one direction, at most: 4 MiB, or half a second at 8 MiB/s. Then it stops reading, and
/// TCP holds back the sender.
const CHUNKS_UNDER_WAY: usize = 256;

/// A relay on loopback to one server: what comes goes on later, whole and in order.
///
/// Dropped, it ends, and its connections with it.
#[derive(Debug)]
pub struct TcpRelay {
    addr: SocketAddr,
    task: AbortHandle,
}

impl TcpRelay {
    /// A relay to `server` at a port of 127.0.0.1 that the system chooses. Each way of each connection takes
    /// `delay`, and lets through at most so many bytes in a second; `None` lets through all.
    pub async fn start(
        server: SocketAddr,
        delay: Duration,
        bytes_per_second: Option<u64>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, server, delay, bytes_per_second)).abort_handle();
        Ok(Self { addr, task })
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for TcpRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, delay: Duration, rate: Option<u64>) {
    // Aborted with this task, as it owns them.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            // Where the server refuses, the client sees its connection end.
            let Ok(server) = TcpStream::connect(server).await else { return };
            // What is written here has waited enough.
            drop((client.set_nodelay(true), server.set_nodelay(true)));
            let (client_reads, client_writes) = client.into_split();
            let (server_reads, server_writes) = server.into_split();
            tokio::join!(
                one_way(client_reads, server_writes, delay, rate),
                one_way(server_reads, client_writes, delay, rate),
            );
        });
    }
}

/// Carries one direction to its end. A failure of the reading side is passed on as an end: nothing here
/// resets.
async fn one_way(reader: OwnedReadHalf, writer: OwnedWriteHalf, delay: Duration, rate: Option<u64>) {
    let (sender, receiver) = mpsc::channel(CHUNKS_UNDER_WAY);
    let writing = write(writer, receiver);
    tokio::pin!(writing);
    tokio::select! {
        // Nobody takes it any more: to be read no further is how the sender learns.
        _ = &mut writing => {}
        _ = read(reader, sender, delay, rate) => drop(writing.await),
    }
}

async fn read(
    mut reader: OwnedReadHalf,
    sender: mpsc::Sender<(Instant, Bytes)>,
    delay: Duration,
    rate: Option<u64>,
) -> io::Result<()> {
    let mut passed = Instant::now();
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        if reader.read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        passed = passed.max(Instant::now());
        if let Some(rate) = rate {
            let nanos = chunk.len() as u64 * 1_000_000_000 / rate.max(1);
            passed += Duration::from_nanos(nanos);
        }
        if sender.send((passed + delay, chunk.freeze())).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut receiver: mpsc::Receiver<(Instant, Bytes)>) -> io::Result<()> {
    while let Some((at, chunk)) = receiver.recv().await {
        sleep_until(at).await;
        writer.write_all(&chunk).await?;
    }
    writer.shutdown().await
}
