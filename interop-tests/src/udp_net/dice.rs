//! Pseudorandom numbers: splitmix64, the same in every run and on every machine.

/// A stream of pseudorandom numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one `label` under `seed`: other labels draw other numbers, whatever happens when.
    pub(super) fn new(seed: u64, label: u64) -> Self {
        Self(mix(seed ^ mix(label)))
    }

    /// Dice of their own for one matter: how many numbers it draws moves no later one.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// True so often: never for 0, always for 1. Draws one number in any case.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what a `f64` holds exactly: the quotient is below 1.
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    /// A number up to and including `limit`.
    pub(super) fn up_to(&mut self, limit: u64) -> u64 {
        let drawn = self.next();
        limit.checked_add(1).map_or(drawn, |count| drawn % count)
    }
}

/// Spreads every bit of `word` over all of them.
pub(super) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// A number that stands for `text`.
pub(super) fn label(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte)))
}
