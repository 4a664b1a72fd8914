//! How what comes is taken: in place, copied or kept as it suits, and always whole and in order.

use core::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_mux::frame::Frame;
use ipfi_mux::record::{begin_record, end_record};
use ipfi_mux::stream_id::Dir;

use crate::support::{Hostile, bi, data, last, timeless};

#[test]
fn frames_of_all_sizes_in_one_record_are_read_in_their_order_and_the_large_ones_are_not_copied() {
    let large = |byte| Bytes::from(vec![byte; 20 << 10]);
    let frame = |index, offset, payload| Frame::Stream { id: bi(index), offset, payload, fin: false };
    let mut out = BytesMut::with_capacity(64 << 10);
    for frames in [
        &[
            Frame::MaxData { max: 1 << 40 },
            data(bi(0), 0, b"small"),
            frame(1, 0, large(1)),
            Frame::Datagram { payload: Bytes::from_static(b"datagram") },
            frame(0, 5, large(2)),
            last(bi(1), 20 << 10, b"end"),
        ][..],
        &[frame(2, 0, large(3))],
        &[last(bi(0), (20 << 10) + 5, b""), last(bi(2), 20 << 10, b"end")],
    ] {
        let mark = begin_record(&mut out);
        frames.iter().for_each(|frame| frame.encode(&mut out));
        // Records of the peer may be larger than ours, whose Size takes two bytes.
        end_record(&mut out, mark);
    }
    // Of the next record only a part is there.
    let whole = out.len();
    out.extend_from_slice(&[0x40, 100, 0x0a]);
    let block = out.as_ptr_range();

    let mut peer = Hostile::new(timeless());
    peer.victim.handle_input(peer.now, &mut out);
    assert_eq!(out[..], [0x40, 100, 0x0a], "what is left of {whole} bytes and three");
    peer.expect_alive();
    peer.victim.take_wakes().fire();

    let waker = Waker::noop();
    let mut read = Vec::new();
    while let Poll::Ready(Ok((key, id))) = peer.victim.poll_accept(Dir::Bi, waker) {
        let (mut all, mut kept) = (Vec::new(), 0);
        while let Poll::Ready(chunk) = peer.victim.poll_read(key, waker, usize::MAX) {
            let chunk = chunk.unwrap();
            all.extend_from_slice(&chunk.bytes);
            kept += if block.contains(&chunk.bytes.as_ptr()) { chunk.bytes.len() } else { 0 };
            if chunk.fin {
                break;
            }
        }
        read.push((id, all, kept));
    }
    let of = |parts: &[&[u8]]| parts.concat();
    let expected = [
        (bi(0), of(&[b"small", &large(2)]), 20 << 10),
        (bi(1), of(&[&large(1), b"end"]), 20 << 10),
        (bi(2), of(&[&large(3), b"end"]), 20 << 10),
    ];
    assert!(
        read == expected,
        "{:?}",
        read.iter().map(|(_, all, kept)| (all.len(), kept)).collect::<Vec<_>>()
    );
    let datagram = peer.victim.poll_recv_datagram(waker);
    assert!(matches!(&datagram, Poll::Ready(Ok(payload)) if payload == "datagram"), "{datagram:?}");
}
