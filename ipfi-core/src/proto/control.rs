//! The unidirectional streams' types, and what the control stream says. `docs/protocol.md` section 2.
//!
//! ```text
//! stream type (i) = 0
//! 'i' 'p' 'f' 'i', version (i) = 1
//! control message: type (i), length (i), payload     the first is SETTINGS
//!     0 SETTINGS   { key (i), value (i) } to the payload's end
//!     1 GOAWAY     no payload; one that has is taken all the same
//! ```

use bytes::{BufMut, Bytes, BytesMut};

use crate::close_code::CloseCode;
use crate::proto::VERSION;
use crate::status::Status;
use crate::varint;

/// The bytes that open a control stream after its type.
pub const MAGIC: &[u8; 4] = b"ipfi";

/// The largest payload of a control message, known or not.
pub const MAX_CONTROL_BYTES: u64 = 16 << 10;

/// The most procedures that SETTINGS name as wanting streams of their own.
pub const MAX_ISOLATED: usize = 64;

const SETTINGS: u64 = 0;
const GOAWAY: u64 = 1;

/// The first integer of a unidirectional stream (clause 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// The control stream: exactly one from each side, opened before any other stream.
    Control,
    /// A notification: a request without a response.
    Notification,
    /// A type this side does not know: answered with STOP_SENDING, and nothing else.
    Unknown(u64),
}

impl StreamType {
    /// The type of a number.
    pub const fn from_u64(number: u64) -> Self {
        match number {
            0 => Self::Control,
            1 => Self::Notification,
            other => Self::Unknown(other),
        }
    }

    /// The type's number.
    pub const fn as_u64(self) -> u64 {
        match self {
            Self::Control => 0,
            Self::Notification => 1,
            Self::Unknown(number) => number,
        }
    }

    /// Reads the type from the front of a stream, and how many bytes it took; `None` when `bytes`
    /// ends inside it.
    pub fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let (number, len) = varint::get(bytes)?;
        Some((Self::from_u64(number), len))
    }

    /// Appends the type.
    pub fn encode(self, out: &mut impl BufMut) {
        varint::put(out, self.as_u64());
    }
}

/// What a side tells the other about itself, once. Each has a default that holds when it is not sent
/// and until it has arrived, and none is a promise the peer must keep: a request past a limit fails
/// on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Key 1: the largest message this side takes, in bytes. Default 4 MiB.
    pub max_message_bytes: u64,
    /// Key 2: the most metadata, and the largest status, this side takes, in bytes. Default 16 KiB.
    pub max_metadata_bytes: u64,
    /// Key 3: whether this side serves calls at all. Default yes.
    pub serves: bool,
    /// Key 4: whether this side, a server, takes many small calls on one shared stream. Default no.
    pub shared_calls: bool,
    /// Key 5, once for each: a procedure whose calls want streams of their own, though they are small. At most
    /// [`MAX_ISOLATED`] of them; more are not told, and not kept. Default none.
    pub isolated: Vec<u64>,
    /// Key 6: how many calls of the peer this side runs at once: the peer opens no more, whatever streams its carrier
    /// would take. Default 256.
    pub max_inbound_calls: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_message_bytes: 4 << 20,
            max_metadata_bytes: 16 << 10,
            serves: true,
            shared_calls: false,
            isolated: Vec::new(),
            max_inbound_calls: 256,
        }
    }
}

impl Settings {
    /// Appends the payload of SETTINGS: what differs from the defaults, in the order of the keys.
    fn encode(&self, out: &mut impl BufMut) {
        for ((key, value), (_, default)) in self.pairs().into_iter().zip(Self::default().pairs()) {
            if value != default {
                varint::put(out, key);
                varint::put(out, value.min(varint::MAX));
            }
        }
        for index in self.isolated.iter().take(MAX_ISOLATED) {
            varint::put(out, 5);
            varint::put(out, *index);
        }
        if self.max_inbound_calls != Self::default().max_inbound_calls {
            varint::put(out, 6);
            varint::put(out, self.max_inbound_calls.min(varint::MAX));
        }
    }

    fn pairs(&self) -> [(u64, u64); 4] {
        [
            (1, self.max_message_bytes),
            (2, self.max_metadata_bytes),
            (3, u64::from(self.serves)),
            (4, u64::from(self.shared_calls)),
        ]
    }

    /// Clause 2.5.
    fn decode(mut payload: &[u8]) -> Result<Self, ControlError> {
        let mut settings = Self::default();
        let mut known = [false; 6];
        while !payload.is_empty() {
            let mut integer = || {
                let (value, len) = varint::get(payload).ok_or(ControlError::SettingsTruncated)?;
                payload = payload.get(len..).unwrap_or_default();
                Ok(value)
            };
            let (key, value) = (integer()?, integer()?);
            let flag = || match value {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(ControlError::SettingValue { key, value }),
            };
            match key {
                1 => settings.max_message_bytes = value,
                2 => settings.max_metadata_bytes = value,
                3 => settings.serves = flag()?,
                4 => settings.shared_calls = flag()?,
                5 => {
                    if settings.isolated.len() < MAX_ISOLATED {
                        settings.isolated.push(value);
                    }
                    continue;
                }
                6 => settings.max_inbound_calls = value,
                // An extension point (clause 1.5).
                _ => continue,
            }
            let index = usize::try_from(key - 1).expect("the arms above leave 1 to 6");
            if core::mem::replace(&mut known[index], true) {
                return Err(ControlError::SettingTwice { key });
            }
        }
        Ok(settings)
    }
}

/// Appends the beginning of a control stream: its type, the magic bytes, the version and SETTINGS.
pub fn put_preamble(out: &mut impl BufMut, settings: &Settings) {
    StreamType::Control.encode(out);
    out.put_slice(MAGIC);
    varint::put(out, VERSION);
    let mut payload = BytesMut::new();
    settings.encode(&mut payload);
    put_control_message(out, SETTINGS, &payload);
}

/// Appends GOAWAY: calls that arrive at this side from now on are refused.
pub fn put_goaway(out: &mut impl BufMut) {
    put_control_message(out, GOAWAY, &[]);
}

fn put_control_message(out: &mut impl BufMut, kind: u64, payload: &[u8]) {
    varint::put(out, kind);
    varint::put(out, payload.len() as u64);
    out.put_slice(payload);
}

/// What a control stream brings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlMessage {
    /// What the peer says about itself: the first message, once.
    Settings(Settings),
    /// The peer starts no more calls that arrive: they will be refused, and may be made elsewhere.
    GoAway,
    /// A message of a type this side does not know, to be ignored. It is handed over so that a flood
    /// of them can be counted.
    Unknown {
        /// Its type.
        kind: u64,
    },
}

/// What is wrong with a control stream. Each concerns the whole connection and closes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The stream does not begin with `ipfi`.
    #[error("the peer's control stream does not begin with \"ipfi\" but with {seen:02x?}")]
    NotIpfi {
        /// Its first bytes.
        seen: Bytes,
    },
    /// The peer speaks another version.
    #[error("version mismatch: this side speaks ipfi-{ours}, the peer ipfi-{theirs}")]
    Version {
        /// The version of this side.
        ours: u64,
        /// The version of the peer.
        theirs: u64,
    },
    /// The first control message is not SETTINGS.
    #[error("the peer's first control message is of type {kind}, not SETTINGS")]
    SettingsMissing {
        /// The type of the first message.
        kind: u64,
    },
    /// A second SETTINGS.
    #[error("the peer sent SETTINGS twice")]
    SettingsTwice,
    /// SETTINGS ends inside a key or a value.
    #[error("the peer sent SETTINGS that end inside a setting")]
    SettingsTruncated,
    /// A known key comes twice.
    #[error("the peer sent the setting {key} twice")]
    SettingTwice {
        /// The key.
        key: u64,
    },
    /// A setting has a value it cannot have.
    #[error("the peer sent the setting {key} with the value {value}, which is neither 0 nor 1")]
    SettingValue {
        /// The key.
        key: u64,
        /// The value.
        value: u64,
    },
    /// A control message is too large.
    #[error("control message too large: {seen} bytes seen, limit {limit}")]
    TooLarge {
        /// The limit, [`MAX_CONTROL_BYTES`].
        limit: u64,
        /// The length announced.
        seen: u64,
    },
    /// The control stream ended: it lives as long as the connection.
    #[error("the peer ended its control stream")]
    Ended,
}

impl ControlError {
    /// The error's name in `docs/protocol.md` and in the vectors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotIpfi { .. } => "control-not-ipfi",
            Self::Version { .. } => "control-version",
            Self::SettingsMissing { .. } => "settings-missing",
            Self::SettingsTwice => "settings-twice",
            Self::SettingsTruncated => "settings-truncated",
            Self::SettingTwice { .. } => "setting-twice",
            Self::SettingValue { .. } => "setting-value",
            Self::TooLarge { .. } => "control-too-large",
            Self::Ended => "control-ended",
        }
    }

    /// The code with which the connection is closed (clause 13.2). The error's text is the reason.
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::NotIpfi { .. } | Self::Version { .. } => CloseCode::VERSION,
            _ => CloseCode::PROTOCOL,
        }
    }
}

impl From<ControlError> for Status {
    /// For calls that this connection can no longer make.
    fn from(error: ControlError) -> Self {
        let text = error.to_string();
        match error.close_code() {
            CloseCode::VERSION => Self::failed_precondition(text),
            _ => Self::internal(text),
        }
    }
}

/// Decodes a control stream after its type. Holds what has arrived of one message, and no more than
/// [`MAX_CONTROL_BYTES`] beyond what was pushed last.
#[derive(Debug, Default)]
pub struct ControlDecoder {
    pending: BytesMut,
    fin: bool,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Magic,
    Version,
    Settings,
    Messages,
    Failed(ControlError),
}

impl ControlDecoder {
    /// Nothing has arrived.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream, and whether they are its last.
    pub fn push(&mut self, chunk: &[u8], fin: bool) {
        if !self.fin {
            self.pending.extend_from_slice(chunk);
            self.fin = fin;
        }
    }

    /// The next message, or `None` until more is pushed. An error is returned again by every later
    /// call.
    // The name says what it does, and it is no iterator: `None` comes and goes.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<ControlMessage>, ControlError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = match self.step() {
            Ok(None) if self.fin => Err(ControlError::Ended),
            other => other,
        };
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
            self.pending = BytesMut::new();
        }
        result
    }

    fn step(&mut self) -> Result<Option<ControlMessage>, ControlError> {
        if matches!(self.state, State::Magic) {
            let seen = self.pending.len().min(MAGIC.len());
            let front = self.pending.get(..seen).unwrap_or_default();
            // Clause 2.3: refused at the first byte that differs. A peer that speaks something else may wait for
            // an answer before it sends a fourth.
            if let Some(at) = front.iter().zip(MAGIC).position(|(seen, magic)| seen != magic) {
                return Err(ControlError::NotIpfi { seen: Bytes::copy_from_slice(&front[..=at]) });
            }
            if seen < MAGIC.len() {
                return Ok(None);
            }
            let _ = self.pending.split_to(MAGIC.len());
            self.state = State::Version;
        }
        if matches!(self.state, State::Version) {
            let Some((theirs, len)) = varint::get(&self.pending) else { return Ok(None) };
            if theirs != VERSION {
                return Err(ControlError::Version { ours: VERSION, theirs });
            }
            let _ = self.pending.split_to(len);
            self.state = State::Settings;
        }
        let Some((kind, payload)) = self.message()? else { return Ok(None) };
        match (&self.state, kind) {
            (State::Settings, _) => {
                self.state = State::Messages;
                Ok(Some(ControlMessage::Settings(Settings::decode(&payload)?)))
            }
            (_, GOAWAY) => Ok(Some(ControlMessage::GoAway)),
            (_, kind) => Ok(Some(ControlMessage::Unknown { kind })),
        }
    }

    /// A whole control message (clauses 2.4, 2.7). Its type and its length are judged before its payload is
    /// there.
    fn message(&mut self) -> Result<Option<(u64, BytesMut)>, ControlError> {
        let Some((kind, at)) = varint::get(&self.pending) else { return Ok(None) };
        match (&self.state, kind) {
            (State::Settings, SETTINGS) => {}
            (State::Settings, kind) => return Err(ControlError::SettingsMissing { kind }),
            (_, SETTINGS) => return Err(ControlError::SettingsTwice),
            _ => {}
        }
        let after_kind = self.pending.get(at..).unwrap_or_default();
        let Some((seen, len)) = varint::get(after_kind) else { return Ok(None) };
        if seen > MAX_CONTROL_BYTES {
            return Err(ControlError::TooLarge { limit: MAX_CONTROL_BYTES, seen });
        }
        let size = usize::try_from(seen).expect("at most MAX_CONTROL_BYTES");
        if self.pending.len() - at - len < size {
            return Ok(None);
        }
        let _ = self.pending.split_to(at + len);
        Ok(Some((kind, self.pending.split_to(size))))
    }
}

#[cfg(test)]
mod tests;
