//! What a handler may answer with.

use crate::call::CallError;
use crate::codec::Encode;
use crate::status::Status;

/// What a handler may answer with, and a sequence yield: a value, or a `Result` of a value or a
/// [`Status`] (or a [`CallError`], of which the status is sent: a call of the handler's own failed, or the
/// items it was given). Any other `Result` is a value like all: its error travels typed (clause 6.5).
///
/// `K` tells the two apart ([`ByValue`], [`ByStatus`]) and is never named by a user.
pub trait IntoReply<K> {
    /// The value that is sent.
    type Value: Encode + Send + 'static;

    /// The value, or the status that takes its place.
    fn into_reply(self) -> Result<Self::Value, Status>;
}

/// The answer is a value.
#[derive(Debug)]
pub struct ByValue(());

/// The answer is a value or a status.
#[derive(Debug)]
pub struct ByStatus(());

impl<T: Encode + Send + 'static> IntoReply<ByValue> for T {
    type Value = T;

    fn into_reply(self) -> Result<T, Status> {
        Ok(self)
    }
}

// A `Status` is no serde type, and a `CallError` is none, so that for these `Result`s only these
// implementations fit.
impl<T: Encode + Send + 'static> IntoReply<ByStatus> for Result<T, Status> {
    type Value = T;

    fn into_reply(self) -> Self {
        self
    }
}

impl<T: Encode + Send + 'static> IntoReply<ByStatus> for Result<T, CallError> {
    type Value = T;

    fn into_reply(self) -> Result<T, Status> {
        self.map_err(Status::from)
    }
}
