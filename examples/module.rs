//! A module: serves the process that started it over standard input and output, and calls it back.
//!
//! *Shows*: `stdio`, whose guard sends a stray `println!` to standard error.
//! *Run*: by `module_host`.
//! *Expect*: nothing of its own on standard output.

use ipfi::{Context, Interface, Status};

use self::interfaces::{HostClient, Module, ModuleServer};

#[path = "common/module.rs"]
mod interfaces;

struct Polite;

impl Module for Polite {
    async fn greet(&self, context: &Context, id: u32) -> Result<String, Status> {
        println!("a stray print: it would corrupt the wire if it could");
        let host = HostClient::new(&context.wire());
        let name = host.name(id).within(context).await?;
        Ok(format!("Hello, {name}, from the module!"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wire = ipfi::stdio(Interface::new().serve(ModuleServer(Polite))).await?;
    let reason = wire.closed().await;
    eprintln!("module: {reason}");
    Ok(())
}
