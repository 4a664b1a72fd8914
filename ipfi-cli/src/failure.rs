//! Why the command ends otherwise than well, and the number that a script sees.

use std::io;
use std::process::ExitCode;

use ipfi::{CallError, Code};

use crate::interruption::interrupted;
use crate::texts::clean;

/// For `--help`; `docs/cli.md` has the same table.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 success; 1 the method answered with an error of its own; 2 the command line, or the values in it, cannot be used; \
3 no connection; 4 the output cannot be written; 64 + n the call ended with status n (as gRPC numbers them: 68 is \
DEADLINE_EXCEEDED, 76 UNIMPLEMENTED, 78 UNAVAILABLE); 130 interrupted.";

/// Why the command ends otherwise than well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    Usage(String),
    /// There is no wire.
    Connect(String),
    /// Standard output takes nothing more.
    Output(io::Error),
    /// A file, or the folder that it goes to, cannot be written.
    Unwritten(String),
    /// What came is not what the description says.
    Answer(String),
    /// The method's own error, which has been printed.
    Application,
    /// A call failed; of what, and what could be done about it.
    Status { what: String, error: Box<CallError>, hint: Option<String> },
    /// Whoever ran this has had enough.
    Interrupted(String),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn status(what: impl Into<String>, error: CallError) -> Self {
        Self::Status { what: what.into(), error: Box::new(error), hint: None }
    }

    /// Whether it was this side that ended the call, by dropping it.
    pub(crate) fn gave_up(&self) -> bool {
        matches!(self, Self::Usage(_) | Self::Output(_) | Self::Answer(_) | Self::Interrupted(_))
    }

    /// With what could be done about it.
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Status { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// Says it, and gives its number.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                eprintln!("error: {}", clean(&text));
                ExitCode::from(2)
            }
            Self::Connect(text) => {
                eprintln!("error: {}", clean(&text));
                ExitCode::from(3)
            }
            // Whoever read it has seen enough: `ipfi call … | head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(error) => {
                eprintln!("error: standard output: {error}");
                ExitCode::from(4)
            }
            Self::Unwritten(text) => {
                eprintln!("error: {}", clean(&text));
                ExitCode::from(4)
            }
            Self::Answer(text) => {
                eprintln!("error: {}", clean(&text));
                ExitCode::from(status_code(Code::Internal))
            }
            Self::Application => ExitCode::from(1),
            Self::Status { what, error, hint } => {
                eprintln!("error: {}: {}", clean(&what), clean(&error.status().to_string()));
                if let Some(hint) = hint {
                    eprintln!("hint: {}", clean(&hint));
                }
                ExitCode::from(status_code(error.code()))
            }
            Self::Interrupted(text) => {
                eprintln!("interrupted: {}", clean(&text));
                ExitCode::from(130)
            }
        }
    }
}

/// For work that has not come to a call.
pub(crate) const NOTHING_CALLED: &str = "nothing was called";

/// What `work` comes to, unless it is interrupted first: then it is dropped, and `told` is said.
pub(crate) async fn interruptible<T>(
    told: impl Into<String>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        // Listened for before the work begins.
        biased;
        () = interrupted() => Err(Failure::Interrupted(told.into())),
        done = work => done,
    }
}

impl From<io::Error> for Failure {
    /// Of standard output: files that are read say their names.
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// 64 and the number that gRPC gives it too, as grpcurl has it.
fn status_code(code: Code) -> u8 {
    64 + u8::try_from(code.as_u64()).unwrap_or(Code::Unknown as u8)
}

#[cfg(test)]
mod tests;
