//! Every example runs and prints what its first comment promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails must say where")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// `cargo test` builds the examples beside the tests.
fn example(name: &str) -> Command {
    let deps = std::env::current_exe().unwrap();
    let examples: PathBuf = deps.parent().unwrap().parent().unwrap().join("examples");
    let path = examples.join(name);
    assert!(path.exists(), "{} is not built: cargo build --examples --all-features", path.display());
    Command::new(path)
}

fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} ended with {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// A child that is killed if the test fails before it ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn tcp_server_and_client_speak_with_one_another() {
    let mut command = example("tcp_server");
    let server = command.arg("tcp://127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Killed(server);
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let listening = lines.next().unwrap().unwrap();
    let url = listening.strip_prefix("listening on ").unwrap();

    let output = run(example("tcp_client").arg(url));
    let mut said: Vec<_> = output.lines().collect();
    // Which side's clock is first is open: both say that the deadline passed.
    let late = said.pop().unwrap();
    assert!(late.starts_with("call 1: DEADLINE_EXCEEDED: the deadline passed before"), "{late}");
    assert_eq!(
        said,
        [
            "Hello, Ada!",
            "0",
            "1",
            "2",
            "3",
            "4",
            "the sum is 5050",
            "call 4: INVALID_ARGUMENT: division by zero",
            "call 99: UNIMPLEMENTED: procedure 99 is not offered",
        ]
    );
    let said = lines.next().unwrap().unwrap();
    assert!(said.starts_with("tcp://127.0.0.1:") && said.ends_with(" says: good morning"), "{said}");
    interrupt(&server.0);
    assert_eq!(lines.next().unwrap().unwrap(), "0 calls finished in the grace period, 0 were cut");
    assert!(server.0.wait().unwrap().success());
}

#[cfg(feature = "macros")]
#[test]
fn one_trait_is_a_server_and_a_client_and_another_version_is_told_by_name() {
    let output = run(&mut example("typed"));
    let mut lines: Vec<_> = output.lines().collect();
    // The notification has no place among the answers.
    let told = lines.iter().position(|line| *line == "the server was told: good night").unwrap();
    lines.remove(told);
    assert_eq!(
        lines,
        [
            "Hello, Ada!",
            "0",
            "1",
            "2",
            "the sum is 5050",
            "too much after 2 numbers",
            "Hello, over tcp: is anybody there?",
            "Hello, Grace!",
            "the peer serves another version: Greeter.hello: the caller has 2 arguments, the callee 1",
        ]
    );
}

#[test]
fn a_unix_socket_carries_calls_both_ways() {
    assert_eq!(
        run(&mut example("unix_socket")).lines().collect::<Vec<_>>(),
        [
            "ordering coffee",
            "the kitchen is grinding",
            "the kitchen is heating",
            "the kitchen is pouring",
            "got one coffee",
            "the kitchen closed: 0 calls cut",
        ]
    );
}

#[cfg(feature = "hyper")]
#[test]
fn an_axum_application_serves_pages_and_calls_on_one_port() {
    assert_eq!(
        run(&mut example("axum")).lines().collect::<Vec<_>>(),
        [
            "/: a page",
            "Hello, Ada!",
            "[0, 1, 2, 3, 4]",
            "/calls: an ipfi server: connect by WebSocket, with the subprotocol qmux-02.ipfi-1",
        ]
    );
}

#[cfg(all(feature = "quic", feature = "tls", feature = "development"))]
#[test]
fn quic_carries_calls_and_a_client_with_another_pin_is_turned_away() {
    let output = run(&mut example("quic"));
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[..2], ["Hello, Ada!", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"]);
    assert!(lines[2].starts_with("connect quic://127.0.0.1:"), "{}", lines[2]);
    assert!(lines[2].contains("the peer's certificate is not a pinned one: expected "), "{}", lines[2]);
    assert_eq!(lines[3], "the server closed: 0 calls cut");

    // In two programs, by the lines that the first one prints.
    let mut command = example("quic");
    let server = command.args(["serve", "quic://127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Killed(server);
    let mut said = BufReader::new(server.0.stdout.take().unwrap()).lines();
    for carrier in ["quic", "tls"] {
        let line = said.next().unwrap().unwrap();
        let arguments = line.strip_prefix("cargo run --example quic ").unwrap();
        assert!(arguments.starts_with(&format!("call {carrier}://127.0.0.1:")), "{line}");
        let output = run(example("quic").args(arguments.split(' ')));
        assert_eq!(output.lines().collect::<Vec<_>>(), lines[..2]);
    }
    interrupt(&server.0);
    assert!(server.0.wait().unwrap().success());
}

#[cfg(all(feature = "quic", feature = "development"))]
#[test]
fn a_certificate_decides_who_may_call_what() {
    let output = run(&mut example("mutual_tls"));
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "Ada sees a steel door, Ada",
            "Ada: it swings open",
            "Bob sees a steel door, Bob",
            "Bob: call 960060636 (Vault.open): PERMISSION_DENIED: Bob may look, and not open",
        ]
    );
    assert!(lines[4].starts_with("Eve stays outside: ") && lines[4].contains("certificate"), "{}", lines[4]);
}

#[cfg(all(feature = "quic", feature = "development"))]
#[test]
fn a_stream_survives_its_client_moving() {
    let output = run(&mut example("moving_client"));
    let ports: Vec<_> = output.lines().filter(|line| line.starts_with("moved to port ")).collect();
    assert_eq!(ports.len(), 2, "{output}");
    assert_ne!(ports[0], ports[1]);
    assert!(output.ends_with("29\n30 numbers over one connection and three ports\n"), "{output}");
}

#[cfg(all(feature = "quic", feature = "tcp", feature = "development"))]
#[test]
fn a_lost_packet_holds_up_one_stream_over_quic_and_all_over_tcp() {
    let picture = std::env::temp_dir().join(format!("ipfi-head-of-line-{}.svg", std::process::id()));
    let output = run(example("head_of_line").arg(&picture));
    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_file(&picture).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<circle ").count(), 1200, "an item each");
    // How many are late is the machine's, too: that both lost packets, and each stream has its line, is not.
    assert_eq!(output.matches("\n  stream ").count(), 12, "{output}");
    for name in ["QUIC", "TCP"] {
        let start = format!("{name}, ");
        let lost = output.lines().find_map(|line| line.strip_prefix(&start)?.split(' ').next()?.parse().ok());
        assert!(lost.is_some_and(|lost: u64| lost > 0), "{output}");
        assert!(output.lines().any(|line| line.starts_with(&format!("{name}: "))), "{output}");
    }
}

#[test]
fn a_module_serves_its_host_and_a_stranger_is_quoted() {
    let output = run(&mut example("module_host"));
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[..2], ["Hello, user 7, from the module!", "the module ended: exit status: 0"]);
    assert!(
        lines[2].starts_with("module echo: the peer printed text before the handshake: \"Load"),
        "{}",
        lines[2]
    );
}

#[test]
fn many_streams_run_at_once_and_a_dropped_one_stops() {
    let output = run(example("streams").arg("6"));
    let lines: Vec<_> = output.lines().collect();
    // Five whole streams of 4000 and a quarter of one.
    assert_eq!(lines[0], "6 streams on one connection: 21000 items read");
    let made: u64 = lines[1].split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!((21_000..24_000).contains(&made), "the dropped producer made all it had: {made}");
}

#[test]
fn the_playground_answers_at_its_prompt() {
    let mut playground =
        example("playground").arg("0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = playground.stdin.take().unwrap();
    let mut output = String::new();
    input
        .write_all(
            b"hello Ada Lovelace\ncount 3\nsum 1 2 3\ncount x\nsum 1 x\nmany -1\n\xff\xfe\nask\nslow\nfail\n\
              many 500\nhelp\nnonsense\nquit\n",
        )
        .unwrap();
    drop(input);
    playground.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(playground.wait().unwrap().success());
    for expected in [
        "open http://127.0.0.1:",
        "other programs: tcp://127.0.0.1:",
        "\nHello, Ada Lovelace!\n0\n1\n2\n6\n",
        "error: \"x\" is not a number that fits\nerror: \"x\" is not a number that fits\nerror: \"-1\" is not",
        "the server called back and was told: hello the server, this is the prompt",
        "(Playground.slow): DEADLINE_EXCEEDED",
        "(Playground.fail): FAILED_PRECONDITION: it is not Tuesday",
        "error: call 42: UNIMPLEMENTED: procedure 42 is not offered",
        "500 calls at once took",
        "hello NAME",
        "error: nonsense: no such command, or not with these words; type help",
    ] {
        assert!(output.contains(expected), "{expected:?} is missing from:\n{output}");
    }
}

#[test]
fn a_chat_between_terminals_ends_for_one_who_has_nothing_more_to_say() {
    let server = example("chat").stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Killed(server);
    let line = BufReader::new(server.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let url = line.rsplit(' ').next().unwrap();
    let join = |name| {
        let mut terminal = example("chat");
        let child = terminal.args([name, url]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut child = Killed(child);
        let mut heard = BufReader::new(child.0.stdout.take().unwrap()).lines();
        assert_eq!(heard.next().unwrap().unwrap(), format!("* {name} is here"));
        (child, heard)
    };
    let (_ada, mut ada_hears) = join("Ada");
    let (mut bob, mut bob_hears) = join("Bob");
    bob.0.stdin.take().unwrap().write_all(b"good morning\nand good bye\n").unwrap();
    for expected in ["Bob: good morning", "Bob: and good bye"] {
        assert_eq!(bob_hears.next().unwrap().unwrap(), expected);
    }
    assert!(bob.0.wait().unwrap().success());
    for expected in ["* Bob is here", "Bob: good morning", "Bob: and good bye", "* Bob has left"] {
        assert_eq!(ada_hears.next().unwrap().unwrap(), expected);
    }
}

#[cfg(feature = "blocking")]
#[test]
fn threads_without_a_runtime_call_both_ways() {
    assert_eq!(
        run(&mut example("blocking")).lines().collect::<Vec<_>>(),
        [
            "Hello, user 7!",
            "3 2 1 0",
            "the sum is 5050",
            "primes: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79]",
            "the server's end: closed by the peer: NO_ERROR",
        ]
    );
}

#[test]
fn two_peers_hand_each_other_bytes() {
    let output = run(&mut example("byte_by_byte"));
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[..2], ["Hello, Ada!", "[1, 4, 9, 16, 25]"]);
    assert!(lines[2].ends_with("bytes back, one at a time"), "{}", lines[2]);
}

#[test]
fn a_telegraph_carries_a_call_in_dots_and_dashes_and_sounds_it() {
    let wav = std::env::temp_dir().join(format!("ipfi-telegraph-{}.wav", std::process::id()));
    let output = example("telegraph").arg(&wav).output().unwrap();
    let sound = std::fs::read(&wav).unwrap();
    std::fs::remove_file(&wav).unwrap();
    let (said, signals) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{signals}");
    assert!(said.starts_with("the weather in Kyiv is fair, wind from the west\n"), "{said}");
    let line = said.lines().nth(1).unwrap();
    let number = |n: usize| line.split_whitespace().nth(n).unwrap().parse::<usize>().unwrap();
    let (sent, received, seconds) = (number(0), number(3), number(5));
    // Every byte is seen, with its direction, in Morse.
    let count = |sign: &str| signals.lines().filter(|line| line[2..].trim().starts_with(sign)).count();
    assert_eq!((count(">"), count("<")), (sent, received));
    assert!(signals.contains("4b >  ....- -..."), "the K of Kyiv leaves:\n{signals}");
    // And heard: 16 bits, one channel, 8000 samples a second.
    assert_eq!((&sound[..4], &sound[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    assert!((sound.len() / 16_000).abs_diff(seconds) <= 1, "{} bytes for {seconds} s", sound.len());
    assert!(sound[44..].chunks_exact(2).any(|sample| i16::from_le_bytes([sample[0], sample[1]]) > 10_000));
}

#[test]
fn a_wasm_guest_and_its_host_call_each_other() {
    assert_eq!(
        run(&mut example("wasm")).lines().collect::<Vec<_>>(),
        [
            "the guest imports 0 things",
            "Hello, user 7, from the inside!",
            "the guest says: the first prime from 90 on is 97",
        ]
    );
}
