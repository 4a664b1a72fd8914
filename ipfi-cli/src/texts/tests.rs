use super::*;

#[test]
fn a_peers_text_cannot_draw_on_the_terminal() {
    assert_eq!(clean("a\nb\tc"), "a\nb\tc");
    assert_eq!(clean("\u{1b}[2J"), "\\u{1b}[2J");
    assert_eq!(clean("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
    assert_eq!(clean("a\u{202e}b\u{200b}c\u{feff}é"), "a\\u{202e}b\\u{200b}c\\u{feff}é");
    assert_eq!(one_line("a\nb"), "a b");
}

#[test]
fn json_without_hidden_characters_is_the_same_value() {
    let text = "a\u{7f}\u{9b}2J\u{202e}\u{200b}\u{2028}\u{e0041}\u{1b}\n\"é";
    let json = serde_json::json!([text, { text: 1 }]);
    for plain in [json.to_string(), format!("{json:#}\r\n")] {
        let clean = clean_json(&plain);
        assert!(clean.chars().all(|it| !is_hidden(it) || matches!(it, '\r' | '\n')), "{clean:?}");
        assert!(clean.contains("\\u009b2J\\u202e\\u200b\\u2028\\udb40\\udc41"), "{clean}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).ok(), Some(json.clone()));
    }
    assert!(matches!(clean_json("[1, \"é\"]\n"), Cow::Borrowed(_)));
}

#[test]
fn digits_come_in_threes() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(123), "123");
    assert_eq!(grouped(1_234_567), "1 234 567");
}
