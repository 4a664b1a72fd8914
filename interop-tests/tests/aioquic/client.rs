//! A client of ours and a server that a stranger wrote, `interop-tests/stranger/quic_server.py`: what it has seen of us
//! it says line by line.

use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Code, CodecId, Wire};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::python::{self, File};
use crate::quic_lab::{Certificate, Seen, connect, within};

/// The stranger's procedures, in its order.
const HELLO: u64 = 0;
const COUNT: u64 = 1;
const SUM: u64 = 2;
const TIMES: u64 = 3;
const NOTE: u64 = 4;
const CALL: u64 = 5;
const HANG: u64 = 6;
const FAIL: u64 = 7;
const RESET: u64 = 8;
const METADATA: u64 = 9;
const HEADER: u64 = 10;
const RAW: u64 = 11;
const BYTES: u64 = 12;
const FIRST: u64 = 13;
const MALFORMED: u64 = 14;
const GOAWAY: u64 = 15;
const CLOSE: u64 = 16;
const REFUSE: u64 = 17;
const DATAGRAM: u64 = 18;

/// The stranger as a server, which ends with the value.
struct Stranger {
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    address: SocketAddr,
    certificate: Certificate,
    _process: Child,
    _files: [File; 2],
}

impl Stranger {
    /// With a control stream of its own, or with the bytes `control` in hex.
    async fn start(control: &str) -> Self {
        let certificate = Certificate::new();
        let files = [File::new("certificate", &certificate.pem), File::new("key", &certificate.key)];
        let mut command = python::script(python::AIOQUIC, "quic_server.py").await;
        command.args([files[0].path(), files[1].path(), control]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = within("the stranger's port", lines.next_line()).await.unwrap().expect("it runs");
        let address = (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into();
        Self { lines, said: Vec::new(), address, certificate, _process: process, _files: files }
    }

    async fn connect(&self, seen: &Seen) -> Wire {
        connect(&self.certificate, self.address, seen).await
    }

    /// Waits until it has said `wanted`.
    async fn saw(&mut self, wanted: &str) {
        let what = format!("{wanted:?} from the stranger");
        while !self.said.iter().any(|line| line == wanted) {
            let line = within(&what, self.lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the stranger has ended instead of {what}"));
            assert!(!line.starts_with("FAILED"), "{line}");
            println!("the stranger: {line}");
            self.said.push(line);
        }
    }
}

async fn both() -> (Stranger, Wire) {
    let stranger = Stranger::start("").await;
    let wire = stranger.connect(&Seen::default()).await;
    (stranger, wire)
}

#[tokio::test]
async fn unary_calls_in_every_codec() {
    let (_stranger, wire) = both().await;
    for codec in [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json] {
        let greeting: String = within("a call", wire.call(HELLO, ("hé",)).codec(codec)).await.unwrap();
        assert_eq!(greeting, "Hello, hé!", "{codec:?}");
    }
    let unknown = within("a call", wire.call::<()>(999, ())).await.expect_err("there is none");
    assert_eq!(unknown.code(), Code::Unimplemented);
}

#[tokio::test]
async fn streams_both_ways() {
    let (_stranger, wire) = both().await;
    let numbers = wire.stream::<u64>(COUNT, (300_u64,)).await.unwrap();
    let numbers: Vec<u64> = within("a sequence", numbers.try_collect()).await.unwrap();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());

    let sum = wire.upload::<u64, u64>(SUM, ()).items(stream::iter(0..100));
    assert_eq!(within("an upload", sum).await.unwrap(), 4950);

    let (mut items, mut answers) = wire.duplex::<u64, u64>(TIMES, (3_u64,)).await.unwrap();
    for number in 0..20 {
        items.send(number).await.unwrap();
        // Each answer before the next question.
        assert_eq!(within("an answer", answers.try_next()).await.unwrap(), Some(3 * number));
    }
    items.finish().await.unwrap();
    assert_eq!(within("the end", answers.try_next()).await.unwrap(), None);
}

#[tokio::test]
async fn three_hundred_calls_at_once() {
    let (_stranger, wire) = both().await;
    let calls = (0..300).map(|n: u64| {
        let call = wire.call::<String>(HELLO, (n.to_string(),));
        async move { assert_eq!(call.await.unwrap(), format!("Hello, {n}!")) }
    });
    within("all calls", futures_util::future::join_all(calls)).await;
}

#[tokio::test]
async fn notifications_by_stream_and_by_datagram_both_ways() {
    let mut stranger = Stranger::start("").await;
    let seen = Seen::default();
    let wire = stranger.connect(&seen).await;
    wire.notify(NOTE, ("by stream",)).await.unwrap();
    stranger.saw("note 4 by stream").await;
    wire.notify(NOTE, ("by datagram",)).datagram().unwrap();
    stranger.saw("note 4 by datagram").await;
    within("a call", wire.call::<()>(DATAGRAM, ())).await.unwrap();
    seen.wait("note a datagram of the stranger").await;
}

#[tokio::test]
async fn headers_and_metadata() {
    let (_stranger, wire) = both().await;
    let plain: String = within("a call", wire.call(HEADER, ())).await.unwrap();
    assert_eq!(plain, "codec 1, timeout None, priority 0");
    let call =
        wire.call::<String>(HEADER, ()).codec(CodecId::Json).timeout(Duration::from_secs(5)).priority(-3);
    assert_eq!(within("a call", call).await.unwrap(), "codec 4, timeout 5000, priority -3");

    let call = wire.call::<u64>(METADATA, ()).metadata("trace", "abc").metadata("bin-x", &b"\x00\xff"[..]);
    let answer = within("a call", call.answer()).await.unwrap();
    assert_eq!(answer.value, 2);
    assert_eq!(answer.metadata.get("bin-x").map(|value| &value[..]), Some(&b"\x00\xff"[..]));
    assert_eq!(answer.metadata.get_str("trace"), Some("abc"));
}

#[tokio::test]
async fn a_mebibyte_and_fragments_of_one_byte() {
    let (_stranger, wire) = both().await;
    let bytes = Bytes::from((0..1 << 20).map(|n: u32| n.to_le_bytes()[0]).collect::<Vec<_>>());
    let back: Bytes = within("a call", wire.call(BYTES, (bytes.clone(),))).await.unwrap();
    assert!(back == bytes, "the same mebibyte");

    let mut call = wire.start(RAW).codec(CodecId::Raw).await.unwrap();
    for byte in b"in pieces" {
        call.write_fragment(Bytes::copy_from_slice(&[*byte]), ipfi_core::Terminator::None).await.unwrap();
    }
    call.write_fragment(Bytes::new(), ipfi_core::Terminator::Complete).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = within("a piece", call.read()).await.unwrap() {
        pieces.push((piece.bytes, piece.end_of_message));
    }
    let all: Vec<u8> = pieces.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
    assert_eq!(all, b"in pieces");
    assert_eq!(pieces.iter().filter(|(_, end)| *end).count(), 2, "the second message is empty: {pieces:?}");
}

#[tokio::test]
async fn statuses_arrive_whole() {
    let (_stranger, wire) = both().await;
    let error = within("a call", wire.call::<()>(FAIL, ())).await.expect_err("a status");
    assert_eq!((error.code(), error.status().message()), (Code::NotFound, "nothing of that name — é"));
    assert_eq!(error.status().details(), &b"\x00\xffdetails"[..]);
    let limit = error.status().limit_seen().unwrap();
    assert_eq!((&*limit.name, limit.limit, limit.seen), ("max_things", 3, 4));
    assert!(!error.never_started());
}

#[tokio::test]
async fn resets_stand_for_statuses() {
    // Clause 6.6.
    let (_stranger, wire) = both().await;
    for (code, status) in [
        ("CANCELLED", Code::Cancelled),
        ("DEADLINE", Code::DeadlineExceeded),
        ("SHUTDOWN", Code::Unavailable),
        ("RESOURCE_EXHAUSTED", Code::ResourceExhausted),
        ("INTERNAL", Code::Internal),
        ("NO_ERROR", Code::Unknown),
        ("DETACHED", Code::Unknown),
    ] {
        let error = within("a call", wire.call::<()>(RESET, (code,))).await.expect_err("a reset");
        assert_eq!((error.code(), error.never_started()), (status, false), "{code}");
    }
    let refused = within("a call", wire.call::<()>(REFUSE, ())).await.expect_err("refused");
    assert_eq!((refused.code(), refused.never_started()), (Code::Unavailable, true));
}

#[tokio::test]
async fn calls_that_are_given_up_say_why() {
    // Clause 5.4.
    let (mut stranger, wire) = both().await;
    let call = wire.call::<()>(HANG, ("dropped",));
    let ended = tokio::time::timeout(Duration::from_millis(200), call).await;
    assert!(ended.is_err(), "nobody answers");
    stranger.saw("dropped stopped CANCELLED, request FIN").await;

    let call = wire.call::<()>(HANG, ("late",)).timeout(Duration::from_millis(200));
    let late = within("the deadline", call).await.expect_err("nobody answers");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    stranger.saw("late stopped DEADLINE, request FIN").await;

    let uploading = wire.upload::<u64, u64>(HANG, ("an upload",)).await.unwrap();
    stranger.saw("an upload hangs").await;
    drop(uploading);
    stranger.saw("an upload stopped CANCELLED, request CANCELLED").await;

    wire.call::<()>(HANG, ("detached",)).detached().await.unwrap();
    stranger.saw("detached stopped DETACHED, request FIN").await;
}

#[tokio::test]
async fn an_early_answer_ends_the_request_with_no_error() {
    // Clause 5.3.
    let (mut stranger, wire) = both().await;
    let endless = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((1_u64, ()))
    });
    let answer = within("an upload", wire.upload::<u64, u64>(FIRST, ()).items(endless)).await;
    assert_eq!(answer.unwrap(), 7);
    stranger.saw("first: request ended NO_ERROR").await;
}

#[tokio::test]
async fn malformed_responses_fail_their_call_alone() {
    // Clause 13.1.
    let (mut stranger, wire) = both().await;
    for (rule, code) in [
        ("fragment-empty", Code::Internal),
        ("metadata-not-first", Code::Internal),
        ("status-malformed", Code::Internal),
        ("end-inside-item", Code::Internal),
        ("end-inside-message", Code::Internal),
        ("no answer", Code::Unimplemented),
        ("two answers", Code::Unimplemented),
        ("message-too-large", Code::ResourceExhausted),
        ("status-too-large", Code::ResourceExhausted),
    ] {
        let error = within(rule, wire.call::<u8>(MALFORMED, (rule,))).await.expect_err(rule);
        assert_eq!(error.code(), code, "{rule}: {error}");
        if rule.ends_with("too-large") {
            stranger.saw(&format!("{rule}: stopped RESOURCE_EXHAUSTED")).await;
        }
    }
    let greeting: String = within("a call", wire.call(HELLO, ("still",))).await.unwrap();
    assert_eq!(greeting, "Hello, still!");
}

#[tokio::test]
async fn the_stranger_calls_back() {
    let (_stranger, wire) = both().await;
    let greeting: String = within("a call", wire.call(CALL, ("Ada",))).await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
}

#[tokio::test]
async fn no_call_is_sent_after_goaway() {
    // Clause 2.6.
    let (mut stranger, wire) = both().await;
    let running = tokio::spawn(wire.call::<()>(HANG, ("running",)).into_future());
    within("a call", wire.call::<()>(GOAWAY, ())).await.unwrap();
    within("GOAWAY is taken", async {
        while let Ok(greeting) = wire.call::<String>(HELLO, ("early",)).await {
            assert_eq!(greeting, "Hello, early!");
        }
    })
    .await;
    let late = wire.call::<String>(HELLO, ("late",)).await.expect_err("no new calls");
    assert_eq!((late.code(), late.never_started()), (Code::Unavailable, true));
    assert!(!running.is_finished(), "calls that arrived earlier go on");
    running.abort();
    stranger.saw("running stopped CANCELLED, request FIN").await;
}

#[tokio::test]
async fn closes_carry_their_code_and_reason() {
    let mut stranger = Stranger::start("").await;
    let wire = stranger.connect(&Seen::default()).await;
    let error =
        within("a call", wire.call::<()>(CLOSE, ("SHUTDOWN", "because — é"))).await.expect_err("closed");
    let closed = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "because — é".into() };
    assert_eq!(error.connection_error(), Some(&closed));
    assert_eq!(within("the end", wire.closed()).await, closed);

    let wire = stranger.connect(&Seen::default()).await;
    wire.close(CloseCode(77), "enough — é");
    stranger.saw("closed 0x4d enough — é").await;

    drop(stranger.connect(&Seen::default()).await);
    stranger.saw("closed NO_ERROR").await;

    let wire = stranger.connect(&Seen::default()).await;
    within("a shutdown", wire.shutdown(Duration::from_secs(1))).await;
    stranger.saw("closed NO_ERROR").await;
}

/// The close of a client of ours whose server's control stream is `control`.
async fn close_for(control: &str, seen: &str) -> ConnectionError {
    let mut stranger = Stranger::start(control).await;
    let wire = stranger.connect(&Seen::default()).await;
    let closed = within("the end", wire.closed()).await;
    stranger.saw(seen).await;
    closed
}

#[tokio::test]
async fn another_version_is_refused_by_name() {
    // Clause 2.3. Type 0, `ipfi`, version 2.
    let reason = "version mismatch: this side speaks ipfi-1, the peer ipfi-2";
    let closed = close_for("006970666902", &format!("closed VERSION {reason}")).await;
    assert_eq!(closed.to_string(), reason);
}

#[tokio::test]
async fn a_control_stream_without_settings_is_a_breach() {
    // Clause 2.4: GOAWAY first.
    let mut stranger = Stranger::start("0069706669010100").await;
    let wire = stranger.connect(&Seen::default()).await;
    within("the end", wire.closed()).await;
    let closed = within("a line", stranger.lines.next_line()).await.unwrap().unwrap();
    assert!(closed.starts_with("closed PROTOCOL "), "{closed}");
}

#[tokio::test]
async fn small_calls_share_a_stream_where_the_stranger_offers_one() {
    // Clause 3.6: SETTINGS of two bytes, key 4 is 1.
    let mut stranger = Stranger::start("00697066690100020401").await;
    let wire = stranger.connect(&Seen::default()).await;
    // Until its SETTINGS have come calls have streams of their own, which it answers as well.
    let shared = async {
        while wire.stats().calls_out_shared < 10 {
            let greeting: String = wire.call(HELLO, ("Ada",)).await.unwrap();
            assert_eq!(greeting, "Hello, Ada!");
            // Beside this, the other process has to be heard.
            tokio::task::yield_now().await;
        }
    };
    within("ten calls that share a stream", shared).await;
    stranger.saw("shared stream: call of 0").await;
    let error = within("a call", wire.call::<()>(FAIL, ())).await.expect_err("a status");
    assert_eq!((error.code(), error.status().message()), (Code::Unimplemented, "not on the shared stream"));
    let late = wire.call::<()>(HANG, ("late",)).timeout(Duration::from_millis(200));
    assert_eq!(within("a deadline", late).await.expect_err("late").code(), Code::DeadlineExceeded);
    stranger.saw("shared stream: stopped DEADLINE").await;
    // What has a priority, or is no unary call, has a stream of its own.
    let numbers = wire.stream::<u64>(COUNT, (3_u64,)).await.unwrap();
    assert_eq!(within("a sequence", numbers.try_collect::<Vec<_>>()).await.unwrap(), [0, 1, 2]);
    wire.shutdown(Duration::from_secs(1)).await;
    stranger.saw("closed NO_ERROR").await;
}
