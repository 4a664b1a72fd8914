//! The floor: length-prefixed messages, one at a time, over a TCP socket; no ids, no tasks in between.
//! Only one call can be outstanding, so only the sequential workload is run: what a round trip through
//! the kernel and the runtime costs, whatever is built on top.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::peer::{Client, Peer};

pub(crate) struct RawTcp;

/// The lock makes it `Clone` and `Sync` as the trait asks; nobody contends for it.
#[derive(Clone)]
pub(crate) struct RawClient(Arc<Mutex<TcpStream>>);

impl Peer for RawTcp {
    const NAME: &'static str = "raw_tcp";
    const PIPELINES: bool = false;
    type Client = RawClient;

    async fn connect() -> io::Result<RawClient> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut message = Vec::new();
            // Ends with the client's end of file, or with its fault, which the client sees as well.
            while receive(&mut server, &mut message).await.is_ok() {
                if send(&mut server, &message).await.is_err() {
                    return;
                }
            }
        });
        Ok(RawClient(Arc::new(Mutex::new(client))))
    }
}

impl Client for RawClient {
    async fn echo(&self, text: &str) -> io::Result<String> {
        let mut socket = self.0.lock().await;
        let mut message = text.as_bytes().to_vec();
        send(&mut socket, &message).await?;
        receive(&mut socket, &mut message).await?;
        String::from_utf8(message).map_err(io::Error::other)
    }
}

/// One write a message: length and text leave together.
async fn send(socket: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(4 + message.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    socket.write_all(&frame).await
}

/// One read a message where the kernel has it whole, which on loopback it has.
async fn receive(socket: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    message.clear();
    loop {
        if socket.read_buf(message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((length, rest)) = message.split_first_chunk::<4>() else { continue };
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(io::Error::other)?;
        if rest.len() >= length {
            message.truncate(4 + length);
            message.drain(..4);
            return Ok(());
        }
    }
}
