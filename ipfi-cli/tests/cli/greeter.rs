//! What is served to the command: by `examples/greeter.rs` too.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use ipfi::{CancelCause, Code, Context, Metadata, Receiver, Status};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

/// Why there is no sum.
#[derive(Debug, Serialize, Deserialize, ipfi::Schema)]
pub(crate) enum NoSum {
    /// It is larger than a `u64`, after so many numbers.
    Overflow(u64),
    /// Not all numbers arrived.
    Broken(String),
}

/// Who is looked for.
#[derive(Debug, Serialize, Deserialize, ipfi::Schema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// The beginning of the name.
    prefix: String,
    role: Option<Role>,
    #[serde(default)]
    limit: u8,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ipfi::Schema)]
pub(crate) enum Role {
    Admin,
    Guest { until: i64 },
}

#[derive(Debug, Serialize, Deserialize, ipfi::Schema)]
pub(crate) struct User {
    name: String,
    role: Role,
    address: IpAddr,
}

/// Greets, counts and adds.
#[ipfi::interface]
pub(crate) trait Greeter {
    /// Greets somebody by name.
    #[ipfi(idempotent, timeout = "5s")]
    async fn hello(&self, name: String) -> String;

    /// Counts up to `limit`.
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;

    /// Adds up a stream of numbers.
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, NoSum>;

    /// Gives back each line.
    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String>;

    /// Is told, and says nothing.
    #[ipfi(notification)]
    async fn log(&self, line: String);
}

/// Whatever may happen to a call.
#[ipfi::interface]
pub(crate) trait Probe {
    async fn find(&self, filter: Filter) -> Vec<User>;

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, Status>;

    /// Halves of even numbers.
    fn halves(&self, until: u64) -> impl Stream<Item = Result<u64, String>>;

    /// Gives back metadata of the request, and as metadata of the response.
    async fn header(&self, context: &Context, name: String) -> Option<String>;

    /// Never answers.
    async fn wait(&self);

    /// Answers once, and never again.
    fn forever(&self, context: &Context) -> impl Stream<Item = u64>;

    async fn wide(&self, number: u128, bytes: bytes::Bytes) -> (i128, bytes::Bytes);

    /// Answers after that time, and not before.
    async fn slow(&self, milliseconds: u32);
}

/// Both interfaces; what happens to calls is told to whoever listens.
#[derive(Clone)]
pub(crate) struct Polite {
    pub(crate) lines: UnboundedSender<String>,
    pub(crate) cancelled: UnboundedSender<CancelCause>,
}

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, NoSum> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(number) = numbers.next().await {
            let number = number.map_err(|error| NoSum::Broken(error.to_string()))?;
            sum = sum.checked_add(number).ok_or(NoSum::Overflow(after))?;
            after += 1;
        }
        Ok(sum)
    }

    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String> {
        lines.map(Result::unwrap_or_default)
    }

    async fn log(&self, line: String) {
        // Nobody listens in the example.
        let _ = self.lines.send(line);
    }
}

impl Probe for Polite {
    async fn find(&self, filter: Filter) -> Vec<User> {
        let user =
            |name: &str, role| User { name: name.to_owned(), role, address: IpAddr::from([10, 0, 0, 1]) };
        let users = [user("Ada", Role::Admin), user("Alan", Role::Guest { until: -1 })];
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit.into() };
        let fits = |user: &User| {
            user.name.starts_with(&filter.prefix) && filter.role.is_none_or(|it| it == user.role)
        };
        users.into_iter().filter(fits).take(limit).collect()
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, Status> {
        dividend.checked_div(divisor).ok_or_else(|| Status::new(Code::InvalidArgument, "division by zero"))
    }

    fn halves(&self, until: u64) -> impl Stream<Item = Result<u64, String>> {
        stream::iter((0..until).map(|n| if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }))
    }

    async fn header(&self, context: &Context, name: String) -> Option<String> {
        let value = context.metadata().get_str(&name)?.to_owned();
        let mut reply = Metadata::default();
        reply.insert("seen", value.clone()).ok()?;
        context.set_reply_metadata(reply);
        Some(value)
    }

    async fn wait(&self) {
        std::future::pending().await
    }

    fn forever(&self, context: &Context) -> impl Stream<Item = u64> {
        let (context, cancelled) = (context.clone(), self.cancelled.clone());
        tokio::spawn(async move { cancelled.send(context.cancelled().await) });
        stream::iter([0]).chain(stream::pending())
    }

    async fn slow(&self, milliseconds: u32) {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    }

    async fn wide(&self, number: u128, bytes: bytes::Bytes) -> (i128, bytes::Bytes) {
        (-i128::try_from(number).unwrap_or(i128::MAX), bytes)
    }
}
