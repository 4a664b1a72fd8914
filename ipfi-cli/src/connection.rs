//! To a server, by whatever its URL names.

use std::time::{Duration, Instant};

use ipfi::core::codec::DecodeLimits;
use ipfi::{Connector, Interface, Limits, Module, Role, Wire, WireOptions};
use tokio::process::Command;

use crate::failure::{Failure, NOTHING_CALLED, interruptible};

/// How to reach a server, beside its URL.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connecting {
    /// The largest message that is sent or taken. The server has a limit of its own.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_message_bytes)]
    max_message_bytes: u32,
    /// Believe only the server with this certificate (SHA-256, 64 hex digits), as development servers print it. Repeat it
    /// while a certificate is being replaced.
    #[cfg(feature = "secure")]
    #[arg(long, value_name = "HASH", conflicts_with_all = ["ca", "insecure"])]
    pin: Vec<ipfi::CertificateHash>,
    /// Believe the servers that an authority in this PEM file has issued, and nobody else.
    #[cfg(feature = "secure")]
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<std::path::PathBuf>,
    /// Believe anybody. Whoever sits on the way can read and change everything.
    #[cfg(feature = "secure")]
    #[arg(long)]
    insecure: bool,
    /// The name that the server's certificate must have, if it is not that in the URL.
    #[cfg(feature = "secure")]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Show this certificate (PEM) to a server that asks for one.
    #[cfg(feature = "secure")]
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<std::path::PathBuf>,
    /// The key of that certificate (PEM).
    #[cfg(feature = "secure")]
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<std::path::PathBuf>,
}

/// What every URL is.
pub(crate) const URL_HELP: &str = "Where the server listens: quic://host:port, https://host/path (WebTransport), \
tls://host:port, tcp://host:port, wss://host/path, ws://host/path, unix:/path; or stdio:PROGRAM ARGUMENTS…, which is \
started and spoken to over its standard input and output";

/// A wire, and the child process at its other end if it is one.
pub(crate) struct Link {
    pub(crate) wire: Wire,
    module: Option<Module>,
    /// How long it took.
    pub(crate) took: Duration,
    /// What one message may be made into.
    pub(crate) decoding: DecodeLimits,
}

impl Connecting {
    /// Connects to `url`.
    pub(crate) async fn connect(&self, url: &str) -> Result<Link, Failure> {
        interruptible(NOTHING_CALLED, self.connected(url)).await
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_message_bytes = self.max_message_bytes;
        // Two of them at once, whatever their size.
        limits.max_reassembly_bytes =
            limits.max_reassembly_bytes.max(self.max_message_bytes.saturating_mul(2));
        limits
    }

    async fn connected(&self, url: &str) -> Result<Link, Failure> {
        let began = Instant::now();
        #[cfg(feature = "secure")]
        self.check_options_of(url)?;
        if let Some(program) = url.strip_prefix("stdio:") {
            return start(program, self.limits(), began).await;
        }
        let connector = self.secured(Connector::new().role(Role::CallerOnly).limits(self.limits()))?;
        let wire = connector.connect(url).await.map_err(|error| match error {
            // What was typed, not what is there.
            ipfi::ConnectError::Address(_) => Failure::usage(error.to_string()),
            _ => Failure::Connect(format!("{error}{}", advice(&error.to_string()))),
        })?;
        Ok(Link { wire, module: None, took: began.elapsed(), decoding: decoding(&self.limits()) })
    }

    /// Refuses options about certificates where there are none: whoever gave one believes the connection to be safe.
    #[cfg(feature = "secure")]
    fn check_options_of(&self, url: &str) -> Result<(), Failure> {
        let scheme = url.split(':').next().unwrap_or_default();
        let is_plain = ["tcp", "ws", "unix", "stdio"].iter().any(|it| it.eq_ignore_ascii_case(scheme));
        let given = [
            ("--pin", !self.pin.is_empty()),
            ("--ca", self.ca.is_some()),
            ("--insecure", self.insecure),
            ("--server-name", self.server_name.is_some()),
            ("--cert", self.cert.is_some()),
            ("--key", self.key.is_some()),
        ];
        match given.iter().find(|(_, is_given)| is_plain && *is_given) {
            Some((option, _)) => Err(Failure::usage(format!(
                "{option} is about certificates, and {scheme}: has none: quic, https, tls and wss do"
            ))),
            None => Ok(()),
        }
    }

    #[cfg(not(feature = "secure"))]
    fn secured(&self, connector: Connector) -> Result<Connector, Failure> {
        Ok(connector)
    }

    #[cfg(feature = "secure")]
    fn secured(&self, mut connector: Connector) -> Result<Connector, Failure> {
        use ipfi::{Identity, Trust};
        let unusable = |error: ipfi::TlsError| Failure::usage(error.to_string());
        if !self.pin.is_empty() {
            connector = connector.trust(Trust::pinned(self.pin.iter().copied()));
        }
        if let Some(file) = &self.ca {
            connector = connector.trust(Trust::roots_file(file).map_err(unusable)?);
        }
        if self.insecure {
            connector = connector.trust(Trust::danger_accept_any());
        }
        if let Some(name) = &self.server_name {
            connector = connector.server_name(name);
        }
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            connector = connector.identity(Identity::from_pem_files(certificate, key).map_err(unusable)?);
        }
        Ok(connector)
    }
}

/// A byte of a message becomes a part of a value that takes 32 here, and up to three times that in a box, whatever its type takes at the
/// server.
fn decoding(limits: &Limits) -> DecodeLimits {
    const BYTES_OF_ONE: usize = 128;
    let message = usize::try_from(limits.max_message_bytes).unwrap_or(usize::MAX);
    DecodeLimits { max_decoded_bytes: message.saturating_mul(BYTES_OF_ONE), ..DecodeLimits::from(limits) }
}

/// What may help when a certificate was not believed.
fn advice(error: &str) -> &'static str {
    if cfg!(feature = "secure") && error.contains("certificate") {
        "\nhint: a development server prints the hash of its certificate, for --pin; --ca has an authority of one's own"
    } else {
        ""
    }
}

/// Starts a program as a module. Its words are separated by spaces.
async fn start(program: &str, limits: Limits, began: Instant) -> Result<Link, Failure> {
    let mut words = program.split_ascii_whitespace();
    let Some(name) = words.next() else {
        return Err(Failure::usage("stdio: takes a program to start: 'stdio:./server --flag'"));
    };
    let mut command = Command::new(name);
    command.args(words);
    let decoding = decoding(&limits);
    let options = WireOptions::from(Interface::new()).role(Role::CallerOnly).limits(limits);
    let module = ipfi::spawn(command, options).await.map_err(|error| Failure::Connect(error.to_string()))?;
    let wire = module.wire().clone();
    Ok(Link { wire, module: Some(module), took: began.elapsed(), decoding })
}

impl Link {
    /// Waits until the peer has heard of calls that were dropped, or a moment: a connection that closes takes what was not sent
    /// along, and a peer that hears of both at once takes the call to be lost with it.
    pub(crate) async fn heard(&self) {
        const MOMENT: Duration = Duration::from_secs(1);
        // Any answer will do.
        drop(tokio::time::timeout(MOMENT, ipfi::typed::descriptions(&self.wire)).await);
    }

    /// Ends the connection in order, so that what was said last arrives.
    pub(crate) async fn close(self) {
        const GRACE: Duration = Duration::from_secs(1);
        match self.module {
            // How it ended is its own affair.
            Some(module) => drop(module.finish(GRACE).await),
            None => drop(self.wire.shutdown(GRACE).await),
        }
    }
}
