//! The packages that are compiled.

use std::path::Path;

/// What is the same in all of them, each of a kind that interfaces have: a struct, an enum, an error.
const TYPES: &str = r#"
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u64,
    name: String,
    tags: Vec<String>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    New,
    Open { by: String },
    Closed(Option<u64>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Failure {
    NotFound(u64),
    Refused { why: String },
}

#[derive(Clone)]
struct It;

fn record() -> Record {
    Record { id: 7, name: "x".into(), tags: vec!["y".into()], state: State::Open { by: "z".into() } }
}
"#;

/// The shapes of methods, which take turns: parameters, what is answered, how, and what a caller gives.
const SHAPES: [[&str; 4]; 5] = [
    ["id: u64", "Result<Record, Failure>", "Ok(Record { id, ..record() })", "7"],
    ["record: Record", "u64", "record.id", "record()"],
    [
        "name: String, limit: u32",
        "Vec<Record>",
        "vec![Record { name, ..record() }; limit as usize]",
        "\"x\".into(), 1",
    ],
    ["first: bool, state: State", "Option<State>", "first.then_some(state)", "true, State::Closed(None)"],
    ["", "String", "\"x\".to_owned()", ""],
];

pub(super) fn manifest(peer: &str, root: &Path) -> String {
    let dependency = match peer {
        "ipfi" => {
            let path = root.display();
            format!(
                "ipfi = {{ path = {path:?}, default-features = false, features = [\"bincode\", \"tcp\", \"macros\"] }}",
                path = path.to_string()
            )
        }
        "tarpc" => "tarpc = { version = \"0.38\", features = [\"serde-transport\", \"serde-transport-bincode\", \"tcp\", \"tokio1\"] }\nfutures-util = \"0.3\"".to_owned(),
        _ => String::new(),
    };
    format!(
        "[package]\nname = \"compile-times-{peer}\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\"] }}\n"
    )
}

pub(super) fn main(peer: &str, methods: usize) -> String {
    let each = |write: &dyn Fn(usize, [&str; 4]) -> String| {
        (0..methods).map(|n| write(n, SHAPES[n % SHAPES.len()])).collect::<String>()
    };
    // Beside the parameters: who is called, and the context of a call.
    let (attribute, of_trait, of_impl, of_call) = match peer {
        "ipfi" => ("#[ipfi::interface]", "&self, ", "&self, ", ""),
        "tarpc" => {
            ("#[tarpc::service]", "", "self, _: tarpc::context::Context, ", "tarpc::context::current(), ")
        }
        _ => ("#[allow(async_fn_in_trait)]", "&self, ", "&self, ", ""),
    };
    let declared = each(&|n, [parameters, answer, ..]| {
        format!("    /// Method {n}.\n    async fn method_{n}({of_trait}{parameters}) -> {answer};\n")
    });
    let implemented = each(&|n, [parameters, answer, body, _]| {
        format!("    async fn method_{n}({of_impl}{parameters}) -> {answer} {{\n        {body}\n    }}\n")
    });
    let unwrap = if peer == "plain" { "" } else { ".unwrap()" };
    let called =
        each(&|n, [.., given]| format!("    let _ = client.method_{n}({of_call}{given}).await{unwrap};\n"));
    let connected = match peer {
        "ipfi" => {
            "    let interface = ipfi::Interface::new().serve(ServiceServer(It));
    let server = ipfi::Server::new(interface).listen(\"tcp://127.0.0.1:0\").bind().await.unwrap();
    let address = server.addresses()[0].to_string();
    tokio::spawn(server.run());
    let client = ServiceClient::new(&ipfi::connect(&address).await.unwrap());
"
        }
        "tarpc" => {
            "    use futures_util::StreamExt;
    use tarpc::server::Channel;
    use tarpc::tokio_serde::formats::Bincode;
    let mut incoming = tarpc::serde_transport::tcp::listen(\"127.0.0.1:0\", Bincode::default).await.unwrap();
    let address = incoming.local_addr();
    tokio::spawn(async move {
        let transport = incoming.next().await.unwrap().unwrap();
        let channel = tarpc::server::BaseChannel::with_defaults(transport);
        channel.execute(It.serve()).for_each(|call| async move { drop(tokio::spawn(call)) }).await;
    });
    let transport = tarpc::serde_transport::tcp::connect(address, Bincode::default).await.unwrap();
    let client = ServiceClient::new(tarpc::client::Config::default(), transport).spawn();
"
        }
        _ => "    let client = It;\n",
    };
    format!(
        "//! Written by `cargo xtask compile-times`.\n\nuse serde::{{Deserialize, Serialize}};\n{TYPES}\n\
         /// The interface.\n{attribute}\ntrait Service {{\n{declared}}}\n\n\
         impl Service for It {{\n{implemented}}}\n\n\
         #[tokio::main]\nasync fn main() {{\n{connected}{called}}}\n"
    )
}
