//! A byte as two hexadecimal digits in Morse code.

/// International Morse code for 0 to F.
const DIGITS: [&str; 16] = [
    "-----", ".----", "..---", "...--", "....-", ".....", "-....", "--...", "---..", "----.", // 0 to 9
    ".-", "-...", "-.-.", "-..", ".", "..-.", // A to F
];

/// The signal of `byte`: the signs of two digits, with a space between.
pub(crate) fn encode(byte: u8) -> String {
    format!("{} {}", DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)])
}

/// The byte of a signal.
///
/// # Errors
///
/// A signal that is not two digits, quoted.
pub(crate) fn decode(signal: &str) -> Result<u8, String> {
    let digit = |sign: &str| DIGITS.iter().position(|known| *known == sign);
    let (high, low) = signal.split_once(' ').unwrap_or_default();
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => u8::try_from(high << 4 | low).map_err(|error| error.to_string()),
        _ => Err(format!("no two hexadecimal digits in Morse: {signal:?}")),
    }
}
