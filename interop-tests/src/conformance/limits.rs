//! Limits in both directions: who passes one hears which, by how much and who set it; nobody else does.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use ipfi_core::metadata::Metadata;
use ipfi_core::status::Origin;
use ipfi_core::{Code, Context, Interface, Limits, Status, Terminator, Wire};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new(
            "a request over the callee's limit fails before it leaves, as soon as that is known",
            request_known,
        ),
        Claim::new(
            "arguments in pieces over the limit are RESOURCE_EXHAUSTED at the callee",
            request_in_pieces,
        ),
        Claim::new("an answer over the caller's limit fails at the callee, which was told", answer_known),
        Claim::new("an item that is too large fails alone, and the stream goes on", item_alone),
        Claim::new("half-received messages have a limit together, and the newest is refused", reassembly),
        Claim::new("metadata over a limit fails the call before it leaves", metadata_out),
        Claim::new("metadata of an answer over a limit fails the call", metadata_back),
        Claim::new("what decodes to more than the limit is refused, and nothing else", decoded),
        Claim::new(
            "calls of this side over max_outbound_calls wait, first come first served",
            outbound_places,
        ),
        Claim::new("a status is cut to what the caller takes, its code never", long_status),
    ]
}

async fn small(stage: &Stage, caller: fn(&mut Limits), callee: fn(&mut Limits)) -> (Wire, Wire) {
    stage.wires(limited(Interface::new(), caller), limited(standard(), callee)).await
}

fn of_1000(limits: &mut Limits) {
    limits.max_message_bytes = 1000;
}

async fn request_known(stage: Stage) -> Outcome {
    let (caller, callee) = small(&stage, |_| {}, of_1000).await;
    let beside = beside(&caller).await?;
    // The settings say it: nothing leaves. 3 bytes are bincode's length.
    let error = failed(
        "the call",
        caller.call::<Bytes>(ECHO_BYTES, (pattern(0, 998),)).await,
        Code::ResourceExhausted,
    )?;
    limit_named(&error, "max_message_bytes", 1000, 1001)?;
    no_retry_helps(&error)?;
    ok("what fits", caller.call::<Bytes>(ECHO_BYTES, (pattern(0, 997),)).await)?;
    failed("a notification", caller.notify(NOTE, (pattern(0, 998),)).await, Code::ResourceExhausted)?;
    let raw = caller.call::<Bytes>(ECHO_BYTES, ipfi_core::Raw(pattern(0, 1001))).await;
    failed("raw arguments", raw, Code::ResourceExhausted)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn request_in_pieces(stage: Stage) -> Outcome {
    let (caller, callee) = small(&stage, |_| {}, of_1000).await;
    let beside = beside(&caller).await?;
    let mut call = ok("starting", caller.start(ECHO_BYTES).await)?;
    for _ in 0..3 {
        ok("a piece", call.write_fragment(pattern(0, 400), Terminator::None).await)?;
    }
    let error = failed("the answer", call.finish::<Bytes>().await, Code::ResourceExhausted)?;
    limit_named(&error, "max_message_bytes", 1000, 1200)?;
    equal("who says it", error.status().origin(), Origin::Callee)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn answer_known(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(size,): (u32,)| async move { pattern(0, size as usize) });
    let (caller, callee) = stage.wires(limited(Interface::new(), of_1000), interface).await;
    let beside = beside(&caller).await?;
    let error = failed("the call", caller.call::<Bytes>(OWN, (998_u32,)).await, Code::ResourceExhausted)?;
    limit_named(&error, "max_message_bytes", 1000, 1001)?;
    equal("who says it", error.status().origin(), Origin::Callee)?;
    ok("what fits", caller.call::<Bytes>(OWN, (997_u32,)).await)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn item_alone(stage: Stage) -> Outcome {
    let interface = standard().sequence_with_items(OWN, |(): (), items: ipfi_core::Receiver<Bytes>| {
        items.map(|item| item.map(|item| item.len() as u64).map_err(Status::from))
    });
    let (caller, callee) = stage.wires(Interface::new(), limited(interface, of_1000)).await;
    let (mut send, mut receive) = ok("the call", caller.duplex::<Bytes, u64>(OWN, ()).await)?;
    ok("an item", send.send(pattern(0, 10)).await)?;
    let error = failed("one too large", send.send(pattern(0, 2000)).await, Code::ResourceExhausted)?;
    limit_named(&error, "max_message_bytes", 1000, 2003)?;
    ok("the next", send.send(pattern(0, 20)).await)?;
    ok("the end", send.finish().await)?;
    let lengths: Vec<u64> = ok("the answers", receive.by_ref().try_collect().await)?;
    equal("what arrived", lengths, vec![10, 20])?;
    idle(&caller, &callee).await
}

async fn reassembly(stage: Stage) -> Outcome {
    let limits: fn(&mut Limits) = |limits| limits.max_reassembly_bytes = 100_000;
    let (caller, callee) = small(&stage, |_| {}, limits).await;
    let beside = beside(&caller).await?;
    let mut half = Vec::new();
    for _ in 0..2 {
        let mut call = ok("starting", caller.start(RAW_ECHO).await)?;
        // A raw procedure takes fragments as they come: nothing is held.
        ok("half a message", call.write_fragment(pattern(0, 60_000), Terminator::None).await)?;
        half.push(call);
    }
    let mut first = ok("starting", caller.start(ECHO_BYTES).await)?;
    ok("half a message", first.write_fragment(typed_half(), Terminator::None).await)?;
    settle().await;
    let mut second = ok("starting", caller.start(ECHO_BYTES).await)?;
    ok("half a message", second.write_fragment(typed_half(), Terminator::None).await)?;
    let error = failed("the newest", second.finish::<Bytes>().await, Code::ResourceExhausted)?;
    that(
        "it names the limit",
        error.status().limit_seen().is_some_and(|limit| limit.name == "max_reassembly_bytes"),
    )?;
    // The older one goes on, and when it has ended there is room again.
    ok("the other half", first.write_fragment(pattern(0, 20_000), Terminator::None).await)?;
    equal("the older", ok("it", first.finish::<Bytes>().await)?.len(), 80_000)?;
    let mut third = ok("starting", caller.start(ECHO_BYTES).await)?;
    ok("half a message", third.write_fragment(typed_half(), Terminator::None).await)?;
    ok("the other half", third.write_fragment(pattern(0, 20_000), Terminator::None).await)?;
    equal("a later one", ok("it", third.finish::<Bytes>().await)?.len(), 80_000)?;
    drop(half);
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

/// The first 60 000 bytes of a byte string of 80 000, in bincode.
fn typed_half() -> Bytes {
    let mut half = vec![0xfc];
    half.extend_from_slice(&80_000_u32.to_le_bytes());
    half.extend_from_slice(&pattern(0, 60_000));
    half.into()
}

async fn metadata_out(stage: Stage) -> Outcome {
    let (caller, callee) = small(&stage, |_| {}, |limits| limits.max_metadata_bytes = 100).await;
    let beside = beside(&caller).await?;
    let call = caller.call::<String>(ECHO, ("x",)).metadata("k", pattern(0, 200));
    let error = failed("too many bytes", call.await, Code::ResourceExhausted)?;
    limit_named(&error, "max_metadata_bytes", 100, 204)?;
    that("it never started", error.never_started())?;
    let mut call = caller.call::<String>(ECHO, ("x",));
    for _ in 0..65 {
        call = call.metadata("k", "");
    }
    failed("too many entries", call.await, Code::ResourceExhausted)?;
    for key in ["", "Upper", "with space", &"k".repeat(65)] {
        failed(
            "a bad key",
            caller.call::<String>(ECHO, ("x",)).metadata(key, "").await,
            Code::InvalidArgument,
        )?;
        failed("a bad key", caller.notify(NOTE, ()).metadata(key, "").await, Code::InvalidArgument)?;
    }
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn metadata_back(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |context: Context, (size, entries): (u32, u64)| async move {
        let mut metadata = Metadata::new();
        for _ in 0..entries {
            metadata.insert("k", pattern(0, size as usize)).expect("a valid key");
        }
        context.set_reply_metadata(metadata);
    });
    let (caller, callee) =
        stage.wires(limited(Interface::new(), |limits| limits.max_metadata_bytes = 1000), interface).await;
    let beside = beside(&caller).await?;
    ok("what fits", caller.call::<()>(OWN, (900_u32, 1_u64)).await)?;
    let error = failed("bytes", caller.call::<()>(OWN, (1000_u32, 1_u64)).await, Code::ResourceExhausted)?;
    limit_named(&error, "max_metadata_bytes", 1000, 1004)?;
    let error = failed("entries", caller.call::<()>(OWN, (0_u32, 65_u64)).await, Code::ResourceExhausted)?;
    limit_named(&error, "max_metadata_entries", 64, 65)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Nested(Vec<Nested>);

fn nested(depth: usize) -> Nested {
    Nested(if depth == 0 { vec![] } else { vec![nested(depth - 1)] })
}

async fn decoded(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, |(items,): (Vec<Option<[u64; 32]>>,)| async move { items.len() as u64 })
        .procedure(OWN + 1, |(_,): (Nested,)| async {})
        .sequence(OWN + 2, |(): ()| stream::iter([nested(1), nested(100), nested(1)]));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let beside = beside(&caller).await?;
    let amplified: Vec<Option<[u64; 32]>> = vec![None; 100_000];
    let error = failed(
        "100 kB that become 26 MB",
        caller.call::<u64>(OWN, (amplified,)).await,
        Code::ResourceExhausted,
    )?;
    that(
        "it names the limit",
        error.status().limit_seen().is_some_and(|limit| limit.name == "max_decoded_bytes"),
    )?;
    let error = failed("depth", caller.call::<()>(OWN + 1, (nested(100),)).await, Code::ResourceExhausted)?;
    that("it names the limit", error.status().limit_seen().is_some_and(|limit| limit.name == "max_depth"))?;
    let mut items = ok("the stream", caller.stream::<Nested>(OWN + 2, ()).await)?;
    that("the first item", ok("it", items.try_next().await)?.is_some())?;
    let error = match items.next().await {
        Some(Err(error)) => error,
        other => {
            return Err(format!("the second: expected an error, saw {:?}", other.map(|item| item.is_ok())));
        }
    };
    equal("the second", (error.code(), error.status().origin()), (Code::ResourceExhausted, Origin::Caller))?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn outbound_places(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface = standard().procedure(OWN, move |context: Context, (n,): (u64,)| {
        let running = handler.enter(context);
        async move {
            let _running = running;
            sleep_ms(10).await;
            n
        }
    });
    let (caller, callee) =
        stage.wires(limited(Interface::new(), |limits| limits.max_outbound_calls = 4), interface).await;
    let order = std::cell::RefCell::new(Vec::new());
    let calls = (0..40_u64).map(|n| {
        let (caller, order) = (caller.clone(), &order);
        async move {
            let answer = caller.call::<u64>(OWN, (n,)).await;
            order.borrow_mut().push(n);
            answer
        }
    });
    // Some give up while they wait: they must not take anybody's place with them.
    let impatient: Vec<_> = (0..8)
        .map(|_| {
            let call = caller.call::<u64>(OWN, (99_u64,)).timeout(Duration::from_millis(5));
            tokio::spawn(call.into_future())
        })
        .collect();
    let answers = future::join_all(calls).await;
    equal("answers", answers.into_iter().filter(|answer| answer.is_ok()).count(), 40)?;
    that("never more than 4 at once", probe.most() <= 4)?;
    let order = order.into_inner();
    that("first come, first served", order.is_sorted())?;
    for call in impatient {
        let error = failed("an impatient one", ok("its task", call.await)?, Code::DeadlineExceeded)?;
        drop(error);
    }
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn long_status(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(): ()| async {
        Err::<(), _>(Status::aborted("é".repeat(100_000)).with_details(pattern(0, 100_000)))
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let error = failed("the call", caller.call::<()>(OWN, ()).await, Code::Aborted)?;
    let text = error.status().message();
    that(
        "some of the text arrives, cut between characters",
        !text.is_empty() && text.chars().all(|c| c == 'é'),
    )?;
    that("no more than 16 KiB of it", text.len() <= 16 << 10)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
