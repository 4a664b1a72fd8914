//! What a handler may answer with.

use crate::codec::Encode;
use crate::status::Status;

/// What a handler may answer with, and a sequence yield: a value, or a `Result` of a value or a
/// [`Status`]. Any other `Result` is a value like all: its error travels typed.
pub trait IntoReply {
    /// The value that is sent.
    type Value: Encode + Send;

    /// The value, or the status that takes its place.
    fn into_reply(self) -> Result<Self::Value, Status>;
}

impl<T: Encode + Send> IntoReply for T {
    type Value = T;

    fn into_reply(self) -> Result<T, Status> {
        Ok(self)
    }
}

// Coherent with the one above because a `Status`, which is ours, is no serde type.
impl<T: Encode + Send> IntoReply for Result<T, Status> {
    type Value = T;

    fn into_reply(self) -> Self {
        self
    }
}
