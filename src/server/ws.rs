//! Taking WebSockets, over TCP and over TLS.

use std::sync::Arc;

use ipfi_core::error::ConnectionError;
use ipfi_core::wire::{Wire, WireOptions};
#[cfg(feature = "wss")]
use ipfi_quic::tls::TlsServer;
use ipfi_ws::{WsOptions, endpoint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Server, ServerError};
use crate::address::{Address, WebAddress};

/// What a listener takes. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Web(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    path: Option<String>,
    options: WsOptions,
    #[cfg(feature = "wss")]
    tls: Option<TlsServer>,
}

impl Web {
    /// Without TLS.
    pub(super) fn plain(address: &Address, web: &WebAddress, server: &Server) -> Result<Self, ServerError> {
        Ok(Self(Arc::new(Taken::new(address, web, server)?)))
    }

    /// Within TLS.
    #[cfg(feature = "wss")]
    pub(super) fn secure(address: &Address, web: &WebAddress, server: &Server) -> Result<Self, ServerError> {
        let tls = Some(server.secure.tls(address, &[], false)?);
        Ok(Self(Arc::new(Taken { tls, ..Taken::new(address, web, server)? })))
    }

    /// What it is called.
    pub(super) fn carrier(&self) -> &'static str {
        #[cfg(feature = "wss")]
        if self.0.tls.is_some() {
            return "wss";
        }
        "ws"
    }

    /// Makes a wire of a connection.
    pub(super) async fn accept<T>(&self, stream: T, options: WireOptions) -> Result<Wire, ConnectionError>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Taken { path, options: ws, .. } = &*self.0;
        #[cfg(feature = "wss")]
        if let Some(tls) = &self.0.tls {
            return endpoint::accept_tls(stream, tls, path.as_deref(), ws, options).await;
        }
        endpoint::accept(stream, path.as_deref(), ws, options).await
    }
}

impl Taken {
    fn new(address: &Address, web: &WebAddress, server: &Server) -> Result<Self, ServerError> {
        let path = web.path().map(str::to_owned);
        if path.as_ref().is_some_and(|path| path.contains('?')) {
            let what = "a query is the client's to add: listen at a path";
            return Err(ServerError::Unsupported { address: address.clone(), what });
        }
        Ok(Self {
            path,
            options: server.ws.clone(),
            #[cfg(feature = "wss")]
            tls: None,
        })
    }
}

impl Server {
    /// What a WebSocket has and other carriers have not; whose pages may connect above all. See [`WsOptions`].
    pub fn ws_options(mut self, options: WsOptions) -> Self {
        self.ws = options;
        self
    }
}
