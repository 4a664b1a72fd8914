//! A host that runs a module as a child process and is called back by it.
//!
//! *Shows*: `spawn`; procedures offered to a module; a program that is no module is quoted, not misread.
//! *Run*: `cargo build --example module` and `cargo run --example module_host`
//! *Expect*: a greeting made by the module with a name it asked the host for; the module's stray print, on
//! standard error; an error that quotes what `echo` printed.

use std::path::PathBuf;
use std::time::Duration;

use ipfi::Interface;
use tokio::process::Command;

use self::interfaces::{Host, HostServer, ModuleClient};

#[path = "common/module.rs"]
mod interfaces;

struct Users;

impl Host for Users {
    async fn name(&self, id: u32) -> String {
        format!("user {id}")
    }
}

/// The module is another example, built beside this one.
fn module() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = std::env::current_exe()?.with_file_name("module");
    if !path.exists() {
        return Err(format!("{} is missing: cargo build --example module", path.display()).into());
    }
    Ok(path)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Interface::new().serve(HostServer(Users));

    let module = ipfi::spawn(Command::new(module()?), host.clone()).await?;
    println!("{}", ModuleClient::new(module.wire()).greet(7).await?);
    let status = module.finish(Duration::from_secs(1)).await?;
    println!("the module ended: {status}");

    let mut echo = Command::new("echo");
    echo.arg("Loading config…");
    match ipfi::spawn(echo, host).await {
        Ok(_) => println!("echo became a module"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
