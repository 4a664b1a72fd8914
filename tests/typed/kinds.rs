//! Every kind of method.

use futures::{StreamExt, TryStreamExt, stream};
use ipfi::CodecId;

use crate::greeter::client;

#[tokio::test]
async fn a_method_is_called_by_its_name() {
    let (greeter, _log) = client();
    assert_eq!(greeter.hello("Ada".into()).await.unwrap(), "Hello, Ada!");
}

#[tokio::test]
async fn a_default_body_is_a_method_like_all() {
    let (greeter, _log) = client();
    assert_eq!(greeter.default_method(200, 100).await.unwrap(), 300);
}

#[tokio::test]
async fn a_stream_may_borrow_its_implementor() {
    let (greeter, _log) = client();
    greeter.hello("Ada".into()).await.unwrap();
    let mut numbers = greeter.count(3).await.unwrap();
    assert_eq!(numbers.try_next().await.unwrap(), Some(1));
    let rest: Vec<u64> = numbers.try_collect().await.unwrap();
    assert_eq!(rest, [2, 3]);
}

#[tokio::test]
async fn items_go_up_by_a_stream_or_one_by_one() {
    let (greeter, _log) = client();
    assert_eq!(greeter.sum().items(stream::iter(1..=100)).await.unwrap(), 5050);
    let mut sum = greeter.sum().await.unwrap();
    for number in 1..=10 {
        sum.send(number).await.unwrap();
    }
    assert_eq!(sum.finish().await.unwrap(), 55);
    let lines = stream::iter(["a".to_owned(), "three".to_owned()]);
    assert_eq!(greeter.longest().items(lines).await.unwrap(), 5);
}

#[tokio::test]
async fn items_go_both_ways_and_a_stream_may_borrow_its_context() {
    let (greeter, _log) = client();
    let (mut lines, mut shouted) = greeter.shout("!".into()).metadata("volume", "123").await.unwrap();
    lines.send("hear".into()).await.unwrap();
    assert_eq!(shouted.next().await.unwrap().unwrap(), "HEAR!!!");
    lines.send("me".into()).await.unwrap();
    lines.finish().await.unwrap();
    assert_eq!(shouted.try_collect::<Vec<_>>().await.unwrap(), ["ME!!!"]);
}

#[tokio::test]
async fn a_notification_is_awaited_only_until_it_has_left() {
    let (greeter, mut log) = client();
    greeter.log("good morning".into()).await.unwrap();
    assert_eq!(log.recv().await.unwrap(), "Client: good morning");
}

#[tokio::test]
async fn a_client_speaks_the_codec_of_its_wire() {
    let (greeter, _log) = client();
    let greeter = crate::greeter::GreeterClient::new(&greeter.wire().with_codec(CodecId::MessagePack));
    assert_eq!(greeter.hello("Ada".into()).await.unwrap(), "Hello, Ada!");
    assert_eq!(greeter.sum().items(stream::iter([1, 2])).await.unwrap(), 3);
    assert_eq!(greeter.count(3).codec(CodecId::Bincode).await.unwrap().count().await, 3);
}
