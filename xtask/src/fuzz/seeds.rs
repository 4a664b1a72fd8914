//! What the fuzzers start from: the golden bytes of `docs/vectors/`, as files, so that there is one copy; and what stands around
//! them in a WebSocket.

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
        // Nothing apart: the mutations of a description that is read find the way to what is.
        "values" | "compatible" => {
            ("descriptions.json", &[b"\x01\0\0", b"\x02\0\0", b"\x03\0\0", b"\x01\0\x40", b"\x02\0\x40"])
        }
        "frame" => ("qmux_frames.json", &[b""]),
        "record" => ("qmux_frames.json", &[b"\x05"]),
        // A server and a client after the handshake, and one without; everything that comes in one piece.
        "connection" => ("qmux_frames.json", &[b"\x00\x06\xff", b"\x01\x06\xff", b"\x02\x07\xff"]),
        _ => return None,
    })
}

/// Handshakes that are good, and one that refuses: which side reads, and what. No mutation finds its way from nothing to a
/// request that is taken.
const HANDSHAKES: [&[u8]; 3] = [
    b"\x00GET /ipfi HTTP/1.1\r\nHost: h\r\nOrigin: http://h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
      Sec-WebSocket-Protocol: chat, qmux-02.ipfi-1\r\n\r\n",
    b"\x01HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: qmux-02.ipfi-1\r\n\r\n",
    b"\x01HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope",
];

/// Transport parameters that leave all at its default: what must come first.
const PARAMETERS: &[u8] = b"\xff\x51\x53\x30\x0d\x0a\x0d\x0a\x00";

/// A binary message of one frame (RFC 6455 section 5.2), masked by zeros where a client sends it.
fn message(record: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut message = vec![0x82];
    match (u8::try_from(record.len()), u16::try_from(record.len())) {
        (Ok(length @ 0..=125), _) => message.push(mask | length),
        (_, Ok(length)) => {
            message.push(mask | 126);
            message.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            message.push(mask | 127);
            message.extend_from_slice(&(record.len() as u64).to_be_bytes());
        }
    }
    if masked {
        message.extend_from_slice(&[0; 4]);
    }
    message.extend_from_slice(record);
    message
}

/// A frame of QMux in a message after the first one, for the server that reads and for the client.
fn messages(frame: &[u8]) -> [Vec<u8>; 2] {
    [(0, true), (1, false)].map(|(side, masked)| {
        [&[side], message(PARAMETERS, masked).as_slice(), message(frame, masked).as_slice()].concat()
    })
}

/// The seeds of `target`; none where there is nothing golden.
fn seeds(target: &str) -> Result<Vec<Vec<u8>>, String> {
    let vectors = |file: &str| {
        let path = root().join("docs/vectors").join(file);
        let json = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {file}: {e}"))?;
        Ok::<_, String>(inputs(&json))
    };
    match target {
        "ws_handshake" => Ok(HANDSHAKES.map(<[u8]>::to_vec).to_vec()),
        "ws_frames" => Ok(vectors("qmux_frames.json")?.iter().flat_map(|frame| messages(frame)).collect()),
        _ => {
            let Some((file, fronts)) = source(target) else { return Ok(Vec::new()) };
            let with_fronts = |seed: &Vec<u8>| {
                fronts.iter().map(|front| [front, seed.as_slice()].concat()).collect::<Vec<_>>()
            };
            Ok(vectors(file)?.iter().flat_map(with_fronts).collect())
        }
    }
}

/// Writes the seeds of `target` into its corpus.
pub(super) fn write(target: &str) -> Result<(), String> {
    let seeds = seeds(target)?;
    if seeds.is_empty() {
        return Ok(());
    }
    let corpus = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|e| format!("cannot make the corpus of {target}: {e}"))?;
    let mut named = seeds.iter().enumerate();
    named.try_for_each(|(index, seed)| write_one(&corpus, &format!("seed-{index}"), seed))
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
