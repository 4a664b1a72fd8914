//! A path that takes time and loses packets, between real sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

/// What a packet of TCP carries on an ordinary path.
const SEGMENT_BYTES: usize = 1400;

/// What may happen on the way to the client. Clones are the same path.
#[derive(Clone)]
pub(crate) struct Path(Arc<Shared>);

struct Shared {
    delay: Duration,
    loss: f64,
    dice: AtomicU64,
    losing: AtomicBool,
    lost: AtomicU64,
}

impl Path {
    pub(crate) fn new(delay: Duration, loss: f64, seed: u64) -> Self {
        let (dice, losing, lost) = (seed.into(), false.into(), 0.into());
        Self(Arc::new(Shared { delay, loss, dice, losing, lost }))
    }

    pub(crate) fn begin_to_lose(&self) {
        self.0.losing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Whether the next packet is lost: the same ones in every run (a linear congruential generator).
    fn loses(&self) -> bool {
        if !self.0.losing.load(Ordering::Relaxed) {
            return false;
        }
        let next = |dice: u64| {
            Some(dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        };
        let before = self.0.dice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let lost = ((before >> 33) as f64) < self.0.loss * f64::from(1_u32 << 31);
        self.0.lost.fetch_add(u64::from(lost), Ordering::Relaxed);
        lost
    }
}

type Packet = (Instant, Vec<u8>);

/// A relay to a UDP server, for one client. A lost datagram never arrives: QUIC notices and sends again.
pub(crate) async fn udp(server: SocketAddr, path: Path) -> io::Result<SocketAddr> {
    let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
    let far = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
    far.connect(server).await?;
    let at = near.local_addr()?;
    tokio::spawn(async move {
        let (mut client, mut from_near, mut from_far) = (None, vec![0; 65_536], vec![0; 65_536]);
        let (up, down) = (unbounded_channel::<Packet>(), unbounded_channel::<(Packet, SocketAddr)>());
        let (sender, mut packets) = (Arc::clone(&far), up.1);
        tokio::spawn(async move {
            while let Some((due, packet)) = packets.recv().await {
                sleep_until(due).await;
                let _ = sender.send(&packet).await;
            }
        });
        let (sender, mut packets) = (Arc::clone(&near), down.1);
        tokio::spawn(async move {
            while let Some(((due, packet), client)) = packets.recv().await {
                sleep_until(due).await;
                let _ = sender.send_to(&packet, client).await;
            }
        });
        loop {
            tokio::select! {
                Ok((count, from)) = near.recv_from(&mut from_near) => {
                    client = Some(from);
                    let _ = up.0.send((Instant::now() + path.0.delay, from_near[..count].to_vec()));
                }
                Ok(count) = far.recv(&mut from_far) => {
                    if let Some(client) = client && !path.loses() {
                        let packet = (Instant::now() + path.0.delay, from_far[..count].to_vec());
                        let _ = down.0.send((packet, client));
                    }
                }
            }
        }
    });
    Ok(at)
}

/// A relay to a TCP server. What is lost comes a round trip later, when the sender has heard of it, and all that was
/// sent after it waits: so a receiver's TCP has it, and so this hands it on.
pub(crate) async fn tcp(server: SocketAddr, path: Path) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        let (near, _) = listener.accept().await?;
        let far = TcpStream::connect(server).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let (near, far) = (near.into_split(), far.into_split());
        let up = pass_on(near.0, far.1, path.clone(), false);
        tokio::try_join!(up, pass_on(far.0, near.1, path, true)).map(drop)
    });
    Ok(at)
}

async fn pass_on(
    mut from: impl AsyncReadExt + Unpin,
    to: impl AsyncWriteExt + Send + Unpin + 'static,
    path: Path,
    lossy: bool,
) -> io::Result<()> {
    let (sender, packets): (UnboundedSender<Packet>, _) = unbounded_channel();
    tokio::spawn(deliver(packets, to));
    let mut segment = vec![0; SEGMENT_BYTES];
    loop {
        let count = from.read(&mut segment).await?;
        if count == 0 {
            return Ok(());
        }
        let round_trip = if lossy && path.loses() { path.0.delay * 2 } else { Duration::ZERO };
        let _ = sender.send((Instant::now() + path.0.delay + round_trip, segment[..count].to_vec()));
    }
}

/// In their order: who waits for one packet waits with all after it.
async fn deliver(mut packets: UnboundedReceiver<Packet>, mut to: impl AsyncWriteExt + Unpin) {
    while let Some((due, packet)) = packets.recv().await {
        sleep_until(due).await;
        if to.write_all(&packet).await.is_err() {
            return;
        }
    }
}
