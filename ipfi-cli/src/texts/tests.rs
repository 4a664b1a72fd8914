use super::*;

#[test]
fn a_peers_text_cannot_draw_on_the_terminal() {
    assert_eq!(clean("a\nb\tc"), "a\nb\tc");
    assert_eq!(clean("\u{1b}[2J"), "\\u{1b}[2J");
    assert_eq!(one_line("a\nb"), "a b");
}

#[test]
fn digits_come_in_threes() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(123), "123");
    assert_eq!(grouped(1_234_567), "1 234 567");
}
