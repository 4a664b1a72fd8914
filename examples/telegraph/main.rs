//! A procedure call by Morse telegraph.
//!
//! *Shows*: two programs that exchange nothing but dots and dashes, and a real call over them: bytes become
//! two hexadecimal digits, digits become Morse.
//! *Run*: `cargo run --example telegraph` (or `-- FILE.wav`, or `-- FILE.wav MILLISECONDS` for the length of a
//! dot), then listen to the file.
//! *Expect*: every byte in Morse on standard error, high for one station and low for the other in the sound
//! file; then the weather in Kyiv.

mod morse;
mod sound;

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ipfi::Interface;
use ipfi::mux::bytewise::Peer;

type Failure = Box<dyn std::error::Error>;

/// The other station: dots and dashes in, dots and dashes out.
fn station() -> Result<(), Failure> {
    let weather = Interface::new().procedure(0, |(city,): (String,)| async move {
        format!("the weather in {city} is fair, wind from the west")
    });
    let mut peer = Peer::server(weather);
    let mut input = stdin().lock().lines();
    loop {
        while let Some(byte) = peer.pull() {
            writeln!(stdout(), "{}", morse::encode(byte))?;
        }
        stdout().flush()?;
        let Some(signal) = input.next() else { return Ok(()) };
        // Once the other station has said goodbye, nothing more is of interest.
        if peer.push(morse::decode(&signal?)?).is_err() {
            return Ok(());
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let file = match arguments.next() {
        Some(role) if role == "station" => return station(),
        Some(file) => PathBuf::from(file),
        None => std::env::temp_dir().join("telegraph.wav"),
    };
    let dot_ms = arguments.next().map_or(Ok(12), |ms| ms.parse())?;

    let mut other = Command::new(std::env::current_exe()?)
        .arg("station")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut key), Some(sounder)) = (other.stdin.take(), other.stdout.take()) else {
        return Err("the other station has no line".into());
    };
    let mut sounder = BufReader::new(sounder).lines();
    let mut tape = sound::Tape::new(&file, dot_ms)?;

    let mut peer = Peer::client(Interface::new());
    let wire = peer.wire().clone();
    let call = peer.spawn(async move { wire.call::<String>(0, ("Kyiv",)).await });
    let (mut sent, mut received) = (0, 0);
    let answer = loop {
        if let Some(answer) = call.take() {
            break answer?;
        }
        while let Some(byte) = peer.pull() {
            let signal = morse::encode(byte);
            eprintln!("{byte:02x} >  {signal}");
            tape.play(&signal, sound::HIGH)?;
            writeln!(key, "{signal}")?;
            sent += 1;
        }
        let signal = sounder.next().ok_or("the other station fell silent")??;
        let byte = morse::decode(&signal)?;
        eprintln!("{byte:02x}  < {signal}");
        tape.play(&signal, sound::LOW)?;
        peer.push(byte)?;
        received += 1;
    };
    println!("{answer}");
    let seconds = tape.finish()?;
    println!("{sent} bytes there, {received} back: {seconds:.0} s of Morse in {}", file.display());
    drop(key);
    other.wait()?;
    Ok(())
}
