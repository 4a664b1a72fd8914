//! The playground: a server over TCP, and a prompt that calls it.
//!
//! *Shows*: what ipfi is like: values, streams, cancelling, errors, the server calling back.
//! *Run*: `cargo run --release --example playground`, then `help`
//! *Expect*: a prompt. Other programs may connect to the printed address at the same time.

use std::time::{Duration, Instant};

use futures::{TryStreamExt, stream};
use ipfi::{CallError, Context, Interface, Receiver, Server, Status, Wire};
use tokio::io::{AsyncBufReadExt, BufReader};

const HELP: &str = "\
  hello NAME          one value in, one value out
  count N             a sequence, an item every 100 ms; Ctrl-C cancels it at the server
  sum N N N …         a stream of items to the server
  ask                 the server calls back to this program
  slow                a call with a deadline that it cannot meet
  fail                a call that fails, and one to a procedure that does not exist
  many N              N calls at once
  stats               what happened on this wire
  quit";

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

async fn run(wire: &Wire, words: &[&str]) -> Result<(), CallError> {
    match words {
        ["hello", name @ ..] => println!("{}", wire.call::<String>(0, (name.join(" "),)).await?),
        ["count", n] => {
            let mut numbers = wire.stream::<u64>(1, (n.parse::<u64>().unwrap_or(10),)).await?;
            loop {
                tokio::select! {
                    number = numbers.try_next() => match number? {
                        Some(number) => println!("{number}"),
                        None => break,
                    },
                    _ = tokio::signal::ctrl_c() => {
                        println!("cancelled");
                        break;
                    }
                }
            }
        }
        ["sum", numbers @ ..] => {
            let numbers: Vec<i64> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
            println!("{}", wire.upload::<i64, i64>(2, ()).items(stream::iter(numbers)).await?);
        }
        ["ask"] => println!("{}", wire.call::<String>(3, ()).await?),
        ["slow"] => wire.call::<()>(4, ()).timeout(Duration::from_millis(300)).await?,
        ["fail"] => {
            println!("{}", wire.call::<()>(5, ()).await.expect_err("it always fails"));
            wire.call::<()>(42, ()).await?;
        }
        ["many", n] => {
            let n: usize = n.parse().unwrap_or(1000);
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
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server =
        Server::new(server()).listen("tcp://127.0.0.1:0").grace(Duration::from_secs(1)).bind().await?;
    let url = server.addresses().remove(0);
    println!("a server runs at {url}; type help");
    tokio::spawn(server.run());

    let page = Interface::new()
        .procedure(0, |(who,): (String,)| async move { format!("hello {who}, this is the prompt") });
    let wire = ipfi::connect_with(&url, page).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["quit"] => break,
            ref words => run(&wire, words).await.unwrap_or_else(|error| println!("error: {error}")),
        }
    }
    Ok(())
}
