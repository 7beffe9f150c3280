// An echo server on Tokio, as it is. The listener is the first that was granted; a task serves each client.
//
//   reactorctl run --listen 127.0.0.1:7007 ./examples/rust-tokio/echo.wasm
use std::os::fd::FromRawFd;
use std::time::Duration;
use std::{env, io, net};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let first = env::var("LISTEN_FDS_START").expect("no socket is granted").parse().expect("a number");
    let granted = unsafe { net::TcpListener::from_raw_fd(first) }; // nothing else owns it
    let listener = TcpListener::from_std(granted)?; // it is non-blocking, as Tokio needs it
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(err) = echo(client).await {
                eprintln!("{err}");
            }
        });
    }
}

async fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let n = timeout(Duration::from_secs(60), client.read(&mut bytes)).await??;
        if n == 0 {
            return Ok(());
        }
        client.write_all(&bytes[..n]).await?;
    }
}
