//! What can be typed at the prompt: a call of each kind.

use std::time::{Duration, Instant};

use futures::{TryStreamExt, stream};
use ipfi::Wire;

use crate::Failure;

const HELP: &str = "\x20 hello NAME          one value in, one value out
  count N             a sequence, an item every 100 ms
  sum N N N …         a stream of items to the server
  ask                 the server calls back to this program
  slow                a call with a deadline that it cannot meet
  fail                a call that fails, and one to a procedure that does not exist
  many N              N calls at once
  stats               what happened on this wire
  quit
Ctrl-C cancels the call that runs, at the server too; at the prompt it quits.";

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| format!("{word:?} is not a number that fits").into())
}

pub(crate) async fn run(wire: &Wire, words: &[&str]) -> Result<(), Failure> {
    match words {
        ["hello", name @ ..] if !name.is_empty() => {
            println!("{}", wire.call::<String>(0, (name.join(" "),)).await?);
        }
        ["count", n] => {
            let mut numbers = wire.stream::<u64>(1, (number::<u64>(n)?,)).await?;
            while let Some(number) = numbers.try_next().await? {
                println!("{number}");
            }
        }
        ["sum", numbers @ ..] => {
            let numbers: Vec<i64> = numbers.iter().map(|n| number(n)).collect::<Result<_, _>>()?;
            println!("{}", wire.upload::<i64, i64>(2, ()).items(stream::iter(numbers)).await?);
        }
        ["ask"] => println!("{}", wire.call::<String>(3, ()).await?),
        ["slow"] => wire.call::<()>(4, ()).timeout(Duration::from_millis(300)).await?,
        ["fail"] => {
            println!("{}", wire.call::<()>(5, ()).await.expect_err("it always fails"));
            wire.call::<()>(42, ()).await?;
        }
        ["many", n] => {
            // A number without bounds would be this program's memory.
            let n: usize = number(n).map(|n: usize| n.min(100_000))?;
            let began = Instant::now();
            let calls = (0..n).map(|_| async { wire.call::<String>(0, ("you",)).await });
            let done = futures::future::try_join_all(calls).await?;
            println!("{} calls at once took {:?}", done.len(), began.elapsed());
        }
        ["stats"] => println!("{:#?}", wire.stats()),
        ["help"] => println!("{HELP}"),
        [command, ..] => {
            return Err(format!("{command}: no such command, or not with these words; type help").into());
        }
        [] => {}
    }
    Ok(())
}
