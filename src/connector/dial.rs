//! From a host's name to the first of its addresses that answers.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::ConnectError;
use crate::address::Address;

/// How long an address has before the next one is tried beside it (RFC 8305 section 5). Without it a host whose
/// IPv6 does not work would cost the whole timeout of a handshake.
const HEAD_START: Duration = Duration::from_millis(250);

/// The addresses of `host:port`, at least one, in the order of the system's preference.
pub(super) async fn resolve(address: &Address, authority: &str) -> Result<Vec<SocketAddr>, ConnectError> {
    let failed = |source| ConnectError::Resolve { address: address.clone(), source };
    let found: Vec<_> = tokio::net::lookup_host(authority).await.map_err(failed)?.collect();
    if found.is_empty() {
        return Err(failed(std::io::Error::other("it has no address")));
    }
    Ok(found)
}

/// Tries the addresses, each a head start after the one before or when that one fails. Gives the first success,
/// and drops the other attempts; or else the failure that `worse` finds to say most.
pub(super) async fn first<T, E, Fut>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> Fut,
    worse: impl Fn(&E, &E) -> bool,
) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
{
    let mut waiting = addresses.into_iter();
    let mut running: FuturesUnordered<Fut> = waiting.next().map(&attempt).into_iter().collect();
    let mut failure: Option<E> = None;
    loop {
        let more = waiting.len() > 0;
        tokio::select! {
            Some(ended) = running.next() => match ended {
                Ok(connected) => return Ok(connected),
                Err(error) => {
                    if failure.as_ref().is_none_or(|before| worse(&error, before)) {
                        failure = Some(error);
                    }
                    running.extend(waiting.next().map(&attempt));
                    if running.is_empty() && let Some(failure) = failure {
                        return Err(failure);
                    }
                }
            },
            () = tokio::time::sleep(HEAD_START), if more => running.extend(waiting.next().map(&attempt)),
        }
    }
}

#[cfg(test)]
mod tests;
