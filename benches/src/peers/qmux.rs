//! The `qmux` crate over TCP, a stream for each call: the same frames as ipfi's, by other people.
//!
//! Settings: `TCP_NODELAY`; QMux 02; windows of 1 MiB a stream and 16 MiB a connection, records of 64 KiB, as
//! many streams as the workload has.

use qmux::{Config, RecvStream, SendStream, Session, Version, transport};
use tokio::net::TcpStream;
use web_transport_trait::{RecvStream as _, SendStream as _, Session as _};

use crate::peer::{Kind, Needs, Offers, Peer, Result};
use crate::peers::per_stream::{self, BUFFER, Duplex, Opens, PerStream};
use crate::peers::socket::Socket;

pub(crate) struct Qmux;

impl Peer for Qmux {
    const NAME: &'static str = "qmux";
    const KIND: Kind = Kind::Streams;
    const OFFERS: Offers = Offers::ALL;
    type Client = PerStream<Opener>;

    async fn serve(needs: Needs) -> Result<String> {
        TcpStream::serve(move |socket| async move {
            let config = config(needs);
            let stream = transport::Stream::new(socket, config.version, config.max_record_size);
            let Ok(session) = Session::accept(stream, config).await else { return };
            while let Ok((send, recv)) = session.accept_bi().await {
                // A call that fails is seen at the other end.
                tokio::spawn(per_stream::serve(Both(send, recv)));
            }
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<PerStream<Opener>> {
        let config = config(needs);
        let socket = TcpStream::open(address).await?;
        let stream = transport::Stream::new(socket, config.version, config.max_record_size);
        Ok(PerStream(Opener(Session::connect(stream, config).await?)))
    }
}

fn config(needs: Needs) -> Config {
    let streams = u64::from(needs.streams);
    let mut config = Config::new(Version::QMux02);
    config.max_streams_bidi = config.max_streams_bidi.max(streams);
    config.max_data = (16 << 20).max(streams << 10);
    config.max_stream_data_bidi_local = 1 << 20;
    config.max_stream_data_bidi_remote = 1 << 20;
    config.max_record_size = 64 << 10;
    config
}

#[derive(Clone)]
pub(crate) struct Opener(Session);

impl Opens for Opener {
    type Stream = Both;

    async fn open(&self) -> Result<Both> {
        let (send, recv) = self.0.open_bi().await?;
        Ok(Both(send, recv))
    }
}

pub(crate) struct Both(SendStream, RecvStream);

impl Duplex for Both {
    async fn write(&mut self, bytes: bytes::Bytes) -> Result<()> {
        Ok(self.0.write_chunk(bytes).await?)
    }

    async fn finish(&mut self) -> Result<()> {
        Ok(self.0.finish()?)
    }

    async fn read(&mut self) -> Result<Option<bytes::Bytes>> {
        Ok(self.1.read_chunk(BUFFER).await?)
    }
}
