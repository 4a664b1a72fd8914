//! Where values come from: the command line, files, standard input.

use std::io::{BufRead, Read};

use ipfi::core::interface::Kind;
use tokio::sync::mpsc;

use super::Asked;
use crate::failure::Failure;
use crate::format::{Given, Values};

/// Lines read ahead of the call, which is no faster than its peer.
const LINES: usize = 64;

/// The arguments as they were given, with files and standard input read. Before anything else, as long as the system
/// still ends a process that waits for somebody to write.
pub(crate) fn given(asked: &Asked) -> Result<Given, Failure> {
    let Asked { arguments, data, .. } = asked;
    let mut from_input = false;
    let mut read = |word: &str| match word.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{file}: {error}")))
        }
        None if word == "-" && from_input => Err(Failure::usage("standard input can be read only once")),
        None if word == "-" => {
            from_input = true;
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map(|_| text).map_err(|error| Failure::usage(format!("standard input: {error}")))
        }
        None => Ok(word.to_owned()),
    };
    let values = match data {
        Some(data) => Values::Array(read(data)?),
        None => Values::Each(arguments.iter().map(|word| read(word)).collect::<Result<_, _>>()?),
    };
    Ok(Given { values, from_input })
}

/// Whether a call of that `kind` can be made with them.
pub(crate) fn check(given: &Given, kind: Kind) -> Result<(), Failure> {
    let items = matches!(kind, Kind::ProcedureWithItems | Kind::SequenceWithItems);
    if items && given.from_input {
        let text = "standard input is the stream of items: an argument cannot come from there";
        return Err(Failure::usage(text));
    }
    Ok(())
}

/// The lines of standard input that are not empty, with their numbers. Read by a thread of its own: nothing can
/// interrupt it, and the end of the process need not wait for it.
pub(super) fn lines() -> mpsc::Receiver<(usize, Result<String, String>)> {
    let (sender, receiver) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for (n, line) in std::io::stdin().lock().lines().enumerate() {
            let line = line.map_err(|error| error.to_string());
            let end = line.is_err();
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            if sender.blocking_send((n + 1, line)).is_err() || end {
                break;
            }
        }
    });
    receiver
}

/// All of standard input, in the pieces in which it comes.
pub(super) fn pieces() -> mpsc::Receiver<Result<Vec<u8>, String>> {
    const PIECE: usize = 64 << 10;
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; PIECE];
            let read = input.read(&mut piece).map(|length| {
                piece.truncate(length);
                piece
            });
            let end = read.as_ref().map_or(true, Vec::is_empty);
            if end && read.is_ok() {
                break;
            }
            if sender.blocking_send(read.map_err(|error| error.to_string())).is_err() || end {
                break;
            }
        }
    });
    receiver
}
