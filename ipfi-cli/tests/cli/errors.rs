//! What is said when something is wrong, and with which number the command ends.

use ipfi::Interface;

use crate::greeter::GreeterServer;
use crate::{ipfi, ipfi_reading, listen, polite, serve};

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_methods_own_is_json_and_ends_with_1() {
    let served = serve().await;
    let input = format!("1\n2\n{}\n", u64::MAX);
    let ran = ipfi_reading(&["call", &served.url, "Greeter.sum"], &input).await;
    assert_eq!(ran.failed(), (1, "application error: {\"Overflow\":2}\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_named_and_ends_with_64_and_its_number() {
    let served = serve().await;
    assert_eq!(
        ipfi(&["call", &served.url, "Probe.divide", "1", "0"]).await.failed(),
        (67, "error: Probe.divide: INVALID_ARGUMENT: division by zero\n".to_owned())
    );
    let (code, said) = ipfi(&["call", &served.url, "99", "1"]).await.failed();
    assert_eq!((code, &*said), (76, "error: procedure 99: UNIMPLEMENTED: procedure 99 is not offered\n"));
    let (code, said) = ipfi(&["call", &served.url, "Probe.wait", "--timeout", "50ms"]).await.failed();
    assert!(code == 68 && said.starts_with("error: Probe.wait: DEADLINE_EXCEEDED: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_told_with_their_place_before_anything_is_sent() {
    let served = serve().await;
    for (arguments, said) in [
        (
            &["Greeter.hello", "Ada"][..],
            "argument 1 (name): expected value at line 1 column 1 (text is written '\"Ada\"')",
        ),
        (&["Greeter.hello"], "hello(name: String) -> String takes 1 argument, not 0"),
        (
            &["Probe.divide", "1", "2", "3"],
            "divide(dividend: i64, divisor: i64) -> i64 takes 2 arguments, not 3",
        ),
        (
            &["Probe.divide", "1", "true"],
            "argument 2 (divisor): invalid type: boolean `true`, expected i64 at line 1 column 4",
        ),
        (
            &["Probe.divide", "-d", "[1, \"x\"]"],
            "argument 2 (divisor): invalid type: string \"x\", expected i64",
        ),
        (&["Probe.divide", "-d", "[1]"], "invalid length 1, expected 2 arguments"),
        (
            &["Probe.find", r#"{"prefix": "A", "limit": 256}"#],
            "argument 1 (filter): limit: invalid value: integer `256`, expected u8",
        ),
        (
            &["Probe.find", r#"{"prefix": "A", "nam": 1}"#],
            "argument 1 (filter): unknown field `nam`, expected prefix, role, limit",
        ),
        (
            &["Probe.find", r#"{"prefix": "A", "role": {"Guest": {}}}"#],
            "argument 1 (filter): role::Guest: missing field `until`",
        ),
        (&["Probe.find", r#"{"prefix": "A""#], "argument 1 (filter): the JSON ends too early"),
        (&["Probe.wide", "340282366920938463463374607431768211456", "[]"], "argument 1 (number): "),
        (&["Greeter.hello", "@/no/such/file"], "/no/such/file: No such file"),
        (&["Greeter.sum", "-"], "standard input is the stream of items"),
        (&["7", "nope"], "argument 1: not JSON: "),
        (&["7", "-d", "{}"], "--data is a JSON array of all arguments"),
    ] {
        let (code, error) = ipfi(&[&["call", &served.url], arguments].concat()).await.failed();
        assert_eq!(code, 2, "{error}");
        assert!(error.starts_with(&format!("error: {said}")), "{arguments:?}: {error}");
    }
    let (code, error) =
        ipfi(&["call", &served.url, "Probe.find", r#"{"prefix": "A"}"#, "--codec", "bincode"]).await.failed();
    assert!(code == 2 && error.contains("argument 1 (filter).limit: is missing; its default"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_does_not_fit_cancels_the_call_and_names_its_line() {
    let served = serve().await;
    let ran = ipfi_reading(&["call", &served.url, "Greeter.sum"], "1\n\n-2\n3\n").await;
    let (code, said) = ran.failed();
    assert_eq!(code, 2);
    assert!(
        said.starts_with("error: standard input, line 3: invalid value: integer `-2`, expected u64"),
        "{said}"
    );
    let ran = ipfi_reading(&["call", &served.url, "Greeter.echo"], "\"a\"\nb\n").await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error: standard input, line 2: expected value"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_exist_are_told_with_the_nearest() {
    let served = serve().await;
    for (arguments, said) in [
        (&["call", "Greeter.helo", "1"][..], "there is no method Greeter.helo: was Greeter.hello meant?"),
        (&["call", "hello", "1"], "there is no method hello: was Greeter.hello meant?"),
        (&["describe", "Greter"], "there is no interface Greter: was Greeter meant?"),
        (&["describe", "Greeter.cuont"], "there is no method Greeter.cuont: was Greeter.count meant?"),
        (&["list", "Quite.different"], "there is no interface Quite.different: there is Greeter, Probe"),
        (&["bench", "Greeter.helo"], "there is no method Greeter.helo: was Greeter.hello meant?"),
    ] {
        let (subcommand, rest) = arguments.split_first().unwrap();
        let (code, error) = ipfi(&[&[*subcommand, &served.url], rest].concat()).await.failed();
        assert_eq!((code, error), (2, format!("error: {said}\n")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_to_itself_what_it_serves_is_called_by_a_file_or_by_number() {
    let (polite, _, _) = polite();
    let interface = Interface::new().reflection(false).serve(GreeterServer(polite));
    let url = listen(interface, "tcp://127.0.0.1:0").await;
    let (code, said) = ipfi(&["list", &url]).await.failed();
    assert_eq!(code, 76);
    assert!(said.contains("\nhint: the server does not say what it serves; --from FILE"), "{said}");

    let served = serve().await;
    let schema = ipfi(&["describe", &served.url, "--json"]).await.out();
    let file = std::env::temp_dir().join(format!("ipfi-cli-schema-{}.json", std::process::id()));
    std::fs::write(&file, &schema).unwrap();
    let from = ["--from", file.to_str().unwrap()];
    let ran = ipfi(&[&["call", &url, "Greeter.hello", "\"Ada\""][..], &from].concat()).await;
    assert_eq!(ran.out(), "\"Hello, Ada!\"\n");
    // Without a server at all.
    let listed = ipfi(&[&["list"][..], &from].concat()).await.out();
    assert_eq!(listed, ipfi(&["list", &served.url]).await.out());
    let described = ipfi(&[&["describe", "Greeter.hello"][..], &from].concat()).await.out();
    assert_eq!(described, ipfi(&["describe", &served.url, "Greeter.hello"]).await.out());
    std::fs::write(&file, "{}").unwrap();
    let (code, said) = ipfi(&[&["list"][..], &from].concat()).await.failed();
    assert!(
        code == 2 && said.contains("not what `ipfi describe --json` prints: missing field `name`"),
        "{said}"
    );
    std::fs::remove_file(&file).unwrap();
}

/// An item that this side may not send ends the call, rather than to be missing from it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_told_with_the_limit_which_can_be_raised() {
    let interface = crate::interface().0.procedure(8, |(name,): (String,)| async move { name });
    let mut limits = ipfi::Limits::default();
    (limits.max_message_bytes, limits.max_reassembly_bytes) = (64 << 20, 64 << 20);
    let server =
        ipfi::Server::new(interface).limits(limits).listen("tcp://127.0.0.1:0").bind().await.unwrap();
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());
    let line = format!("\"{}\"\n", "x".repeat(5 << 20));
    let input = format!("\"first\"\n{line}\"last\"\n");
    let ran = ipfi_reading(&["call", &url, "Greeter.echo"], &input).await;
    assert_eq!(ran.code, 72, "{}", ran.err);
    assert!(ran.err.starts_with("error: Greeter.echo: RESOURCE_EXHAUSTED: "), "{}", ran.err);
    assert!(ran.err.contains("limit max_message_bytes = 4 194 304 (set by the caller)"), "{}", ran.err);
    assert!(!ran.out.contains("last"));
    let raised = ["--max-message-bytes", "10000000"];
    let ran = ipfi_reading(&[&["call", &url, "Greeter.echo"][..], &raised].concat(), &input).await;
    assert!(ran.out() == input);
    let ran = ipfi_reading(&[&["call", &url, "8", "-"][..], &raised].concat(), &line).await;
    assert!(ran.out() == line);
}

/// The description is of another server than the one that answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_as_described_ends_with_77() {
    let served = serve().await;
    let schema = ipfi(&["describe", &served.url, "Greeter.hello", "--json"]).await.out();
    let file = std::env::temp_dir().join(format!("ipfi-cli-other-{}.json", std::process::id()));
    std::fs::write(&file, schema.replace("\"answer\": \"string\"", "\"answer\": \"u8\"")).unwrap();
    let from = ["--from", file.to_str().unwrap()];
    let (code, said) =
        ipfi(&[&["call", &served.url, "Greeter.hello", "\"Ada\""][..], &from].concat()).await.failed();
    assert_eq!(code, 77);
    assert!(
        said.starts_with("error: Greeter.hello: the answer is not what the description says: "),
        "{said}"
    );
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_the_command_ends_with_3_and_a_url_that_is_none_with_2() {
    // Bound and closed again.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, said) = ipfi(&["list", &format!("tcp://{free}")]).await.failed();
    assert!(code == 3 && said.starts_with(&format!("error: connect tcp://{free}: ")), "{said}");
    let (code, said) = ipfi(&["list", "localhost:4433"]).await.failed();
    assert!(code == 2 && said.contains("has no scheme: write quic://host:port"), "{said}");
    let (code, said) = ipfi(&["list", "stdio:/no/such/program"]).await.failed();
    assert!(code == 3 && said.contains("/no/such/program"), "{said}");
    let (code, said) = ipfi(&["list"]).await.failed();
    assert!(code == 2 && said.contains("<URL>"), "{said}");
}

/// The items are described otherwise than the server has them.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_the_server_cannot_read_is_no_end_of_the_items() {
    let served = serve().await;
    let schema = ipfi(&["describe", &served.url, "Greeter.sum", "--json"]).await.out();
    let file = std::env::temp_dir().join(format!("ipfi-cli-items-{}.json", std::process::id()));
    std::fs::write(&file, schema.replace("\"items\": \"u64\"", "\"items\": \"string\"")).unwrap();
    let from = ["--from", file.to_str().unwrap()];
    let ran = ipfi_reading(&[&["call", &served.url, "Greeter.sum"][..], &from].concat(), "\"one\"\n").await;
    let (code, said) = ran.failed();
    assert!(code == 1 && said.starts_with("application error: {\"Broken\":"), "{code}: {said}");
    std::fs::remove_file(&file).unwrap();
}

/// A check that compares nothing must not be a success.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_of_no_interface_make_no_client() {
    let file = std::env::temp_dir().join(format!("ipfi-cli-empty-{}.json", std::process::id()));
    std::fs::write(&file, "[]").unwrap();
    let file_name = file.to_str().unwrap();
    for check in [&[][..], &["--check"]] {
        let (code, said) = ipfi(&[&["gen", "ts", file_name], check].concat()).await.failed();
        assert_eq!((code, said), (2, format!("error: {file_name}: no typed interface is described there\n")));
    }
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_make_no_sense_are_refused() {
    let served = serve().await;
    for (arguments, said) in [
        (&["Greeter.hello", "\"A\"", "--stream"][..], "are for a procedure that has only a number"),
        (&["7", "\"A\"", "--codec", "bincode"], "is called in JSON, not bincode"),
        (&["Greeter.hello", "\"A\"", "-H", "no colon"], "a colon is missing"),
        (&["Greeter.hello", "\"A\"", "--timeout", "soon"], "a time is a number with ms, s, m or h behind it"),
        (
            &["Greeter.hello", "\"A\"", "--codec", "xml"],
            "possible values: json, messagepack, bincode, postcard",
        ),
    ] {
        let (code, error) = ipfi(&[&["call", &served.url], arguments].concat()).await.failed();
        assert!(code == 2 && error.contains(said), "{arguments:?}: {error}");
    }
}
