//! An interface with a method of every kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{Context, Interface, Receiver, Status};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SumError {
    Overflow { at: u64 },
    Interrupted,
}

/// Greets, counts, adds.
#[ipfi::interface]
pub(crate) trait Greeter {
    /// Greets somebody by name.
    async fn hello(&self, name: String) -> String;

    /// Counts up to `limit`.
    ///
    /// From what was greeted so far.
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;

    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, SumError>;

    fn shout(&self, context: &Context, mark: String, lines: Receiver<String>) -> impl Stream<Item = String>;

    #[ipfi(notification)]
    async fn log(&self, context: &Context, line: String);

    async fn age(&self, age: i64) -> Result<u8, Status>;

    fn until(&self, limit: u64) -> impl Stream<Item = Result<u64, Status>>;

    fn halves(&self, numbers: Vec<u64>) -> impl Stream<Item = Result<u64, SumError>>;

    async fn longest(&self, context: &Context, lines: Receiver<String>) -> usize;

    async fn default_method(&self, a: u8, b: u8) -> u16 {
        let sum = u16::from(a) + u16::from(b);
        if self.hello("default".into()).await.is_empty() {
            return 0;
        }
        sum
    }
}

/// Generic over what it greets with, and never cloned.
pub(crate) struct Polite<W> {
    pub(crate) word: W,
    pub(crate) greeted: AtomicU64,
    pub(crate) logged: mpsc::UnboundedSender<String>,
}

impl<W: AsRef<str> + Send + Sync + 'static> Greeter for Polite<W> {
    async fn hello(&self, name: String) -> String {
        self.greeted.fetch_add(1, Ordering::Relaxed);
        format!("{}, {name}!", self.word.as_ref())
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        // The items borrow the implementor.
        stream::iter(0..limit).map(|n| n + self.greeted.load(Ordering::Relaxed))
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, SumError> {
        let mut sum = 0_u64;
        let mut taken = 0;
        while let Some(number) = numbers.next().await {
            let number = number.map_err(|_| SumError::Interrupted)?;
            sum = sum.checked_add(number).ok_or(SumError::Overflow { at: taken })?;
            taken += 1;
        }
        Ok(sum)
    }

    fn shout(&self, context: &Context, mark: String, lines: Receiver<String>) -> impl Stream<Item = String> {
        let metadata = context.metadata();
        lines.map(move |line| {
            let volume = metadata.get("volume").map_or(1, |volume| volume.len());
            format!("{}{}", line.unwrap_or_default().to_uppercase(), mark.repeat(volume))
        })
    }

    async fn log(&self, context: &Context, line: String) {
        let _ = self.logged.send(format!("{:?}: {line}", context.peer().side()));
    }

    async fn age(&self, age: i64) -> Result<u8, Status> {
        u8::try_from(age).map_err(|_| Status::out_of_range(format!("{age} is no age")))
    }

    fn until(&self, limit: u64) -> impl Stream<Item = Result<u64, Status>> {
        stream::iter((0..limit).map(Ok)).chain(stream::iter([Err(Status::aborted("the limit"))]))
    }

    fn halves(&self, numbers: Vec<u64>) -> impl Stream<Item = Result<u64, SumError>> {
        stream::iter(numbers).map(|n| if n % 2 == 0 { Ok(n / 2) } else { Err(SumError::Overflow { at: n }) })
    }

    async fn longest(&self, context: &Context, lines: Receiver<String>) -> usize {
        assert!(context.cancel_cause().is_none());
        lines
            .try_fold(0, |longest, line| async move { Ok(longest.max(line.len())) })
            .await
            .unwrap_or_default()
    }
}

pub(crate) fn polite() -> (Polite<&'static str>, mpsc::UnboundedReceiver<String>) {
    let (logged, log) = mpsc::unbounded_channel();
    (Polite { word: "Hello", greeted: AtomicU64::new(0), logged }, log)
}

/// A client of a server in this process.
pub(crate) fn client() -> (GreeterClient, mpsc::UnboundedReceiver<String>) {
    let (greeter, log) = polite();
    let wire = ipfi::in_process(Interface::new().serve(GreeterServer(greeter)));
    (GreeterClient::new(&wire), log)
}

/// An implementor that others hold.
pub(crate) fn shared() -> Arc<Polite<String>> {
    let (logged, _) = mpsc::unbounded_channel();
    Arc::new(Polite { word: "Hi".to_owned(), greeted: AtomicU64::new(0), logged })
}
