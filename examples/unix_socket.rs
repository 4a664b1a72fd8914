//! A server and a client over a Unix socket, and the server calls the client back.
//!
//! *Shows*: Unix sockets; calls in both directions on one connection; a task that is told to stop.
//! *Run*: `cargo run --example unix_socket`
//! *Expect*: the client's order, three reports of progress that the server makes by calling the client, the result.

use ipfi::{Context, Interface, Server, Status};

/// What the server offers.
#[ipfi::interface]
trait Kitchen {
    async fn brew(&self, context: &Context, what: String) -> Result<String, Status>;
}

/// What its clients offer.
#[ipfi::interface]
trait Customer {
    /// Is told what happens now, and says whether to go on.
    async fn progress(&self, step: String) -> bool;
}

struct Small;

impl Kitchen for Small {
    async fn brew(&self, context: &Context, what: String) -> Result<String, Status> {
        // The wire to whoever called.
        let customer = CustomerClient::new(&context.wire());
        for step in ["grinding", "heating", "pouring"] {
            if !customer.progress(step.into()).within(context).await? {
                return Err(Status::cancelled("the customer left"));
            }
        }
        Ok(format!("one {what}"))
    }
}

struct Waiting;

impl Customer for Waiting {
    async fn progress(&self, step: String) -> bool {
        println!("the kitchen is {step}");
        true
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("ipfi-example-{}.sock", std::process::id()));
    let url = format!("unix:{}", path.display());

    let server = Server::new(Interface::new().serve(KitchenServer(Small))).listen(&url).bind().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    let customer = Interface::new().serve(CustomerServer(Waiting));
    let kitchen = KitchenClient::new(&ipfi::connect_with(&url, customer).await?);
    println!("ordering coffee");
    let cup = kitchen.brew("coffee".into()).await?;
    println!("got {cup}");

    drop(stop);
    let report = server.await?;
    println!("the kitchen closed: {} calls cut", report.cut);
    Ok(())
}
