//! The playground: a server over TCP, and a prompt that calls it.
//!
//! *Shows*: what ipfi is like: values, streams, cancelling, errors, the server calling back.
//! *Run*: `cargo run --release --example playground`, then `help`
//! *Expect*: a prompt. Other programs may connect to the printed address at the same time.

use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use futures::{TryStreamExt, stream};
use ipfi::{Context, Interface, Receiver, Server, Status, Wire};

type Failure = Box<dyn std::error::Error>;

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

fn server() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| {
            stream::unfold(0, move |n| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                (n < limit).then_some((n, n + 1))
            })
        })
        .procedure_with_items(2, |(): (), numbers: Receiver<i64>| async move {
            numbers
                .map_err(Status::from)
                .try_fold(0_i64, |sum, n| async move { Ok(sum.saturating_add(n)) })
                .await
        })
        .procedure(3, |context: Context, (): ()| async move {
            let answer: String = context.wire().call(0, ("the server",)).within(&context).await?;
            Ok::<_, Status>(format!("the server called back and was told: {answer}"))
        })
        .procedure(4, |(): ()| async { tokio::time::sleep(Duration::from_secs(60)).await })
        .procedure(5, |(): ()| async { Err::<(), _>(Status::failed_precondition("it is not Tuesday")) })
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| format!("{word:?} is not a number that fits").into())
}

async fn run(wire: &Wire, words: &[&str]) -> Result<(), Failure> {
    match words {
        ["hello", name @ ..] => println!("{}", wire.call::<String>(0, (name.join(" "),)).await?),
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
        _ => println!("{HELP}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server =
        Server::new(server()).listen("tcp://127.0.0.1:0").grace(Duration::from_secs(1)).bind().await?;
    let url = server.addresses().remove(0);
    println!("a server runs at {url}; type help");
    tokio::spawn(server.run());

    let page = Interface::new()
        .procedure(0, |(who,): (String,)| async move { format!("hello {who}, this is the prompt") });
    let wire = ipfi::connect_with(&url, page).await?;

    // A thread of its own reads the prompt: nothing waits for it when the program ends.
    let (typed, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
        lines.for_each(|line| typed.blocking_send(line).unwrap_or_default());
    });
    loop {
        if std::io::stdin().is_terminal() {
            print!("> ");
            std::io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else { return Ok(()) };
        let line = String::from_utf8_lossy(&line);
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => return Ok(()),
            // Dropping a call cancels it.
            ref words => tokio::select! {
                done = run(&wire, words) => done.unwrap_or_else(|error| println!("error: {error}")),
                _ = tokio::signal::ctrl_c() => println!("cancelled"),
            },
        }
    }
}
