//! What the fuzzers start from: the golden bytes of `docs/vectors/`, as files, so that there is one copy.

use std::path::Path;

use crate::run::root;

/// The file of vectors whose inputs a target can use, and what it wants in front of each: the bytes that
/// say how the rest is cut, read, or fed.
fn source(target: &str) -> Option<(&'static str, &'static [&'static [u8]])> {
    Some(match target {
        "varint" => ("varint.json", &[b""]),
        "header" => ("header.json", &[b"\x05"]),
        "items" => ("items.json", &[b"\x06"]),
        "control" => ("control.json", &[b"\x05"]),
        "status" => ("status.json", &[b""]),
        "metadata" => ("metadata.json", &[b""]),
        "codec" => ("codecs.json", &[b"\x01", b"\x02", b"\x03", b"\x04"]),
        "frame" => ("qmux_frames.json", &[b""]),
        "record" => ("qmux_frames.json", &[b"\x05"]),
        // A server and a client after the handshake, and one without; everything that comes in one piece.
        "connection" => ("qmux_frames.json", &[b"\x00\x06\xff", b"\x01\x06\xff", b"\x02\x07\xff"]),
        _ => return None,
    })
}

/// Writes the seeds of `target` into its corpus.
pub(super) fn write(target: &str) -> Result<(), String> {
    let Some((file, fronts)) = source(target) else { return Ok(()) };
    let path = root().join("docs/vectors").join(file);
    let json = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {file}: {e}"))?;
    let corpus = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|e| format!("cannot make the corpus of {target}: {e}"))?;
    for (index, seed) in inputs(&json).iter().enumerate() {
        for (which, front) in fronts.iter().enumerate() {
            write_one(&corpus, &format!("vector-{index}-{which}"), &[front, seed.as_slice()].concat())?;
        }
    }
    Ok(())
}

fn write_one(corpus: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(corpus.join(name), bytes).map_err(|e| format!("cannot write the seed {name}: {e}"))
}

/// Every string of the file that is hex and longer than a name would be by chance: no more of JSON than
/// that is needed, since a seed that is none does no harm.
fn inputs(json: &str) -> Vec<Vec<u8>> {
    json.split('"').filter_map(from_hex).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests;
