//! Calls: how they are made ([`Call`] and what awaiting one gives) and how they are served.
//!
//! ```text
//! caller  Call -> request.rs -> opening.rs -> exchange.rs -> unary.rs, streaming.rs, raw.rs, notify.rs
//! callee  arrive.rs -> callee.rs, notification.rs -> interface/procedures.rs
//! both    outbound.rs and inbound.rs: one direction each, items to bytes and back
//! ```

mod arrive;
mod callee;
mod error;
mod exchange;
mod fallible;
mod inbound;
mod notification;
mod notify;
mod opening;
mod outbound;
mod raw;
mod receiver;
mod request;
mod sender;
mod streaming;
mod unary;

pub(crate) use arrive::{Arrival, arrive, arrive_datagram, arrive_notification};
pub(crate) use callee::{Failure, IncomingCall};
pub use error::CallError;
pub use fallible::{TryCalling, TryUnary, TryUpload, TryUploading};
pub(crate) use notification::IncomingNotification;
pub use notify::Notify;
pub use raw::{Fragment, Piecemeal, RawCall, RawExchange, Terminator};
pub use receiver::Receiver;
pub use request::{Call, Isolation};
pub use sender::Sender;
pub(crate) use sender::yield_once;
pub use streaming::{Duplex, StreamCall, Upload, Uploading};
pub use unary::{Answer, Calling, Unary};
