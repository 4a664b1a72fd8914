//! What a call may be given.

use std::str::FromStr;
use std::time::Duration;

use ipfi::CodecId;
use ipfi::call::Call;

use crate::failure::Failure;

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Call")]
pub(crate) struct Options {
    /// Send metadata with the call; repeat it for more.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// How long the call may take: 500ms, 5s, 2m, or `none`. By default what the method says; else 30s for one value, and
    /// no end for streams.
    #[arg(long, value_name = "TIME")]
    timeout: Option<Timeout>,
    /// How values travel. JSON, unless told otherwise.
    #[arg(long, value_name = "CODEC")]
    codec: Option<CodecName>,
}

/// The codecs by their names.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum CodecName {
    Json,
    Messagepack,
    Bincode,
    Postcard,
}

/// An entry of metadata.
#[derive(Clone, Debug)]
struct Header {
    name: String,
    value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once(':').ok_or_else(|| "a colon is missing: 'name: value'".to_owned())?;
        let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
        let mut probe = ipfi::Metadata::default();
        probe.insert(&name, value.clone()).map_err(|error| error.to_string())?;
        Ok(Self { name, value })
    }
}

/// A time, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Option<Duration>);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err("a time is a number with ms, s, m or h behind it: 500ms".to_owned()),
        };
        let number: f64 =
            number.parse().map_err(|_| "a time is a number with ms, s, m or h behind it: 500ms")?;
        let time = Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())?;
        Ok(Self(Some(time)))
    }
}

impl Options {
    pub(crate) fn codec(&self) -> Option<CodecId> {
        self.codec.map(|codec| match codec {
            CodecName::Json => CodecId::Json,
            CodecName::Messagepack => CodecId::MessagePack,
            CodecName::Bincode => CodecId::Bincode,
            CodecName::Postcard => CodecId::Postcard,
        })
    }

    /// `call` with all of them; `timeout_ms` is the method's own.
    pub(crate) fn set<K, A>(
        &self,
        mut call: Call<K, A>,
        codec: CodecId,
        timeout_ms: Option<u64>,
    ) -> Call<K, A> {
        call = call.codec(codec);
        for Header { name, value } in &self.headers {
            call = call.metadata(name, value.clone());
        }
        match (self.timeout, timeout_ms) {
            (Some(Timeout(Some(timeout))), _) => call.timeout(timeout),
            (Some(Timeout(None)), _) => call.without_timeout(),
            (None, Some(timeout)) => call.timeout(Duration::from_millis(timeout)),
            (None, None) => call,
        }
    }

    /// What is sent, for those who want to see it.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|it| (&*it.name, &*it.value))
    }

    /// Without an end to wait for, a measurement would have none.
    pub(crate) fn timeout_is_usable(&self) -> Result<(), Failure> {
        match self.timeout {
            Some(Timeout(Some(Duration::ZERO))) => {
                Err(Failure::usage("a --timeout of nothing ends every call"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
