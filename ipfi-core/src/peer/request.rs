//! What the request that made a connection says beside its headers.

use std::borrow::Cow;

use super::Peer;

impl Peer {
    /// What the connection's request asked for, path and query as they were sent; `None` where the carrier has no
    /// such thing.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// The path of the connection's request.
    pub fn path(&self) -> Option<&str> {
        self.target().map(|target| target.split_once('?').map_or(target, |(path, _)| path))
    }

    /// The query of the connection's request, as it was sent: what stands after the question mark.
    pub fn query(&self) -> Option<&str> {
        self.target()?.split_once('?').map(|(_, query)| query)
    }

    /// The first value of `name` in the query, decoded: `+` is a space, and `%41` is `A`. What is not UTF-8 then is
    /// replaced by U+FFFD.
    pub fn query_value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query()?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key) == name).then(|| decoded(value))
        })
    }

    /// The first value of the cookie `name`, as it was sent (RFC 6265 section 4.2.1).
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.headers().get_all("cookie");
        let pairs =
            headers.filter_map(|header| core::str::from_utf8(header).ok()).flat_map(|all| all.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// `text` with its percent-encoding undone. What only looks like one stays.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |at: usize| behind.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                // Two digits of four bits each.
                bytes.push(u8::try_from(high << 4 | low).unwrap_or(b'?'));
                rest = &behind[2..];
            }
            (b'+', ..) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
