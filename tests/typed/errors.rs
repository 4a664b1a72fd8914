//! A method's own errors, and the call's.

use futures::{StreamExt, TryStreamExt, stream};
use ipfi::{Code, Interface, TypedError};

use crate::greeter::{GreeterClient, SumError, client};

#[tokio::test]
async fn a_typed_error_comes_back_as_what_it_was() {
    let (greeter, _log) = client();
    let error = greeter.sum().items(stream::iter([1, u64::MAX])).await.unwrap_err();
    assert_eq!(error.application(), Some(&SumError::Overflow { at: 1 }));
    // By hand too.
    let mut sum = greeter.sum().await.unwrap();
    sum.send(u64::MAX).await.unwrap();
    sum.send(u64::MAX).await.unwrap();
    assert_eq!(sum.finish().await.unwrap_err().into_application().unwrap(), SumError::Overflow { at: 1 });
    // And as the value that it is.
    let value = greeter.sum().as_value().items(stream::iter([u64::MAX, 1])).await.unwrap();
    assert_eq!(value, Err(SumError::Overflow { at: 1 }));
}

#[tokio::test]
async fn what_is_wrong_with_the_call_is_told_apart_from_a_typed_error() {
    // Served by nobody.
    let greeter = GreeterClient::new(&ipfi::in_process(Interface::new()));
    let error = greeter.sum().items(stream::iter([1])).await.unwrap_err();
    assert_eq!(error.application(), None);
    assert_eq!(error.call_error().unwrap().code(), Code::Unimplemented);
    let error: TypedError<SumError> = greeter.hello("Ada".into()).await.unwrap_err().into();
    assert!(matches!(error, TypedError::Call(error) if error.code() == Code::Unimplemented));
}

#[tokio::test]
async fn a_status_is_an_error_of_the_call() {
    let (greeter, _log) = client();
    assert_eq!(greeter.age(41).await.unwrap(), 41);
    let error = greeter.age(-1).await.unwrap_err();
    assert_eq!((error.code(), error.status().message()), (Code::OutOfRange, "-1 is no age"));
    // Which method it was is told by name.
    let index = error.procedure().get();
    assert_eq!(error.to_string(), format!("call {index} (Greeter.age): OUT_OF_RANGE: -1 is no age"));
}

#[tokio::test]
async fn a_status_ends_a_stream_and_a_typed_error_is_an_item_of_it() {
    let (greeter, _log) = client();
    let items: Vec<_> = greeter.until(2).await.unwrap().collect().await;
    assert_eq!(items.len(), 3);
    assert_eq!(items[2].as_ref().unwrap_err().code(), Code::Aborted);
    let halves = greeter.halves(vec![4, 3, 2]).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(halves, [Ok(2), Err(SumError::Overflow { at: 3 }), Ok(1)]);
}

#[test]
fn a_typed_error_prints_as_the_error_that_it_is() {
    let error: TypedError<String> = TypedError::Application("too old".into());
    assert_eq!(error.to_string(), "too old");
    assert!(std::error::Error::source(&error).is_none());
}
