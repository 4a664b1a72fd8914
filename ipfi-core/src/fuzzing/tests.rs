#[test]
fn varint_holds_on_every_short_input_and_on_the_longest_encodings() {
    super::varint(&[]);
    for first in 0..=u8::MAX {
        super::varint(&[first]);
        for second in 0..=u8::MAX {
            super::varint(&[first, second]);
        }
    }
    super::varint(&[0xff; 64]);
    super::varint(&[0xc0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 1, 0x40, 1, 1]);
}
