//! tonic with gRPC-Web, as a page in a browser speaks it: unary calls and streams from the server, no stream to it.
//!
//! Settings: those of tonic, and its own layers at both ends. They speak HTTP/1.1, which carries one call at a time on
//! a connection; a page that is served over TLS has HTTP/2, so that the client here has it too.

use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tonic::body::Body;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_web::{GrpcWebCall, GrpcWebClientLayer, GrpcWebClientService, GrpcWebLayer};
use tower::Layer;

use crate::peer::{Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::listen;
use crate::peers::tonic::{
    CONNECTION_WINDOW, EchoClient, EchoServer, FRAME, STREAM_WINDOW, Service, TonicClient,
};

pub(crate) struct TonicWeb;

type Web = GrpcWebClientService<Http<HttpConnector, GrpcWebCall<Body>>>;

impl Peer for TonicWeb {
    const NAME: &'static str = "tonic_web";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers { bulk: false, download: true, ..Offers::ALL };
    type Client = TonicClient<Web>;

    async fn serve(needs: Needs) -> Result<String> {
        let listener = listen()?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_concurrent_streams(needs.streams.max(200))
            .accept_http1(true)
            .layer(GrpcWebLayer::new())
            .add_service(EchoServer::new(Service))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        tokio::spawn(server);
        Ok(url)
    }

    async fn connect(address: &str, _: Needs) -> Result<TonicClient<Web>> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Http::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .http2_only(true)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_frame_size(FRAME)
            .build(connector);
        let web = GrpcWebClientLayer::new().layer(http);
        Ok(TonicClient(EchoClient::with_origin(web, address.parse()?)))
    }
}
