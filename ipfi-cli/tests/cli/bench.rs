//! Measurements: that they count what happened. What they say of speed is no test.

use serde_json::Value;

use crate::{ipfi, serve};

async fn measured(arguments: &[&str]) -> Value {
    let ran = ipfi(arguments).await;
    serde_json::from_str(&ran.out()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_one_by_one() {
    let served = serve().await;
    let hello = ["bench", &served.url, "Greeter.hello", "\"Ada\"", "--json"];
    let seen = measured(&[&hello[..], &["-n", "500", "-c", "7", "--connections", "2"]].concat()).await;
    assert_eq!(seen["calls"], 500);
    assert_eq!((&seen["items"], &seen["failed"]), (&500.into(), &serde_json::json!({})));
    assert_eq!((&seen["sent_bytes"], &seen["received_bytes"]), (&(500 * 7).into(), &(500 * 13).into()));
    let latency = |name: &str| seen["latency_us"][name].as_f64().unwrap();
    assert!(0.0 < latency("p50") && latency("p50") <= latency("p99") && latency("p99.9") <= latency("max"));

    let count = ["bench", &served.url, "Greeter.count", "10", "-n", "20", "--json"];
    let seen = measured(&count).await;
    assert_eq!((&seen["calls"], &seen["items"]), (&20.into(), &200.into()));
    let log = ["bench", &served.url, "Greeter.log", "\"x\"", "-n", "20", "--json"];
    assert_eq!(measured(&log).await["calls"], 20);
    let halves = ["bench", &served.url, "Probe.halves", "4", "-n", "5", "--json"];
    assert_eq!(measured(&halves).await["application_errors"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_a_duration_ends_it() {
    let served = serve().await;
    let hello = ["bench", &served.url, "7", "\"Ada\"", "--json", "--rate", "100", "--duration", "300ms"];
    let seen = measured(&hello).await;
    // Due at 0 ms, 10 ms, … 290 ms, whenever they could be made.
    assert_eq!(seen["calls"], 30);
    assert!(seen["seconds"].as_f64().unwrap() >= 0.29);
}

/// One at once, of 30 ms each: those that are due every 10 ms wait longer and longer, which only a rate shows.
#[tokio::test(flavor = "multi_thread")]
async fn latencies_are_the_servers_and_with_a_rate_also_the_waiting() {
    let served = serve().await;
    let slow = ["bench", &served.url, "Probe.slow", "30", "-n", "10", "-c", "1", "--json"];
    let latency = |seen: &Value, name: &str| seen["latency_us"][name].as_f64().unwrap();
    let seen = measured(&slow).await;
    assert!(latency(&seen, "p50") >= 29_900.0, "{seen}");
    // To three digits.
    assert!(latency(&seen, "max") <= seen["seconds"].as_f64().unwrap() * 1.001e6, "{seen}");
    let seen = measured(&[&slow[..], &["--rate", "100"]].concat()).await;
    // The last one was due after 90 ms, and ended after ten times 30.
    assert!(latency(&seen, "max") >= 209_000.0, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_by_its_status() {
    let served = serve().await;
    let ran = ipfi(&["bench", &served.url, "Probe.divide", "1", "0", "-n", "10"]).await;
    assert_eq!(ran.code, 67);
    assert_eq!(ran.err, "error: Probe.divide: INVALID_ARGUMENT: division by zero\n");
    assert!(ran.out.contains("calls      0 (0.0/s), 10 failed\n"), "{}", ran.out);
    assert!(ran.out.ends_with("failed     10 × INVALID_ARGUMENT: division by zero\n"), "{}", ran.out);
    let (code, said) = ipfi(&["bench", &served.url, "Greeter.sum"]).await.failed();
    assert!(code == 2 && said.contains("takes a stream, which bench does not send"), "{said}");
    let (code, said) = ipfi(&["bench", &served.url, "Greeter.log", "\"x\"", "--rate", "0"]).await.failed();
    assert!(code == 2 && said.contains("--rate is a number"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_text_it_says_what_the_latencies_are() {
    let served = serve().await;
    let hello = ["bench", &served.url, "Greeter.hello", "\"Ada\"", "-n", "50"];
    let text = ipfi(&hello).await.out();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Greeter.hello over tcp: 10 at once, 1 connection, "), "{text}");
    assert!(lines[1].starts_with("calls      50 ("), "{text}");
    assert!(lines[2].starts_with("bytes      350 B sent, 650 B received"), "{text}");
    assert!(lines[3].starts_with("latency    p50 ") && lines[3].contains("  p99.9 "), "{text}");
    assert!(lines[4].contains("--rate counts waiting too"), "{text}");
    let text = ipfi(&[&hello[..], &["--rate", "1000"]].concat()).await.out();
    assert!(text.contains("counted from when a call was due, 1000 each second"), "{text}");
}
