//! One trait: its server, and its client.
//!
//! *Shows*: `#[ipfi::interface]` with every kind of method, errors of one's own, and a client that asks first whether the
//! server is the one it was written for.
//! *Run*: `cargo run --example typed`
//! *Expect*: what each call answers; at last, the same client with a server of another version.

use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{Context, Interface, Receiver, Server, Status, TypedError};
use serde::{Deserialize, Serialize};

/// Why there is no sum.
#[derive(Debug, Serialize, Deserialize, ipfi::Schema)]
pub enum SumError {
    /// It is larger than a `u64`.
    Overflow {
        /// How many numbers were added until then.
        after: u64,
    },
    /// Not all numbers came.
    Interrupted,
}

/// Greets, counts and adds.
#[ipfi::interface]
pub trait Greeter {
    /// Greets somebody by name.
    #[ipfi(idempotent, timeout = "5s")]
    async fn hello(&self, name: String) -> String;

    /// Counts up to `limit`, one item every `every_ms` milliseconds.
    fn count(&self, limit: u64, every_ms: u32) -> impl Stream<Item = u64>;

    /// Adds up a stream of numbers.
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, SumError>;

    /// Answers each line with what it is to whoever sent it.
    fn echo(&self, context: &Context, lines: Receiver<String>) -> impl Stream<Item = Result<String, Status>>;

    /// Is told, and says nothing.
    #[ipfi(notification)]
    async fn log(&self, line: String);
}

struct Polite {
    word: &'static str,
}

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("{}, {name}!", self.word)
    }

    fn count(&self, limit: u64, every_ms: u32) -> impl Stream<Item = u64> {
        stream::iter(0..limit).then(move |n| async move {
            tokio::time::sleep(Duration::from_millis(every_ms.into())).await;
            n
        })
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, SumError> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(number) = numbers.try_next().await.map_err(|_| SumError::Interrupted)? {
            sum = sum.checked_add(number).ok_or(SumError::Overflow { after })?;
            after += 1;
        }
        Ok(sum)
    }

    fn echo(&self, context: &Context, lines: Receiver<String>) -> impl Stream<Item = Result<String, Status>> {
        // A stream may borrow both.
        let carrier = context.peer().carrier();
        lines.map_ok(move |line| format!("{}, over {carrier}: {line}", self.word)).err_into()
    }

    async fn log(&self, line: String) {
        println!("the server was told: {line}");
    }
}

/// The interface as it will be one day.
mod later {
    #[ipfi::interface]
    pub(crate) trait Greeter {
        async fn hello(&self, first_name: String, last_name: String) -> String;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new().serve(GreeterServer(Polite { word: "Hello" }));
    let server = Server::new(interface).listen("tcp://127.0.0.1:0").bind().await?;
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());

    let wire = ipfi::connect(&url).await?;
    let greeter = GreeterClient::checked(&wire).await?;

    println!("{}", greeter.hello("Ada".into()).await?);

    let mut numbers = greeter.count(3, 10).await?;
    while let Some(n) = numbers.try_next().await? {
        println!("{n}");
    }

    if let Ok(sum) = greeter.sum().items(stream::iter(1..=100)).await {
        println!("the sum is {sum}");
    }
    match greeter.sum().items(stream::iter([1, 2, u64::MAX])).await {
        Err(TypedError::Application(SumError::Overflow { after })) => {
            println!("too much after {after} numbers")
        }
        other => println!("{other:?}"),
    }

    let (mut lines, mut echoes) = greeter.echo().priority(1).await?;
    lines.send("is anybody there?".into()).await?;
    println!("{}", echoes.try_next().await?.unwrap_or_default());

    greeter.log("good night".into()).await?;
    println!("{}", greeter.hello("Grace".into()).metadata("trace", "7").await?);

    if let Err(error) = later::GreeterClient::checked(&wire).await {
        println!("{error}");
    }
    Ok(())
}
