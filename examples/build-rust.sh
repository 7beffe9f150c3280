#!/bin/sh
# Builds the guests in Rust that use crates: build-rust.sh [FOLDER]. Without a folder the committed
# binaries are replaced. What comes out depends on the compiler (rustc 1.95.0) and Cargo.lock, and
# on no folder of this machine; TestRustBinariesMatchSources holds the committed binaries to it.
set -eu
cd "$(dirname "$0")"
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
for guest in rust-tokio rust-wasmedge; do
    flags="--remap-path-prefix=$crates=crates --remap-path-prefix=$PWD/$guest=$guest"
    [ $guest = rust-tokio ] && flags="$flags --cfg tokio_unstable"
    (cd $guest && RUSTFLAGS=$flags cargo build --quiet --release --locked --target wasm32-wasip1 --target-dir "$target")
    out=$guest/echo.wasm
    [ $# -gt 0 ] && out=$1/$guest.wasm
    cp "$target/wasm32-wasip1/release/$guest.wasm" "$out"
done
