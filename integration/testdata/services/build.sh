#!/bin/sh
# Builds the services of this folder, with Rust and its target wasm32-wasip1, and wasm-tools 1.263. ADAPTERS is the folder with the
# adapters of Wasmtime 50 (wasi_snapshot_preview1.*.wasm). The committed binaries are those of Debian's Rust 1.96, with the standard
# library built along (-Zbuild-std=std,panic_abort) and without the paths of crates (--remap-path-prefix).
set -eu
cd "$(dirname "$0")"
build() { # CRATE ADAPTER
    (cd "$1" && cargo build --release --locked --target wasm32-wasip1)
    wasm-tools component new "$1/target/wasm32-wasip1/release/$1.wasm" --adapt "wasi_snapshot_preview1=$ADAPTERS/wasi_snapshot_preview1.$2.wasm" -o "$1.wasm"
}
build service reactor
build proxy proxy
