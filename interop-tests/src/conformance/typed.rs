//! Typed interfaces: every kind of method, over whatever carries the calls. Clauses 15.1 and 15.2.

use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{CheckError, Describe, Schema, TypedError};
use ipfi_core::{Code, CodecId, Context, Interface, Receiver, Status};
use serde::{Deserialize, Serialize};

use super::kit::*;

/// What a sum may fail with.
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(super) enum SumError {
    Overflow { after: u64 },
    Broken(String),
}

/// A method of every kind.
#[ipfi::interface]
pub(super) trait Greeter {
    /// Greets somebody by name.
    #[ipfi(idempotent)]
    async fn hello(&self, name: String) -> String;
    fn count(&self, from: u64, limit: u64) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, SumError>;
    fn times(
        &self,
        context: &Context,
        by: u64,
        numbers: Receiver<u64>,
    ) -> impl Stream<Item = Result<u64, Status>>;
    #[ipfi(notification)]
    async fn log(&self, line: String);
    async fn logged(&self) -> Vec<String>;
    async fn refuse(&self, why: String) -> Result<(), Status>;
    #[ipfi(timeout = "20ms")]
    async fn never(&self);
}

/// Takes another argument than [`Greeter`].
mod other {
    #[ipfi::interface]
    pub(super) trait Greeter {
        async fn hello(&self, name: u64) -> String;
    }
}

#[derive(Default)]
pub(super) struct Polite {
    word: String,
    log: std::sync::Mutex<Vec<String>>,
}

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("{}{name}!", self.word)
    }

    fn count(&self, from: u64, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(from..limit).map(|n| n + self.word.len() as u64)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, SumError> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(number) = numbers.next().await {
            let number = number.map_err(|error| SumError::Broken(error.to_string()))?;
            sum = sum.checked_add(number).ok_or(SumError::Overflow { after })?;
            after += 1;
        }
        Ok(sum)
    }

    fn times(
        &self,
        context: &Context,
        by: u64,
        numbers: Receiver<u64>,
    ) -> impl Stream<Item = Result<u64, Status>> {
        let more = context.metadata().get("more").map_or(0, |more| more.len() as u64);
        numbers.map(move |number| match number?.checked_mul(by + self.word.len() as u64 + more) {
            Some(product) => Ok(product),
            None => Err(Status::out_of_range("too large")),
        })
    }

    async fn log(&self, line: String) {
        if let Ok(mut log) = self.log.lock() {
            log.push(line);
        }
    }

    async fn logged(&self) -> Vec<String> {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    async fn refuse(&self, why: String) -> Result<(), Status> {
        Err(Status::permission_denied(why))
    }

    async fn never(&self) {
        std::future::pending().await
    }
}

pub(super) fn claims() -> Vec<Claim> {
    vec![
        Claim::new("a typed client calls methods of every kind, in every codec", every_kind),
        Claim::new("a typed error comes back typed, and a status as a status", errors),
        Claim::new("a typed call is given up, and ends at its deadline, as every call", given_up),
        Claim::new("a server says what it serves, and a client of another version is told", reflected),
    ]
}

fn interface() -> Interface {
    Interface::new().serve(GreeterServer(Polite { word: "Hi ".into(), ..Polite::default() }))
}

async fn every_kind(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), interface()).await;
    for codec in [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json] {
        let greeter = GreeterClient::new(&caller.with_codec(codec));
        equal("a greeting", ok("hello", greeter.hello("Ada".into()).await)?, "Hi Ada!".to_owned())?;
        let numbers = ok("count", greeter.count(1, 4).await)?;
        equal("what was counted", ok("its items", numbers.try_collect().await)?, vec![4, 5, 6_u64])?;
        let sum = greeter.sum().items(stream::iter(1..=100)).await;
        equal("a sum", sum.map_err(|error| format!("{error:?}"))?, 5050)?;
        let (mut send, receive) = ok("times", greeter.times(2).metadata("more", "12345").await)?;
        for number in [1, 2, 3] {
            ok("an item", send.send(number).await)?;
        }
        ok("their end", send.finish().await)?;
        equal("products", ok("its items", receive.try_collect().await)?, vec![10, 20, 30_u64])?;
        ok("a notification", greeter.log(format!("{codec:?}")).await)?;
        let seen = within("the notification", Duration::from_secs(5), async {
            loop {
                match greeter.logged().await {
                    Ok(lines) if lines.last() == Some(&format!("{codec:?}")) => return Ok(()),
                    Ok(_) => settle().await,
                    Err(error) => return Err(error.to_string()),
                }
            }
        });
        seen.await??;
    }
    idle(&caller, &callee).await
}

async fn errors(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), interface()).await;
    let greeter = GreeterClient::new(&caller);
    match greeter.sum().items(stream::iter([1, u64::MAX, 7])).await {
        Err(TypedError::Application(error)) => equal("it", error, SumError::Overflow { after: 1 })?,
        other => return Err(format!("expected a typed error, saw {other:?}")),
    }
    let refused = failed("a refusal", greeter.refuse("no".into()).await, Code::PermissionDenied)?;
    equal("its text", refused.status().message(), "no")?;
    let (mut send, receive) = ok("times", greeter.times(2).await)?;
    ok("an item", send.send(1).await)?;
    ok("another", send.send(u64::MAX).await)?;
    let products: Vec<_> = receive.collect().await;
    equal("products and an error", products.len(), 2)?;
    let last = products.into_iter().nth(1).ok_or("two items")?;
    failed("the last", last, Code::OutOfRange)?;
    drop(send);
    idle(&caller, &callee).await
}

async fn given_up(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), interface()).await;
    let greeter = GreeterClient::new(&caller);
    failed("a call that never ends", greeter.never().await, Code::DeadlineExceeded)?;
    let mut numbers = ok("a sequence", greeter.count(0, u64::MAX - 3).await)?;
    equal("its first item", ok("it", numbers.try_next().await)?, Some(3))?;
    drop(numbers);
    let mut sum = ok("an upload", greeter.sum().await)?;
    ok("an item", sum.send(1).await)?;
    drop(sum);
    equal("a call afterwards", ok("it", greeter.hello("x".into()).await)?, "Hi x!".to_owned())?;
    idle(&caller, &callee).await
}

async fn reflected(stage: Stage) -> Outcome {
    let (caller, callee) = stage.wires(Interface::new(), interface()).await;
    let served = ok("reflection", ipfi::typed::descriptions(&caller).await)?;
    equal("what is served", served, vec![GreeterClient::description()])?;
    let greeter = GreeterClient::checked(&caller).await.map_err(|error| error.to_string())?;
    equal("a greeting", ok("hello", greeter.hello("Ada".into()).await)?, "Hi Ada!".to_owned())?;
    match other::GreeterClient::checked(&caller).await {
        Err(CheckError::Incompatible(found)) => equal(
            "what is told",
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            vec!["Greeter.hello, argument name: the caller has u64, the callee String".to_owned()],
        )?,
        other => return Err(format!("expected a mismatch, saw {other:?}")),
    }
    idle(&caller, &callee).await
}
