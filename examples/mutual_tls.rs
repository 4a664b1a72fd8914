//! A server that knows its clients by their certificates (mutual TLS).
//!
//! *Shows*: who may connect at all (`client_auth`); who may call a procedure, by the hash of its certificate.
//! *Run*: `cargo run --example mutual_tls`
//! *Expect*: Ada and Bob see the vault, only Ada opens it, and Eve does not get in.

use std::collections::HashMap;
use std::error::Error;

use ipfi::{
    CertificateHash, ClientAuth, Connector, Context, Identity, Interface, Server, State, Status, Trust,
};

/// Whose certificate it is.
type People = HashMap<CertificateHash, &'static str>;

/// The handshake has proven that the caller has the key of the certificate.
fn name_of(context: &Context, people: &People) -> Result<&'static str, Status> {
    let certificates = context.peer().certificates();
    let shown = certificates.first().ok_or_else(|| Status::unauthenticated("no certificate was shown"))?;
    people
        .get(&CertificateHash::of(shown))
        .copied()
        .ok_or_else(|| Status::unauthenticated("nobody knows this certificate"))
}

async fn look(State(people): State<People>, context: Context, (): ()) -> Result<String, Status> {
    Ok(format!("a steel door, {}", name_of(&context, &people)?))
}

async fn open(State(people): State<People>, context: Context, (): ()) -> Result<String, Status> {
    match name_of(&context, &people)? {
        "Ada" => Ok("it swings open".into()),
        other => Err(Status::permission_denied(format!("{other} may look, and not open"))),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Identity::development(&[])?;
    let (ada, bob, eve) = (
        Identity::development(&["ada"])?,
        Identity::development(&["bob"])?,
        Identity::development(&["eve"])?,
    );
    let people = People::from([(ada.certificate_hash(), "Ada"), (bob.certificate_hash(), "Bob")]);

    // With an authority of your own: `ClientAuth::required(ClientRoots::from_file("clients.pem")?)`.
    let known = ClientAuth::pinned(people.keys().copied());
    let trust = Trust::pinned([server.certificate_hash()]);
    let interface = Interface::new().with_state(people).procedure(0, look).procedure(1, open);
    let bound = Server::new(interface)
        .identity(server)
        .client_auth(known)
        .listen("quic://127.0.0.1:0")
        .bind()
        .await?;
    let url = bound.addresses().remove(0);
    tokio::spawn(bound.run());

    for (name, identity) in [("Ada", ada), ("Bob", bob), ("Eve", eve)] {
        let connector = Connector::new().trust(trust.clone()).identity(identity);
        let looked = async {
            let wire = connector.connect(&url).await?;
            let seen: String = wire.call(0, ()).await?;
            Ok::<_, Box<dyn Error>>((wire, seen))
        };
        match looked.await {
            Ok((wire, seen)) => {
                println!("{name} sees {seen}");
                match wire.call::<String>(1, ()).await {
                    Ok(opened) => println!("{name}: {opened}"),
                    Err(error) => println!("{name}: {error}"),
                }
            }
            Err(error) => println!("{name} stays outside: {error}"),
        }
    }
    Ok(())
}
