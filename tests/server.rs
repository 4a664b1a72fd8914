//! The server around its connections: sockets in the way, limits, and what is left when it is dropped.
#![cfg(all(unix, feature = "unix"))]
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::future::{IntoFuture, pending};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use ipfi::{ConnectError, Connector, Context, Interface, Limits, Server, ServerError, Status};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

/// A path for a socket, in a directory of its own that goes with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("ipfi-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.join("socket")
    }

    fn url(&self) -> String {
        format!("unix:{}", self.path().display())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .procedure(1, |(): ()| async { pending::<()>().await })
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let place = Place::new("file");
    std::fs::write(place.path(), "precious").unwrap();
    let refused = Server::new(interface()).listen(place.url()).bind().await.unwrap_err();
    assert!(
        matches!(&refused, ServerError::Io { source, .. } if source.kind() == ErrorKind::AddrInUse),
        "{refused}"
    );
    assert!(refused.to_string().ends_with(": a file that is not a socket is in the way, and is left alone"));
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_left_by_a_dead_server_is_replaced_and_that_of_a_living_one_is_not() {
    let place = Place::new("dead");
    drop(std::os::unix::net::UnixListener::bind(place.path()).unwrap());
    let living = Server::new(interface()).listen(place.url()).bind().await.unwrap();
    let refused = Server::new(interface()).listen(place.url()).bind().await.unwrap_err();
    assert!(refused.to_string().ends_with(": another program listens there"), "{refused}");
    drop(living);
    assert!(!place.path().exists(), "the socket goes with its server");
}

#[tokio::test]
async fn a_socket_that_took_the_place_of_ours_is_not_removed_with_our_server() {
    let place = Place::new("replaced");
    let ours = Server::new(interface()).listen(place.url()).bind().await.unwrap();
    std::fs::remove_file(place.path()).unwrap();
    let theirs = Server::new(interface()).listen(place.url()).bind().await.unwrap();
    drop(ours);
    assert!(place.path().exists(), "it is the other server's");
    drop(theirs);
    assert!(!place.path().exists());
}

#[tokio::test]
async fn both_ends_of_a_unix_socket_know_it_by_its_path() {
    let place = Place::new("path");
    let who =
        Interface::new().procedure(0, |context: Context, (): ()| async move { context.peer().to_string() });
    let server = Server::new(who).listen(place.url()).bind().await.unwrap();
    tokio::spawn(server.run());
    let wire = ipfi::connect(&place.url()).await.unwrap();
    let path = format!("unix://{}", place.path().display());
    assert_eq!(timeout(SOON, wire.call::<String>(0, ()).into_future()).await.unwrap().unwrap(), path);
    assert_eq!(wire.peer().to_string(), path);
}

#[tokio::test]
async fn what_fails_says_where_and_why_also_when_main_returns_it() {
    let refused = ipfi::connect("tcp://host").await.unwrap_err();
    let text = "\"tcp://host\": needed are a host, a port up to 65535, and nothing else: tcp://host:port";
    assert_eq!(refused.to_string(), text);
    // What `main` prints of an error is its `Debug`.
    assert_eq!(format!("{refused:?}"), format!("ConnectError({text})"));
    let place = Place::new("nobody");
    let refused = ipfi::connect(&place.url()).await.unwrap_err();
    assert!(format!("{refused:?}").starts_with(&format!("ConnectError(connect {}: ", place.url())));
    let refused = Server::new(interface()).bind().await.unwrap_err();
    assert_eq!(format!("{refused:?}"), "ServerError(the server listens on nothing: call listen(url) first)");
}

#[tokio::test]
async fn limits_that_contradict_each_other_are_told_by_name_and_value_before_anything_is_done() {
    let place = Place::new("contradiction");
    let mut limits = Limits::default();
    limits.max_stream_window_bytes = 1000;
    let what = "limits cannot be used: max_stream_window_bytes = 1000 is below stream_window_bytes = 65536";

    let error = Server::new(interface()).listen(place.url()).limits(limits.clone()).bind().await.unwrap_err();
    assert!(matches!(error, ServerError::Limits(_)), "{error}");
    assert!(error.to_string().starts_with(&format!("the server's {what}")), "{error}");
    assert!(!place.path().exists(), "nothing is bound");

    // Nobody listens there: the limits are looked at first.
    let connector = Connector::new().limits(limits);
    let error = connector.connect(&place.url()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Limits(_)), "{error}");
    assert!(error.to_string().starts_with(&format!("the connector's {what}")), "{error}");
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_its_connections_whatever_holds_them() {
    let place = Place::new("dropped");
    // The hook keeps a handle, as one that calls back does.
    let server = Server::new(interface()).listen(place.url()).on_connect(|wire| async move {
        pending::<()>().await;
        drop(wire);
    });
    let server = server.bind().await.unwrap();
    let running = tokio::spawn(server.run());
    let wire = ipfi::connect(&place.url()).await.unwrap();
    let greeting: String = wire.call(0, ("Ada",)).await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
    let call = wire.call::<()>(1, ()).into_future();
    let call = tokio::spawn(call);
    let _: String = wire.call(0, ("Ada",)).await.unwrap();
    running.abort();
    timeout(SOON, wire.closed()).await.expect("the connection outlives its server");
    timeout(SOON, call).await.expect("the call outlives its server").unwrap().unwrap_err();
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_a_place_that_is_free_again_is_given() {
    let place = Place::new("limit");
    let server = Server::new(interface()).listen(place.url()).max_connections(1);
    let server = server.bind().await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(stopped));
    let first = ipfi::connect(&place.url()).await.unwrap();
    let _: String = first.call(0, ("Ada",)).await.unwrap();
    let refused = ipfi::connect(&place.url()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Handshake { .. }), "{refused}");
    drop(first);
    let second = timeout(SOON, async {
        loop {
            // The server hears of the first one's end a moment after us.
            match ipfi::connect(&place.url()).await {
                Ok(wire) => break wire,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let second = second.await.expect("the place is never free again");
    let _: String = second.call(0, ("Ada",)).await.unwrap();
    stop.send(()).unwrap();
    let report = timeout(SOON, running).await.unwrap().unwrap();
    assert_eq!((report.cut, report.finished), (0, 0));
    timeout(SOON, second.closed()).await.expect("the server said goodbye");
}

#[tokio::test]
async fn a_connector_may_refuse_to_serve_the_server_that_it_connects_to() {
    let place = Place::new("hook");
    let server = Server::new(interface()).listen(place.url()).bind().await.unwrap();
    tokio::spawn(server.run());
    let connector = Connector::new()
        .interface(interface())
        .authenticate(|peer| async move { Err(Status::unauthenticated(format!("not {}", peer.carrier()))) });
    // Whether the refusal or the handshake is first is up to the scheduler.
    let refused = async {
        match connector.connect(&place.url()).await {
            Ok(wire) => wire.closed().await.to_string(),
            Err(error) => error.to_string(),
        }
    };
    let reason = timeout(SOON, refused).await.unwrap();
    assert!(reason.contains("UNAUTHENTICATED: not unix"), "{reason}");
}
