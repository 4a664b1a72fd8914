//! One call, of every kind.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::{Either, pending, select};
use futures_util::{Stream, StreamExt};
use ipfi::call::{Call, Terminator};
use ipfi::core::codec::Encoded;
use ipfi::core::interface::Kind;
use ipfi::{CallError, CodecId, Receiver};

use super::input::{lines, pieces};
use super::options::Options;
use super::output::Output;
use crate::connection::Link;
use crate::failure::{Failure, interruptible};
use crate::format::{Format, Given};
use crate::texts::clean;

/// What is called.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) index: u64,
    pub(crate) kind: Kind,
    /// The method's own, in milliseconds.
    pub(crate) timeout: Option<u64>,
}

/// Makes the call, unless it is interrupted: then it is dropped, which cancels it at the peer.
pub(super) async fn run(
    link: &Link,
    target: &Target,
    format: &Format<'_>,
    given: &Given,
    options: &Options,
    verbose: bool,
) -> Result<(), Failure> {
    if verbose {
        eprintln!("* calling {} (procedure {}) in {}", clean(&target.name), target.index, format.codec());
        options.headers().for_each(|(name, value)| eprintln!("> {name}: {value}"));
    }
    let arguments = if target.kind == Kind::Raw { Bytes::new() } else { format.arguments(given)? };
    let output = Mutex::new(Output::new(verbose, target.kind != Kind::ProcedureWithItems));
    let one = One { link, target, format, options, output };
    let made = interruptible(format!("{} was cancelled", target.name), one.made(arguments, given)).await;
    let output = one.output.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (made, output.end()) {
        (Ok(()), ended) => ended,
        (failed, _) => failed,
    }
}

struct One<'a> {
    link: &'a Link,
    target: &'a Target,
    format: &'a Format<'a>,
    options: &'a Options,
    output: Mutex<Output>,
}

impl One<'_> {
    fn failed(&self, error: CallError) -> Failure {
        Failure::status(&self.target.name, error)
    }

    fn set<K, A>(&self, call: Call<K, A>) -> Call<K, A> {
        self.options.set(call, self.format.codec(), self.target.timeout)
    }

    fn output<T>(&self, print: impl FnOnce(&mut Output) -> T) -> T {
        print(&mut self.output.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn made(&self, arguments: Bytes, given: &Given) -> Result<(), Failure> {
        let (wire, index, arguments) = (&self.link.wire, self.target.index, Encoded(arguments));
        match self.target.kind {
            Kind::Procedure => {
                let call = self.set(wire.call::<Encoded>(index, arguments));
                let answer = call.answer().await.map_err(|error| self.failed(error))?;
                self.output(|output| output.metadata(&answer.metadata));
                self.answer(&answer.value.0)
            }
            Kind::Sequence => {
                let call = self.set(wire.stream::<Encoded>(index, arguments));
                self.answers(call.await.map_err(|error| self.failed(error))?).await
            }
            Kind::ProcedureWithItems => {
                let call = self.set(wire.upload::<Encoded, Encoded>(index, arguments));
                let (items, refused) = self.items();
                let answer = call.items(items);
                let answer =
                    unless(refused, async { answer.await.map_err(|error| self.failed(error)) }).await?;
                self.answer(&answer.0)
            }
            Kind::SequenceWithItems => {
                let call = self.set(wire.duplex::<Encoded, Encoded>(index, arguments));
                let (mut sender, answers) = call.await.map_err(|error| self.failed(error))?;
                let (items, refused) = self.items();
                let sent = async {
                    let mut items = std::pin::pin!(items);
                    while let Some(item) = items.next().await {
                        // One that is too large must not be left out: without it the call would mean something else.
                        sender.send(item).await.map_err(|error| self.failed(error))?;
                        if sender.is_stopped() {
                            break;
                        }
                    }
                    sender.finish().await.map_err(|error| self.failed(error))?;
                    pending::<Result<(), Failure>>().await
                };
                let answered = async {
                    match select(std::pin::pin!(self.answers(answers)), std::pin::pin!(sent)).await {
                        Either::Left((done, _)) | Either::Right((done, _)) => done,
                    }
                };
                unless(refused, answered).await
            }
            Kind::Notification => {
                let call = self.set(wire.notify(index, arguments));
                call.await.map_err(|error| self.failed(error))
            }
            Kind::Raw => self.raw(given).await,
            other => Err(Failure::usage(format!(
                "{} is {other}, which this program cannot call",
                self.target.name
            ))),
        }
    }

    /// Prints an answer, or an item of one.
    fn answer(&self, bytes: &[u8]) -> Result<(), Failure> {
        let answer = self.format.answer(bytes).map_err(|error| {
            let text = format!("{}: the answer is not what the description says: {error}", self.target.name);
            Failure::Answer(text)
        })?;
        self.output(|output| output.answer(answer))
    }

    async fn answers(&self, mut answers: Receiver<Encoded>) -> Result<(), Failure> {
        let mut first = true;
        while let Some(answer) = answers.next().await {
            if std::mem::take(&mut first) {
                self.output(|output| output.metadata(answers.metadata()));
            }
            self.answer(&answer.map_err(|error| self.failed(error))?.0)?;
        }
        Ok(())
    }

    /// The items of standard input; and when one of them is none, why. Then the stream has no end, so that the call does
    /// not have one either: it is cancelled, not completed without what followed.
    fn items(&self) -> (impl Stream<Item = Encoded> + Send, tokio::sync::oneshot::Receiver<Failure>) {
        let (refuse, refused) = tokio::sync::oneshot::channel();
        let refuse = Arc::new(Mutex::new(Some(refuse)));
        let items = futures_util::stream::unfold(lines(), move |mut lines| {
            let refuse = Arc::clone(&refuse);
            async move {
                let (n, line) = lines.recv().await?;
                match line.and_then(|line| Ok((self.format.item(&line)?, line.len()))) {
                    Ok((item, length)) => {
                        if matches!(self.target.kind, Kind::ProcedureWithItems) {
                            self.output(|output| output.count(length));
                        }
                        Some((Encoded(item), lines))
                    }
                    Err(error) => {
                        let failure = Failure::usage(format!("standard input, line {n}: {error}"));
                        if let Some(refuse) = refuse.lock().unwrap_or_else(PoisonError::into_inner).take() {
                            // Whoever waited for it is gone, and so is the call.
                            drop(refuse.send(failure));
                        }
                        pending().await
                    }
                }
            }
        });
        (items, refused)
    }

    /// Bytes in, bytes out, as they come.
    async fn raw(&self, given: &Given) -> Result<(), Failure> {
        if !given.is_empty() {
            return Err(Failure::usage(
                "a raw procedure takes the bytes of standard input, and no arguments",
            ));
        }
        let call =
            self.options.set(self.link.wire.start(self.target.index), CodecId::Raw, self.target.timeout);
        let mut exchange = call.await.map_err(|error| self.failed(error))?;
        let mut input = pieces();
        while let Some(piece) = input.recv().await {
            let piece = piece.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
            exchange
                .write_fragment(piece.into(), Terminator::None)
                .await
                .map_err(|error| self.failed(error))?;
        }
        exchange.end().await.map_err(|error| self.failed(error))?;
        while let Some(fragment) = exchange.read().await.map_err(|error| self.failed(error))? {
            self.output(|output| output.bytes(&fragment.bytes))?;
        }
        Ok(())
    }
}

/// What `call` comes to, unless what it is sent is refused first.
async fn unless<T>(
    refused: tokio::sync::oneshot::Receiver<Failure>,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let refused = async {
        match refused.await {
            Ok(failure) => failure,
            // All of them were taken.
            Err(_) => pending().await,
        }
    };
    match select(std::pin::pin!(call), std::pin::pin!(refused)).await {
        Either::Left((done, _)) => done,
        Either::Right((failure, _)) => Err(failure),
    }
}
