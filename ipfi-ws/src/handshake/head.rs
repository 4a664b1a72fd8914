//! Reads the head of an HTTP message, and no more than there may be of it.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::WsFault;

/// Headers that are read; more are refused. What browsers and proxies send is below thirty.
pub(super) const MAX_HEADERS: usize = 100;

/// What is read at once: most requests whole.
const READ_BYTES: usize = 2 << 10;

/// How much of what is no HTTP an error shows, in characters.
const SEEN_CHARS: usize = 80;

/// Reads until `parse` has found the head's end; it gives what it made of it and the head's length. Gives that, and
/// what was read beyond it.
pub(super) async fn read<T, R>(
    stream: &mut T,
    limit: usize,
    mut parse: impl FnMut(&[u8]) -> Result<Option<(R, usize)>, httparse::Error>,
) -> Result<(R, Vec<u8>), WsFault>
where
    T: AsyncRead + Unpin,
{
    let mut bytes = Vec::new();
    loop {
        // One more than there may be, to tell a head that is too long from one that is just not.
        bytes.reserve(READ_BYTES);
        let room = (limit + 1).saturating_sub(bytes.len()).min(READ_BYTES) as u64;
        if (&mut *stream).take(room).read_buf(&mut bytes).await? == 0 {
            return Err(WsFault::Ended);
        }
        // Nothing is parsed anew for every byte: a head ends with an empty line, and begins as HTTP does.
        if let Some(seen) = not_http(&bytes) {
            return Err(WsFault::NotHttp { seen });
        }
        let (end, over) = (ends(&bytes), bytes.len() > limit);
        if end || over {
            match parse(&bytes) {
                Ok(Some((made, len))) if len <= limit => return Ok((made, bytes.split_off(len))),
                Err(httparse::Error::TooManyHeaders) => return Err(WsFault::TooLarge { limit }),
                Err(error) => {
                    return Err(WsFault::NotHttp {
                        seen: format!("{} ({error})", printable(&bytes, SEEN_CHARS)),
                    });
                }
                Ok(_) if over => return Err(WsFault::TooLarge { limit }),
                Ok(_) => {}
            }
        }
    }
}

/// Whether the empty line may have come: in what was read last, which is at most [`READ_BYTES`], or just before.
fn ends(bytes: &[u8]) -> bool {
    let last = &bytes[bytes.len().saturating_sub(READ_BYTES + 4)..];
    last.windows(2).any(|two| two == b"\n\n") || last.windows(4).any(|four| four == b"\r\n\r\n")
}

/// The beginning of what cannot become HTTP: a request begins with a method in letters, an answer with `HTTP/`.
fn not_http(bytes: &[u8]) -> Option<String> {
    let word = bytes.iter().take_while(|byte| **byte != b' ').take(SEEN_CHARS);
    let strange = word.clone().any(|byte| !byte.is_ascii_alphanumeric() && !b"/.-\r\n".contains(byte));
    (strange || word.count() > 24).then(|| printable(bytes, SEEN_CHARS))
}

/// The beginning of `bytes` as an error shows it: so many characters of it.
pub(super) fn printable(bytes: &[u8], chars: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(chars * 4)]).into_owned();
    text.chars().take(chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The headers, as the rest of the crate has them. None of those that httparse takes is refused here.
pub(super) fn headers(parsed: &[httparse::Header<'_>]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}
