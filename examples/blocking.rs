//! A server and a client on threads, without an async runtime.
//!
//! *Shows*: `ipfi::blocking` over TCP: handlers that block, iterators for streams, a call back, many threads
//! on one wire.
//! *Run*: `cargo run --example blocking --features blocking`
//! *Expect*: a greeting that needed the client's help, a countdown, a sum, the answers that eight threads got
//! over one connection, an orderly end.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ipfi::blocking::BlockingWire;
use ipfi::{Context, Interface, Receiver, Status, blocking};

fn server() -> Interface {
    Interface::new()
        // A plain function, on a thread of its own: it may block, here on a call to the client.
        .procedure(
            0,
            blocking(|context: Context, (id,): (u32,)| {
                let name: String = BlockingWire::new(context.wire()).call(0, (id,))?;
                Ok::<_, Status>(format!("Hello, {name}!"))
            }),
        )
        .sequence(1, |(from,): (u32,)| futures::stream::iter((0..=from).rev()))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            use futures::TryStreamExt;
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .procedure(3, blocking(|(n,): (u64,)| (2..n).all(|d| n % d != 0)))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let wire = blocking::accept_tcp(stream, server())?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(wire.closed())
    });

    let names = Interface::new().procedure(0, |(id,): (u32,)| async move { format!("user {id}") });
    let wire = blocking::connect_tcp(TcpStream::connect(address)?, names)?;

    let greeting: String = wire.call(0, (7_u32,))?;
    println!("{greeting}");

    let mut countdown = Vec::new();
    for number in wire.stream::<u32>(1, (3_u32,))? {
        countdown.push(number?.to_string());
    }
    println!("{}", countdown.join(" "));

    let sum: u64 = wire.upload(2, (), 1..=100_u64)?;
    println!("the sum is {sum}");

    let mut primes = thread::scope(|scope| {
        let wire = &wire;
        let askers: Vec<_> = (0..8)
            .map(|asker| {
                scope.spawn(move || {
                    let mine = (asker * 10..asker * 10 + 10).filter(|n| *n > 1);
                    mine.filter(|n| wire.call::<bool>(3, (*n,)).is_ok_and(|prime| prime))
                        .collect::<Vec<u64>>()
                })
            })
            .collect();
        askers.into_iter().flat_map(|asker| asker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    primes.sort_unstable();
    println!("primes: {primes:?}");

    wire.shutdown(Duration::from_secs(1));
    match serving.join().map_err(|_| "the server panicked")? {
        Ok(reason) => println!("the server's end: {reason}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
