use super::*;

/// A datagram as quinn writes it.
fn datagram(payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![DATAGRAM];
    varint::put(&mut datagram, payload.len() as u64);
    datagram.extend_from_slice(payload);
    datagram
}

#[test]
fn what_is_marked_becomes_frames_and_nothing_else_is_touched() {
    for len in [0, 10, 40, 60, 1000] {
        let frames = vec![0x01; len];
        let [other, marked] = [datagram(b"\x31 a datagram"), datagram(&[&MARK[..], &frames].concat())];
        let mut payload = [&other[..], &marked, &other, &marked].concat();
        let before = payload.len();
        reframe(&mut payload);
        assert_eq!(payload.len(), before);
        let padding = vec![0; marked.len() - len];
        assert_eq!(payload, [&other[..], &padding, &frames, &other, &padding, &frames].concat(), "{len}");
    }
}

#[test]
fn a_stream_frame_has_its_offset_and_its_length() {
    let mut frame = Vec::new();
    put_stream(&mut frame, 4, 300, b"x");
    assert_eq!(frame, [0x0e, 4, 0x41, 0x2c, 1, b'x']);
}
