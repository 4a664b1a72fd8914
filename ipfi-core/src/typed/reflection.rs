//! What a peer serves, asked of itself: clause 15.2.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::brief::brief;
use super::{Describe, Description, Mismatch, compatible};
use crate::call::{Call, CallError, Unary};
use crate::proto::REFLECTION_PROCEDURE;
use crate::status::OneLine;
use crate::wire::Wire;

/// The typed interfaces that the peer of `wire` serves. A peer that serves none, or keeps to itself what it serves
/// ([`Interface::reflection`](crate::Interface::reflection)), answers UNIMPLEMENTED.
///
/// A call like any other: dropping it cancels it.
///
/// # Errors
///
/// [`CallError`], as of every call.
pub async fn descriptions(wire: &Wire) -> Result<Vec<Description>, CallError> {
    let call: Call<Unary<Vec<Description>>> = Call::new(wire, REFLECTION_PROCEDURE.into(), ());
    call.await
}

/// Compares what `C` expects with what the peer of `wire` serves, in the codec of `wire`: clause 15.4. May be dropped at any time.
///
/// # Errors
///
/// [`CheckError::Call`] where the peer does not say what it serves, [`CheckError::NotServed`] where that is something else, and
/// [`CheckError::Incompatible`], which names each method, the place in it, and what both sides have there.
pub async fn check<C: Describe>(wire: &Wire) -> Result<(), CheckError> {
    let expected = C::description();
    let served = descriptions(wire).await.map_err(CheckError::Call)?;
    let Some(callee) = served.iter().find(|served| served.name == expected.name) else {
        let served = served.into_iter().map(|served| served.name).collect();
        return Err(CheckError::NotServed { interface: expected.name, served });
    };
    compatible(&expected, callee, wire.codec()).map_err(CheckError::Incompatible)
}

/// Why a client and its peer do not fit together, or cannot be compared.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The peer did not say what it serves.
    #[error("what the peer serves cannot be compared: {0}")]
    Call(#[source] CallError),
    /// The peer serves other interfaces.
    #[error("the peer does not serve {interface}, but {}", OneLine(&brief(Named(.served))))]
    NotServed {
        /// The interface that was asked for.
        interface: String,
        /// Those that it serves.
        served: Vec<String>,
    },
    /// Calls would be misunderstood.
    #[error("the peer serves another version: {}", Listed(.0))]
    Incompatible(Vec<Mismatch>),
}

struct Named<'a>(&'a [String]);

impl core::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (n, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

struct Listed<'a>(&'a [Mismatch]);

impl core::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (n, mismatch) in self.0.iter().enumerate() {
            write!(f, "{}{mismatch}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// The descriptions of an interface as an answer.
pub(crate) struct Answer(pub(crate) Arc<Vec<Description>>);

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
