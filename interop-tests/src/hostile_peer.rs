//! A peer that says what a test tells it to, byte by byte, over a bare session: what a wire must survive.
//!
//! ```
//! use interop_tests::hostile_peer::{Answer, HostilePeer};
//! use ipfi_core::{Code, Interface};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
//! # runtime.block_on(async {
//! let (mut peer, _wire) = HostilePeer::against(Interface::new());
//! peer.hello().await;
//! // Procedure 0 in bincode, and a flag that has no meaning: refused by name.
//! let mut call = peer.call(&[0x00, 0x81], true).await;
//! let Answer::Status(status) = call.answer().await else { unreachable!() };
//! assert_eq!(status.code(), Code::Unimplemented);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use ipfi_core::memory::{MemoryOptions, MemoryRecvStream, MemorySendStream, MemorySession, pair};
use ipfi_core::metadata::Metadata;
use ipfi_core::proto::control::{put_goaway, put_preamble};
use ipfi_core::proto::{Direction, ItemDecoder, Part, Settings};
use ipfi_core::session::{RecvStream, SendStream, Session};
use ipfi_core::{Limits, Status, Wire, WireOptions};

use crate::session_suite::ops::{accept_bi, accept_uni, read, settle, stopped};
use crate::test_runtime::TestRuntime;

/// How long the peer waits, in virtual time, for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// One end of a connection whose other end is a wire. It is the client; that matters to nobody.
#[derive(Debug)]
pub struct HostilePeer {
    /// The session, for what has no verb.
    pub session: MemorySession,
    control: Option<MemorySendStream>,
}

/// Waits for what must happen; a wire that does not do it hangs, and the test says so.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(seen) => seen,
        Err(_) => fail(&format!("nothing within {PATIENCE:?}: {what}")),
    }
}

// A test's helper fails as a test does.
#[allow(clippy::panic)]
fn fail(what: &str) -> ! {
    panic!("{what}")
}

impl HostilePeer {
    /// A peer of a wire with `options`, which is served in a task. The peer's own limits are the defaults.
    pub fn against(options: impl Into<WireOptions>) -> (Self, Wire) {
        Self::reading(options, usize::MAX)
    }

    /// The same; the wire reads at most `max_read_bytes` at a time.
    pub fn reading(options: impl Into<WireOptions>, max_read_bytes: usize) -> (Self, Wire) {
        let options = options.into();
        let mut memory = MemoryOptions::new(Limits::default());
        memory.server.limits = options.limits_ref().clone();
        memory.server.max_read_bytes = max_read_bytes;
        let (session, end) = pair(memory);
        let (wire, serving) = Wire::new(end, TestRuntime::shared(), options);
        tokio::spawn(serving);
        (Self { session, control: None }, wire)
    }

    /// Opens a control stream as a good peer does.
    pub async fn hello(&mut self) {
        let mut preamble = BytesMut::new();
        put_preamble(&mut preamble, &Settings::default());
        self.control = Some(self.uni(&preamble, false).await);
        settle().await;
    }

    /// Writes to the control stream that [`hello`](Self::hello) opened.
    pub async fn control(&mut self, bytes: &[u8]) {
        let control = self.control.as_mut().expect("hello() came before");
        // A wire that has closed takes no more, which the test sees elsewhere.
        let _ = write(control, bytes, false).await;
        settle().await;
    }

    /// Says that calls will be refused.
    pub async fn goaway(&mut self) {
        let mut goaway = BytesMut::new();
        put_goaway(&mut goaway);
        self.control(&goaway).await;
    }

    /// Opens a unidirectional stream, its type included in `bytes`.
    pub async fn uni(&self, bytes: &[u8], fin: bool) -> MemorySendStream {
        let opened = soon("a unidirectional stream", self.session.open_uni()).await;
        let mut send = opened.expect("the connection lives");
        let _ = write(&mut send, bytes, fin).await;
        settle().await;
        send
    }

    /// Opens a bidirectional stream and writes `bytes`: a call, or what passes for one.
    pub async fn call(&self, bytes: &[u8], fin: bool) -> HostileStream {
        let opened = soon("a bidirectional stream", self.session.open_bi()).await;
        let (send, recv) = opened.expect("the connection lives");
        let mut stream = HostileStream { send, recv };
        // A wire that has refused it takes no more.
        let _ = stream.write(bytes, fin).await;
        settle().await;
        stream
    }

    /// Accepts the wire's next call.
    pub async fn accept(&self) -> HostileStream {
        let accepted = soon("a call of the wire", accept_bi(&self.session)).await;
        let (send, recv) = accepted.expect("the connection lives");
        HostileStream { send, recv }
    }

    /// Accepts the wire's next unidirectional stream.
    pub async fn accept_uni(&self) -> MemoryRecvStream {
        let accepted = soon("a unidirectional stream of the wire", accept_uni(&self.session)).await;
        accepted.expect("the connection lives")
    }

    /// With what code and reason the wire closed the connection.
    pub async fn closed(&self) -> (CloseCode, String) {
        let mut waited = Duration::ZERO;
        loop {
            match self.session.close_reason() {
                Some(ConnectionError::PeerClosed { code, reason }) => return (code, reason.to_string()),
                Some(other) => fail(&format!("the connection ended otherwise: {other:?}")),
                None if waited > PATIENCE => fail("the wire did not close the connection"),
                None => settle().await,
            }
            waited += Duration::from_millis(20);
        }
    }

    /// Demands that the wire still serves: [`ECHO`](crate::conformance::kit::ECHO) must be offered.
    pub async fn still_served(&self) {
        settle().await;
        let mut call = self.call(b"\x00\x01\x10\x03Ada", true).await;
        let answer = call.answer().await;
        assert_eq!(answer.message(), &b"\x03Ada"[..], "a call afterwards");
    }
}

async fn write(send: &mut MemorySendStream, bytes: &[u8], fin: bool) -> Result<(), WriteError> {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let writing = poll_fn(|cx| send.poll_write(cx, &mut bytes, fin));
    // Against a window that stays closed the rest is not written: so be it.
    tokio::time::timeout(Duration::from_millis(1), writing).await.unwrap_or(Ok(()))
}

/// Both halves of a stream, of either side.
#[derive(Debug)]
pub struct HostileStream {
    /// What this end sends.
    pub send: MemorySendStream,
    /// What it receives.
    pub recv: MemoryRecvStream,
}

/// What came back on a stream.
#[derive(Debug)]
pub enum Answer {
    /// The messages and the metadata of an answer that ended well.
    Messages(Vec<Bytes>, Metadata),
    /// The status that ended it.
    Status(Status),
    /// It was reset.
    Reset(StreamCode),
    /// The connection ended.
    Ended(ConnectionError),
}

impl Answer {
    /// The one message of a good answer.
    pub fn message(self) -> Bytes {
        match self {
            Self::Messages(messages, _) if messages.len() == 1 => messages[0].clone(),
            other => fail(&format!("expected one message, saw {other:?}")),
        }
    }

    /// The status of a bad one.
    pub fn status(self) -> Status {
        match self {
            Self::Status(status) => status,
            other => fail(&format!("expected a status, saw {other:?}")),
        }
    }
}

impl HostileStream {
    /// Writes `bytes`, as many as there is room for, and ends the stream with `fin`.
    pub async fn write(&mut self, bytes: &[u8], fin: bool) -> Result<(), WriteError> {
        let written = write(&mut self.send, bytes, fin).await;
        settle().await;
        written
    }

    /// Resets what this end sends.
    pub async fn reset(&mut self, code: StreamCode) {
        self.send.reset(code);
        settle().await;
    }

    /// Stops what the wire sends.
    pub async fn stop(&mut self, code: StreamCode) {
        self.recv.stop(code);
        settle().await;
    }

    /// With what code the wire stopped what this end sends, or `None` when it does not.
    pub async fn stopped(&mut self) -> Option<StreamCode> {
        settle().await;
        let stopped = tokio::time::timeout(Duration::from_millis(1), stopped(&mut self.send)).await;
        stopped.ok().and_then(Result::ok)
    }

    /// Reads to the end of what the wire sends, as a good caller would.
    pub async fn answer(&mut self) -> Answer {
        let mut decoder = ItemDecoder::new(Direction::Response, &Limits::default());
        let (mut messages, mut message, mut metadata) = (Vec::new(), BytesMut::new(), Metadata::new());
        let mut status = None;
        loop {
            match decoder.next().expect("a wire sends well-formed items") {
                Some(Part::Data { bytes, end, .. }) => {
                    message.extend_from_slice(&bytes);
                    if end {
                        messages.push(message.split().freeze());
                    }
                }
                Some(Part::Metadata(came)) => metadata = came,
                Some(Part::Status(came)) => status = Some(came),
                Some(Part::End) => {
                    return match status {
                        Some(status) => Answer::Status(status),
                        None => Answer::Messages(messages, metadata),
                    };
                }
                None => match soon("an answer", read(&mut self.recv, 64 << 10)).await {
                    Ok(chunk) => decoder.push(chunk.bytes, chunk.fin),
                    Err(ReadError::Reset(code)) => return Answer::Reset(code),
                    Err(ReadError::Connection(cause)) => return Answer::Ended(cause),
                    Err(ReadError::Stopped | ReadError::Limit(_)) => {
                        fail("this end stopped the answer itself")
                    }
                },
            }
        }
    }

    /// Everything the wire sends, undecoded, until it ends or `limit` bytes have come.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, ReadError> {
        let mut all = BytesMut::new();
        while all.len() < limit {
            let chunk = soon("bytes", read(&mut self.recv, limit - all.len())).await?;
            all.extend_from_slice(&chunk.bytes);
            if chunk.fin {
                break;
            }
        }
        Ok(all.freeze())
    }
}
