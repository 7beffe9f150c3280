//! A wasi:cli/command of WASI 0.2: what it does is its first argument.
//! Files, arguments, environment and standard streams go by std (and the preview 1 adapter),
//! sockets by the bindings of wasi:sockets.
use std::io::{BufRead, Write};
use wasip2::sockets::{
    instance_network::instance_network,
    ip_name_lookup::resolve_addresses,
    network::{ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
    tcp_create_socket::create_tcp_socket,
    udp_create_socket::create_udp_socket,
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or_default();
    match arg(0) {
        "args" => println!("{args:?}"),
        "env" => {
            let mut all: Vec<_> = std::env::vars().collect();
            all.sort();
            for (name, value) in all {
                println!("{name}={value}");
            }
        }
        "cat" => print!("{}", std::fs::read_to_string(arg(1)).expect("read")),
        "write" => std::fs::write(arg(1), arg(2)).expect("write"),
        "append" => {
            let mut f = std::fs::OpenOptions::new().append(true).create(true).open(arg(1)).expect("open");
            f.write_all(arg(2).as_bytes()).expect("append");
        }
        "rename" => std::fs::rename(arg(1), arg(2)).expect("rename"),
        "remove" => std::fs::remove_file(arg(1)).expect("remove"),
        "mkdir" => std::fs::create_dir(arg(1)).expect("mkdir"),
        "stat" => {
            let m = std::fs::metadata(arg(1)).expect("stat");
            println!("{} {}", m.len(), if m.is_dir() { "directory" } else { "file" });
        }
        "ls" => {
            let mut names: Vec<_> = std::fs::read_dir(arg(1))
                .expect("read_dir")
                .map(|e| e.expect("entry").file_name().into_string().expect("UTF-8"))
                .collect();
            names.sort();
            for name in names {
                println!("{name}");
            }
        }
        "lines" => {
            for (i, line) in std::io::stdin().lock().lines().enumerate() {
                println!("{}: {}", i + 1, line.expect("line"));
            }
        }
        "copy" => {
            let n = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::stdout().lock()).expect("copy");
            eprintln!("{n} bytes");
        }
        "sleep" => {
            let before = std::time::Instant::now();
            std::thread::sleep(std::time::Duration::from_millis(arg(1).parse().expect("milliseconds")));
            println!("slept {}", before.elapsed() >= std::time::Duration::from_millis(arg(1).parse().unwrap()));
        }
        "random" => {
            let a = wasip2::random::random::get_random_bytes(32);
            let b = wasip2::random::random::get_random_bytes(32);
            println!("{} {}", a.len(), a != b);
        }
        "connect" => connect(arg(1), arg(2)).expect("connect"),
        "listen" => listen(arg(1), arg(2)).expect("listen"),
        "udp" => udp(arg(1), arg(2)).expect("udp"),
        "resolve" => resolve(arg(1)).expect("resolve"),
        "exit" => std::process::exit(arg(1).parse().expect("status")),
        "spin" => loop {
            std::hint::spin_loop()
        },
        "grow" => {
            let mut all: Vec<Vec<u8>> = Vec::new();
            loop {
                all.push(vec![1; 1 << 20]);
            }
        }
        "panic" => panic!("as asked"),
        other => {
            eprintln!("{other:?} is no command");
            std::process::exit(2);
        }
    }
}

/// Parses "127.0.0.1:80".
fn address(text: &str) -> IpSocketAddress {
    let a: std::net::SocketAddrV4 = text.parse().expect("an address and a port");
    let [w, x, y, z] = a.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: a.port(), address: (w, x, y, z) })
}

/// Sends text to a server, ends its side, and prints what comes back.
fn connect(to: &str, text: &str) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), address(to))?;
    let (input, output) = loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            other => break other?,
        }
    };
    output.blocking_write_and_flush(text.as_bytes()).expect("write");
    socket.shutdown(wasip2::sockets::tcp::ShutdownType::Send)?;
    let mut all = Vec::new();
    while let Ok(some) = input.blocking_read(4096) {
        all.extend(some);
    }
    println!("{}", String::from_utf8_lossy(&all));
    Ok(())
}

/// Serves n connections, one after the other: each gets back what it sent.
fn listen(at: &str, n: &str) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), address(at))?;
    socket.finish_bind()?;
    socket.start_listen()?;
    socket.finish_listen()?;
    println!("listening at {:?}", socket.local_address()?);
    for _ in 0..n.parse::<u32>().expect("a number") {
        let (connection, input, output) = loop {
            match socket.accept() {
                Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
                other => break other?,
            }
        };
        while let Ok(n) = output.blocking_splice(&input, 4096) {
            if n == 0 {
                break;
            }
        }
        let _ = output.blocking_flush();
        drop((input, output));
        println!("served {}", connection.remote_address().is_ok());
    }
    Ok(())
}

/// Sends one datagram and prints the answer.
fn udp(to: &str, text: &str) -> Result<(), ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), address("0.0.0.0:0"))?;
    socket.finish_bind()?;
    let (incoming, outgoing) = socket.stream(Some(address(to)))?;
    outgoing.subscribe().block();
    outgoing.check_send()?;
    outgoing.send(&[wasip2::sockets::udp::OutgoingDatagram {
        data: text.as_bytes().to_vec(),
        remote_address: None,
    }])?;
    incoming.subscribe().block();
    for datagram in incoming.receive(1)? {
        println!("{}", String::from_utf8_lossy(&datagram.data));
    }
    Ok(())
}

/// Prints the addresses of a name.
fn resolve(name: &str) -> Result<(), ErrorCode> {
    let addresses = resolve_addresses(&instance_network(), name)?;
    loop {
        match addresses.resolve_next_address() {
            Err(ErrorCode::WouldBlock) => addresses.subscribe().block(),
            Ok(None) => return Ok(()),
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => println!("{a}.{b}.{c}.{d}"),
            Ok(Some(other)) => println!("{other:?}"),
            Err(e) => return Err(e),
        }
    }
}
