//! The server as a process of its own, and the CPU time of processes.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::peer::{Handshake, Needs, Peer, Result};
use crate::peers;
use crate::sample::runtime;

/// The first word of the command line of a server; its peer and needs follow.
pub(crate) const SERVE: &str = "serve";

/// A child that serves one peer. It ends when its standard input does, and so with this process.
pub(crate) struct ServerProcess {
    child: Child,
    /// `None` once it is to end.
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts it and says where it listens.
    pub(crate) fn start(peer: &str, needs: Needs) -> Result<(Self, String)> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([SERVE, peer, &needs.streams.to_string(), &needs.connections.to_string()])
            .arg(needs.handshake.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the child's pipes are missing".into());
        };
        let mut server = Self { child, ask: Some(ask), answers: BufReader::new(answers) };
        let address = server.line()?;
        Ok((server, address))
    }

    /// The CPU time it has used so far.
    pub(crate) fn cpu_time(&mut self) -> Result<Duration> {
        let ask = self.ask.as_mut().ok_or("the server's process is to end")?;
        ask.write_all(b"\n")?;
        Ok(Duration::from_nanos(self.line()?.parse()?))
    }

    fn line(&mut self) -> Result<String> {
        line(&mut self.answers)
    }
}

/// The next line, with the space that it may end in: an address beside which nothing is told does.
fn line(answers: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if answers.read_line(&mut line)? == 0 {
        return Err("the server's process has ended".into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.ask.take());
        // How it ended is of no interest: its answers were.
        let _ = self.child.wait();
    }
}

/// The whole of a server's process: says where it listens, then answers every line with its CPU time.
pub(crate) fn serve<P: Peer>(needs: Needs) -> Result<()> {
    let runtime = runtime()?;
    let address = runtime.block_on(async { tokio::spawn(P::serve(needs)).await? })?;
    println!("{address}");
    for line in io::stdin().lock().lines() {
        line?;
        println!("{}", cpu_time().as_nanos());
    }
    runtime.shutdown_background();
    Ok(())
}

/// What a process started by `ServerProcess` does.
pub(crate) fn serve_here(words: &[String]) -> Result<()> {
    let [peer, streams, connections, handshake] = words else {
        return Err("serve: peer, streams, connections, handshake".into());
    };
    let handshake = Handshake::named(handshake)?;
    let needs = Needs { streams: streams.parse()?, connections: connections.parse()?, handshake };
    (peers::find(peer)?.serve)(needs)
}

/// The CPU time, user and system, that this process has used so far.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither part of a CPU time is negative, and the nanoseconds are below 10^9.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests;
