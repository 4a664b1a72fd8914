//! gRPC's positive interoperability cases, with their sizes verbatim (`doc/interop-test-descriptions.md`
//! there). [P1]

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::metadata::Metadata;
use ipfi_core::{CancelCause, Code, Context, Interface, Receiver, Status};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("[P1] empty_unary: nothing in, nothing out", empty_unary).remote(),
        Claim::new("[P1] large_unary: 271828 bytes in, 314159 bytes out", large_unary).remote(),
        Claim::new("[P1] client_streaming: 27182, 8, 1828 and 45904 bytes add up to 74922", client_streaming)
            .remote(),
        Claim::new("[P1] server_streaming: 31415, 9, 2653 and 58979 bytes come in order", server_streaming)
            .remote(),
        Claim::new("[P1] ping_pong: four requests and four answers take turns", ping_pong).remote(),
        Claim::new("[P1] empty_stream: a stream of nothing is answered by a stream of nothing", empty_stream)
            .remote(),
        Claim::new(
            "[P1] custom_metadata: it travels with the request and comes back before the answer",
            metadata,
        )
        .remote(),
        Claim::new("[P1] status_code_and_message: both arrive, of a unary call and of a stream", status)
            .remote(),
        Claim::new("[P1] special_status_message: whitespace and every plane of Unicode arrive", special_text)
            .remote(),
        Claim::new("[P1] unimplemented_method: UNIMPLEMENTED, and its index is named", unimplemented_method)
            .remote(),
        Claim::new(
            "[P1] unimplemented_service: so is every call to an empty interface",
            unimplemented_service,
        )
        .remote(),
        Claim::new(
            "[P1] cancel_after_begin: an upload that is dropped ends at the callee",
            cancel_after_begin,
        ),
        Claim::new(
            "[P1] cancel_after_first_response: so does a duplex after its first answer",
            cancel_after_first,
        ),
        Claim::new("[P1] timeout_on_sleeping_server: DEADLINE_EXCEEDED", timeout_on_sleeping_server),
    ]
}

const REQUESTS: [usize; 4] = [27182, 8, 1828, 45904];
const RESPONSES: [usize; 4] = [31415, 9, 2653, 58979];

fn payload(len: u64) -> Bytes {
    pattern(1, usize::try_from(len).unwrap_or(usize::MAX))
}

async fn empty_unary(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(): ()| async move {});
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    ok("the call", caller.call::<()>(OWN, ()).await)?;
    idle(&caller, &callee).await
}

async fn large_unary(stage: Stage) -> Outcome {
    let interface = standard().procedure(OWN, |(size, body): (u64, Bytes)| async move {
        if body == pattern(0, 271_828) {
            Ok(payload(size))
        } else {
            Err(Status::data_loss("not what was sent"))
        }
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let answer: Bytes = ok("the call", caller.call(OWN, (314_159_u64, pattern(0, 271_828))).await)?;
    same_bytes("the answer", &answer, &payload(314_159))?;
    idle(&caller, &callee).await
}

async fn client_streaming(stage: Stage) -> Outcome {
    let interface = standard().procedure_with_items(OWN, |(): (), items: Receiver<Bytes>| async move {
        let sizes: Vec<usize> = items.map_ok(|item| item.len()).try_collect().await?;
        Ok::<u64, Status>(sizes.iter().sum::<usize>() as u64)
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let items = stream::iter(REQUESTS.map(|size| pattern(size, size)));
    let sum = ok("the upload", caller.upload::<Bytes, u64>(OWN, ()).items(items).await)?;
    equal("the sum", sum, 74_922)?;
    idle(&caller, &callee).await
}

async fn server_streaming(stage: Stage) -> Outcome {
    let interface =
        standard().sequence(OWN, |(sizes,): (Vec<u64>,)| stream::iter(sizes.into_iter().map(payload)));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let sizes = RESPONSES.map(|size| size as u64).to_vec();
    let mut items = ok("the stream", caller.stream::<Bytes>(OWN, (sizes,)).await)?;
    for size in RESPONSES {
        let item = ok("an item", items.try_next().await)?.ok_or("the stream ended early")?;
        same_bytes("an item", &item, &payload(size as u64))?;
    }
    that("the stream ends", ok("its end", items.try_next().await)?.is_none())?;
    idle(&caller, &callee).await
}

/// Answers each `(size, body)` with as many bytes.
fn sized_echo() -> Interface {
    standard().sequence_with_items(OWN, |(): (), items: Receiver<(u64, Bytes)>| {
        items.map(|item| item.map(|(size, _)| payload(size)).map_err(Status::from))
    })
}

async fn ping_pong(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), sized_echo()).await;
    let (mut send, mut receive) = ok("the call", caller.duplex::<(u64, Bytes), Bytes>(OWN, ()).await)?;
    for (request, response) in REQUESTS.into_iter().zip(RESPONSES) {
        ok("a request", send.send((response as u64, pattern(0, request))).await)?;
        let item = ok("an answer", receive.try_next().await)?.ok_or("the answers ended early")?;
        same_bytes("an answer", &item, &payload(response as u64))?;
    }
    ok("the end of the requests", send.finish().await)?;
    that("the answers end", ok("their end", receive.try_next().await)?.is_none())?;
    idle(&caller, &callee).await
}

async fn empty_stream(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), sized_echo()).await;
    let (send, mut receive) = ok("the call", caller.duplex::<(u64, Bytes), Bytes>(OWN, ()).await)?;
    ok("the end of the requests", send.finish().await)?;
    that("nothing comes", ok("the end of the answers", receive.try_next().await)?.is_none())?;
    idle(&caller, &callee).await
}

/// Sends back what came under two keys.
fn returned(context: &Context) {
    let mut reply = Metadata::new();
    for key in ["x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"] {
        for value in context.metadata().get_all(key) {
            reply.insert(key, value.clone()).expect("the keys are valid");
        }
    }
    context.set_reply_metadata(reply);
}

async fn metadata(stage: Stage) -> Outcome {
    let interface = standard()
        .procedure(OWN, |context: Context, (body,): (Bytes,)| async move {
            returned(&context);
            body
        })
        .sequence_with_items(OWN + 1, |context: Context, (): (), items: Receiver<Bytes>| {
            returned(&context);
            items.map(|item| item.map_err(Status::from))
        })
        // An answer without any value.
        .sequence(OWN + 2, |context: Context, (): ()| {
            returned(&context);
            stream::iter([0_u64; 0])
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let (initial, binary) = ("test_initial_metadata_value", Bytes::from_static(&[0xab, 0xab, 0xab]));
    let check = |metadata: &Metadata| {
        equal("the text", metadata.get_str("x-grpc-test-echo-initial"), Some(initial))?;
        equal("the bytes", metadata.get("x-grpc-test-echo-trailing-bin"), Some(&binary))?;
        equal("entries", metadata.len(), 2)
    };

    let answer = caller
        .call::<Bytes>(OWN, (pattern(0, 271_828),))
        .metadata("x-grpc-test-echo-initial", initial)
        .metadata("x-grpc-test-echo-trailing-bin", binary.clone())
        .answer()
        .await;
    let answer = ok("the unary call", answer)?;
    check(&answer.metadata)?;
    same_bytes("the answer", &answer.value, &pattern(0, 271_828))?;

    let call = caller
        .duplex::<Bytes, Bytes>(OWN + 1, ())
        .metadata("x-grpc-test-echo-initial", initial)
        .metadata("x-grpc-test-echo-trailing-bin", binary.clone());
    let (mut send, mut receive) = ok("the duplex", call.await)?;
    ok("an item", send.send(Bytes::from_static(b"x")).await)?;
    ok("its answer", receive.try_next().await)?;
    check(receive.metadata())?;
    drop((send, receive));

    let call = caller
        .stream::<u64>(OWN + 2, ())
        .metadata("x-grpc-test-echo-initial", initial)
        .metadata("x-grpc-test-echo-trailing-bin", binary.clone());
    let mut receive = ok("the empty sequence", call.await)?;
    that("it is empty", ok("its end", receive.try_next().await)?.is_none())?;
    check(receive.metadata())?;
    idle(&caller, &callee).await
}

async fn status_of(stage: &Stage, text: &'static str) -> Outcome {
    let interface = standard()
        .procedure(OWN, move |(): ()| async move { Err::<(), _>(Status::unknown(text)) })
        .sequence(OWN + 1, move |(): ()| stream::iter([Ok(1_u64), Err(Status::unknown(text))]));
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let error = failed("the unary call", caller.call::<()>(OWN, ()).await, Code::Unknown)?;
    equal("its text", error.status().message(), text)?;
    that("a status of the callee does not say that it never started", !error.never_started())?;
    let mut items = ok("the stream", caller.stream::<u64>(OWN + 1, ()).await)?;
    equal("the item before", ok("an item", items.try_next().await)?, Some(1))?;
    let error = failed("the end of the stream", items.try_next().await, Code::Unknown)?;
    equal("its text", error.status().message(), text)?;
    that("nothing follows", items.next().await.is_none())?;
    idle(&caller, &callee).await
}

async fn status(stage: Stage) -> Outcome {
    status_of(&stage, "test status message").await
}

async fn special_text(stage: Stage) -> Outcome {
    status_of(&stage, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n").await
}

async fn unimplemented_method(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let error = failed("the call", caller.call::<()>(77, ()).await, Code::Unimplemented)?;
    names("its text", error.status().message(), "77")?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn unimplemented_service(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), Interface::new()).await;
    for procedure in [0_u64, 1, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
        failed("the call", caller.call::<()>(procedure, ()).await, Code::Unimplemented)?;
    }
    idle(&caller, &callee).await
}

async fn cancel_after_begin(stage: Stage) -> Outcome {
    let probe = Probe::default();
    let handler = probe.clone();
    let interface =
        standard().procedure_with_items(OWN, move |context: Context, (): (), items: Receiver<Bytes>| {
            let running = handler.enter(context);
            async move {
                let (_running, _items) = (running, items);
                std::future::pending::<()>().await;
            }
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let uploading = ok("the call", caller.upload::<Bytes, ()>(OWN, ()).await)?;
    settle().await;
    equal("handlers", probe.running(), 1)?;
    drop(uploading);
    settle().await;
    probe.dropped_once(CancelCause::Caller)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn cancel_after_first(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), sized_echo()).await;
    let (mut send, mut receive) = ok("the call", caller.duplex::<(u64, Bytes), Bytes>(OWN, ()).await)?;
    ok("a request", send.send((31_415, pattern(0, 27_182))).await)?;
    let item = ok("an answer", receive.try_next().await)?.ok_or("no answer")?;
    same_bytes("an answer", &item, &payload(31_415))?;
    drop(receive);
    settle().await;
    // What is sent now is not needed, and the sender learns it.
    ok("a request after the end", send.send((1, Bytes::new())).await)?;
    that("the sender knows", send.is_stopped())?;
    drop(send);
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn timeout_on_sleeping_server(stage: Stage) -> Outcome {
    let interface = standard().sequence_with_items(OWN, |(): (), items: Receiver<Bytes>| {
        items.then(|item| async move {
            sleep_ms(10_000).await;
            item.map_err(Status::from)
        })
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let call = caller.duplex::<Bytes, Bytes>(OWN, ()).timeout(Duration::from_millis(1));
    let (mut send, mut receive) = ok("the call", call.await)?;
    ok("a request", send.send(pattern(0, 27_182)).await)?;
    let answer = within("the deadline", Duration::from_millis(50), receive.try_next()).await?;
    failed("the answer", answer, Code::DeadlineExceeded)?;
    alive(&caller).await?;
    drop(send);
    idle(&caller, &callee).await
}
