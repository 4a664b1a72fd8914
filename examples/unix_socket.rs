//! A server and a client over a Unix socket, and the server calls the client back.
//!
//! *Shows*: Unix sockets; calls in both directions on one connection; a task that is told to stop.
//! *Run*: `cargo run --example unix_socket`
//! *Expect*: the client's order, three reports of progress that the server makes by calling the client, the result.

use ipfi::{Context, Interface, Server, Status};

/// Procedures of the server.
const BREW: u64 = 0;
/// Procedures of the client.
const PROGRESS: u64 = 0;

fn kitchen() -> Interface {
    Interface::new().procedure(BREW, |context: Context, (what,): (String,)| async move {
        // The wire to whoever called: the caller offers procedures too.
        let customer = context.wire();
        for step in ["grinding", "heating", "pouring"] {
            let go_on: bool = customer.call(PROGRESS, (step,)).within(&context).await?;
            if !go_on {
                return Err(Status::cancelled("the customer left"));
            }
        }
        Ok(format!("one {what}"))
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("ipfi-example-{}.sock", std::process::id()));
    let url = format!("unix:{}", path.display());

    let server = Server::new(kitchen()).listen(&url).bind().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    let customer = Interface::new().procedure(PROGRESS, |(step,): (String,)| async move {
        println!("the kitchen is {step}");
        true
    });
    let wire = ipfi::connect_with(&url, customer).await?;
    println!("ordering coffee");
    let cup: String = wire.call(BREW, ("coffee",)).await?;
    println!("got {cup}");

    drop(stop);
    let report = server.await?;
    println!("the kitchen closed: {} calls cut", report.cut);
    Ok(())
}
