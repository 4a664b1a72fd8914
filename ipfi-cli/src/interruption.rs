//! Ctrl-C: the first ends in order what is waited for, the second ends the process.

use std::sync::OnceLock;

use tokio::sync::watch;

/// Waits until the process is interrupted, or has been: since this was first asked for the system no longer ends it by itself.
pub(crate) async fn interrupted() {
    static LISTENING: OnceLock<watch::Sender<bool>> = OnceLock::new();
    let mut heard = LISTENING.get_or_init(listen).subscribe();
    // The sender stays.
    let _ = heard.wait_for(|heard| *heard).await;
}

fn listen() -> watch::Sender<bool> {
    let heard = watch::Sender::new(false);
    match signals() {
        Ok(mut signals) => {
            let tell = heard.clone();
            tokio::spawn(async move {
                signals.recv().await;
                tell.send_replace(true);
                signals.recv().await;
                // What is being closed takes too long for whoever is there.
                std::process::exit(130);
            });
        }
        // Then the system still ends the process.
        Err(error) => eprintln!("Ctrl-C cannot be heard: {error}"),
    }
    heard
}

#[cfg(unix)]
fn signals() -> std::io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

#[cfg(windows)]
fn signals() -> std::io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}
