use ipfi_core::session::Side;

use super::{Dir, StreamId};

#[test]
fn the_two_lowest_bits_name_the_four_kinds_of_rfc_9000_section_2_1() {
    let kinds = [
        (Side::Client, Dir::Bi),
        (Side::Server, Dir::Bi),
        (Side::Client, Dir::Uni),
        (Side::Server, Dir::Uni),
    ];
    for (bits, (side, dir)) in (0u64..).zip(kinds) {
        for index in [0, 1, 15, 1 << 30, StreamId::MAX_INDEX] {
            let id = StreamId::new(side, dir, index);
            assert_eq!(id.get(), index * 4 + bits);
            assert_eq!(StreamId::from_u64(id.get()), id);
            assert_eq!((id.initiator(), id.dir(), id.index()), (side, dir, index));
        }
    }
}

#[test]
fn the_largest_id_is_the_largest_varint() {
    assert_eq!(StreamId::new(Side::Server, Dir::Uni, StreamId::MAX_INDEX).get(), ipfi_core::varint::MAX);
}

#[test]
#[should_panic(expected = "a stream index beyond 2^60 - 1")]
fn an_index_that_would_become_another_streams_id_stops_the_program() {
    let _ = StreamId::new(Side::Client, Dir::Bi, StreamId::MAX_INDEX + 1);
}

#[test]
fn a_log_line_shows_the_number_and_its_meaning() {
    assert_eq!(format!("{:?}", StreamId::from_u64(7)), "StreamId(7: server, unidirectional, 1)");
    assert_eq!(StreamId::from_u64(7).to_string(), "7");
}
