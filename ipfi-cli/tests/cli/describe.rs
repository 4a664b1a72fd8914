//! What a server offers, as text and as JSON.

use ipfi::Describe;
use ipfi::typed::Description;

use crate::greeter::{GreeterClient, ProbeClient};
use crate::{ipfi, serve};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_a_method_on_each_line() {
    let served = serve().await;
    let all = ipfi(&["list", &served.url]).await.out();
    assert_eq!(
        all.lines().take(6).collect::<Vec<_>>(),
        [
            "Greeter.hello(name: String) -> String",
            "Greeter.count(limit: u64) -> stream u64",
            "Greeter.sum(items: stream u64) -> Result<u64, NoSum>",
            "Greeter.echo(items: stream String) -> stream String",
            "Greeter.log(line: String) // a notification",
            "Probe.find(filter: Filter) -> Vec<User>",
        ]
    );
    assert_eq!(ipfi(&["list", &served.url, "Greeter"]).await.out().lines().count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_reads_like_the_trait() {
    let served = serve().await;
    let index = |name: &str| {
        let methods = [GreeterClient::description().methods, ProbeClient::description().methods].concat();
        methods.into_iter().find(|method| method.name == name).unwrap().index
    };
    let sum = ipfi(&["describe", &served.url, "Greeter.sum"]).await.out();
    let expected = format!(
        "interface Greeter {{
    /// Adds up a stream of numbers.
    // index {}
    sum(items: stream u64) -> Result<u64, NoSum>;
}}

/// Why there is no sum.
enum NoSum {{
    /// It is larger than a `u64`, after so many numbers.
    Overflow(u64),
    /// Not all numbers arrived.
    Broken(String),
}}
",
        index("sum")
    );
    assert_eq!(sum, expected);
    let find = ipfi(&["describe", &served.url, "Probe.find"]).await.out();
    let types = find.split_once("}\n\n").unwrap().1;
    assert_eq!(
        types,
        "/// Who is looked for.
#[serde(deny_unknown_fields)]
struct Filter {
    /// The beginning of the name.
    prefix: String,
    role: Option<Role>,
    limit: u8, // may be left out
}

/// What somebody may do.
enum Role {
    Admin,
    Guest {
        until: i64,
    },
}

struct User {
    name: String,
    role: Role,
    address: IpAddr,
}

enum IpAddrOctets {
    V4([u8; 4]),
    V6([u8; 16]),
}

struct IpAddr(text or IpAddrOctets);
"
    );
    let greeter = ipfi(&["describe", &served.url, "Greeter"]).await.out();
    assert!(greeter.starts_with("/// Greets, counts and adds.\ninterface Greeter {\n"), "{greeter}");
    let attributes = format!("    // index {}, idempotent, timeout 5s\n", index("hello"));
    assert!(greeter.contains(&attributes), "{greeter}");
    let all = ipfi(&["describe", &served.url]).await.out();
    assert!(all.starts_with(&greeter) && all.contains("\n\n/// Whatever may happen to a call.\n"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_it_is_the_description_itself() {
    let served = serve().await;
    let read = |text: String| serde_json::from_str::<Vec<Description>>(&text).unwrap();
    let all = read(ipfi(&["describe", &served.url, "--json"]).await.out());
    assert_eq!(all, [GreeterClient::description(), ProbeClient::description()]);
    let one = read(ipfi(&["describe", &served.url, "Greeter.sum", "--json"]).await.out());
    assert_eq!(one[0].methods.len(), 1);
}
