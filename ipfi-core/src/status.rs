//! How a call failed: a code, a text, and where a limit was reached, which and by how much.
//!
//! A typed error (`Result<T, E>`) is a value and travels as one; a status is what the call itself
//! came to. There is no status for success: a response that ends without one succeeded.

use core::fmt;
use std::borrow::Cow;

use bytes::Bytes;

mod code;
mod constructors;

pub use code::Code;

/// Which side of the call made the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The side that made the call.
    Caller,
    /// The side that serves the call.
    Callee,
}

impl Origin {
    /// `"caller"` or `"callee"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The limit that ended a call. The side that set it is the status's [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitSeen {
    /// The limit's name, as in [`Limits`](crate::limits::Limits).
    pub name: Cow<'static, str>,
    /// Its value.
    pub limit: u64,
    /// What would have passed it, as far as it was known then.
    pub seen: u64,
}

impl From<LimitSeen> for Status {
    fn from(LimitSeen { name, limit, seen }: LimitSeen) -> Self {
        Self::limit(name, limit, seen)
    }
}

/// How a call failed. One pointer wide, so that a `Result<T, Status>` stays small.
///
/// Never serializable through serde: a status travels as an item of its own, never as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    code: Code,
    origin: Origin,
    message: String,
    details: Bytes,
    limit: Option<LimitSeen>,
}

impl Status {
    /// A status made by the callee (which is where handlers make them), without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            origin: Origin::Callee,
            message: message.into(),
            details: Bytes::new(),
            limit: None,
        }))
    }

    /// RESOURCE_EXHAUSTED because of the limit `name`: the text is made from the name.
    pub fn limit(name: impl Into<Cow<'static, str>>, limit: u64, seen: u64) -> Self {
        let name = name.into();
        let message = match &*name {
            "max_message_bytes" => "message too large",
            "max_reassembly_bytes" => "too many half-received messages",
            "max_decoded_bytes" => "decoded message too large",
            "max_depth" => "message nested too deeply",
            "max_metadata_bytes" => "metadata too large",
            "max_metadata_entries" => "too much metadata",
            "max_inbound_calls" | "max_outbound_calls" => "too many calls at once",
            "quic_connection_window_bytes" => "streams that were left unread fill the connection's window",
            _ => "limit reached",
        };
        Self::new(Code::ResourceExhausted, message).with_limit(LimitSeen { name, limit, seen })
    }

    /// Adds bytes for programs to read; their meaning is the application's.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.0.details = details.into();
        self
    }

    /// Says which limit was reached.
    #[must_use]
    pub fn with_limit(mut self, limit: LimitSeen) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// Says which side made the status.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }

    /// What kind of failure this is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The bytes for programs; empty when there are none.
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// The limit that was reached, where one was.
    pub fn limit_seen(&self) -> Option<&LimitSeen> {
        self.0.limit.as_ref()
    }

    /// Which side made the status.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }
}

impl std::error::Error for Status {}

impl fmt::Display for Status {
    /// One line: `RESOURCE_EXHAUSTED: message too large: 5 242 881 bytes seen, limit max_message_bytes
    /// = 4 194 304 (set by the callee)`. Control characters are escaped: the text is the peer's, and
    /// goes into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().name())?;
        if !self.message().is_empty() {
            write!(f, ": {}", OneLine(self.message()))?;
        }
        if let Some(LimitSeen { name, limit, seen }) = self.limit_seen() {
            let unit = if name.ends_with("_bytes") { " bytes" } else { "" };
            let (seen, name, limit) = (Grouped(*seen), OneLine(name), Grouped(*limit));
            write!(f, ": {seen}{unit} seen, limit {name} = {limit} (set by the {})", self.origin())?;
        }
        Ok(())
    }
}

/// Text with its control characters escaped.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() || is_hidden(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                fmt::Write::write_char(f, character)?;
            }
        }
        Ok(())
    }
}

/// What has no width, ends a line, or turns the direction of what follows: a text is not to look like another.
fn is_hidden(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A number with spaces between groups of three digits.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                fmt::Write::write_char(f, ' ')?;
            }
            fmt::Write::write_char(f, digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
