//! Values through every codec, and argument tuples of every length.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::{Code, CodecId, Interface, Raw, RawCall, Receiver, Status, Terminator, WireOptions};
use serde::{Deserialize, Serialize};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("every codec carries arguments, items and answers of every kind of call", every_codec),
        Claim::new("each side may call in a codec of its own", codec_of_each),
        Claim::new(
            "each call may choose its codec, whatever the wire's and its neighbours'",
            codec_of_a_call,
        ),
        Claim::new("tuples of 0 to 16 arguments arrive in every codec", every_arity),
        Claim::new("raw bytes travel as they are, whatever the wire's codec", raw_in_every_codec),
        Claim::new("a typed error is a value, and the call succeeds", typed_error).remote(),
    ]
}

const CODECS: [CodecId; 4] = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Box { width: u32, height: Option<u32> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: u64,
    text: String,
    letter: char,
    shapes: Vec<Shape>,
    map: std::collections::BTreeMap<String, i64>,
    pair: (u16, [u8; 3]),
    bytes: Bytes,
}

fn everything(seed: u64) -> Everything {
    Everything {
        flag: seed % 2 == 1,
        small: -7,
        large: u64::MAX - seed,
        text: "naïve ☺ 😈\n".repeat(3),
        letter: 'é',
        shapes: vec![Shape::Point, Shape::Circle(1.5), Shape::Box { width: 1, height: None }],
        map: [("a".to_owned(), i64::MIN), ("b".to_owned(), 1)].into(),
        pair: (65_535, [1, 2, 3]),
        bytes: pattern(3, 300),
    }
}

fn interface() -> Interface {
    standard()
        .procedure(OWN, |(value, by): (Everything, u64)| async move {
            Everything { large: value.large.wrapping_sub(by), ..value }
        })
        .sequence(OWN + 1, |(to,): (u64,)| stream::iter((0..to).map(everything)))
        .sequence_with_items(OWN + 2, |(_,): (String,), items: Receiver<Everything>| {
            items.map(|item| item.map_err(Status::from))
        })
}

async fn in_codec(stage: &Stage, codec: CodecId) -> Outcome {
    let (caller, callee) = stage.wires(WireOptions::from(Interface::new()).codec(codec), interface()).await;
    let answer: Everything = ok("a unary call", caller.call(OWN, (everything(0), 4_u64)).await)?;
    equal("the answer", answer, everything(4))?;
    let items: Vec<Everything> =
        ok("items", ok("a stream", caller.stream(OWN + 1, (4_u64,)).await)?.try_collect().await)?;
    equal("the items", items, (0..4).map(everything).collect())?;
    let (mut send, mut receive) =
        ok("a duplex", caller.duplex::<Everything, Everything>(OWN + 2, ("x",)).await)?;
    for n in 0..3 {
        ok("an item", send.send(everything(n)).await)?;
        equal("its answer", ok("it", receive.try_next().await)?, Some(everything(n)))?;
    }
    ok("the end", send.finish().await)?;
    that("the answers end", ok("their end", receive.try_next().await)?.is_none())?;
    let sum = ok("an upload", caller.upload::<u64, u64>(SUM, ()).items(stream::iter(0..10)).await)?;
    equal("the sum", sum, 45)?;
    ok("a notification", caller.notify(NOTE, ()).await)?;
    settle().await;
    equal("notifications", callee.stats().notifications_in, 1)?;
    let error =
        failed("wrong arguments", caller.call::<u64>(SLEEP, ("x", "y")).await, Code::InvalidArgument)?;
    names("the text", error.status().message(), &codec.to_string())?;
    idle(&caller, &callee).await
}

async fn every_codec(stage: Stage) -> Outcome {
    for codec in CODECS {
        in_codec(&stage, codec).await.map_err(|seen| format!("{codec}: {seen}"))?;
    }
    Ok(())
}

async fn codec_of_each(stage: Stage) -> Outcome {
    let options = |codec| WireOptions::from(standard()).codec(codec);
    let (one, other) = stage.wires(options(CodecId::Json), options(CodecId::Postcard)).await;
    alive(&one).await?;
    alive(&other).await?;
    idle(&one, &other).await
}

/// Answers with the number of the call's codec, in that codec.
async fn which_codec(mut call: RawCall) -> Result<(), Status> {
    let number = match call.codec() {
        CodecId::Json => b'0' + CodecId::Json.as_u8(),
        other => other.as_u8(),
    };
    while call.read().await?.is_some() {}
    call.write(vec![number].into(), Terminator::Complete).await
}

async fn codec_of_a_call(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), interface().raw(OWN + 3, which_codec)).await;
    for codec in CODECS {
        let number = codec.as_u8();
        let calls = futures_util::future::join(
            caller.call::<u8>(OWN + 3, ("Ada",)).codec(codec).timeout(Duration::from_secs(5)).into_future(),
            caller.call::<u8>(OWN + 3, ("Ada",)).into_future(),
        );
        let (chosen, beside) = calls.await;
        equal("the codec of a call", ok("a call", chosen)?, number)?;
        equal("the codec of the call beside it", ok("the call beside", beside)?, CodecId::default().as_u8())?;
        let items = ok("a stream", caller.stream::<Everything>(OWN + 1, (2_u64,)).codec(codec).await)?;
        let items: Vec<_> = ok("its items", items.try_collect().await)?;
        equal("its items", items, (0..2).map(everything).collect())?;
        let upload = caller.upload::<u64, u64>(SUM, ()).codec(codec).items(stream::iter(0..10));
        equal("an upload", ok("an upload", upload.await)?, 45)?;
        let duplex = caller.duplex::<Everything, Everything>(OWN + 2, ("x",)).codec(codec).await;
        let (mut send, mut receive) = ok("a duplex", duplex)?;
        ok("an item", send.send(everything(1)).await)?;
        ok("the end", send.finish().await)?;
        equal("its answer", ok("an answer", receive.try_next().await)?, Some(everything(1)))?;
        that("the answers end", ok("their end", receive.try_next().await)?.is_none())?;
        let pieces = ok("a call in pieces", caller.start(OWN + 3).codec(codec).await)?;
        equal("the codec of a call in pieces", ok("its answer", pieces.finish::<u8>().await)?, number)?;
        ok("a notification", caller.notify(NOTE, ()).codec(codec).await)?;
        let Raw(answer) = ok("raw", caller.call::<Raw>(OWN + 3, Raw(Bytes::new())).codec(codec).await)?;
        equal("the codec of raw arguments", answer.as_ref(), &[CodecId::Raw.as_u8()][..])?;
    }
    let typed = caller.call::<u8>(OWN + 3, ("Ada",)).codec(CodecId::Raw).await;
    no_retry_helps(&failed("typed arguments as raw", typed, Code::InvalidArgument)?)?;
    settle().await;
    equal("notifications", callee.stats().notifications_in, CODECS.len() as u64)?;
    idle(&caller, &callee).await
}

macro_rules! arity {
    ($stage:ident, $codec:ident, $($name:ident),*) => {{
        let interface = standard().procedure(OWN, |($($name,)*): ($(arity!(@type $name),)*)| async move {
            let numbers: Vec<u64> = vec![$($name),*];
            numbers
        });
        let (caller, _callee) =
            $stage.wires(WireOptions::from(Interface::new()).codec($codec), interface).await;
        let mut numbers = (1_u64..).map(|n| n * 1000);
        $(let $name = numbers.next().unwrap_or_default();)*
        let expected: Vec<u64> = vec![$($name),*];
        let next = numbers.next();
        let answer: Vec<u64> = ok(&format!("arguments before {next:?}"), caller.call(OWN, ($($name,)*)).await)?;
        equal(&format!("arguments before {next:?}"), answer, expected)?;
    }};
    (@type $name:ident) => { u64 };
}

async fn every_arity(stage: Stage) -> Outcome {
    for codec in CODECS {
        arity!(stage, codec,);
        arity!(stage, codec, a);
        arity!(stage, codec, a, b);
        arity!(stage, codec, a, b, c);
        arity!(stage, codec, a, b, c, d);
        arity!(stage, codec, a, b, c, d, e);
        arity!(stage, codec, a, b, c, d, e, f);
        arity!(stage, codec, a, b, c, d, e, f, g);
        arity!(stage, codec, a, b, c, d, e, f, g, h);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k, l);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k, l, m);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k, l, m, n);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
        arity!(stage, codec, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    }
    Ok(())
}

async fn raw_in_every_codec(stage: Stage) -> Outcome {
    for codec in CODECS {
        let interface = standard().procedure(OWN, |Raw(bytes): Raw| async move { Raw(bytes) });
        let (caller, callee) = stage.wires(WireOptions::from(Interface::new()).codec(codec), interface).await;
        for size in [0, 1, 63, 64, 4096, 100_000] {
            let sent = pattern(size, size);
            let answer: Raw = ok("raw", caller.call(OWN, Raw(sent.clone())).await)?;
            same_bytes("raw", &answer.0, &sent)?;
            let answer: Bytes = ok("bytes", caller.call(ECHO_BYTES, (sent.clone(),)).await)?;
            same_bytes("bytes", &answer, &sent)?;
        }
        idle(&caller, &callee).await?;
    }
    Ok(())
}

async fn typed_error(stage: Stage) -> Outcome {
    // Clause 6.5.
    let interface = standard()
        .procedure(OWN, |(n,): (u64,)| async move { if n == 0 { Err(Shape::Point) } else { Ok(n) } });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let answer: Result<u64, Shape> = ok("the call", caller.call(OWN, (0_u64,)).await)?;
    equal("the error as a value", answer, Err(Shape::Point))?;
    let answer: Result<u64, Shape> = ok("the call", caller.call(OWN, (3_u64,)).await)?;
    equal("the value", answer, Ok(3))?;
    equal("calls that failed", caller.stats().calls_out_failed, 0)?;
    idle(&caller, &callee).await
}
