//! A route of an application that serves HTTP by hyper, or by a framework on it such as axum: ipfi beside its other routes.
//!
//! ```no_run
//! use ipfi_core::Interface;
//! use ipfi_core::wire::WireOptions;
//! use ipfi_ws::WsOptions;
//!
//! /// What a route does with its request: give the answer, and have the wire once that has been sent.
//! fn route<B>(request: &mut http::Request<B>, interface: Interface) -> http::Response<String> {
//!     let (answer, upgrade) = ipfi_ws::upgrade::upgrade(request, &WsOptions::default());
//!     if let Some(upgrade) = upgrade {
//!         tokio::spawn(async move {
//!             let options = WireOptions::from(interface);
//!             match upgrade.wire(options).await {
//!                 Ok(wire) => println!("{} is gone: {}", "the client", wire.closed().await),
//!                 Err(error) => println!("no wire: {error}"),
//!             }
//!         });
//!     }
//!     answer
//! }
//! ```
//!
//! It works on the request and not on a framework's own WebSocket, so that all limits hold that hold elsewhere, and no version
//! of a framework is tied to one of this crate. The framework decides who gets as far as this: its
//! paths, layers and extractors come before it. It must serve HTTP/1.1 with upgrades
//! (`hyper::server::conn::http1` `with_upgrades`; `axum::serve` does).

use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ipfi_core::Peer;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};

use crate::config::WsOptions;
use crate::error::WsFault;
use crate::handshake::server::{Refusal, Request as Asked, describe, examine};
use crate::session::Upgraded;

/// A request that was taken, until the connection is the WebSocket's.
#[derive(Debug)]
#[must_use = "the client waits until the wire is made"]
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    peer: Peer,
    ws: WsOptions,
}

impl Upgrade {
    /// Who asked: the request's path, query and headers, cookies among them. Its address is the application's to add, by
    /// [`Peer::with_address`], and to hand back with [`with_peer`](Self::with_peer).
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The same with what the application knows of the client.
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }

    /// Makes a wire of the connection: waits until the answer was sent, and for the peer's transport parameters, up to the limit
    /// `handshake_timeout` for each. The peer of `options` is replaced by this one. Must not be awaited before the answer is
    /// given to the server, which would wait for itself.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Lost`] when the server does not do upgrades, or the client went away, and what [`Upgraded::wire`]
    /// says.
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn wire(self, options: impl Into<WireOptions>) -> Result<Wire, ConnectionError> {
        let options = options.into().peer(self.peer);
        let after = options.limits_ref().handshake_timeout;
        let upgraded = tokio::time::timeout(after, self.on_upgrade)
            .await
            .map_err(|_| ConnectionError::HandshakeTimeout { after })?
            .map_err(|error| WsFault::Broken { what: error.to_string() })?;
        // What was read beyond the request is in it.
        Upgraded::new(TokioIo::new(upgraded), Vec::new(), Side::Server).wire(options, &self.ws).await
    }
}

/// Answers `request`: by 101 and an [`Upgrade`], or by a refusal with a sentence, and none. Its path is not looked at.
pub fn upgrade<B, T>(request: &mut Request<B>, ws: &WsOptions) -> (Response<T>, Option<Upgrade>)
where
    T: From<String>,
{
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let asked = Asked { method: request.method(), target: &target, headers: request.headers() };
    match examine(&asked, ws) {
        Ok(headers) => {
            let peer = describe(Peer::new(Side::Client, "ws"), &asked);
            let on_upgrade = hyper::upgrade::on(request);
            let mut answer = Response::new(String::new().into());
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            answer.headers_mut().extend(headers);
            (answer, Some(Upgrade { on_upgrade, peer, ws: ws.clone() }))
        }
        Err(refusal) => (refused(&refusal, asked.method), None),
    }
}

fn refused<T: From<String>>(refusal: &Refusal, method: &Method) -> Response<T> {
    tracing::debug!(target: "ipfi::server", %method, fault = %refusal.fault(), "WebSocket refused");
    let mut headers = HeaderMap::new();
    for (name, value) in &refusal.headers {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(http::header::CONTENT_TYPE, plain);
    let mut answer = Response::new(format!("{}\n", refusal.why).into());
    *answer.status_mut() = refusal.status;
    *answer.headers_mut() = headers;
    answer
}
