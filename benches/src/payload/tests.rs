use super::*;

#[test]
fn a_bulk_stream_is_counted_in_pieces_of_any_size() {
    let all: Vec<u8> = [chunk(), chunk(), chunk()].concat();
    for size in [1, 7, 4096, CHUNK_BYTES, CHUNK_BYTES + 1] {
        let mut arrived = Arrived::default();
        all.chunks(size).try_for_each(|piece| arrived.piece(piece)).expect("nothing is lost");
        assert_eq!(arrived.bytes(), all.len() as u64);
    }
}

#[test]
fn a_piece_that_is_lost_or_doubled_is_seen() {
    let all = chunk();
    let pieces: Vec<&[u8]> = all.chunks(1000).collect();
    for wrong in [[0, 2], [0, 0]] {
        let mut arrived = Arrived::default();
        assert!(wrong.iter().try_for_each(|at| arrived.piece(pieces[*at])).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_large_message_that_lacks_or_swaps_bytes_is_seen() {
    check_message(&message()).expect("it is the message");
    assert!(check_message(&message()[1..]).is_err());
    let mut swapped = message().to_vec();
    swapped.rotate_left(CHUNK_BYTES / 2);
    assert!(check_message(&swapped).is_err());
}

#[test]
fn items_are_counted_in_order() {
    let mut items = Items::default();
    items.take(item(0)).expect("the first");
    items.end(1).expect("one");
    assert!(items.end(2).is_err());
    assert!(items.take(item(2)).is_err());
}
