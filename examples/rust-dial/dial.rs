// Dial connects to ADDRESS and PORT, an address of IPv4, sends its standard input, and prints what comes back until the
// end. It calls the functions of the WasmEdge socket extension by itself; the crate wasmedge_wasi_socket has them all.
//
//   echo hello | reactorctl run --stdin - --dial 127.0.0.1:7 ./examples/rust-dial/dial.wasm 127.0.0.1 7
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::FromRawFd;

#[repr(C)]
struct Address {
    bytes: *const u8,
    length: usize,
}

mod wasi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub fn sock_open(family: u32, kind: u32, fd: *mut i32) -> u32;
        pub fn sock_connect(fd: i32, to: *const super::Address, port: u32) -> u32;
        pub fn sock_shutdown(fd: i32, how: u32) -> u32;
    }
}

const INET4: u32 = 1;
const STREAM: u32 = 2;
const WRITE: u32 = 2;

fn check(errno: u32) -> io::Result<()> {
    match errno {
        0 => Ok(()),
        e => Err(io::Error::from_raw_os_error(e as i32)),
    }
}

fn connect(to: SocketAddrV4) -> io::Result<i32> {
    let bytes = to.ip().octets();
    let address = Address { bytes: bytes.as_ptr(), length: bytes.len() };
    let mut fd = 0;
    check(unsafe { wasi::sock_open(INET4, STREAM, &mut fd) })?;
    check(unsafe { wasi::sock_connect(fd, &address, to.port() as u32) })?;
    Ok(fd)
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let address: Ipv4Addr = arguments[1].parse().expect("an address of IPv4");
    let port = arguments[2].parse().expect("a port");
    let fd = connect(SocketAddrV4::new(address, port))?;
    let mut connection = unsafe { File::from_raw_fd(fd) };
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    connection.write_all(&text)?;
    check(unsafe { wasi::sock_shutdown(fd, WRITE) })?;
    io::copy(&mut connection, &mut io::stdout())?;
    Ok(())
}
