//! Calls with items and in pieces, for threads that wait.

use std::fmt;

use bytes::Bytes;
use futures_util::StreamExt;
use ipfi_core::call::{CallError, Fragment, RawExchange, Receiver, Sender, Terminator};
use ipfi_core::codec::{Decode, Encode};

use super::wire::block_on;

/// The items of a sequence, as an iterator that waits for each. Its last item is an error if the sequence
/// ended with one. Reading returns credit to the sender: who does not read is not sent more than a window.
/// Dropped before the end, it cancels the call.
pub struct Items<T>(Receiver<T>);

impl<T> Items<T> {
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        Self(receiver)
    }

    /// The async receiver: metadata, detaching.
    pub fn into_inner(self) -> Receiver<T> {
        self.0
    }
}

impl<T: Decode + 'static> Iterator for Items<T> {
    type Item = Result<T, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.0.next())
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

/// Sends items to the callee, under its backpressure. Dropped without [`finish`](Self::finish), it breaks
/// the items off, which cancels the call.
#[derive(Debug)]
pub struct BlockingSender<T>(Sender<T>);

impl<T: Encode> BlockingSender<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self(sender)
    }

    /// Sends `item` and waits until this side has taken it. When the callee needs no more items
    /// ([`is_stopped`](Self::is_stopped)) they are discarded and its answer says the rest.
    ///
    /// # Errors
    ///
    /// An item that cannot be encoded or is too large fails alone; otherwise the connection ended.
    pub fn send(&mut self, item: T) -> Result<(), CallError> {
        block_on(self.0.send(item))
    }

    /// As [`send`](Self::send), but items gather until there are 16 KiB of them or
    /// [`flush`](Self::flush) is called.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed(&mut self, item: T) -> Result<(), CallError> {
        block_on(self.0.feed(item))
    }

    /// Waits until this side has taken every item.
    ///
    /// # Errors
    ///
    /// When the connection ended.
    pub fn flush(&mut self) -> Result<(), CallError> {
        block_on(self.0.flush())
    }

    /// No more items follow.
    ///
    /// # Errors
    ///
    /// When the connection ended.
    pub fn finish(self) -> Result<(), CallError> {
        block_on(self.0.finish())
    }

    /// Whether the callee needs no more items.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

/// A call whose arguments and items are written, and whose answer may be read, as bytes in any fractions:
/// [`RawExchange`], waited for. Dropped before its end, it cancels the call.
#[derive(Debug)]
pub struct BlockingExchange(RawExchange);

impl BlockingExchange {
    pub(super) fn new(exchange: RawExchange) -> Self {
        Self(exchange)
    }

    /// Sends `bytes` as a fragment of the current message.
    ///
    /// # Errors
    ///
    /// When the connection ended, or the message became too large.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        block_on(self.0.write(bytes))
    }

    /// Sends `bytes` uncopied, followed by `terminator`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_fragment(&mut self, bytes: Bytes, terminator: Terminator) -> Result<(), CallError> {
        block_on(self.0.write_fragment(bytes, terminator))
    }

    /// Ends the message and the request, and waits for an answer of one value.
    ///
    /// # Errors
    ///
    /// The callee's status, or why there was no answer.
    pub fn finish<R: Decode>(self) -> Result<R, CallError> {
        block_on(self.0.finish())
    }

    /// Ends the message and the request, and leaves the call, which runs on at the peer: see
    /// [`RawExchange::detach`].
    ///
    /// # Errors
    ///
    /// When the connection ended.
    pub fn detach(self) -> Result<(), CallError> {
        block_on(self.0.detach())
    }

    /// Ends the message and the request; the answer is read by [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// When the connection ended.
    pub fn end(&mut self) -> Result<(), CallError> {
        block_on(self.0.end())
    }

    /// The next piece of the answer, `None` after its end.
    ///
    /// # Errors
    ///
    /// The callee's status, or why there was no answer.
    pub fn read(&mut self) -> Result<Option<Fragment>, CallError> {
        block_on(self.0.read())
    }
}
