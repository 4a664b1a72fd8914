//! A host and a WebAssembly guest that call each other's procedures.
//!
//! *Shows*: a module that imports nothing and whose exports take and return only integers (`push`, `pull`,
//! `start_call`): enough for calls both ways. The guest is `examples/wasm_guest`.
//! *Run*: `rustup target add wasm32-unknown-unknown`, then `cargo run --example wasm`
//! *Expect*: a greeting by the guest with a name that it asked the host for; what the guest found out by
//! asking the host which numbers are prime.

use std::path::PathBuf;
use std::process::Command;

use ipfi::Interface;
use ipfi::mux::bytewise::Peer;
use wasmi::{Engine, Linker, Module, Store, TypedFunc};

/// Builds the guest beside this program.
fn guest() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("this program is not in cargo's target directory")?;
    let wasm = "wasm32-unknown-unknown";
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "wasm-guest", "--target", wasm, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err(format!("the guest cannot be built: rustup target add {wasm}").into());
    }
    Ok(std::fs::read(target.join(PathBuf::from_iter([wasm, "debug", "wasm_guest.wasm"])))?)
}

/// The guest's exports.
struct Guest {
    store: Store<()>,
    push: TypedFunc<i32, i32>,
    pull: TypedFunc<(), i32>,
    start_call: TypedFunc<i32, ()>,
}

impl Guest {
    fn load(wasm: &[u8]) -> Result<Self, wasmi::Error> {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm)?;
        println!("the guest imports {} things", module.imports().len());
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let push = instance.get_typed_func(&store, "push")?;
        let pull = instance.get_typed_func(&store, "pull")?;
        let start_call = instance.get_typed_func(&store, "start_call")?;
        Ok(Self { store, push, pull, start_call })
    }

    /// Moves bytes both ways until there are none.
    fn exchange(&mut self, host: &mut Peer) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            let mut idle = true;
            while let Some(byte) = host.pull() {
                self.push.call(&mut self.store, i32::from(byte))?;
                idle = false;
            }
            while let Ok(byte) = u8::try_from(self.pull.call(&mut self.store, ())?) {
                host.push(byte)?;
                idle = false;
            }
            if idle {
                return Ok(());
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let interface = Interface::new()
        .procedure(0, |(n,): (u64,)| async move { n > 1 && (2..n).all(|d| n % d != 0) })
        .procedure(1, |(id,): (u32,)| async move { format!("user {id}") })
        .notification(2, |(line,): (String,)| async move { println!("the guest says: {line}") });
    let mut host = Peer::client(interface);
    let mut guest = Guest::load(&guest()?)?;

    let wire = host.wire().clone();
    let call = host.spawn(async move { wire.call::<String>(0, (7_u32,)).await });
    guest.exchange(&mut host)?;
    println!("{}", call.take().ok_or("the guest did not answer")??);

    guest.start_call.call(&mut guest.store, 90)?;
    guest.exchange(&mut host)
}
