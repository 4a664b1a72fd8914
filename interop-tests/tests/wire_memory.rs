//! Every kind of call, once, over memory.

use core::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use interop_tests::test_runtime::TestRuntime;
use ipfi_core::limits::Limits;
use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::session::Side;
use ipfi_core::{Code, CodecId, Context, Interface, Peer, Receiver, Status, Wire, WireOptions, blocking};

fn wires(interface: Interface) -> (Wire, Wire) {
    let (client, server) = pair(MemoryOptions::new(Limits::default()));
    let runtime = TestRuntime::shared();
    let (client, serving) = Wire::new(
        client,
        runtime.clone(),
        WireOptions::new(Interface::new(), Peer::new(Side::Server, "memory")),
    );
    tokio::spawn(serving);
    let (server, serving) =
        Wire::new(server, runtime, WireOptions::new(interface, Peer::new(Side::Client, "memory")));
    tokio::spawn(serving);
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_call_once() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| stream::iter(0..limit))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(3, |(by,): (u64,), numbers: Receiver<u64>| {
            numbers.map(move |number| Ok::<_, Status>(number? * by))
        })
        .procedure(4, blocking(|(n,): (u64,)| n * 2))
        .procedure(5, |context: Context, (): ()| async move { context.peer().carrier().to_owned() })
        .procedure(6, |(): ()| async move { Err::<(), _>(Status::not_found("nothing there")) });
    let (wire, _server) = wires(interface);

    let greeting: String = wire.call(0, ("Ada",)).await?;
    assert_eq!(greeting, "Hello, Ada!");

    let numbers: Vec<u64> = wire.stream::<u64>(1, (10_u64,)).await?.try_collect().await?;
    assert_eq!(numbers, (0..10).collect::<Vec<u64>>());

    let sum: u64 = wire.upload::<u64, u64>(2, ()).items(stream::iter(0..10)).await?;
    assert_eq!(sum, 45);

    let (mut send, mut receive) = wire.duplex::<u64, u64>(3, (3_u64,)).await?;
    for n in 0..5_u64 {
        send.send(n).await?;
        assert_eq!(receive.try_next().await?, Some(n * 3));
    }
    send.finish().await?;
    assert_eq!(receive.try_next().await?, None);

    assert_eq!(wire.call::<u64>(4, (21_u64,)).await?, 42);
    assert_eq!(wire.call::<String>(5, ()).await?, "memory");
    let error = wire.call::<()>(6, ()).await.expect_err("it fails");
    assert_eq!((error.code(), error.status().message()), (Code::NotFound, "nothing there"));
    let error = wire.call::<()>(77, ()).await.expect_err("nobody offers it");
    assert_eq!(error.to_string(), "call 77: UNIMPLEMENTED: procedure 77 is not offered");

    let mut call = wire.start(0).await?;
    for byte in [3_u8, b'A', b'd', b'a'] {
        call.write(&[byte]).await?;
    }
    assert_eq!(call.finish::<String>().await?, "Hello, Ada!");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_handle_calls_in_its_own_codec() -> Result<(), ipfi_core::CallError> {
    let interface =
        Interface::new().procedure(0, |(numbers,): (Vec<u64>,)| async move { numbers.len() as u64 });
    let (wire, _server) = wires(interface);
    for codec in [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json] {
        let wire = wire.with_codec(codec);
        assert_eq!(wire.codec(), codec);
        assert_eq!(wire.call::<u64>(0, (vec![1_u64, 2, 3],)).await?, 3);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_answer_with_the_error_of_a_call_of_its_own() -> Result<(), ipfi_core::CallError> {
    let interface = Interface::new()
        .procedure(0, |context: Context, (): ()| async move { context.wire().call::<u64>(77, ()).await })
        .sequence_with_items(1, |(): (), numbers: Receiver<u64>| numbers.map_ok(|number| number * 2))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| numbers.try_collect::<Vec<u64>>());
    let (wire, _server) = wires(interface);
    let error = wire.call::<u64>(0, ()).await.expect_err("nobody offers 77");
    assert_eq!(error.to_string(), "call 0: UNIMPLEMENTED: procedure 77 is not offered");

    let (mut send, receive) = wire.duplex::<u64, u64>(1, ()).await?;
    send.send(21).await?;
    send.finish().await?;
    assert_eq!(receive.try_collect::<Vec<_>>().await?, [42]);

    let misled = wire.upload::<String, Vec<u64>>(2, ()).items(stream::iter(["no number".to_owned()]));
    let error = misled.await.expect_err("text is no number");
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    Ok(())
}

/// The length of an item is guessed from the one before it, and takes 1, 2 or 4 bytes.
#[tokio::test(start_paused = true)]
async fn items_of_any_size_follow_one_of_any_other() -> Result<(), Box<dyn std::error::Error>> {
    const SIZES: [usize; 5] = [0, 12, 13, 5000, 70_000];
    let texts = || {
        let pairs = SIZES.into_iter().flat_map(|first| SIZES.map(|second| [first, second]));
        pairs.flatten().map(|size| "x".repeat(size))
    };
    let interface = Interface::new()
        .sequence(0, move |(): ()| stream::iter(texts()))
        .sequence_with_items(1, |(): (), texts: Receiver<String>| texts.map(|text| Ok::<_, Status>(text?)));
    let (wire, _server) = wires(interface);
    let expected: Vec<String> = texts().collect();

    let seen: Vec<String> = wire.stream::<String>(0, ()).await?.try_collect().await?;
    assert!(seen == expected, "the sizes that came: {:?}", seen.iter().map(String::len).collect::<Vec<_>>());

    let (mut send, mut receive) = wire.duplex::<String, String>(1, ()).await?;
    for text in &expected {
        send.send(text.clone()).await?;
        assert!(receive.try_next().await?.as_ref() == Some(text), "{} bytes", text.len());
    }
    send.finish().await?;
    assert_eq!(receive.try_next().await?, None);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn errors_name_what_was_wrong_and_how_much_time_there_was() {
    let interface = Interface::new()
        .procedure(0, |(name,): (String,)| async move { name })
        .procedure(1, |(): ()| async { core::future::pending::<()>().await });
    let (wire, _server) = wires(interface);
    let error = wire.call::<String>(0, ()).await.expect_err("an argument is missing");
    assert_eq!(
        error.to_string(),
        "call 0: INVALID_ARGUMENT: the arguments cannot be decoded: the bincode value is cut off: the message \
         ends inside it (do both sides expect the same type?)"
    );
    let error = wire.call::<String>(0, ("Ada", 1_u8)).await.expect_err("there is one too many");
    assert!(error.to_string().contains(" decoded: 1 byte left over after the bincode value"), "{error}");
    let error =
        wire.call::<()>(1, ()).timeout(Duration::from_millis(200)).await.expect_err("it takes for ever");
    assert!(error.to_string().ends_with(" (timeout 200ms)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_items_before_one_that_panics_arrive() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new()
        .sequence(0, |(): ()| stream::iter(0..5_u64).inspect(|n| assert_ne!(*n, 3, "on purpose")));
    let (wire, _server) = wires(interface);
    let mut items = wire.stream::<u64>(0, ()).await?;
    for n in 0..3 {
        assert_eq!(items.try_next().await?, Some(n));
    }
    let error = items.try_next().await.expect_err("the fourth panics");
    assert_eq!(error.code(), Code::Internal);
    Ok(())
}
