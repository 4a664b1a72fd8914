//! A module: serves the process that started it over standard input and output, and calls it back.
//!
//! *Shows*: `stdio`, whose guard sends a stray `println!` to standard error.
//! *Run*: by `module_host`.
//! *Expect*: nothing of its own on standard output.

use ipfi::{Context, Interface, Status};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new().procedure(0, |context: Context, (id,): (u32,)| async move {
        println!("a stray print: it would corrupt the wire if it could");
        let name: String = context.wire().call(0, (id,)).within(&context).await?;
        Ok::<_, Status>(format!("Hello, {name}, from the module!"))
    });
    let wire = ipfi::stdio(interface).await?;
    let reason = wire.closed().await;
    eprintln!("module: {reason}");
    Ok(())
}
