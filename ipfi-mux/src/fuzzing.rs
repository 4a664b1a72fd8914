//! Bodies of the fuzz targets in `fuzz/`; see the module of this name in `ipfi-core`.
//!
//! Not part of the interface: no version promise covers this module.

// A finding is a panic.
#![allow(clippy::panic)]

use bytes::{Bytes, BytesMut};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::time::Time;

use crate::config::Config;
use crate::connection::{Connection, Transmit};
use crate::frame::Frame;
use crate::params::TransportParameters;
use crate::record::{RecordFraming, RecordReader, begin_record, end_record};

mod operations;

pub use operations::operations;

/// Bytes read as instructions: an input that ends reads as zeros.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

/// Limits that short inputs reach.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 4;
    limits.max_outbound_calls = 4;
    limits.max_inbound_notifications = 3;
    limits.stream_window_bytes = 300;
    limits.notification_window_bytes = 100;
    limits.window_pool_bytes = 1000;
    limits.max_stream_window_bytes = 900;
    limits.stream_send_buffer_bytes = 400;
    limits.send_buffer_bytes = 1500;
    limits.max_queued_datagrams = 3;
    limits.max_datagram_frame_bytes = 200;
    limits
}

/// What is decoded is within the record, and reads the same when it is written again.
pub fn frame(bytes: &[u8]) {
    let mut record = Bytes::copy_from_slice(bytes);
    while !record.is_empty() {
        let before = record.len();
        let Ok(frame) = Frame::decode(&mut record) else { return };
        assert!(record.len() < before, "a frame of no bytes");
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        let mut again = out.freeze();
        // A payload without a length runs to the record's end; written, it has one.
        assert_eq!(Frame::decode(&mut again).as_ref(), Ok(&frame));
        assert!(again.is_empty(), "more was written than is read");
    }
}

/// Records are the same however the pipe cuts them. The first byte says how.
pub fn record(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let cut = usize::from(*cut).max(1);
    let read = |cut: usize| {
        let mut reader = RecordReader::new(RecordFraming::Sized, 16_382);
        let (mut input, mut records) = (BytesMut::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            input.extend_from_slice(piece);
            loop {
                match reader.next(&mut input) {
                    Ok(None) => break,
                    Ok(Some(record)) => {
                        assert!(!record.is_empty() && record.len() <= 16_382, "a record out of bounds");
                        records.push(record);
                    }
                    Err(_) => return (records, true),
                }
            }
        }
        (records, false)
    };
    assert_eq!(read(cut), read(bytes.len().max(1)), "cut by {cut}");
}

/// The most that a connection of [`limits`] may hold: its windows with what slices keep alive, its send
/// buffer, its slots and datagrams.
const MOST_BYTES: usize = 64 << 10;

/// Whatever a peer sends, to a server or a client, after a handshake or instead of one, a connection does
/// not panic, holds no more than its limits, always has an end to its output, and ends with the reason.
pub fn connection(bytes: &[u8]) {
    let mut script = Script(bytes);
    let flags = script.byte();
    let side = if flags & 1 == 0 { Side::Server } else { Side::Client };
    let framing = if flags & 4 == 0 { RecordFraming::Sized } else { RecordFraming::Message };
    let config = Config { limits: limits(), framing, ..Config::new(side) };
    let mut connection = Connection::new(config, Time::ZERO).expect("the limits are consistent");
    let mut handles = operations::Handles::default();
    let mut input = BytesMut::new();
    if flags & 2 == 0 {
        let mark = (framing == RecordFraming::Sized).then(|| begin_record(&mut input));
        let most =
            TransportParameters { initial_max_streams_bidi: 3, initial_max_streams_uni: 3, ..generous() };
        Frame::TransportParameters(most).encode(&mut input);
        if let Some(mark) = mark {
            end_record(&mut input, mark);
        }
        connection.handle_input(Time::ZERO, &mut input);
        assert!(connection.peer_parameters().is_some(), "the handshake was refused");
    }
    let mut now = 0;
    while !script.is_over() {
        let control = script.byte();
        now += u64::from(control >> 4) * 1000;
        // Records get their sizes here, or hardly an input would be one: half of them as they are.
        let len = usize::from(script.byte());
        let piece = script.take(len);
        if control & 1 == 0 && framing == RecordFraming::Sized {
            let mark = begin_record(&mut input);
            input.extend_from_slice(piece);
            end_record(&mut input, mark);
        } else {
            input.extend_from_slice(piece);
        }
        connection.handle_input(Time::from_micros(now), &mut input);
        assert!(framing == RecordFraming::Sized || input.is_empty(), "a message is taken whole");
        if control & 2 != 0 {
            handles.act(&mut connection, &mut script);
        }
        if control & 4 != 0 {
            transmit(&mut connection, Time::from_micros(now));
        }
        if control & 8 != 0 {
            connection.handle_timeout(Time::from_micros(now));
        }
        connection.take_wakes().fire();
        let used = connection.memory_used();
        assert!(used <= MOST_BYTES, "{used} bytes");
    }
    connection.handle_end_of_input(Time::from_micros(now));
    assert!(connection.close_reason().is_some(), "the pipe's end is the connection's");
    transmit(&mut connection, Time::from_micros(now));
    handles.close(&mut connection);
    assert_eq!(connection.open_streams(), 0, "streams outlive their connection");
}

/// A peer that lets everything be sent.
fn generous() -> TransportParameters {
    TransportParameters {
        initial_max_data: 10_000,
        initial_max_stream_data_bidi_local: 500,
        initial_max_stream_data_bidi_remote: 500,
        initial_max_stream_data_uni: 500,
        max_datagram_frame_size: 1000,
        ..TransportParameters::default()
    }
}

/// Takes all output; there is an end to it.
fn transmit(connection: &mut Connection, now: Time) {
    for _ in 0..1000 {
        let mut out = BytesMut::new();
        if connection.poll_transmit(now, &mut out, 500) == Transmit::Idle {
            return;
        }
        connection.handle_transmitted(now);
    }
    panic!("there is no end to the output");
}

#[cfg(test)]
mod tests;
