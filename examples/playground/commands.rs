//! The prompt, which calls the server as other programs do: a call of each kind.

use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use futures::stream;
use ipfi::{Interface, Status, Wire};
use tokio::signal::ctrl_c;

use crate::Failure;
use crate::server::{PlaygroundClient, Visitor, VisitorServer};

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

/// What the server may ask of this program.
struct Prompt;

impl Visitor for Prompt {
    async fn answer(&self, who_asks: String) -> Result<String, Status> {
        Ok(format!("hello {who_asks}, this is the prompt"))
    }

    async fn double(&self, number: u64) -> u64 {
        number * 2
    }
}

/// Runs until it is told to quit.
pub(crate) async fn prompt(url: &str) -> Result<(), Failure> {
    let wire = ipfi::connect_with(url, Interface::new().serve(VisitorServer(Prompt))).await?;
    let terminal = std::io::stdin().is_terminal();

    // A thread of its own reads the prompt: nothing waits for it when the program ends.
    let (typed, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
        lines.for_each(|line| typed.blocking_send(line).unwrap_or_default());
    });
    loop {
        if terminal {
            print!("> ");
            std::io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = ctrl_c() => None,
        };
        let Some(line) = line else {
            if terminal {
                // The shell's prompt is not to stand behind ours.
                println!();
            } else {
                // Nobody types, and the page goes on.
                ctrl_c().await?;
            }
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line);
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["quit"] => return Ok(()),
            // Dropping a call cancels it.
            ref words => tokio::select! {
                done = run(&wire, words) => done.unwrap_or_else(|error| println!("error: {error}")),
                _ = ctrl_c() => println!("cancelled"),
            },
        }
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| format!("{word:?} is not a number that fits").into())
}

async fn run(wire: &Wire, words: &[&str]) -> Result<(), Failure> {
    let playground = PlaygroundClient::new(wire);
    match words {
        ["hello", name @ ..] if !name.is_empty() => println!("{}", playground.hello(name.join(" ")).await?),
        ["count", n] => {
            let mut numbers = playground.count(number(n)?).await?;
            while let Some(number) = numbers.try_next().await? {
                println!("{number}");
            }
        }
        ["sum", numbers @ ..] => {
            let numbers: Vec<i64> = numbers.iter().map(|n| number(n)).collect::<Result<_, _>>()?;
            println!("{}", playground.sum().items(stream::iter(numbers)).await?);
        }
        ["ask"] => println!("{}", playground.ask().await?),
        ["slow"] => playground.slow().timeout(Duration::from_millis(300)).await?,
        ["fail"] => {
            println!("{}", playground.fail().await.expect_err("it always fails"));
            // By a number, as there is no method for it.
            wire.call::<()>(42, ()).await?;
        }
        ["many", n] => {
            // A number without bounds would be this program's memory.
            let n: usize = number(n).map(|n: usize| n.min(100_000))?;
            let began = Instant::now();
            let calls = (0..n).map(|_| async { playground.hello("you".into()).await });
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
