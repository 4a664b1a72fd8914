//! A server that knows its clients by their certificates (mutual TLS).
//!
//! *Shows*: who may connect at all (`client_auth`); who may call a procedure, by the hash of its certificate.
//! *Run*: `cargo run --example mutual_tls`
//! *Expect*: Ada and Bob see the vault, only Ada opens it, and Eve does not get in.

use std::collections::HashMap;
use std::error::Error;

use ipfi::{CertificateHash, ClientAuth, Connector, Context, Identity, Interface, Server, Status, Trust};

#[ipfi::interface]
trait Vault {
    async fn look(&self, context: &Context) -> Result<String, Status>;
    async fn open(&self, context: &Context) -> Result<String, Status>;
}

/// The one with the steel door: whose certificate it is.
struct Guarded(HashMap<CertificateHash, &'static str>);

impl Guarded {
    /// The handshake has proven that the caller has the key of the certificate.
    fn name_of(&self, context: &Context) -> Result<&'static str, Status> {
        let certificates = context.peer().certificates();
        let shown =
            certificates.first().ok_or_else(|| Status::unauthenticated("no certificate was shown"))?;
        let name = self.0.get(&CertificateHash::of(shown)).copied();
        name.ok_or_else(|| Status::unauthenticated("nobody knows this certificate"))
    }
}

impl Vault for Guarded {
    async fn look(&self, context: &Context) -> Result<String, Status> {
        Ok(format!("a steel door, {}", self.name_of(context)?))
    }

    async fn open(&self, context: &Context) -> Result<String, Status> {
        match self.name_of(context)? {
            "Ada" => Ok("it swings open".into()),
            other => Err(Status::permission_denied(format!("{other} may look, and not open"))),
        }
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
    let people = HashMap::from([(ada.certificate_hash(), "Ada"), (bob.certificate_hash(), "Bob")]);

    // With an authority of your own: `ClientAuth::required(ClientRoots::from_file("clients.pem")?)`.
    let known = ClientAuth::pinned(people.keys().copied());
    let trust = Trust::pinned([server.certificate_hash()]);
    let interface = Interface::new().serve(VaultServer(Guarded(people)));
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
            let vault = VaultClient::new(&connector.connect(&url).await?);
            let seen = vault.look().await?;
            Ok::<_, Box<dyn Error>>((vault, seen))
        };
        match looked.await {
            Ok((vault, seen)) => {
                println!("{name} sees {seen}");
                match vault.open().await {
                    Ok(opened) => println!("{name}: {opened}"),
                    Err(error) => println!("{name}: {error}"),
                }
            }
            Err(error) => println!("{name} stays outside: {error}"),
        }
    }
    Ok(())
}
