//! A typed interface with a method of every kind and a type of every form; what serves it here, and what calls it at the peer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{CallError, Code, Context, Raw, Receiver, Schema, Status, TypedError, Wire};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A value of every type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Everything {
    pub yes: bool,
    /// Numbers of 8, 16 and 32 bits are numbers.
    pub small: (u8, u16, u32, i8, i16, i32),
    /// Those of 64 and 128 bits are bigints.
    pub large: (u64, u128, i64, i128),
    pub real: (f32, f64),
    pub letter: char,
    pub text: String,
    pub bytes: Bytes,
    pub octets: Vec<u8>,
    pub digest: [u8; 4],
    pub matrix: [[i16; 2]; 9],
    pub maybe: Option<String>,
    /// Nothing, `Some(None)` and `Some(Some(1))` are three values.
    pub perhaps: Option<Option<u8>>,
    pub present: Option<()>,
    pub list: Vec<Option<Id>>,
    pub table: BTreeMap<String, Vec<u64>>,
    pub by_id: BTreeMap<u64, Pair>,
    pub nothing: (),
    pub marker: Marker,
    pub forms: Vec<Form>,
    pub tree: Tree,
    pub page: Page<Id>,
    pub outcome: Result<u8, String>,
    pub uuid: Uuid,
    pub addresses: Vec<IpAddr>,
    pub pause: Duration,
    #[serde(rename = "class-name")]
    pub class_name: String,
}

/// A number of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Id(pub u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Pair(pub u8, pub String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Marker;

/// A variant of every form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum Form {
    /// No value.
    Point,
    Circle(f64),
    Rect(u32, u32),
    Label {
        /// What it says.
        text: String,
        #[serde(rename = "font-size")]
        size: Option<u8>,
    },
    Couple((u8, u8)),
    Void(()),
    #[serde(rename = "7")]
    Seven(Marker),
}

/// Contains itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Tree {
    pub value: i32,
    pub children: Vec<Tree>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<T>,
}

/// Why there is no quotient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum DivisionError {
    ByZero,
    Remainder { quotient: i32, rest: i32 },
}

/// The sum is larger than a `u64`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Overflow {
    /// How many numbers were added until then.
    pub after: u64,
}

/// A method of every kind.
#[ipfi::interface]
pub trait Sampler {
    /// Gives back what it is given: a value of every type.
    #[ipfi(idempotent, timeout = "5s")]
    async fn everything(&self, value: Everything) -> Everything;

    /// Several arguments, some of whose names are words of JavaScript.
    async fn join(&self, new: u8, with: i64, this_one: Option<String>, options: Vec<u64>) -> String;

    /// Counts from one number up to another.
    fn count(&self, from: u64, limit: u64) -> impl Stream<Item = u64>;

    async fn divide(&self, number: i32, by: i32) -> Result<i32, DivisionError>;

    /// Halves again and again, as long as there is no rest.
    fn halve(&self, number: u32) -> impl Stream<Item = Result<u32, DivisionError>>;

    /// Adds up a stream of numbers.
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, Overflow>;

    /// Gives back each line, in the word of whoever serves.
    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String>;

    fn times(&self, by: u64, numbers: Receiver<u64>) -> impl Stream<Item = Result<u64, Overflow>>;

    #[ipfi(notification)]
    async fn log(&self, line: String);

    #[ipfi(notification, datagram)]
    async fn shout(&self, line: String);

    /// What was logged and shouted.
    async fn logged(&self) -> Vec<String>;

    /// Fails, and not with a value.
    async fn refuse(&self, why: String) -> Result<(), Status>;

    /// Does not end before its caller gives it up.
    #[ipfi(timeout = "50ms")]
    async fn never(&self);

    /// Has no end.
    fn forever(&self) -> impl Stream<Item = u64>;

    /// How many callers of `forever` have left.
    async fn left(&self) -> u32;

    /// Bytes as they are.
    async fn raw(&self, length: u32) -> Raw;

    /// Calls every method of its caller, who serves them too.
    async fn visit(&self, context: &Context) -> Result<Vec<String>, String>;
}

#[derive(Default)]
pub struct Samples {
    log: Mutex<Vec<String>>,
    left: AtomicU32,
}

impl Samples {
    fn note(&self, line: String) {
        if let Ok(mut log) = self.log.lock() {
            log.push(line);
        }
    }
}

/// Counts when it is gone.
struct Leaving<'a>(&'a AtomicU32);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Sampler for Samples {
    async fn everything(&self, value: Everything) -> Everything {
        value
    }

    async fn join(&self, new: u8, with: i64, this_one: Option<String>, options: Vec<u64>) -> String {
        format!("{new} {with} {} {options:?}", this_one.unwrap_or_default())
    }

    fn count(&self, from: u64, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(from..limit)
    }

    async fn divide(&self, number: i32, by: i32) -> Result<i32, DivisionError> {
        match by {
            0 => Err(DivisionError::ByZero),
            by if number % by == 0 => Ok(number / by),
            by => Err(DivisionError::Remainder { quotient: number / by, rest: number % by }),
        }
    }

    fn halve(&self, number: u32) -> impl Stream<Item = Result<u32, DivisionError>> {
        stream::unfold(Some(number), |number| async move {
            let number = number?;
            let half = i32::try_from(number / 2).unwrap_or(i32::MAX);
            Some(match number % 2 {
                0 => (Ok(number / 2), Some(number / 2)),
                _ => (Err(DivisionError::Remainder { quotient: half, rest: 1 }), None),
            })
        })
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, Overflow> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(Ok(number)) = numbers.next().await {
            sum = sum.checked_add(number).ok_or(Overflow { after })?;
            after += 1;
        }
        Ok(sum)
    }

    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String> {
        lines.map(|line| format!("Rust: {}", line.unwrap_or_default()))
    }

    fn times(&self, by: u64, numbers: Receiver<u64>) -> impl Stream<Item = Result<u64, Overflow>> {
        numbers
            .enumerate()
            .map(move |(n, number)| number.unwrap_or(0).checked_mul(by).ok_or(Overflow { after: n as u64 }))
    }

    async fn log(&self, line: String) {
        self.note(line);
    }

    async fn shout(&self, line: String) {
        self.note(line.to_uppercase());
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

    fn forever(&self) -> impl Stream<Item = u64> {
        let leaving = Leaving(&self.left);
        stream::iter(0_u64..).inspect(move |_| {
            let _ = &leaving;
        })
    }

    async fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }

    async fn raw(&self, length: u32) -> Raw {
        Raw(Bytes::from(vec![7; length as usize]))
    }

    async fn visit(&self, context: &Context) -> Result<Vec<String>, String> {
        visit(&context.wire()).await
    }
}

/// A value that has something in every place.
fn everything() -> Everything {
    let leaf = |value| Tree { value, children: Vec::new() };
    Everything {
        yes: true,
        small: (255, 65_535, u32::MAX, -128, i16::MIN, i32::MIN),
        large: (u64::MAX, u128::MAX, i64::MIN, i128::MIN),
        real: (1.5, -0.1),
        letter: '𝄞',
        text: "héllo".into(),
        bytes: Bytes::from_static(b"\0\xff"),
        octets: vec![1, 2, 255],
        digest: [9, 8, 7, 6],
        matrix: [[-1, 300]; 9],
        maybe: None,
        perhaps: Some(None),
        present: Some(()),
        list: vec![None, Some(Id(1 << 60))],
        table: BTreeMap::from([("a".into(), vec![1]), ("".into(), vec![])]),
        by_id: BTreeMap::from([(u64::MAX, Pair(1, "x".into()))]),
        nothing: (),
        marker: Marker,
        forms: vec![
            Form::Point,
            Form::Circle(0.5),
            Form::Rect(1, 70_000),
            Form::Label { text: "l".into(), size: Some(12) },
            Form::Couple((1, 2)),
            Form::Void(()),
            Form::Seven(Marker),
        ],
        tree: Tree { value: 1, children: vec![leaf(-2), Tree { value: 3, children: vec![leaf(4)] }] },
        page: Page { items: vec![Id(1)], next: Some(Id(2)) },
        outcome: Err("no".into()),
        uuid: Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8),
        addresses: vec![[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()],
        pause: Duration::from_millis(1500),
        class_name: "c".into(),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Result<String, String> {
    if seen == expected { Ok(what.to_owned()) } else { Err(format!("{what}: {seen:?}, not {expected:?}")) }
}

/// Calls every method of the peer, and says what held.
pub async fn visit(wire: &Wire) -> Result<Vec<String>, String> {
    let sampler = SamplerClient::new(wire);
    let told = |error: CallError| error.to_string();
    let mut held = vec![
        same("a value of every type", sampler.everything(everything()).await.map_err(told)?, everything())?,
        same(
            "several arguments",
            sampler.join(1, -2, Some("x".into()), vec![3]).await.map_err(told)?,
            "1 -2 x [3]".into(),
        )?,
    ];
    let numbers: Vec<u64> = sampler.count(5, 8).await.map_err(told)?.try_collect().await.map_err(told)?;
    held.push(same("a sequence", numbers, vec![5, 6, 7])?);
    held.push(same("an answer", sampler.divide(6, 3).await.map_err(|error| format!("{error:?}"))?, 2)?);
    held.push(match sampler.divide(7, 3).await {
        Err(TypedError::Application(error)) => {
            same("an error of its own", error, DivisionError::Remainder { quotient: 2, rest: 1 })?
        }
        other => return Err(format!("expected a typed error, saw {other:?}")),
    });
    let halves: Vec<_> = sampler.halve(12).await.map_err(told)?.try_collect().await.map_err(told)?;
    let last = DivisionError::Remainder { quotient: 1, rest: 1 };
    held.push(same("items and an error", halves, vec![Ok(6), Ok(3), Err(last)])?);
    held.push(same(
        "a stream to it",
        sampler.sum().items(stream::iter(1..=100)).await.map_err(|error| format!("{error:?}"))?,
        5050,
    )?);
    held.push(match sampler.sum().items(stream::iter([1, u64::MAX])).await {
        Err(TypedError::Application(error)) => same("an error of an upload", error, Overflow { after: 1 })?,
        other => return Err(format!("expected a typed error, saw {other:?}")),
    });
    let (mut lines, mut echoes) = sampler.echo().await.map_err(told)?;
    for line in ["a", "b"] {
        lines.send(line.into()).await.map_err(|error| error.to_string())?;
        let echo = echoes.try_next().await.map_err(told)?.unwrap_or_default();
        held.push(same("an echo", echo.ends_with(&format!(": {line}")), true)?);
    }
    drop((lines, echoes));
    sampler.log("from Rust".into()).await.map_err(told)?;
    while !sampler.logged().await.map_err(told)?.contains(&"from Rust".to_owned()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = sampler.refuse("no".into()).await.expect_err("it refuses");
    held.push(same(
        "a status",
        (refused.code(), refused.status().message()),
        (Code::PermissionDenied, "no"),
    )?);
    let late = sampler.never().await.expect_err("it never ends");
    held.push(same("the deadline of the attribute", late.code(), Code::DeadlineExceeded)?);
    let before = sampler.left().await.map_err(told)?;
    let mut numbers = sampler.forever().await.map_err(told)?;
    held.push(same("its first item", numbers.try_next().await.map_err(told)?, Some(0))?);
    drop(numbers);
    while sampler.left().await.map_err(told)? == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let raw = sampler.raw(3).await.map_err(told)?;
    held.push(same("bytes as they are", raw.0, Bytes::from_static(&[7, 7, 7]))?);
    Ok(held)
}
