//! A proxy in front of a server of ours.

use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipfi::{CertificateHash, Context, Interface, Server};
use rcgen::{CertificateParams, KeyPair};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Longer than anything here takes on a busy machine; shorter than patience.
const BOUND: Duration = Duration::from_secs(60);

/// Waits for `future`, or fails naming what did not happen.
pub(crate) async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future.into_future()).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {BOUND:?}"),
    }
}

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
}

pub(crate) const BOTH: [Kind; 2] = [Kind::Nginx, Kind::HaProxy];

/// A proxy that runs, and goes with the value.
pub(crate) struct Proxy {
    process: Child,
    folder: PathBuf,
    /// `ws://…` of it.
    pub(crate) plain: String,
    /// `wss://…` of it.
    pub(crate) secure: String,
    /// The hash of its certificate.
    pub(crate) certificate: CertificateHash,
}

impl Proxy {
    /// Starts one that hands on to `upstream`, `host:port`, and cuts what is idle for `timeout`.
    pub(crate) async fn start(kind: Kind, upstream: &str, timeout: Duration) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        tokio::task::spawn_blocking(move || install(kind)).await.unwrap();
        let name = format!("proxy-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();

        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("both.pem"), certificate.pem() + &key.serialize_pem()).unwrap();

        let (plain, secure) = (free_port(), free_port());
        let file = folder.join("proxy.conf");
        let seconds = timeout.as_secs();
        let mut command = match kind {
            Kind::Nginx => {
                std::fs::write(&file, nginx(&folder, upstream, plain, secure, seconds)).unwrap();
                let mut command = Command::new("nginx");
                command.arg("-e").arg(folder.join("error.log")).arg("-p").arg(&folder).arg("-c").arg(&file);
                command
            }
            Kind::HaProxy => {
                std::fs::write(&file, haproxy(&folder, upstream, plain, secure, seconds)).unwrap();
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(&file);
                command
            }
        };
        let process = command.stdin(Stdio::null()).spawn().unwrap();
        let proxy = Self {
            process,
            folder,
            plain: format!("ws://127.0.0.1:{plain}/ipfi"),
            secure: format!("wss://127.0.0.1:{secure}/ipfi"),
            certificate: CertificateHash::of(certificate.der()),
        };
        within(&format!("{kind:?} at its ports"), async {
            for port in [plain, secure] {
                while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        })
        .await;
        proxy
    }

    /// Kills it without a word, and its workers with it.
    pub(crate) fn kill(&mut self) {
        let master = self.process.id();
        // A master of nginx that is killed leaves its workers; told to stop, it cuts what they carry.
        let stopped = Command::new("kill").args(["-TERM", &master.to_string()]).status().unwrap();
        assert!(stopped.success());
        self.process.wait().unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn nginx(folder: &Path, upstream: &str, plain: u16, secure: u16, seconds: u64) -> String {
    let folder = folder.display();
    format!(
        "daemon off; pid {folder}/pid; worker_processes 1; user root; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.3;
    location /ipfi {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_read_timeout {seconds}s; proxy_send_timeout {seconds}s;
    }}
    # As it is without the line for Host: the server is told the upstream's name.
    location /hostless {{
      proxy_pass http://{upstream}/ipfi;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }}
  }}
}}
"
    )
}

fn haproxy(folder: &Path, upstream: &str, plain: u16, secure: u16, seconds: u64) -> String {
    let folder = folder.display();
    format!(
        "defaults
  mode http
  timeout connect 5s
  timeout client {seconds}s
  timeout server {seconds}s
  timeout tunnel {seconds}s
  option forwardfor
frontend web
  bind 127.0.0.1:{plain}
  bind 127.0.0.1:{secure} ssl crt {folder}/both.pem ssl-min-ver TLSv1.3 alpn http/1.1
  default_backend ours
backend ours
  server ours {upstream}
"
    )
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Installs the proxy from Debian's package unless it is there.
fn install(kind: Kind) {
    let (program, version) = match kind {
        Kind::Nginx => ("nginx", "-v"),
        Kind::HaProxy => ("haproxy", "-v"),
    };
    let is_there = || {
        let status = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let apt_get =
        |args: &[&str]| Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
    // Tests of one process run at once, and only one may install.
    let lock = std::fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("apt.lock")).unwrap();
    lock.lock().unwrap();
    if !is_there() {
        let _ = apt_get(&["update"]);
        let _ = apt_get(&["install", "--yes", "--no-install-recommends", program]);
        assert!(is_there(), "{program} must be there: `apt-get install {program}` did not do it");
    }
}

/// A server of ours that is stopped with the value.
pub(crate) struct Running {
    /// `host:port`.
    pub(crate) authority: String,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn new(server: Server) -> Self {
        let bound = server.listen("ws://127.0.0.1:0/ipfi").bind().await.unwrap();
        let url = bound.addresses()[0].clone();
        let authority = url.strip_prefix("ws://").unwrap().strip_suffix("/ipfi").unwrap().to_owned();
        Self { authority, task: tokio::spawn(bound.run()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `Hello, …!` under 0; a call that never ends under 1; numbers under 2; bytes back under 3; a header under 4.
pub(crate) fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .procedure(1, |(): ()| std::future::pending::<()>())
        .sequence(2, |(limit,): (u64,)| futures_util::stream::iter(0..limit))
        .procedure(3, |(bytes,): (bytes::Bytes,)| async move { bytes })
        .procedure(4, |context: Context, (name,): (String,)| async move {
            context.peer().headers().get_str(&name).map(str::to_owned)
        })
}
