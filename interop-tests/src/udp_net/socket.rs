//! A socket of the net, as quinn wants it.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::UdpNet;

/// What quinn sends at once, at most.
const MAX_SEGMENTS: usize = 10;

/// A socket of the net.
#[derive(Debug)]
pub(super) struct Socket {
    net: UdpNet,
    addr: SocketAddr,
    id: u64,
}

impl Socket {
    pub(super) fn new(net: UdpNet, addr: SocketAddr, id: u64) -> Self {
        Self { net, addr, id }
    }

    /// How a peer's address looks to this socket.
    fn as_seen(&self, peer: SocketAddr) -> SocketAddr {
        match peer {
            SocketAddr::V4(peer) if self.addr.is_ipv6() => {
                SocketAddr::new(peer.ip().to_ipv6_mapped().into(), peer.port())
            }
            peer => peer,
        }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // `src_ip` is not looked at: the socket has one address.
        let segment = transmit.segment_size.unwrap_or(usize::MAX).max(1);
        if transmit.contents.is_empty() {
            self.net.send(self.addr, transmit.destination, transmit.ecn, &[]);
        }
        for datagram in transmit.contents.chunks(segment) {
            self.net.send(self.addr, transmit.destination, transmit.ecn, datagram);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.net.0.lock();
        let mut count = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some(datagram) = state.receive(self.addr, self.id) else { break };
            // What does not fit is cut off, as the system does.
            let len = datagram.bytes.len().min(buf.len());
            buf[..len].copy_from_slice(&datagram.bytes[..len]);
            *meta = RecvMeta {
                addr: self.as_seen(datagram.from),
                len,
                stride: len,
                ecn: datagram.ecn,
                dst_ip: Some(self.addr.ip()),
            };
            count += 1;
        }
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        let before = state.wait(self.addr, self.id, cx.waker());
        drop(state);
        drop(before);
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }

    fn max_transmit_segments(&self) -> usize {
        MAX_SEGMENTS
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let port = self.net.0.lock().unbind(self.addr, self.id);
        drop(port);
    }
}

/// Sending never waits, as with UDP that is lost rather than held.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
