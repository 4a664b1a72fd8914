//! What this side never sends, whatever it has to say.

use core::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_mux::connection::{READ_BLOCK_BYTES, Transmit};
use ipfi_mux::frame::Frame;
use ipfi_mux::params::TransportParameters;
use ipfi_mux::record::{RecordFraming, RecordReader, begin_record, end_record};
use ipfi_mux::stream_id::Dir;
use ipfi_mux::{Config, Connection};

use crate::support::{generous, timeless};

/// A client that was told `parameters` and has written much on a stream.
fn client_with_much_to_say(parameters: TransportParameters, framing: RecordFraming) -> Connection {
    let config = Config { limits: timeless(), framing, ..Config::new(Side::Client) };
    let mut client = Connection::new(config, Time::ZERO).unwrap();
    let mut hello = BytesMut::new();
    let mark = begin_record(&mut hello);
    Frame::TransportParameters(parameters).encode(&mut hello);
    end_record(&mut hello, mark);
    let mut hello = match framing {
        RecordFraming::Sized => hello,
        RecordFraming::Message => hello.split_off(2),
    };
    client.handle_input(Time::ZERO, &mut hello);
    let Poll::Ready(Ok((key, _))) = client.poll_open(Dir::Bi, &mut None, Waker::noop()) else { panic!() };
    let much = &mut Bytes::from(vec![7; 200_000]);
    assert!(client.poll_write(key, Waker::noop(), much, false).is_ready());
    client
}

#[test]
fn no_record_that_is_sent_is_larger_than_the_peer_declared() {
    // qmux-02 "max_record_size".
    for declared in [16_382, 20_000, 1 << 20] {
        let parameters = || TransportParameters { max_record_size: declared, ..generous() };
        let mut client = client_with_much_to_say(parameters(), RecordFraming::Message);
        let mut largest = 0;
        loop {
            let mut message = BytesMut::new();
            let Transmit::Appended(bytes) = client.poll_transmit(Time::ZERO, &mut message, 64 << 10) else {
                break;
            };
            client.handle_transmitted(Time::ZERO);
            largest = largest.max(bytes as u64);
        }
        let most = declared.min(READ_BLOCK_BYTES as u64);
        assert!(largest <= most && largest > most - 100, "{largest} of {declared}");

        let mut client = client_with_much_to_say(parameters(), RecordFraming::Sized);
        let mut reader = RecordReader::new(RecordFraming::Sized, declared);
        let mut said = BytesMut::new();
        while client.poll_transmit(Time::ZERO, &mut said, 64 << 10) != Transmit::Idle {
            client.handle_transmitted(Time::ZERO);
        }
        while reader.next(&mut said).unwrap().is_some() {}
        assert!(said.is_empty());
    }
}

#[test]
fn nothing_is_sent_beyond_the_peers_credit_rfc_9000_section_4_1() {
    // On the connection, on the stream; and what is told of either, even when there never was any credit:
    // the peer would not hear of the stream otherwise.
    for (initial_max_data, stream, sent) in [(10, 100, 10), (100, 10, 10), (0, 100, 0), (100, 0, 0)] {
        let parameters = TransportParameters {
            initial_max_data,
            initial_max_stream_data_bidi_remote: stream,
            ..generous()
        };
        let mut client = client_with_much_to_say(parameters, RecordFraming::Sized);
        let mut out = BytesMut::new();
        while client.poll_transmit(Time::ZERO, &mut out, 64 << 10) != Transmit::Idle {
            client.handle_transmitted(Time::ZERO);
        }
        let mut reader = RecordReader::new(RecordFraming::Sized, 16_382);
        let (mut bytes, mut blocked) = (0, 0);
        while let Some(mut record) = reader.next(&mut out).unwrap() {
            while !record.is_empty() {
                match Frame::decode(&mut record).unwrap() {
                    Frame::Stream { payload, .. } => bytes += payload.len(),
                    Frame::DataBlocked { limit } if limit == initial_max_data => blocked += 1,
                    Frame::StreamDataBlocked { limit, .. } if limit == stream => blocked += 1,
                    Frame::TransportParameters(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((bytes, blocked), (sent, 1), "credit {initial_max_data} and {stream}");
    }
}
