//! Answers each line of its standard input in upper case. Between lines it is parked.
//!
//!   reactorctl run -i ./examples/rust-upper/upper.wasm
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", line?.to_uppercase())?;
        out.flush()?;
    }
    Ok(())
}
