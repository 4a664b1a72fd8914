//! A typed interface through the facade, over real sockets of every kind.

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{CheckError, Context, Interface, Receiver, Server, TypedError};
use serde::{Deserialize, Serialize};

use crate::support::{Running, within};

#[derive(Debug, PartialEq, Serialize, Deserialize, ipfi::Schema)]
enum SumError {
    Overflow { after: u64 },
    Broken,
}

#[ipfi::interface]
trait Greeter {
    async fn hello(&self, context: &Context, name: String) -> String;
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, SumError>;
    fn times(&self, by: u64, numbers: Receiver<u64>) -> impl Stream<Item = u64>;
    #[ipfi(notification)]
    async fn log(&self, line: String);
}

/// Another version of it.
mod next {
    #[ipfi::interface]
    pub(super) trait Greeter {
        async fn hello(&self, name: Vec<String>) -> String;
    }
}

struct Polite(tokio::sync::mpsc::UnboundedSender<String>);

impl Greeter for Polite {
    async fn hello(&self, context: &Context, name: String) -> String {
        format!("Hello, {name}, over {}!", context.peer().carrier())
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, SumError> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(number) = numbers.next().await {
            let number = number.map_err(|_| SumError::Broken)?;
            sum = sum.checked_add(number).ok_or(SumError::Overflow { after })?;
            after += 1;
        }
        Ok(sum)
    }

    fn times(&self, by: u64, numbers: Receiver<u64>) -> impl Stream<Item = u64> {
        numbers.map(move |number| number.unwrap_or_default() * by)
    }

    async fn log(&self, line: String) {
        let _ = self.0.send(line);
    }
}

#[tokio::test]
async fn one_trait_is_served_on_every_carrier_at_once_and_its_client_is_the_same_over_each() {
    let (sent, mut log) = tokio::sync::mpsc::unbounded_channel();
    let interface = Interface::new().serve(GreeterServer(Polite(sent)));
    let (server, connector) = Running::everywhere(Server::new(interface)).await;
    let mut carriers = Vec::new();
    for url in &server.urls {
        let wire = within("connecting", connector.connect(url)).await.unwrap();
        let greeter = within("a check", GreeterClient::checked(&wire)).await.unwrap();
        let greeting = within("a greeting", greeter.hello("Ada".into())).await.unwrap();
        carriers.push(greeting.trim_start_matches("Hello, Ada, over ").trim_end_matches('!').to_owned());

        let numbers = within("a sequence", greeter.count(1000)).await.unwrap();
        let numbers: Vec<u64> = within("its items", numbers.try_collect::<Vec<_>>()).await.unwrap();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());

        assert_eq!(within("a sum", greeter.sum().items(stream::iter(1..=100))).await.unwrap(), 5050);
        let sum = within("another", greeter.sum().items(stream::iter([1, u64::MAX]))).await;
        match sum {
            Err(TypedError::Application(error)) => assert_eq!(error, SumError::Overflow { after: 1 }),
            other => panic!("{url}: {other:?}"),
        }

        let (mut send, receive) = within("both ways", greeter.times(3)).await.unwrap();
        for number in [1, 2] {
            within("an item", send.send(number)).await.unwrap();
        }
        within("their end", send.finish()).await.unwrap();
        let products: Vec<u64> = within("products", receive.try_collect::<Vec<_>>()).await.unwrap();
        assert_eq!(products, [3, 6]);

        within("a notification", greeter.log(url.clone())).await.unwrap();
        assert_eq!(within("its arrival", log.recv()).await.unwrap(), *url);

        match within("another check", next::GreeterClient::checked(&wire)).await {
            Err(CheckError::Incompatible(found)) => assert_eq!(
                found[0].to_string(),
                "Greeter.hello, argument name: the caller has Vec<String>, the callee String"
            ),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert_eq!(carriers, ["quic", "tls", "wss", "ws", "tcp", "unix"]);
}
