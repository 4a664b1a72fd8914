//! A child process as the tests of standard input and output need it: `stdio_peer WHAT [ARGUMENT]`.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interop_tests::conformance::{kit, remote};
use ipfi::{Interface, Server, WireOptions};
use tokio::process::Command;
use tokio::sync::Notify;

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (what, argument) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let outcome = match &*what {
        // What the callee of a claim offers.
        "offer" => offer(&argument).await,
        // The caller of a claim.
        "act" => act(&argument).await,
        // Nothing of its own: the other end of the wire is behind a Unix socket.
        "relay" => relay(&argument),
        "serve" => serve().await,
        // The same as one listener of a server.
        "server" => server().await,
        // A module that prints before it is one.
        "chatter" => {
            println!("Loading config…");
            serve().await
        }
        // Starts a module, says its number, and never ends it.
        "host" => host().await,
        other => Err(format!("what is {other:?}?").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn offer(claim: &str) -> Outcome {
    ipfi::stdio(remote::offer(claim).await?).await?.closed().await;
    Ok(())
}

async fn act(claim: &str) -> Outcome {
    let connect = |options: WireOptions| async { ipfi::stdio(options).await.expect("there is a host") };
    Ok(remote::act(claim, connect).await?)
}

/// As `io::copy`, which would let the system splice: that holds the pipe's lock while the socket is full, and
/// whoever writes to the pipe would block, even if it had asked not to.
fn pass_on(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

/// Passes bytes on both ways, and the ends of both.
fn relay(path: &str) -> Outcome {
    let socket = UnixStream::connect(path)?;
    let (input, there) = (File::from(io::stdin().as_fd().try_clone_to_owned()?), socket.try_clone()?);
    let upward = std::thread::spawn(move || -> io::Result<()> {
        pass_on(input, &there)?;
        there.shutdown(Shutdown::Write)
    });
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Whoever is gone reads no more: its end has been passed on, too.
    let _ = pass_on(&socket, output);
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    let _ = upward.join();
    Ok(())
}

/// Everything of the suite, and what ends this process or prints.
async fn serve() -> Outcome {
    let bye = Arc::new(Notify::new());
    let told = Arc::clone(&bye);
    let interface: Interface = kit::standard()
        .procedure(kit::OWN, |(code,): (i32,)| async move { leave(code) })
        .procedure(kit::OWN + 1, |(lines,): (u64,)| async move {
            for line in 0..lines {
                println!("stray line {line}");
            }
            io::read_to_string(io::stdin()).map_err(|error| ipfi::Status::internal(error.to_string()))
        })
        .procedure(kit::OWN + 2, move |(): ()| {
            told.notify_one();
            async {}
        });
    let wire = ipfi::stdio(interface).await?;
    tokio::select! {
        _ = wire.closed() => {}
        () = bye.notified() => drop(wire.shutdown(Duration::from_secs(5)).await),
    }
    Ok(())
}

/// Ends when its host has gone: it listens on nothing else.
async fn server() -> Outcome {
    let again = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&again);
    let interface = kit::standard().procedure(kit::OWN, move |(): ()| {
        let told = told.lock().map(|again| again.clone()).unwrap_or_default();
        async move { told }
    });
    let server = Server::new(interface.clone()).listen("stdio:").bind().await?;
    if let (Err(error), Ok(mut again)) = (Server::new(interface).listen("stdio:").bind().await, again.lock())
    {
        *again = error.to_string();
    }
    println!("stray line of {}", server.addresses().join(", "));
    server.run().await;
    Ok(())
}

/// In the middle of a call.
fn leave(code: i32) {
    std::process::exit(code)
}

async fn host() -> Outcome {
    let mut module = Command::new(std::env::current_exe()?);
    module.arg("serve");
    let mut module = ipfi::spawn(module, kit::standard()).await?;
    println!("{}", module.child().id().unwrap_or_default());
    module.wire().closed().await;
    Ok(())
}
