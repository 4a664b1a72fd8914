//! What the examples with a page have in common: an HTTP server for files, without a build step in between.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// A page's own address, and the origins that its browser may give for it.
pub(crate) struct Page {
    listener: TcpListener,
    pub(crate) url: String,
    pub(crate) origins: Vec<String>,
}

impl Page {
    /// Listens on this port of 127.0.0.1; 0 lets the system choose.
    pub(crate) async fn bind(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}/");
        let origins = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"));
        Ok(Self { listener, url, origins: origins.into() })
    }

    /// Serves the folder of an example, the JavaScript client at `/ipfi/`, and at `/config.json` where the page finds its peer.
    pub(crate) async fn serve(self, folder: &str, config: serde_json::Value) -> std::io::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = config.to_string();
        let json = [(header::CONTENT_TYPE, "application/json")];
        let files = Router::new()
            .route("/config.json", get(move || async move { (json, config) }))
            .nest_service("/ipfi", ServeDir::new(root.join("ipfi-ws/js/src")))
            .fallback_service(ServeDir::new(root.join("examples").join(folder)))
            // Edited files show up at the next reload.
            .layer(SetResponseHeaderLayer::overriding(
                header::CACHE_CONTROL,
                HeaderValue::from_static("no-cache"),
            ));
        axum::serve(self.listener, files).await
    }
}
