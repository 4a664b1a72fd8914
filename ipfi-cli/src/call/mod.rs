//! `ipfi call`.

mod exchange;
mod input;
mod options;
mod output;

use ipfi::CodecId;
use ipfi::core::interface::Kind;

pub(crate) use self::input::{check, given};
pub(crate) use self::options::{Options, Timeout};
use crate::connection::{Connecting, URL_HELP};
use crate::failure::Failure;
use crate::format::{Format, Given};
use crate::source::{self, From};

const EXAMPLES: &str = "\
Examples:
  ipfi call tcp://localhost:4433 Greeter.hello '\"Ada\"'
  ipfi call tcp://localhost:4433 Greeter.count 3
  seq 3 | ipfi call tcp://localhost:4433 Greeter.sum
  ipfi call -H 'trace: 7' --timeout 500ms unix:/run/greeter Greeter.hello @name.json
  ipfi call tcp://localhost:4433 7 --stream '\"Ada\"'

Values are JSON: one for each argument, @FILE for one in a file, - for one on standard input. A stream of items is read from \
standard input, one JSON a line, and each item of an answer is printed on a line of its own.";

/// What is called, and with what.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    #[arg(help = URL_HELP)]
    pub(crate) url: String,
    /// What to call: Interface.method, or the number of a procedure that is not described.
    pub(crate) method: String,
    /// The arguments, as JSON.
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// All arguments in one JSON array; @FILE, or - for standard input.
    #[arg(short, long, value_name = "JSON", conflicts_with = "arguments")]
    pub(crate) data: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    asked: Asked,
    /// Say what happens: the connection, metadata, times.
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    numbered: Numbered,
    #[command(flatten)]
    connecting: Connecting,
}

/// How a procedure is called that has only a number.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Procedures by number")]
pub(crate) struct Numbered {
    /// It answers with a sequence.
    #[arg(long)]
    stream: bool,
    /// It takes items, which are read from standard input.
    #[arg(long)]
    items: bool,
    /// It is a notification.
    #[arg(long, conflicts_with_all = ["stream", "items"])]
    notify: bool,
    /// It takes bytes (of standard input) and answers with bytes.
    #[arg(long, conflicts_with_all = ["stream", "items", "notify"])]
    raw: bool,
}

impl Numbered {
    pub(crate) fn kind(self) -> Kind {
        match (self.stream, self.items) {
            _ if self.notify => Kind::Notification,
            _ if self.raw => Kind::Raw,
            (false, false) => Kind::Procedure,
            (true, false) => Kind::Sequence,
            (false, true) => Kind::ProcedureWithItems,
            (true, true) => Kind::SequenceWithItems,
        }
    }

    fn any(self) -> bool {
        self.stream || self.items || self.notify || self.raw
    }

    /// The procedure of that number, if it is one.
    pub(crate) fn number(self, method: &str, codec: Option<CodecId>) -> Result<Option<u64>, Failure> {
        let number = method.parse::<u64>().ok();
        if number.is_none() && self.any() {
            let text = "--stream, --items, --notify and --raw are for a procedure that has only a number; a method says \
                        itself what it is";
            return Err(Failure::usage(text));
        }
        match codec {
            Some(codec) if number.is_some() && codec != CodecId::Json => Err(Failure::usage(format!(
                "a procedure that has only a number is called in JSON, not {codec}: what its values look like is \
                 not known"
            ))),
            _ => Ok(number),
        }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let number = arguments.numbered.number(&arguments.asked.method, arguments.options.codec())?;
    let given = given(&arguments.asked)?;
    let link = arguments.connecting.connect(&arguments.asked.url).await?;
    let done = run_on(&arguments, &link, number, &given).await;
    if done.as_ref().is_err_and(Failure::gave_up) {
        link.heard().await;
    }
    link.close().await;
    done
}

async fn run_on(
    arguments: &Arguments,
    link: &crate::connection::Link,
    number: Option<u64>,
    given: &Given,
) -> Result<(), Failure> {
    let Arguments { asked: Asked { method: name, .. }, options, numbered, from, .. } = arguments;
    if arguments.verbose {
        output::connected(link);
    }
    let described;
    let (target, format) = match number {
        Some(index) => {
            let target = exchange::Target {
                name: format!("procedure {index}"),
                index,
                kind: numbered.kind(),
                timeout: None,
            };
            (target, Format::Json)
        }
        None => {
            described = source::described(from, link).await?;
            let (description, method) = source::method(&described, name)?;
            // JSON travels as it was written: what is text in it is text, and what has a default may be left out.
            let codec = options.codec().unwrap_or(CodecId::Json);
            let target = exchange::Target {
                name: name.clone(),
                index: method.index,
                kind: method.kind,
                timeout: method.timeout_ms,
            };
            (target, Format::described(description, method, codec, link.decoding))
        }
    };
    check(given, target.kind)?;
    exchange::run(link, &target, &format, given, options, arguments.verbose).await
}
