//! What a server is told of its connections, and what it may say to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipfi::{Code, ConnectionError, Context, Interface, Server, Status};

use crate::support::{Running, greeted, greeter, within};

#[tokio::test]
async fn one_server_serves_tcp_and_unix_sockets_at_once() {
    let interface = greeter().procedure(2, |context: Context, (): ()| async move {
        let peer = context.peer();
        (peer.carrier().to_owned(), peer.address().map(str::to_owned))
    });
    let server = Running::new(Server::new(interface)).await;
    for (url, carrier) in server.urls.iter().zip(["tcp", "unix"]) {
        let wire = ipfi::connect(url).await.unwrap();
        greeted(&wire).await;
        let (seen, address) = wire.call::<(String, Option<String>)>(2, ()).await.unwrap();
        assert_eq!(seen, carrier);
        assert!(address.is_some(), "over {carrier}");
    }
}

#[tokio::test]
async fn on_connect_calls_each_client_back() {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&answers);
    let server = Server::new(greeter()).on_connect(move |wire| {
        let seen = Arc::clone(&seen);
        async move {
            let answer = wire.call::<String>(9, ()).await;
            seen.lock().unwrap().push(answer.map_err(|error| error.code()));
        }
    });
    let server = Running::new(server).await;
    let mut wires = Vec::new();
    for (number, url) in server.urls.iter().cycle().take(6).enumerate() {
        let interface =
            Interface::new().procedure(9, move |(): ()| async move { format!("client {number}") });
        wires.push(ipfi::connect_with(url, interface).await.unwrap());
    }
    // One that offers nothing does not hurt the others.
    wires.push(ipfi::connect(&server.urls[0]).await.unwrap());
    crate::support::eventually("seven answers", Duration::from_secs(10), || async {
        (answers.lock().unwrap().len() == 7).then_some(())
    })
    .await;
    let mut seen = std::mem::take(&mut *answers.lock().unwrap());
    seen.sort_unstable_by_key(|answer| answer.clone().unwrap_or_default());
    let expected = (0..6).map(|number| Ok(format!("client {number}")));
    assert_eq!(seen, [Err(Code::Unimplemented)].into_iter().chain(expected).collect::<Vec<_>>());
    for wire in &wires {
        greeted(wire).await;
    }
}

#[tokio::test]
async fn a_peer_that_the_hook_refuses_is_told_why_and_none_of_its_calls_runs() {
    let ran = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&ran);
    let interface = Interface::new().procedure(0, move |(): ()| {
        *counted.lock().unwrap() += 1;
        async {}
    });
    let server = Server::new(interface).authenticate(|peer| async move {
        match peer.carrier() {
            "unix" => Ok(()),
            carrier => Err(Status::unauthenticated(format!("not over {carrier}"))),
        }
    });
    let server = Running::new(server).await;
    let refused = ipfi::connect(&server.urls[0]).await.unwrap();
    let error = within("a refusal", refused.call::<()>(0, ())).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated, "{error}");
    let reason = within("the close", refused.closed()).await;
    assert!(
        matches!(&reason, ConnectionError::PeerClosed { reason, .. } if &**reason == "not over tcp"),
        "{reason:?}"
    );
    assert_eq!(*ran.lock().unwrap(), 0);
    let admitted = ipfi::connect(&server.urls[1]).await.unwrap();
    within("a call", admitted.call::<()>(0, ())).await.unwrap();
    assert_eq!(*ran.lock().unwrap(), 1);
}
