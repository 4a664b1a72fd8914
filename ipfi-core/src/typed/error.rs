//! What a typed call may fail with: an error of the method's own, or of the call.

use core::fmt;
use std::error::Error;

use serde::de::DeserializeOwned;

use crate::call::CallError;
use crate::codec::Decode;
use crate::status::Status;

/// Why a method that answers `Result<T, E>` gave no `T`.
///
/// An error of the method's own is a value: it was computed by a call that succeeded, and travels typed
/// (`docs/protocol.md` 6.5). Whatever else goes wrong is a [`CallError`].
#[derive(Clone, Debug)]
pub enum TypedError<E> {
    /// The method ran to its end and answered this.
    Application(E),
    /// The call did not get that far.
    Call(CallError),
}

impl<E> TypedError<E> {
    /// The method's own error, if it is one.
    pub fn application(&self) -> Option<&E> {
        match self {
            Self::Application(error) => Some(error),
            Self::Call(_) => None,
        }
    }

    /// The method's own error, or that of the call.
    pub fn into_application(self) -> Result<E, CallError> {
        match self {
            Self::Application(error) => Ok(error),
            Self::Call(error) => Err(error),
        }
    }

    /// What went wrong with the call, if that did.
    pub fn call_error(&self) -> Option<&CallError> {
        match self {
            Self::Application(_) => None,
            Self::Call(error) => Some(error),
        }
    }
}

impl<E> From<CallError> for TypedError<E> {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl<E: fmt::Display> fmt::Display for TypedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for TypedError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // What is printed is the error itself, so that its source is the next in line.
        self.call_error().and_then(Error::source)
    }
}

/// What the `E` of a method's `Result<T, E>` is to its caller: a serde type travels as a value and comes back in a
/// [`TypedError`]; a [`Status`] (or a [`CallError`], whose status is sent) is how the call itself failed, and comes back
/// in a [`CallError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a method that answers `{T}`",
    note = "it must be `serde::Serialize + serde::Deserialize` and own its data, and so must `{T}`: the error travels as a value",
    note = "or it is `ipfi::Status`, which says how the call failed"
)]
pub trait MethodError<T>: Sized {
    /// The value that travels.
    type Wire: Decode + 'static;
    /// What the caller gets for it.
    type Failure;
    /// Whether it travels as a value.
    const IS_VALUE: bool;

    /// What has arrived, as the caller gets it.
    fn outcome(arrived: Result<Self::Wire, CallError>) -> Result<T, Self::Failure>;
}

impl<T: DeserializeOwned + 'static, E: DeserializeOwned + 'static> MethodError<T> for E {
    type Wire = Result<T, E>;
    type Failure = TypedError<E>;
    const IS_VALUE: bool = true;

    fn outcome(arrived: Result<Self::Wire, CallError>) -> Result<T, TypedError<E>> {
        arrived?.map_err(TypedError::Application)
    }
}

// Neither is a serde type, and both are ours: for them only these implementations fit.
impl<T: Decode + 'static> MethodError<T> for Status {
    type Wire = T;
    type Failure = CallError;
    const IS_VALUE: bool = false;

    fn outcome(arrived: Result<T, CallError>) -> Result<T, CallError> {
        arrived
    }
}

impl<T: Decode + 'static> MethodError<T> for CallError {
    type Wire = T;
    type Failure = Self;
    const IS_VALUE: bool = false;

    fn outcome(arrived: Result<T, Self>) -> Result<T, Self> {
        arrived
    }
}
