#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connector = ipfi::Connector::new().trust(ipfi::Trust::roots_file("cert.pem")?);
    let greeter = greeter::GreeterClient::new(&connector.connect("quic://localhost:4433").await?);
    println!("{}", greeter.hello("Ada".into()).await?);
    let mut numbers = greeter.count(10).await?;
    while let Some(n) = numbers.try_next().await? {
        println!("{n}");
    }
    Ok(())
}
