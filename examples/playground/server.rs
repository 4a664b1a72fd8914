//! What the server offers: a method of each kind. The page's client is `page/playground.js`, made of this trait by `ipfi gen ts`.

use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::{CloseCode, Context, Receiver, Status};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// What there is to try.
#[ipfi::interface]
pub(crate) trait Playground {
    /// One value in, one value out.
    async fn hello(&self, name: String) -> String;

    /// A stream of numbers, one each 100 ms. Cancel it, and its producer is dropped.
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;

    /// A stream of numbers to the server, one answer.
    async fn sum(&self, numbers: Receiver<i64>) -> Result<i64, Status>;

    /// Streams in both directions: each word comes back as it arrives.
    fn shout(&self, words: Receiver<String>) -> impl Stream<Item = Result<String, Status>>;

    /// Bytes to the server, as fast as it takes them; it answers how many they were.
    async fn upload(&self, pieces: Receiver<Bytes>) -> Result<u64, Status>;

    /// Numbered pieces of some size in some rhythm, or as fast as they are taken: what the page's many streams are.
    fn pieces(&self, from: u32, to: u32, bytes: u32, every_ms: u64) -> impl Stream<Item = Bytes>;

    /// Asks back whoever calls.
    async fn ask(&self, context: &Context) -> Result<String, Status>;

    /// Asks back so many times at once; those calls share packets. The answer is the sum of theirs.
    async fn ask_often(&self, context: &Context, times: u64) -> Result<u64, Status>;

    /// Takes a minute. Its deadline travels with it, and the handler is dropped when it passes.
    async fn slow(&self);

    /// Fails, with a code, a text, and whose doing it was.
    async fn fail(&self) -> Result<(), Status>;

    /// Ends the connection under everything that runs on it.
    #[ipfi(notification)]
    async fn pull_the_plug(&self, context: &Context);
}

/// What a page, or the prompt, offers to the server.
#[ipfi::interface]
pub(crate) trait Visitor {
    /// Somebody sits there and answers.
    async fn answer(&self, who_asks: String) -> Result<String, Status>;

    /// Twice the number.
    async fn double(&self, number: u64) -> u64;
}

pub(crate) struct Here;

impl Playground for Here {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        every(100).zip(stream::iter(0..limit)).map(|((), n)| n)
    }

    async fn sum(&self, numbers: Receiver<i64>) -> Result<i64, Status> {
        Ok(numbers.try_fold(0_i64, |sum, n| async move { Ok(sum.saturating_add(n)) }).await?)
    }

    fn shout(&self, words: Receiver<String>) -> impl Stream<Item = Result<String, Status>> {
        words.map_ok(|word| word.to_uppercase()).err_into()
    }

    async fn upload(&self, pieces: Receiver<Bytes>) -> Result<u64, Status> {
        Ok(pieces.try_fold(0_u64, |sum, piece| async move { Ok(sum + piece.len() as u64) }).await?)
    }

    fn pieces(&self, from: u32, to: u32, bytes: u32, every_ms: u64) -> impl Stream<Item = Bytes> {
        every(every_ms).zip(stream::iter(from..to)).map(move |((), n)| {
            let mut piece = n.to_be_bytes().to_vec();
            piece.resize(bytes.clamp(4, 64 << 10) as usize, b'.');
            Bytes::from(piece)
        })
    }

    async fn ask(&self, context: &Context) -> Result<String, Status> {
        // Its deadline is handed on.
        let visitor = VisitorClient::new(&context.wire());
        let answer = visitor.answer("the server".into()).within(context).await?;
        Ok(format!("the server called back and was told: {answer}"))
    }

    async fn ask_often(&self, context: &Context, times: u64) -> Result<u64, Status> {
        let visitor = &VisitorClient::new(&context.wire());
        let calls = (0..times.min(10_000)).map(|n| async move { visitor.double(n).within(context).await });
        Ok(try_join_all(calls).await?.iter().sum())
    }

    async fn slow(&self) {
        sleep(Duration::from_secs(60)).await;
    }

    async fn fail(&self) -> Result<(), Status> {
        Err(Status::failed_precondition("it is not Tuesday"))
    }

    async fn pull_the_plug(&self, context: &Context) {
        context.wire().close(CloseCode::INTERNAL, "somebody pulled the plug");
    }
}

/// Something every so many milliseconds; at once for 0. Who reads late does not get what was missed in a burst.
fn every(ms: u64) -> impl Stream<Item = ()> {
    let ticks = (ms > 0).then(|| {
        let mut ticks = interval(Duration::from_millis(ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    stream::unfold(ticks, |mut ticks| async move {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        Some(((), ticks))
    })
}
