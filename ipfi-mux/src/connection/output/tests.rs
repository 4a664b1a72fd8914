#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

/// `ab` `CDE` `FG` `h`, where capitals are slices.
fn output() -> Output {
    let mut output = Output::default();
    output.bytes.extend_from_slice(b"ab");
    output.slices.push(2, Bytes::from_static(b"CDE"));
    output.slices.push(2, Bytes::from_static(b"FG"));
    output.bytes.extend_from_slice(b"h");
    output
}

fn gathered(output: &Output, most: usize) -> Vec<u8> {
    let mut pieces = vec![IoSlice::new(&[]); most];
    let count = output.chunks_vectored(&mut pieces);
    assert!(pieces[..count].iter().all(|piece| !piece.is_empty()), "an empty piece");
    pieces[..count].iter().flat_map(|piece| piece.iter().copied()).collect()
}

#[test]
fn pieces_are_in_order_wherever_writing_stopped() {
    let all = b"abCDEFGh";
    for written in 0..=all.len() {
        for then in 0..=all.len() - written {
            let mut output = output();
            output.advance(written);
            output.advance(then);
            assert_eq!(gathered(&output, 8), all[written + then..]);
            assert_eq!(output.remaining(), all.len() - written - then);
            let mut copy = vec![0; output.remaining()];
            output.copy_to_slice(&mut copy);
            assert_eq!(copy, all[written + then..]);
            assert!(output.is_empty());
        }
    }
}

#[test]
fn fewer_pieces_than_there_are_are_the_first() {
    assert_eq!(gathered(&output(), 0), b"");
    assert_eq!(gathered(&output(), 1), b"ab");
    assert_eq!(gathered(&output(), 3), b"abCDEFG");
}

#[test]
fn an_output_is_used_again_once_it_is_empty() {
    let mut output = output();
    output.advance(8);
    output.bytes.extend_from_slice(b"x");
    output.slices.push(1, Bytes::from_static(b"YZ"));
    assert_eq!(gathered(&output, 8), b"xYZ");
}
