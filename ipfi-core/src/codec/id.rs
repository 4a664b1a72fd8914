//! The numbers of the codecs.

use core::fmt;

/// A codec's number, as the four low bits of a call's flags carry it.
///
/// The default is [`Bincode`](Self::Bincode), or where that is switched off the first codec that is
/// not, or [`Raw`](Self::Raw) where all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodecId {
    /// The payload as it is, see [`Raw`](super::Raw). Always there.
    Raw = 0,
    /// bincode 2 in its standard configuration, through serde.
    Bincode = 1,
    /// postcard 1.
    Postcard = 2,
    /// MessagePack, structs as named maps.
    MessagePack = 3,
    /// JSON (RFC 8259).
    Json = 4,
}

impl CodecId {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Bincode, Self::Postcard, Self::MessagePack, Self::Json];

    /// The codec with this number; `None` for the numbers that are still free.
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Raw,
            1 => Self::Bincode,
            2 => Self::Postcard,
            3 => Self::MessagePack,
            4 => Self::Json,
            _ => return None,
        })
    }

    /// The number.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// The name, as messages and test vectors write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Bincode => "bincode",
            Self::Postcard => "postcard",
            Self::MessagePack => "messagepack",
            Self::Json => "json",
        }
    }

    /// Whether this program can encode and decode it: the feature of its name is on.
    pub const fn is_enabled(self) -> bool {
        match self {
            Self::Raw => true,
            Self::Bincode => cfg!(feature = "bincode"),
            Self::Postcard => cfg!(feature = "postcard"),
            Self::MessagePack => cfg!(feature = "messagepack"),
            Self::Json => cfg!(feature = "json"),
        }
    }

    /// Whether it writes a container's shape with the value, so that a peer without the type can read
    /// it and arguments are an array.
    pub const fn is_self_describing(self) -> bool {
        matches!(self, Self::MessagePack | Self::Json)
    }
}

impl Default for CodecId {
    fn default() -> Self {
        let typed = Self::ALL.into_iter().skip(1);
        typed.into_iter().find(|codec| codec.is_enabled()).unwrap_or(Self::Raw)
    }
}

impl fmt::Display for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
