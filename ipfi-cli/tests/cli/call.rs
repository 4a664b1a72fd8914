//! Calls of every kind.

use crate::{ipfi, ipfi_reading, serve};

#[tokio::test(flavor = "multi_thread")]
async fn one_value_is_answered_with_one() {
    let served = serve().await;
    assert_eq!(ipfi(&["call", &served.url, "Greeter.hello", "\"Ada\""]).await.out(), "\"Hello, Ada!\"\n");
    assert_eq!(
        ipfi(&["call", &served.url, "Greeter.hello", "-d", "[\"Ada\"]"]).await.out(),
        "\"Hello, Ada!\"\n"
    );
    assert_eq!(ipfi(&["call", &served.url, "Probe.divide", "-7", "2"]).await.out(), "-3\n");
    for codec in ["json", "messagepack", "bincode", "postcard"] {
        let ran = ipfi(&["call", &served.url, "Greeter.hello", "\"Ada\"", "--codec", codec]).await;
        assert_eq!(ran.out(), "\"Hello, Ada!\"\n", "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_integers_and_bytes_are_exact_in_every_codec() {
    let served = serve().await;
    let number = (1_u128 << 100).to_string();
    for codec in ["json", "messagepack", "bincode", "postcard"] {
        let ran = ipfi(&["call", &served.url, "Probe.wide", &number, "\"hi\"", "--codec", codec]).await;
        assert_eq!(ran.out(), format!("[-{number},[104,105]]\n"), "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn structs_and_enums_are_json_and_what_has_a_default_may_be_left_out() {
    let served = serve().await;
    let find = async |filter: &str| ipfi(&["call", &served.url, "Probe.find", filter]).await;
    assert_eq!(
        find(r#"{"prefix": "A"}"#).await.out(),
        "[{\"name\":\"Ada\",\"role\":\"Admin\",\"address\":\"10.0.0.1\"},\
          {\"name\":\"Alan\",\"role\":{\"Guest\":{\"until\":-1}},\"address\":\"10.0.0.1\"}]\n"
    );
    let ran = find(r#"{"prefix": "A", "role": {"Guest": {"until": -1}}, "limit": 1}"#).await;
    assert!(ran.out().starts_with("[{\"name\":\"Alan\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_come_from_files_and_from_standard_input() {
    let served = serve().await;
    let file = std::env::temp_dir().join(format!("ipfi-cli-{}.json", std::process::id()));
    std::fs::write(&file, "\"Grace\"\n").unwrap();
    let at = format!("@{}", file.display());
    assert_eq!(ipfi(&["call", &served.url, "Greeter.hello", &at]).await.out(), "\"Hello, Grace!\"\n");
    std::fs::remove_file(&file).unwrap();
    let ran = ipfi_reading(&["call", &served.url, "Greeter.hello", "-"], "\"Ada\"").await;
    assert_eq!(ran.out(), "\"Hello, Ada!\"\n");
    let ran = ipfi_reading(&["call", &served.url, "Probe.divide", "-d", "-"], "[9, 3]").await;
    assert_eq!(ran.out(), "3\n");
}

/// As escapes of JSON, so that whoever reads it has the same text.
#[tokio::test(flavor = "multi_thread")]
async fn characters_that_hide_or_turn_text_do_not_reach_the_terminal() {
    let served = serve().await;
    let name = "\"\u{202e}\u{200b}\u{9b}2J\u{7f}\"";
    let expected = "\"Hello, \\u202e\\u200b\\u009b2J\\u007f!\"\n";
    assert_eq!(ipfi(&["call", &served.url, "Greeter.hello", name]).await.out(), expected);
    let expected = expected.replace("Hello", "Hi");
    assert_eq!(ipfi(&["call", &served.url, "7", name]).await.out(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_is_a_line_for_each_item() {
    let served = serve().await;
    assert_eq!(ipfi(&["call", &served.url, "Greeter.count", "3"]).await.out(), "0\n1\n2\n");
    let all = ipfi(&["call", &served.url, "Greeter.count", "20000"]).await.out();
    assert_eq!(all.lines().count(), 20000);
    assert_eq!(all.lines().last(), Some("19999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_lines_of_standard_input() {
    let served = serve().await;
    let sum = async |input: &str| ipfi_reading(&["call", &served.url, "Greeter.sum"], input).await;
    assert_eq!(sum("1\n2\n\n  3  \n").await.out(), "6\n");
    assert_eq!(sum("").await.out(), "0\n");
    let ran = ipfi_reading(&["call", &served.url, "Greeter.echo"], "\"a\"\n\"b\\n\"\n").await;
    assert_eq!(ran.out(), "\"a\"\n\"b\\n\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_directions_at_once_carry_more_than_any_window() {
    let served = serve().await;
    let line = format!("\"{}\"\n", "x".repeat(10_000));
    let input = line.repeat(2000);
    assert!(ipfi_reading(&["call", &served.url, "Greeter.echo"], &input).await.out() == input);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_sent_and_answered_by_nobody() {
    let mut served = serve().await;
    assert_eq!(ipfi(&["call", &served.url, "Greeter.log", "\"good night\""]).await.out(), "");
    assert_eq!(served.lines.recv().await.unwrap(), "good night");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_procedure_that_has_only_a_number_is_called_in_json() {
    let served = serve().await;
    assert_eq!(ipfi(&["call", &served.url, "7", "\"Ada\""]).await.out(), "\"Hi, Ada!\"\n");
    assert_eq!(ipfi(&["call", &served.url, "7", "-d", "[ \"Ada\" ]"]).await.out(), "\"Hi, Ada!\"\n");
    // A method has a number too.
    let described: serde_json::Value =
        serde_json::from_str(&ipfi(&["describe", &served.url, "Greeter", "--json"]).await.out()).unwrap();
    let index = |n: usize| described[0]["methods"][n]["index"].to_string();
    assert_eq!(ipfi(&["call", &served.url, &index(1), "2", "--stream"]).await.out(), "0\n1\n");
    let ran = ipfi_reading(&["call", &served.url, &index(2), "--items"], "1\n2\n").await;
    assert_eq!(ran.out(), "{\"Ok\":3}\n");
    let ran = ipfi_reading(&["call", &served.url, &index(3), "--items", "--stream"], "\"a\"\n").await;
    assert_eq!(ran.out(), "\"a\"\n");
    let mut served = served;
    assert_eq!(ipfi(&["call", &served.url, &index(4), "--notify", "\"by number\""]).await.out(), "");
    assert_eq!(served.lines.recv().await.unwrap(), "by number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_procedure_takes_bytes_and_answers_with_bytes() {
    let interface = ipfi::Interface::new().raw(3, |mut call: ipfi::RawCall| async move {
        while let Some(ipfi::Fragment { bytes, .. }) = call.read().await? {
            let doubled = [&bytes[..], &bytes[..]].concat();
            call.write(doubled.into(), ipfi::Terminator::None).await?;
        }
        call.write(bytes::Bytes::new(), ipfi::Terminator::Complete).await
    });
    let url = crate::listen(interface, "tcp://127.0.0.1:0").await;
    let ran = ipfi_reading(&["call", &url, "3", "--raw"], "a\u{1b}\n").await;
    assert_eq!(ran.out(), "a\u{1b}\na\u{1b}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_goes_along_and_comes_back() {
    let served = serve().await;
    let arguments = ["call", &served.url, "Probe.header", "\"trace\"", "-H", "Trace: a:b", "-H", "x: y"];
    assert_eq!(ipfi(&arguments).await.out(), "\"a:b\"\n");
    let ran = ipfi(&[&arguments[..], &["-v"]].concat()).await;
    assert_eq!((ran.code, &*ran.out), (0, "\"a:b\"\n"));
    let said: Vec<&str> = ran.err.lines().collect();
    assert!(
        said[0].starts_with("* connected to 127.0.0.1:") && said[0].contains(" over tcp in "),
        "{said:?}"
    );
    assert!(said[1].starts_with("* calling Probe.header (procedure "), "{said:?}");
    assert_eq!(said[2..5], ["> trace: a:b", "> x: y", "< seen: a:b"]);
    assert!(said[5].starts_with("* first answer after ") && said[6].starts_with("* done after "), "{said:?}");
}

/// A stream whose items are results: those that are errors do not end it.
#[tokio::test(flavor = "multi_thread")]
async fn items_that_are_errors_stand_beside_the_others() {
    let served = serve().await;
    let ran = ipfi(&["call", &served.url, "Probe.halves", "5"]).await;
    assert_eq!((ran.code, &*ran.out), (1, "0\n1\n2\n"));
    assert_eq!(ran.err, "application error: \"1 is odd\"\napplication error: \"3 is odd\"\n");
}
