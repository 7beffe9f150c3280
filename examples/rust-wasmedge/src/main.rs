// A client and a server over the crate wasmedge_wasi_socket, as it is. The client sends its standard input to HOST:PORT
// and prints what comes back; the server opens its listener by itself and sends back what it gets.
//
//   reactorctl submit --listen 127.0.0.1:7007 ./examples/rust-wasmedge/echo.wasm serve 127.0.0.1:7007
//   echo hello | reactorctl run --stdin - --dial localhost:7007 ./examples/rust-wasmedge/echo.wasm dial localhost:7007
use std::io::{self, Read, Write};
use std::time::Duration;
use std::{env, process};

use wasmedge_wasi_socket::socket::{SocketOptLevel, SocketOptName};
use wasmedge_wasi_socket::{Shutdown, TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => serve(address),
        ["dial", address] => dial(address),
        _ => {
            eprintln!("give serve or dial, and HOST:PORT");
            process::exit(2);
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address, false)?;
    loop {
        let (mut client, _) = listener.accept(false)?;
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = client.read(&mut bytes) {
            client.write_all(&bytes[..n])?;
        }
    }
}

fn dial(address: &str) -> io::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.as_mut().set_recv_timeout(Some(Duration::from_secs(60)))?;
    // What the peer has not got when this ends is sent all the same, for five seconds.
    connection.as_mut().setsockopt(SocketOptLevel::SolSocket, SocketOptName::SoLinger, [1i32, 5])?;
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    connection.write_all(&text)?;
    connection.shutdown(Shutdown::Write)?;
    io::copy(&mut connection, &mut io::stdout())?;
    Ok(())
}
