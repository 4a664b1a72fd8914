//! Morse as a sound file.

use std::f64::consts::TAU;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

/// The pitch of one station, in hertz.
pub(crate) const HIGH: f64 = 900.0;
/// And of the other.
pub(crate) const LOW: f64 = 600.0;

const RATE: u32 = 8_000;
/// How long a tone takes to swell and to fade, in samples: without it every sign would click.
const EDGE: f64 = 12.0;

/// A sound file that is being written.
pub(crate) struct Tape {
    writer: WavWriter<BufWriter<File>>,
    /// Samples of a dot.
    dot: u32,
}

impl Tape {
    /// Begins a file, with dots of `dot_ms` milliseconds.
    pub(crate) fn new(path: &Path, dot_ms: u32) -> hound::Result<Self> {
        let spec =
            WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        Ok(Self { writer: WavWriter::create(path, spec)?, dot: RATE * dot_ms / 1000 })
    }

    /// Adds a signal: a dash is three dots long, signs of a digit are a dot apart, digits three dots.
    pub(crate) fn play(&mut self, signal: &str, pitch: f64) -> hound::Result<()> {
        for sign in signal.chars() {
            match sign {
                '.' => self.tone(self.dot, pitch)?,
                '-' => self.tone(3 * self.dot, pitch)?,
                _ => self.silence(self.dot)?,
            }
            self.silence(self.dot)?;
        }
        self.silence(2 * self.dot)
    }

    fn tone(&mut self, samples: u32, pitch: f64) -> hound::Result<()> {
        for sample in 0..samples {
            let edge = f64::from(sample.min(samples - sample)) / EDGE;
            let wave = (TAU * pitch * f64::from(sample) / f64::from(RATE)).sin() * edge.min(1.0);
            #[allow(clippy::cast_possible_truncation, reason = "a sine times 12 000 fits 16 bits")]
            self.writer.write_sample((wave * 12_000.0) as i16)?;
        }
        Ok(())
    }

    fn silence(&mut self, samples: u32) -> hound::Result<()> {
        (0..samples).try_for_each(|_| self.writer.write_sample(0_i16))
    }

    /// Ends the file: how many seconds it lasts.
    pub(crate) fn finish(self) -> hound::Result<f64> {
        let samples = self.writer.duration();
        self.writer.finalize()?;
        Ok(f64::from(samples) / f64::from(RATE))
    }
}
