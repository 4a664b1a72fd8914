//! Calls of every kind, and what a caller may get wrong about the kind of a procedure. [P8]

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use ipfi_core::{Code, Context, Interface, Raw, Receiver, Status};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("both sides call at once, and answer each other", both_at_once),
        Claim::new("a handler calls its caller back over the same wire", calls_back).remote(),
        Claim::new("priorities from -128 to 127 are accepted, and the call is the same", priorities).remote(),
        Claim::new("a callee may answer before the request has ended, and its answer wins", early_answer)
            .remote(),
        Claim::new("items that nobody needs end a source that has no more", early_answer_idle_source),
        Claim::new("items of any kind keep their order, raw ones of every size too", order_in_a_stream)
            .remote(),
        Claim::new("items are sent under the reader's backpressure, both ways", backpressure),
        Claim::new("[P8] an unknown procedure is UNIMPLEMENTED", unknown_procedure),
        Claim::new("[P8] arguments of a wrong type are INVALID_ARGUMENT, and so are items", wrong_types),
        Claim::new("[P8] an answer of a wrong type is INTERNAL at the caller", wrong_answer).remote(),
        Claim::new(
            "[P8] a unary call to a sequence is UNIMPLEMENTED and names both kinds",
            unary_to_sequence,
        ),
        Claim::new("[P8] a sequence from a procedure is one item", sequence_from_procedure).remote(),
        Claim::new(
            "[P8] a call to a notification is UNIMPLEMENTED and says what it is",
            call_to_notification,
        ),
        Claim::new("[P8] items to a procedure without items are UNIMPLEMENTED", items_to_procedure),
        Claim::new("[P8] a request without message 0 is INVALID_ARGUMENT", no_message_zero).remote(),
        Claim::new(
            "raw arguments to typed procedures, and typed ones to raw codecs, are refused",
            raw_to_typed,
        )
        .remote(),
    ]
}

async fn both_at_once(stage: Stage) -> Outcome {
    let (one, other) = stage.wires(standard(), standard()).await;
    let calls = (0..50_u64).map(|n| {
        let (one, other) = (one.clone(), other.clone());
        async move {
            let there = one.call::<u64>(SLEEP, (n,));
            let back = other.call::<u64>(SLEEP, (n,));
            future::try_join(there.into_future(), back.into_future()).await.map(|both| both == (n, n))
        }
    });
    for outcome in future::join_all(calls).await {
        that("each is answered with its own", ok("a pair of calls", outcome)?)?;
    }
    idle(&one, &other).await?;
    idle(&other, &one).await
}

async fn calls_back(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |context: Context, (depth,): (u64,)| async move {
        let text = context.wire().call::<String>(ECHO, (format!("{depth} from the callee"),)).await?;
        Ok::<String, Status>(text)
    });
    let (caller, callee) = stage.wires(standard(), interface).await;
    let text: String = ok("the call", caller.call(OWN, (7_u64,)).await)?;
    equal("what came back", text, "7 from the callee".to_owned())?;
    idle(&caller, &callee).await?;
    idle(&callee, &caller).await
}

async fn priorities(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    for priority in [i8::MIN, -1, 0, 1, i8::MAX] {
        let text: String = ok("a call", caller.call(ECHO, ("x",)).priority(priority).await)?;
        equal("its answer", text, "x".to_owned())?;
        let numbers: Vec<u64> = match caller.stream::<u64>(COUNT, (3_u64,)).priority(priority).await {
            Ok(items) => ok("items", items.try_collect().await)?,
            Err(error) => return Err(format!("the stream: {error}")),
        };
        equal("its items", numbers, vec![0, 1, 2])?;
        ok("a notification", caller.notify(NOTE, ()).priority(priority).await)?;
    }
    idle(&caller, &callee).await
}

async fn early_answer(stage: Stage) -> Outcome {
    // Clause 5.1.
    // The handler takes one item of an upload that is far larger than any window.
    let interface = standard().procedure_with_items(OWN, |(): (), mut items: Receiver<Bytes>| async move {
        let first = items.try_next().await?.map(|item| item.len() as u64);
        first.ok_or_else(|| Status::invalid_argument("no item"))
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let items = stream::repeat(pattern(0, 60_000)).take(1000);
    let answer =
        within("the answer", Duration::from_secs(5), caller.upload::<Bytes, u64>(OWN, ()).items(items));
    equal("the answer", ok("the upload", answer.await?)?, 60_000)?;
    idle(&caller, &callee).await
}

async fn early_answer_idle_source(stage: Stage) -> Outcome {
    let interface = standard().procedure_with_items(OWN, |(): (), mut items: Receiver<u64>| async move {
        Ok::<_, Status>(items.try_next().await?.unwrap_or_default())
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let items = stream::iter([7_u64]).chain(stream::pending());
    let answer = caller.upload::<u64, u64>(OWN, ()).items(items);
    equal("the answer", ok("it", within("it", Duration::from_secs(5), answer).await?)?, 7)?;
    // The same where the call fails instead.
    let items = stream::iter([7_u64]).chain(stream::pending());
    let answer = caller.upload::<u64, u64>(ECHO, ("x",)).items(items);
    let answer = within("the failure", Duration::from_secs(5), answer).await?;
    that("it ends", answer.is_ok() || answer.is_err())?;
    // And where only the deadline ends it.
    let items = stream::iter([7_u64]).chain(stream::pending());
    let answer = caller.upload::<u64, u64>(SUM, ()).timeout(Duration::from_secs(1)).items(items);
    let answer = within("the deadline", Duration::from_secs(2), answer).await?;
    failed("it", answer, Code::DeadlineExceeded)?;
    idle(&caller, &callee).await
}

/// Around every size at which bytes are treated otherwise: copied or not, one read or several.
const SIZES: [usize; 12] = [0, 1, 15, 16, 2047, 2048, 4095, 4096, 5000, 16_383, 16_384, 70_000];

async fn order_in_a_stream(stage: Stage) -> Outcome {
    // Clause 5.11: inside one direction of one stream.
    let sizes = || SIZES.into_iter().cycle().take(120).enumerate().map(|(n, size)| pattern(n, size));
    let interface = standard()
        .sequence(OWN, move |(): ()| stream::iter(sizes()))
        .sequence(OWN + 1, move |Raw(_): Raw| stream::iter(sizes().map(Raw)))
        .sequence_with_items(OWN + 2, |Raw(_): Raw, items: Receiver<Raw>| {
            items.map(|item| item.map_err(Status::from))
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let typed: Vec<Bytes> = ok("items", ok("it", caller.stream(OWN, ()).await)?.try_collect().await)?;
    let empty = || Raw(Bytes::new());
    let raw: Vec<Raw> =
        ok("raw items", ok("it", caller.stream(OWN + 1, empty()).await)?.try_collect().await)?;
    equal("how many", (typed.len(), raw.len()), (120, 120))?;
    for (n, expected) in sizes().enumerate() {
        same_bytes(&format!("item {n}"), &typed[n], &expected)?;
        same_bytes(&format!("raw item {n}"), &raw[n].0, &expected)?;
    }
    // The other way, with items that gather before they leave.
    let (mut send, mut receive) = ok("the duplex", caller.duplex::<Raw, Raw>(OWN + 2, empty()).await)?;
    let sending = async move {
        for item in sizes() {
            send.feed(Raw(item)).await?;
        }
        send.finish().await
    };
    let receiving = async move {
        for (n, expected) in sizes().enumerate() {
            let item = ok("an item", receive.try_next().await)?.ok_or("the items ended early")?;
            same_bytes(&format!("fed item {n}"), &item.0, &expected)?;
        }
        that("nothing follows", receive.next().await.is_none())
    };
    let (sent, received) = future::join(sending, receiving).await;
    ok("sending", sent)?;
    received?;
    idle(&caller, &callee).await
}

async fn backpressure(stage: Stage) -> Outcome {
    let made = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = made.clone();
    let interface = standard().sequence(OWN, move |(): ()| {
        let count = count.clone();
        stream::repeat(pattern(0, 10_000)).inspect(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut items = ok("the stream", caller.stream::<Bytes>(OWN, ()).await)?;
    sleep_ms(1000).await;
    let ahead = made.load(std::sync::atomic::Ordering::Relaxed) * 10_000;
    // Windows, both buffers, a batch: generous, but not endless.
    that("an unread stream stops its source within 2 MB", ahead <= 2_000_000)?;
    ok("it goes on when it is read", items.try_next().await)?;
    drop(items);

    let mut uploading = ok("the upload", caller.upload::<Bytes, u64>(NEVER_READS, ()).await)?;
    let mut sent = 0_usize;
    while let Ok(result) =
        tokio::time::timeout(Duration::from_secs(1), uploading.send(pattern(0, 10_000))).await
    {
        ok("an item", result)?;
        sent += 10_000;
        that("an unread upload stops its source within 2 MB", sent <= 2_000_000)?;
    }
    alive(&caller).await?;
    drop(uploading);
    idle(&caller, &callee).await
}

async fn unknown_procedure(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let beside = beside(&caller).await?;
    failed("a unary call", caller.call::<()>(9999, ()).await, Code::Unimplemented)?;
    let mut items = ok("a stream is known only by its answer", caller.stream::<u64>(9999, ()).await)?;
    failed("a stream", items.try_next().await, Code::Unimplemented)?;
    let upload = caller.upload::<u64, u64>(9999, ()).items(stream::iter(0..10)).await;
    failed("an upload", upload, Code::Unimplemented)?;
    let piecemeal = ok("a piecemeal call", caller.start(9999).await)?;
    failed("its answer", piecemeal.finish::<u64>().await, Code::Unimplemented)?;
    ok("a notification is dropped without a word", caller.notify(9999, ()).await)?;
    settle().await;
    equal("notifications dropped", callee.stats().notifications_in_dropped, 1)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn wrong_types(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let beside = beside(&caller).await?;
    for (what, result) in [
        ("too few", caller.call::<String>(ECHO, ()).await),
        ("too many", caller.call::<String>(ECHO, ("a", "b")).await),
        ("not UTF-8", caller.call::<String>(ECHO, (vec![0xff_u8, 0xfe],)).await),
    ] {
        let error = failed(what, result, Code::InvalidArgument)?;
        names("the text", error.status().message(), "bincode")?;
    }
    let items = stream::iter([String::from("not a number")]);
    failed("an item", caller.upload::<String, u64>(SUM, ()).items(items).await, Code::InvalidArgument)?;
    ok("a notification", caller.notify(NOTE, (1_u64,)).await)?;
    settle().await;
    equal("notifications dropped", callee.stats().notifications_in_dropped, 1)?;
    beside.unharmed().await?;
    idle(&caller, &callee).await
}

async fn wrong_answer(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    failed("a unary answer", caller.call::<u64>(ECHO, ("text",)).await, Code::Internal)?;
    let mut items = ok("a stream", caller.stream::<String>(COUNT, (3_u64,)).await)?;
    // 0 is the empty string, 1 a string that is not all there.
    equal("the first item", ok("it", items.try_next().await)?, Some(String::new()))?;
    failed("the second", items.try_next().await, Code::Internal)?;
    that("nothing follows", items.next().await.is_none())?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn unary_to_sequence(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    for items in [0_u64, 2, 1_000_000] {
        let error = failed("the call", caller.call::<u64>(COUNT, (items,)).await, Code::Unimplemented)?;
        names("one kind", error.status().message(), "procedure")?;
        names("the other kind", error.status().message(), "sequence")?;
    }
    // A sequence that never ends is given up, too.
    let endless = caller.call::<u64>(ONE_THEN_NEVER, ()).into_future();
    let endless = within("the endless one", Duration::from_secs(31), endless);
    failed("the call", endless.await?, Code::DeadlineExceeded)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn sequence_from_procedure(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let items = ok("the stream", caller.stream::<String>(ECHO, ("x",)).await)?;
    let items: Vec<String> = ok("its items", items.try_collect().await)?;
    equal("its items", items, vec!["x".to_owned()])?;
    idle(&caller, &callee).await
}

async fn call_to_notification(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let error = failed("the call", caller.call::<()>(NOTE, ()).await, Code::Unimplemented)?;
    names("its text", error.status().message(), "notification")?;
    // And the reverse: a notification to a procedure is dropped.
    ok("the notification", caller.notify(ECHO, ("x",)).await)?;
    settle().await;
    equal("notifications dropped", callee.stats().notifications_in_dropped, 1)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn items_to_procedure(stage: Stage) -> Outcome {
    // Clause 5.12.
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut uploading = ok("the call", caller.upload::<u64, u64>(SLEEP, (1000_u64,)).await)?;
    ok("an item", uploading.send(1).await)?;
    let error = failed("the answer", uploading.finish().await, Code::Unimplemented)?;
    names("one kind", error.status().message(), "stream of items")?;
    names("the other kind", error.status().message(), "a procedure (one value)")?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn no_message_zero(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut call = ok("a call with a header alone", caller.start(ECHO).await)?;
    // `end` adds the empty message, which is not a string.
    ok("its end", call.end().await)?;
    failed("its answer", call.read().await, Code::InvalidArgument)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn raw_to_typed(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |Raw(bytes): Raw| async move { Raw(bytes) });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    for size in SIZES {
        let sent = pattern(size, size);
        let answer: Raw = ok("raw to raw", caller.call(OWN, Raw(sent.clone())).await)?;
        same_bytes("the answer", &answer.0, &sent)?;
    }
    let typed = caller.call::<String>(ECHO, Raw(Bytes::from_static(b"\x03Ada"))).await;
    failed("raw arguments to a typed procedure", typed, Code::InvalidArgument)?;
    failed("typed arguments to a raw one", caller.call::<String>(OWN, ("x",)).await, Code::InvalidArgument)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
