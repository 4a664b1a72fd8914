//! Messages in pieces: fragments, lengths not known before their end, one byte at a time, raw procedures.

use bytes::{Bytes, BytesMut};
use ipfi_core::call::Fragment;
use ipfi_core::{Code, Interface, RawCall, Status, Terminator};

use super::kit::*;

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("arguments may be sent one byte at a time", one_byte_at_a_time).remote(),
        Claim::new("a message of 4 MiB in fragments arrives whole", large_in_fragments).remote(),
        Claim::new("a value whose length is not known before its end arrives whole", unknown_length).remote(),
        Claim::new("several messages in pieces are arguments and items", items_in_pieces).remote(),
        Claim::new("a raw procedure sees fragments and messages as they were ended", raw_fragments).remote(),
        Claim::new("raw bytes flow both ways at once", raw_both_ways).remote(),
        Claim::new("a raw procedure may end its answer itself, or fail half way through it", raw_ends)
            .remote(),
        Claim::new("a raw procedure that leaves a message unfinished fails its call", raw_unfinished)
            .remote(),
        Claim::new("a raw procedure's metadata comes before its answer", raw_metadata).remote(),
        Claim::new("a raw call handed to another task ends with its procedure", raw_elsewhere),
    ]
}

async fn one_byte_at_a_time(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut call = ok("starting", caller.start(ECHO).await)?;
    for byte in b"\x0bHello, Ada!" {
        ok("a byte", call.write(&[*byte]).await)?;
        ok("nothing is nothing", call.write(&[]).await)?;
    }
    let answer: String = ok("the answer", call.finish().await)?;
    equal("the answer", answer, "Hello, Ada!".to_owned())?;
    idle(&caller, &callee).await
}

async fn large_in_fragments(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    // bincode: the length as fc and four bytes, little-endian.
    let size = (4 << 20) - 5;
    let body = pattern(1, size);
    let mut message = BytesMut::from(&[0xfc][..]);
    message.extend_from_slice(&u32::try_from(size).expect("it fits").to_le_bytes());
    message.extend_from_slice(&body);
    let mut message = message.freeze();
    let mut call = ok("starting", caller.start(ECHO_BYTES).await)?;
    while message.len() > 70_001 {
        ok("a fragment", call.write_fragment(message.split_to(70_001), Terminator::None).await)?;
    }
    ok("the last", call.write_fragment(message, Terminator::Complete).await)?;
    let answer: Bytes = ok("the answer", call.finish().await)?;
    same_bytes("the answer", &answer, &body)?;
    idle(&caller, &callee).await
}

async fn unknown_length(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut call = ok("starting", caller.start(RAW_ECHO).await)?;
    let sent = pattern(5, 1000);
    for piece in sent.chunks(7) {
        ok("a piece", call.write(piece).await)?;
    }
    // An empty fragment ends it.
    ok("the end", call.end().await)?;
    let (pieces, _) = read_messages(&mut call).await?;
    same_bytes("what came back", &pieces.concat(), &sent)?;
    equal("messages", pieces.len(), 1)?;
    idle(&caller, &callee).await
}

/// The messages of an answer, and how many fragments they came in.
async fn read_messages(call: &mut ipfi_core::call::RawExchange) -> Result<(Vec<Bytes>, usize), String> {
    let (mut messages, mut message, mut fragments) = (Vec::new(), BytesMut::new(), 0);
    while let Some(Fragment { bytes, end_of_message }) = ok("a fragment", call.read().await)? {
        fragments += 1;
        message.extend_from_slice(&bytes);
        if end_of_message {
            messages.push(message.split().freeze());
        }
    }
    that("the answer ends between messages", message.is_empty())?;
    Ok((messages, fragments))
}

async fn items_in_pieces(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let mut call = ok("starting", caller.start(SUM).await)?;
    // Message 0, empty: `()`. Then 300 as fb 2c 01, and 5.
    ok("arguments", call.write_fragment(Bytes::new(), Terminator::Chunk).await)?;
    ok("a piece", call.write(&[0xfb]).await)?;
    ok("a piece", call.write(&[0x2c, 0x01]).await)?;
    ok("its end", call.write_fragment(Bytes::new(), Terminator::Chunk).await)?;
    ok("an item", call.write_fragment(Bytes::from_static(&[5]), Terminator::Chunk).await)?;
    equal("the sum", ok("the answer", call.finish::<u64>().await)?, 305)?;
    idle(&caller, &callee).await
}

async fn raw_fragments(stage: Stage) -> Outcome {
    let interface = standard().raw(OWN, |mut call: RawCall| async move {
        let mut seen = Vec::new();
        while let Some(fragment) = call.read().await? {
            seen.push(format!("{}{}", fragment.bytes.len(), if fragment.end_of_message { "." } else { "," }));
            // Whatever comes is answered before the next is sent.
            call.write(Bytes::from(seen.concat()), Terminator::Chunk).await?;
        }
        Ok(())
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut call = ok("starting", caller.start(OWN).await)?;
    let mut answer = async |bytes: &'static [u8], terminator| {
        ok("a fragment", call.write_fragment(Bytes::from_static(bytes), terminator).await)?;
        let fragment = ok("its answer", call.read().await)?.ok_or("the answer ended early")?;
        Ok::<_, String>(String::from_utf8_lossy(&fragment.bytes).into_owned())
    };
    equal("an unfinished one", answer(b"ab", Terminator::None).await?, "2,".to_owned())?;
    equal("its end", answer(b"c", Terminator::Chunk).await?, "2,1.".to_owned())?;
    equal("an empty one", answer(b"", Terminator::Chunk).await?, "2,1.0.".to_owned())?;
    equal("the last", answer(b"def", Terminator::Complete).await?, "2,1.0.3.".to_owned())?;
    that("it ends", ok("the end", call.read().await)?.is_none())?;
    idle(&caller, &callee).await
}

async fn raw_both_ways(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), standard()).await;
    let sent = pattern(9, 1 << 20);
    let mut expected = sent.clone();
    let mut call = ok("starting", caller.start(RAW_ECHO).await)?;
    let mut back = BytesMut::new();
    for piece in sent.chunks(50_000) {
        ok("a piece", call.write_fragment(Bytes::copy_from_slice(piece), Terminator::Chunk).await)?;
        let wanted = back.len() + piece.len();
        while back.len() < wanted {
            let fragment = ok("an answer", call.read().await)?.ok_or("the answer ended early")?;
            back.extend_from_slice(&fragment.bytes);
        }
        same_bytes("the answer", &back.split(), &expected.split_to(piece.len()))?;
    }
    ok("the end", call.end().await)?;
    that("it ends", ok("the end", call.read().await)?.is_none())?;
    idle(&caller, &callee).await
}

async fn raw_ends(stage: Stage) -> Outcome {
    let interface = standard()
        .raw(OWN, |mut call: RawCall| async move {
            call.write(Bytes::from_static(b"all"), Terminator::Complete).await
        })
        .raw(OWN + 1, |mut call: RawCall| async move {
            call.write(Bytes::from_static(b"half"), Terminator::None).await?;
            Err(Status::aborted("no more of it"))
        });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut call = ok("starting", caller.start(OWN).await)?;
    ok("the request's end", call.end().await)?;
    equal("the answer", read_messages(&mut call).await?.0, vec![Bytes::from_static(b"all")])?;

    let mut call = ok("starting", caller.start(OWN + 1).await)?;
    ok("the request's end", call.end().await)?;
    let fragment = ok("the first half", call.read().await)?;
    equal("it", fragment, Some(Fragment { bytes: Bytes::from_static(b"half"), end_of_message: false }))?;
    let error = failed("the other", call.read().await, Code::Aborted)?;
    equal("its text", error.status().message(), "no more of it")?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn raw_unfinished(stage: Stage) -> Outcome {
    let interface = standard().raw(OWN, |mut call: RawCall| async move {
        call.write(Bytes::from_static(b"half"), Terminator::None).await
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut call = ok("starting", caller.start(OWN).await)?;
    ok("the request's end", call.end().await)?;
    ok("the first half", call.read().await)?;
    failed("the other", call.read().await, Code::Internal)?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}

async fn raw_metadata(stage: Stage) -> Outcome {
    let interface = standard().raw(OWN, |mut call: RawCall| async move {
        let mut metadata = ipfi_core::metadata::Metadata::new();
        metadata.insert("kind", "raw").expect("a valid key");
        call.context().set_reply_metadata(metadata);
        call.write(Bytes::from_static(b"\x03Ada"), Terminator::Chunk).await
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let answer = ok("the call", caller.call::<String>(OWN, ()).answer().await)?;
    equal("the value", answer.value, "Ada".to_owned())?;
    equal("the metadata", answer.metadata.get_str("kind"), Some("raw"))?;
    idle(&caller, &callee).await
}

async fn raw_elsewhere(stage: Stage) -> Outcome {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let interface = standard().raw(OWN, move |mut call: RawCall| {
        let tell = tell.clone();
        async move {
            tokio::spawn(async move {
                sleep_ms(1000).await;
                let late = call.write(Bytes::from_static(b"late"), Terminator::Chunk).await;
                let _ = tell.send(late.map_err(|status| status.code()));
            });
            Ok(())
        }
    });
    let (caller, callee) = stage.wires(Interface::new(), interface).await;
    let mut told = told;
    let mut call = ok("starting", caller.start(OWN).await)?;
    that("the answer is empty", ok("its end", call.read().await)?.is_none())?;
    equal("writing afterwards", told.recv().await, Some(Err(Code::Cancelled)))?;
    alive(&caller).await?;
    idle(&caller, &callee).await
}
