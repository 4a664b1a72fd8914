//! The states of a stream's two halves: who may do what when. No other file assigns a state.
//!
//! A stream is two independent halves (RFC 9000 section 3). Under QMux the states are fewer than
//! QUIC's, for two reasons that the draft gives ("QUIC Frames", "Ordering of STREAM Frames"):
//! acknowledgement happens "as soon as data is passed to the underlying transport", so *Data Sent*
//! and *Data Recvd* of a sender are one instant, as are *Reset Sent* and *Reset Recvd*; and bytes
//! come in order, so a receiver that knows the final size has all the bytes: *Size Known* and *Data
//! Recvd* are one. What QUIC has no name for, because it is the application's view, gets one here:
//! `Finishing` (the application has finished, bytes or the FIN still wait in the buffer; QUIC: still
//! *Send*) and `Resetting` (the RESET_STREAM still waits).
//!
//! **Sending half** (section 3.1):
//!
//! | state      | write   | finish    | reset     | STOP_SENDING came | bytes left | FIN left  | RESET left |
//! |------------|---------|-----------|-----------|-------------------|------------|-----------|------------|
//! | Ready      | stays   | Finishing | Resetting | Resetting         | Send       | -         | -          |
//! | Send       | stays   | Finishing | Resetting | Resetting         | stays      | -         | -          |
//! | Finishing  | refused | ignored   | Resetting | Resetting         | stays      | DataRecvd | -          |
//! | DataRecvd  | refused | ignored   | ignored   | ignored           | -          | -         | -          |
//! | Resetting  | refused | refused   | ignored   | ignored           | -          | -         | ResetRecvd |
//! | ResetRecvd | refused | refused   | ignored   | ignored           | -          | -         | -          |
//!
//! STOP_SENDING in Ready, Send or Finishing obliges us to reset with the peer's code (section 3.5).
//! After the FIN has left there is nothing to stop. Whoever was first, our reset or the peer's stop,
//! decides the code on the wire.
//!
//! **Receiving half** (section 3.2):
//!
//! | state      | bytes came | FIN came  | RESET came | read the end | read the reset | stop      |
//! |------------|------------|-----------|------------|--------------|----------------|-----------|
//! | Recv       | stays      | DataRecvd | ResetRecvd | -            | -              | Stopped   |
//! | DataRecvd  | ignored    | ignored   | ignored    | DataRead     | -              | Discarded |
//! | DataRead   | ignored    | ignored   | ignored    | ignored      | -              | ignored   |
//! | ResetRecvd | ignored    | ignored   | ignored    | -            | ResetRead      | Discarded |
//! | ResetRead  | ignored    | ignored   | ignored    | -            | ignored        | ignored   |
//! | Stopped    | stays      | Discarded | Discarded  | -            | -              | ignored   |
//! | Discarded  | ignored    | ignored   | ignored    | -            | -              | ignored   |
//!
//! A reset after the FIN changes nothing: every byte is here, so the application gets them (section
//! 3.2 leaves the choice). A reset before the FIN discards what is unread. What breaks a rule (bytes
//! beyond the final size, a size that changes) never gets here: the caller checks sizes first.
//!
//! To change this: the tables above, [`SendState::on`] / [`RecvState::on`], and the snapshot in
//! `states.txt`, together.

use ipfi_core::close_code::StreamCode;

/// What an event does to a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<S> {
    /// The half is now (or stays) in this state, and the event counts.
    To(S),
    /// The event comes too late to matter and changes nothing.
    Ignored,
    /// The event is not permitted here.
    Refused,
}

/// The states of a sending half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendState {
    /// No frame of this half has left.
    Ready,
    /// Some bytes have left; more may be written.
    Send,
    /// The application has finished; bytes or the FIN wait.
    Finishing,
    /// All bytes and the FIN were handed to the transport.
    DataRecvd,
    /// Given up; the RESET_STREAM with this code waits.
    Resetting(StreamCode),
    /// The RESET_STREAM was handed to the transport.
    ResetRecvd,
}

/// What can happen to a sending half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendEvent {
    /// The application writes.
    Write,
    /// The application says that nothing follows.
    Finish,
    /// The application gives the half up.
    Reset(StreamCode),
    /// The peer asks for no more.
    StopReceived(StreamCode),
    /// Bytes were handed to the transport.
    DataLeft,
    /// The FIN, with the last bytes or alone, was handed to the transport.
    FinLeft,
    /// The RESET_STREAM was handed to the transport.
    ResetLeft,
}

impl SendState {
    /// What `event` does in this state: the table above.
    #[inline]
    pub(crate) fn on(self, event: SendEvent) -> Step<Self> {
        use SendEvent as E;
        use Step::{Ignored, Refused, To};
        match (self, event) {
            (Self::Ready | Self::Send, E::Write) => To(self),
            (_, E::Write) => Refused,

            (Self::Ready | Self::Send, E::Finish) => To(Self::Finishing),
            (Self::Finishing | Self::DataRecvd, E::Finish) => Ignored,
            (Self::Resetting(_) | Self::ResetRecvd, E::Finish) => Refused,

            // RFC 9000 section 3.5: in Ready or Send an endpoint MUST answer with RESET_STREAM, and
            // SHOULD copy the code.
            (Self::Ready | Self::Send | Self::Finishing, E::Reset(code) | E::StopReceived(code)) => {
                To(Self::Resetting(code))
            }
            (_, E::Reset(_) | E::StopReceived(_)) => Ignored,

            (Self::Ready | Self::Send, E::DataLeft) => To(Self::Send),
            (Self::Finishing, E::DataLeft) => To(Self::Finishing),
            (Self::Finishing, E::FinLeft) => To(Self::DataRecvd),
            (Self::Resetting(_), E::ResetLeft) => To(Self::ResetRecvd),
            // RFC 9000 section 3.3: no STREAM after a FIN or a RESET_STREAM.
            (_, E::DataLeft | E::FinLeft | E::ResetLeft) => Refused,
        }
    }

    /// Nothing more will be sent for this half.
    #[inline]
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::DataRecvd | Self::ResetRecvd)
    }
}

/// The states of a receiving half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecvState {
    /// More may come.
    Recv,
    /// All bytes are here; some, or the end, are unread.
    DataRecvd,
    /// The application read to the end.
    DataRead,
    /// The peer gave up with this code; the application was not told yet.
    ResetRecvd(StreamCode),
    /// The application was told of the reset.
    ResetRead(StreamCode),
    /// This side asked the peer to stop; what comes is discarded.
    Stopped,
    /// Stopped by this side, and nothing more will come.
    Discarded,
}

/// What can happen to a receiving half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecvEvent {
    /// Bytes came without FIN.
    Data,
    /// A frame with FIN came.
    Fin,
    /// RESET_STREAM came.
    Reset(StreamCode),
    /// The application read the end.
    ReadEnd,
    /// The application was told of the reset.
    ReadReset,
    /// The application wants no more.
    Stop,
}

impl RecvState {
    /// What `event` does in this state: the table above.
    #[inline]
    pub(crate) fn on(self, event: RecvEvent) -> Step<Self> {
        use RecvEvent as E;
        use Step::{Ignored, Refused, To};
        match (self, event) {
            (Self::Recv | Self::Stopped, E::Data) => To(self),
            (Self::Recv, E::Fin) => To(Self::DataRecvd),
            (Self::Recv, E::Reset(code)) => To(Self::ResetRecvd(code)),
            (Self::Stopped, E::Fin | E::Reset(_)) => To(Self::Discarded),
            (_, E::Data | E::Fin | E::Reset(_)) => Ignored,

            (Self::DataRecvd, E::ReadEnd) => To(Self::DataRead),
            (Self::DataRead, E::ReadEnd) => Ignored,
            (_, E::ReadEnd) => Refused,

            (Self::ResetRecvd(code), E::ReadReset) => To(Self::ResetRead(code)),
            (Self::ResetRead(_), E::ReadReset) => Ignored,
            (_, E::ReadReset) => Refused,

            // RFC 9000 section 3.5: STOP_SENDING is pointless once all data was received.
            (Self::Recv, E::Stop) => To(Self::Stopped),
            (Self::DataRecvd | Self::ResetRecvd(_), E::Stop) => To(Self::Discarded),
            (_, E::Stop) => Ignored,
        }
    }

    /// The final size is known: the peer sends nothing more on this half.
    #[inline]
    pub(crate) fn is_complete(self) -> bool {
        !matches!(self, Self::Recv | Self::Stopped)
    }

    /// Complete, and the application has nothing more to read or hear.
    #[inline]
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::DataRead | Self::ResetRead(_) | Self::Discarded)
    }
}

/// A state that only [`StateCell::apply`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateCell<S>(S);

impl<S: Copy> StateCell<S> {
    /// The state now.
    pub(crate) fn get(self) -> S {
        self.0
    }
}

impl StateCell<SendState> {
    /// A sending half that has just been opened.
    pub(crate) fn sending() -> Self {
        Self(SendState::Ready)
    }

    /// Takes the step that `event` asks for, and says what it was.
    #[inline]
    pub(crate) fn apply(&mut self, event: SendEvent) -> Step<SendState> {
        let step = self.0.on(event);
        if let Step::To(next) = step {
            self.0 = next;
        }
        step
    }
}

impl StateCell<RecvState> {
    /// A receiving half that has just been opened.
    pub(crate) fn receiving() -> Self {
        Self(RecvState::Recv)
    }

    /// Takes the step that `event` asks for, and says what it was.
    #[inline]
    pub(crate) fn apply(&mut self, event: RecvEvent) -> Step<RecvState> {
        let step = self.0.on(event);
        if let Step::To(next) = step {
            self.0 = next;
        }
        step
    }
}

#[cfg(test)]
mod tests;
